//! The git side of a repository of the original, for reading only: its refs, commits and files.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::{ErrorKind as Io, Read};
use std::path::{Path, PathBuf};

use git2::{ErrorCode, Odb, Oid, Repository, Sort};
use prost::bytes::Bytes;
use walkdir::WalkDir;
use ymir_core::{Error, ErrorKind, Result};

/// The most refs that a repository may have, and the most bytes of its `packed-refs`.
const MAX_REFS: usize = 1 << 20;
const MAX_PACKED_REFS: u64 = 256 << 20;
/// The most bytes of a file that holds one ref or a path.
const MAX_POINTER: u64 = 4096;
/// How deep folders of refs may be nested.
const MAX_DEPTH: usize = 32;

/// An opened repository. Neither its configuration nor the user's is read, and who owns it makes
/// no difference.
pub(super) struct MirRepository {
    git: PathBuf,
    objects: Repository,
}

/// The refs that can name datasets.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Refs {
    /// Branches; those of a remote only where there is no local one of the name.
    pub(super) heads: BTreeMap<String, Oid>,
    /// Tags, each at its commit.
    pub(super) tags: BTreeMap<String, Oid>,
}

/// A commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Commit {
    pub(super) parent: Option<Oid>,
    pub(super) time: i64,
}

impl MirRepository {
    /// Opens the repository whose working tree, `.git` folder or bare folder a path is.
    ///
    /// # Errors
    ///
    /// `NotFound` if the path does not exist, `InvalidInput` if it is no git repository.
    pub(super) fn open(path: &Path) -> Result<Self> {
        fs::metadata(path).map_err(|e| Error::io("cannot open the repository", path, e))?;
        let git = find_git(path)?.ok_or_else(|| {
            let message = "this is no git repository, so it is none of the original `mir` command; name the folder in which `mir init` was run, or a clone of it";
            Error::invalid(message).with("path", path.display())
        })?;
        let common = match read_pointer(&git.join("commondir"))? {
            Some(text) => git.join(text.trim_end()),
            None => git.clone(),
        };
        let open = || -> Result<Repository, git2::Error> {
            let odb = Odb::new()?;
            let path = common.join("objects");
            let path = path.to_str().ok_or_else(|| git2::Error::from_str("the path is no text"))?;
            odb.add_disk_alternate(path)?;
            Repository::from_odb(odb)
        };
        let objects = open().map_err(|e| {
            let message = "cannot read the objects of the repository";
            Error::corrupted(message).with("path", path.display()).caused_by(e)
        })?;
        Ok(Self { git: common, objects })
    }

    /// Returns the refs.
    pub(super) fn refs(&self) -> Result<Refs> {
        let mut all = self.packed_refs()?;
        let root = self.git.join("refs");
        for entry in WalkDir::new(&root).max_depth(MAX_DEPTH) {
            let entry = entry.map_err(|e| {
                let path = e.path().unwrap_or(&root).to_owned();
                Error::io("cannot list the refs of the repository", &path, e.into())
            })?;
            let name = entry.path().strip_prefix(&self.git).ok().and_then(Path::to_str);
            let Some(name) = name.filter(|n| entry.file_type().is_file() && !n.ends_with(".lock"))
            else {
                continue;
            };
            // What is no id is symbolic, as a remote's HEAD is.
            let text = read_pointer(entry.path())?.unwrap_or_default();
            if let Some(oid) = parse_oid(text.trim_end()) {
                all.insert(name.to_owned(), oid);
            }
            if all.len() > MAX_REFS {
                return Err(too_many(&self.git));
            }
        }
        let mut refs = Refs::default();
        for (name, oid) in &all {
            if let Some(name) = name.strip_prefix("refs/heads/") {
                refs.heads.insert(name.to_owned(), *oid);
            } else if let Some(name) = name.strip_prefix("refs/tags/")
                && let Some(commit) = self.peel(*oid)?
            {
                refs.tags.insert(name.to_owned(), commit);
            }
        }
        let remote =
            |name: &str| Some(name.strip_prefix("refs/remotes/")?.split_once('/')?.1.to_owned());
        for (name, oid) in &all {
            if let Some(name) = remote(name) {
                refs.heads.entry(name).or_insert(*oid);
            }
        }
        Ok(refs)
    }

