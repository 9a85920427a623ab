use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use git2::{ErrorCode, ObjectType, OdbLookupFlags, Oid};
use ymir_core::{Error, Result};

use super::cache::{Cache, ClockCache};
use super::database::Database;
use super::fields::Fields;
use super::leaf::Leaf;
use super::manifest::VersionData;
use super::node::{Child, Inner};

/// So many tags of tags are followed.
const MAX_TAGS: usize = 16;
/// The part of the cache that is for the columns of classes: one of so many.
const CLASS_SHARE: usize = 4;

/// What a store did since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct StoreStats {
    /// Objects that were read from the repository, because no cache had them.
    pub objects_read: u64,
    /// Bytes of decoded objects in memory, at most [`StoreOptions::cache_bytes`].
    ///
    /// [`StoreOptions::cache_bytes`]: crate::StoreOptions::cache_bytes
    pub cached_bytes: usize,
}

/// The objects of one repository, with what was decoded of them in a cache.
pub(super) struct Objects {
    database: Database,
    cache: Box<dyn Cache<Oid, Decoded>>,
    /// Of leaves, the columns of classes by themselves.
    class_cache: Box<dyn Cache<Oid, Arc<Leaf>>>,
    /// How many objects were read from the repository.
    reads: AtomicU64,
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
            cache: Box::new(ClockCache::new(cache_bytes - class_bytes)),
            class_cache: Box::new(ClockCache::new(class_bytes)),
            reads: AtomicU64::new(0),
        })
    }

    /// Returns the content of an object; none if there is no such object.
    pub(super) fn find(&self, oid: Oid, kind: ObjectType) -> Result<Option<Vec<u8>>> {
        if kind == ObjectType::Commit {
            // It is the first that is read of what other writers added.
            self.database.watch();
        }
        self.reads.fetch_add(1, Ordering::Relaxed);
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

    /// Returns how many objects were read from the repository, and the bytes that are cached.
    pub(super) fn stats(&self) -> StoreStats {
        let cached_bytes = self.cache.bytes() + self.class_cache.bytes();
        StoreStats { objects_read: self.reads.load(Ordering::Relaxed), cached_bytes }
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

    /// Returns a whole leaf, which must have as many records as its parent says.
    pub(super) fn leaf(&self, child: &Child) -> Result<Arc<Leaf>> {
        let leaf = match self.cached_leaf(child.oid) {
            Some(leaf) => leaf,
            None => {
                let leaf = self.decode_leaf(child, Fields::ALL)?;
                self.cache.insert(child.oid, Decoded::Leaf(leaf.clone()), leaf.bytes());
                leaf
            }
        };
        check_count(child, leaf.len())?;
        Ok(leaf)
    }

    /// Returns a leaf with some of its fields. Whole ones, and the fields that tell which asset has
    /// which class, are kept; others are decoded anew each time, as a scan of a whole version would
    /// drive out all else.
    pub(super) fn leaf_with(&self, child: &Child, fields: Fields) -> Result<Arc<Leaf>> {
        if fields == Fields::ALL {
            return self.leaf(child);
        }
        let is_kept = fields == Fields::CLASSES;
        let cached = if is_kept { self.class_cache.get(&child.oid) } else { None };
        let leaf = match cached.or_else(|| self.cached_leaf(child.oid).filter(|_| !is_kept)) {
            Some(leaf) => leaf,
            None => {
                let leaf = self.decode_leaf(child, fields)?;
                if is_kept {
                    self.class_cache.insert(child.oid, leaf.clone(), leaf.bytes());
                }
                leaf
            }
        };
        check_count(child, leaf.len())?;
        Ok(leaf)
    }

    fn decode_leaf(&self, child: &Child, fields: Fields) -> Result<Arc<Leaf>> {
        let data = self.read(child.oid, ObjectType::Blob)?;
        Leaf::decode(&data, fields).map(Arc::new).map_err(|why| damaged(child.oid, why))
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
