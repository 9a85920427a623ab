use std::path::Path;
use std::sync::Arc;

use git2::{ErrorCode, ObjectType, OdbLookupFlags, Oid};
use ymir_core::{Error, Result};

use super::cache::Cache;
use super::database::Database;
use super::leaf::Leaf;
use super::manifest::VersionData;
use super::node::{Child, Inner};
use super::scan_columns::{Columns, ScanColumns};

/// So many tags of tags are followed.
const MAX_TAGS: usize = 16;
/// The part of the cache that is for the columns of classes: one of so many.
const CLASS_SHARE: usize = 4;

/// The objects of one repository, with what was decoded of them in a cache.
pub(super) struct Objects {
    database: Database,
    cache: Cache<Oid, Decoded>,
    /// Of leaves, the columns of classes by themselves.
    class_cache: Cache<Oid, Arc<ScanColumns>>,
}

#[derive(Debug, Clone)]
enum Decoded {
    Leaf(Arc<Leaf>),
    Inner(Arc<Inner>),
    Version(Arc<VersionData>),
}

impl std::fmt::Debug for Objects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Objects").finish_non_exhaustive()
    }
}

impl Objects {
    /// Opens the object database in a directory.
    pub(super) fn open(dir: &Path, cache_bytes: usize) -> Result<Self> {
        let class_bytes = cache_bytes / CLASS_SHARE;
        Ok(Self {
            database: Database::open(dir)?,
            cache: Cache::new(cache_bytes - class_bytes),
            class_cache: Cache::new(class_bytes),
        })
    }

    /// Returns the content of an object; none if there is no such object.
    pub(super) fn find(&self, oid: Oid, kind: ObjectType) -> Result<Option<Vec<u8>>> {
        if kind == ObjectType::Commit {
            // It is the first that is read of what other writers added.
            self.database.watch();
        }
        match self.database.odb().read(oid) {
            Ok(object) if object.kind() == kind => Ok(Some(object.data().to_vec())),
            Ok(_) => Ok(None),
            Err(e) if e.code() == ErrorCode::NotFound => Ok(None),
            Err(e) => Err(damaged(oid, "it cannot be read").caused_by(e)),
        }
    }

    /// Returns what an annotated tag is of, or of which tag; else the object itself, which must be
    /// there.
    pub(super) fn peel(&self, oid: Oid) -> Result<Oid> {
        let mut oid = oid;
        for _ in 0..MAX_TAGS {
            let Some(tag) = self.find(oid, ObjectType::Tag)? else {
                if self.database.odb().exists(oid) {
                    return Ok(oid);
                }
                return Err(damaged(oid, "it is missing"));
            };
            let target = tag.strip_prefix(b"object ").and_then(|rest| rest.get(..40));
            let target = target.and_then(|id| str::from_utf8(id).ok()?.parse().ok());
            oid = target.ok_or_else(|| damaged(oid, "it is no tag"))?;
        }
        Err(damaged(oid, "it is of a tag of a tag without end"))
    }

    /// Returns the content of an object that another one refers to.
    pub(super) fn read(&self, oid: Oid, kind: ObjectType) -> Result<Vec<u8>> {
        self.find(oid, kind)?.ok_or_else(|| damaged(oid, "it is missing, or of another type"))
    }

    /// Returns whether the object is there, without looking for what other processes just added.
    pub(super) fn contains(&self, oid: Oid) -> bool {
        self.database.odb().exists_ext(oid, OdbLookupFlags::NO_REFRESH)
    }

    /// Lets go of packs that are gone.
    pub(super) fn reopen(&self) {
        self.database.reopen();
    }

    pub(super) fn cached_inner(&self, oid: Oid) -> Option<Arc<Inner>> {
        match self.cache.get(&oid)? {
            Decoded::Inner(inner) => Some(inner),
            _ => None,
        }
    }

    pub(super) fn cached_leaf(&self, oid: Oid) -> Option<Arc<Leaf>> {
        match self.cache.get(&oid)? {
            Decoded::Leaf(leaf) => Some(leaf),
            _ => None,
        }
    }

    pub(super) fn cached_version(&self, oid: Oid) -> Option<Arc<VersionData>> {
        match self.cache.get(&oid)? {
            Decoded::Version(version) => Some(version),
            _ => None,
        }
    }

    pub(super) fn cache_version(&self, oid: Oid, version: Arc<VersionData>) {
        let bytes = version.bytes();
        self.cache.insert(oid, Decoded::Version(version), bytes);
    }

    /// Returns an inner node by the id of its tree.
    pub(super) fn inner(&self, oid: Oid) -> Result<Arc<Inner>> {
        if let Some(inner) = self.cached_inner(oid) {
            return Ok(inner);
        }
        let tree = self.read(oid, ObjectType::Tree)?;
        let (summary, mut inner) = Inner::decode_tree(&tree).map_err(|why| damaged(oid, why))?;
        let data = self.read(summary, ObjectType::Blob)?;
        inner.decode_summary(&data).map_err(|why| damaged(summary, why))?;
        let inner = Arc::new(inner);
        self.cache.insert(oid, Decoded::Inner(inner.clone()), inner.bytes());
        Ok(inner)
    }

    /// Returns a leaf, which must have as many records as its parent says.
    pub(super) fn leaf(&self, child: &Child) -> Result<Arc<Leaf>> {
        let leaf = match self.cached_leaf(child.oid) {
            Some(leaf) => leaf,
            None => {
                let data = self.read(child.oid, ObjectType::Blob)?;
                let leaf = Leaf::decode(&data).map_err(|why| damaged(child.oid, why))?;
                let leaf = Arc::new(leaf);
                self.cache.insert(child.oid, Decoded::Leaf(leaf.clone()), leaf.bytes());
                leaf
            }
        };
        check_count(child, leaf.len())?;
        Ok(leaf)
    }

    /// Returns some columns of a leaf. Those that tell which asset has which class are kept; others
    /// are read anew each time, as a scan of a whole version would drive out all else.
    pub(super) fn scan_columns(&self, child: &Child, columns: Columns) -> Result<Arc<ScanColumns>> {
        let is_kept = columns == Columns::CLASSES;
        let found = match self.class_cache.get(&child.oid).filter(|_| is_kept) {
            Some(found) => found,
            None => {
                let data = self.read(child.oid, ObjectType::Blob)?;
                let decoded = ScanColumns::decode(&data, columns);
                let decoded = Arc::new(decoded.map_err(|why| damaged(child.oid, why))?);
                if is_kept {
                    self.class_cache.insert(child.oid, decoded.clone(), decoded.bytes());
                }
                decoded
            }
        };
        check_count(child, found.ids().len())?;
        Ok(found)
    }
}

fn check_count(child: &Child, records: usize) -> Result<()> {
    if records as u64 == child.summary.assets {
        return Ok(());
    }
    Err(damaged(child.oid, "it has not as many records as its parent says"))
}

/// Returns the error for an object that is not what was written.
pub(super) fn damaged(oid: Oid, why: &str) -> Error {
    let message = format!(
        "an object of the repository is damaged: {why}; `git fsck` lists all that are, and a clone or backup may have them whole"
    );
    Error::corrupted(message).with("object", oid)
}