    fn packed_refs(&self) -> Result<BTreeMap<String, Oid>> {
        let path = self.git.join("packed-refs");
        let Some(text) = read_bounded(&path, MAX_PACKED_REFS)? else { return Ok(BTreeMap::new()) };
        let mut refs = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with(['#', '^'])) {
            if let Some((oid, name)) = line.split_once(' ')
                && let Some(oid) = parse_oid(oid)
            {
                refs.insert(name.to_owned(), oid);
            }
            if refs.len() > MAX_REFS {
                return Err(too_many(&self.git));
            }
        }
        Ok(refs)
    }

    /// Returns the commit that a tag is at, through annotated tags; none for a tag of something
    /// else.
    fn peel(&self, oid: Oid) -> Result<Option<Oid>> {
        let object = match self.objects.find_object(oid, None) {
            Ok(object) => object,
            // The commit itself is missed when it is read.
            Err(_) => return Ok(Some(oid)),
        };
        match object.peel_to_commit() {
            Ok(commit) => Ok(Some(commit.id())),
            Err(e) if e.code() == ErrorCode::NotFound => Err(damaged(oid, e)),
            Err(_) => Ok(None),
        }
    }

    /// Returns a commit.
    pub(super) fn commit(&self, oid: Oid) -> Result<Commit> {
        let commit = self.objects.find_commit(oid).map_err(|e| damaged(oid, e))?;
        Ok(Commit { parent: commit.parent_ids().next(), time: commit.time().seconds() })
    }

    /// Returns the place of each commit that is reached from these, parents first.
    pub(super) fn order(&self, tips: &[Oid]) -> HashMap<Oid, usize> {
        let walk = || -> Result<Vec<Oid>, git2::Error> {
            let mut walk = self.objects.revwalk()?;
            walk.set_sorting(Sort::TOPOLOGICAL | Sort::TIME | Sort::REVERSE)?;
            tips.iter().try_for_each(|tip| walk.push(*tip))?;
            walk.collect()
        };
        // In a shallow clone parents are missing; then the time alone tells.
        let commits = walk().unwrap_or_default();
        commits.into_iter().enumerate().map(|(place, oid)| (oid, place)).collect()
    }

    /// Returns a file at the root of a commit; none if the commit does not have it.
    ///
    /// # Errors
    ///
    /// `Corrupted` if it cannot be read, `ResourceExhausted` if it is larger than the limit.
    pub(super) fn file(&self, commit: Oid, name: &str, limit: u64) -> Result<Option<Bytes>> {
        let fail = |e| damaged(commit, e).with("file", name);
        let tree = self.objects.find_commit(commit).and_then(|c| c.tree()).map_err(fail)?;
        let Some(entry) = tree.get_name(name) else { return Ok(None) };
        let odb = self.objects.odb().map_err(fail)?;
        let (size, kind) = odb.read_header(entry.id()).map_err(fail)?;
        if kind != git2::ObjectType::Blob {
            let message = "a file of the repository is a folder or link instead";
            return Err(Error::corrupted(message).with("commit", commit).with("file", name));
        }
        if size as u64 > limit {
            let message = format!("a file of the repository has more than {} MiB", limit >> 20);
            return Err(Error::new(ErrorKind::ResourceExhausted, message)
                .with("commit", commit)
                .with("file", name));
        }
        let object = odb.read(entry.id()).map_err(fail)?;
        Ok(Some(Bytes::copy_from_slice(object.data())))
    }
}

fn damaged(commit: Oid, error: git2::Error) -> Error {
    let message = "an object of the repository is missing or damaged; `git fsck` says more";
    Error::corrupted(message).with("commit", commit).caused_by(error)
}

fn too_many(path: &Path) -> Error {
    let message = format!("the repository has more than {MAX_REFS} refs");
    Error::new(ErrorKind::ResourceExhausted, message).with("path", path.display())
}

fn parse_oid(text: &str) -> Option<Oid> {
    (text.len() == 40).then(|| Oid::from_str(text).ok()).flatten()
}

fn find_git(path: &Path) -> Result<Option<PathBuf>> {
    let is_git = |path: &Path| path.join("objects").is_dir() && path.join("HEAD").is_file();
    let inner = path.join(".git");
    if is_git(&inner) {
        return Ok(Some(inner));
    }
    if is_git(path) {
        return Ok(Some(path.to_owned()));
    }
    // In a linked working tree `.git` is a file that says where the rest is.
    let Some(text) = read_pointer(&inner)? else { return Ok(None) };
    let Some(target) = text.trim_end().strip_prefix("gitdir: ") else { return Ok(None) };
    let target = path.join(target);
    Ok(target.join("HEAD").is_file().then_some(target))
}

/// Returns the text of a small file; none if there is no such file.
fn read_pointer(path: &Path) -> Result<Option<String>> {
    read_bounded(path, MAX_POINTER)
}

fn read_bounded(path: &Path, limit: u64) -> Result<Option<String>> {
    let fail = |e| Error::io("cannot read a file of the repository", path, e);
    match fs::metadata(path) {
        Ok(data) if data.is_file() => {}
        Ok(_) => return Ok(None),
        Err(e) if matches!(e.kind(), Io::NotFound | Io::NotADirectory) => return Ok(None),
        Err(e) => return Err(fail(e)),
    }
    let mut bytes = Vec::new();
    fs::File::open(path).map_err(fail)?.take(limit + 1).read_to_end(&mut bytes).map_err(fail)?;
    if bytes.len() as u64 > limit {
        let message = "a file of the repository is larger than it can be";
        return Err(Error::new(ErrorKind::ResourceExhausted, message).with("path", path.display()));
    }
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}
