//! Refs as git keeps them: loose files, with `packed-refs` behind them.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::io::{ErrorKind as Io, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use git2::Oid;
use tempfile::NamedTempFile;
use ymir_core::{Error, ErrorKind, Result};

use super::durable::sync_dir;
use super::lock::Lock;
use super::packed_refs;

/// How long another git program may hold the lock of a ref.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where git keeps the branches of the repository itself.
const HEADS: &str = "refs/heads";

/// The refs of one repository.
#[derive(Debug)]
pub(super) struct Refs {
    git: PathBuf,
    /// What stands for `refs/heads`: that, or `refs/remotes/<remote>`.
    heads: String,
}

/// The new value of a ref in a temporary file: not durable yet and not visible.
#[derive(Debug)]
pub(super) struct NewValue {
    pub(super) file: NamedTempFile,
}

impl Refs {
    pub(super) fn new(git: &Path) -> Self {
        Self { git: git.to_owned(), heads: HEADS.to_owned() }
    }

    /// Returns the branches that git fetched from a remote, for reading.
    pub(super) fn of_remote(git: &Path, remote: &str) -> Self {
        Self { git: git.to_owned(), heads: format!("refs/remotes/{remote}") }
    }

    /// Returns the name that a ref really has.
    fn real_name(&self, name: &str) -> String {
        match name.strip_prefix(HEADS) {
            Some(rest) => format!("{}{rest}", self.heads),
            None => name.to_owned(),
        }
    }

    fn temporary(&self) -> PathBuf {
        self.git.join("ymir/tmp")
    }

    /// Waits for the right to change a ref, which no other user of this library then has.
    ///
    /// # Errors
    ///
    /// `Unsupported` for branches of a remote.
    pub(super) fn lock(&self, name: &str) -> Result<Lock> {
        if self.heads != HEADS {
            let message = "fetched versions cannot be changed; copy them into the workspace";
            return Err(Error::new(ErrorKind::Unsupported, message).with("ref", name));
        }
        Lock::take(&self.git.join("ymir/locks"), name)
    }

    /// Returns the value of a ref, if there is one.
    pub(super) fn read(&self, name: &str) -> Result<Option<Oid>> {
        let name = &self.real_name(name);
        if let Some(loose) = self.loose(name.as_bytes())? {
            return Ok(Some(loose));
        }
        let mut packed = packed_refs::read(&self.git)?.into_iter();
        Ok(packed.find(|(other, _)| other == name.as_bytes()).map(|(_, oid)| oid))
    }

    /// Returns the value of a ref that has a file of its own. Stock git's may have any bytes in their
    /// names.
    fn loose(&self, name: &[u8]) -> Result<Option<Oid>> {
        let path = self.git.join(OsStr::from_bytes(name));
        match fs::read(&path) {
            Ok(text) => parse(text.trim_ascii_end(), &path).map(Some),
            Err(e) if matches!(e.kind(), Io::NotFound | Io::IsADirectory | Io::NotADirectory) => {
                Ok(None)
            }
            Err(e) => Err(Error::io("cannot read a ref", &path, e)),
        }
    }

    /// Returns the last parts of the names of all refs directly below a folder, sorted.
    pub(super) fn list(&self, folder: &str) -> Result<BTreeSet<String>> {
        let folder = self.real_name(folder);
        let path = self.git.join(&folder);
        let mut names = BTreeSet::new();
        match fs::read_dir(&path) {
            Ok(entries) => {
                for entry in entries {
                    let entry = entry.map_err(|e| Error::io("cannot list refs", &path, e))?;
                    let name = entry.file_name().into_string();
                    names.extend(name.ok().filter(|name| !name.ends_with(".lock")));
                }
            }
            Err(e) if e.kind() == Io::NotFound => {}
            Err(e) => return Err(Error::io("cannot list refs", &path, e)),
        }
        let prefix = format!("{folder}/");
        // Names that are no text are none of ours.
        let packed = packed_refs::read(&self.git)?.into_iter();
        let packed = packed.filter_map(|(name, _)| String::from_utf8(name).ok());
        names.extend(packed.filter_map(|name| name.strip_prefix(&prefix).map(str::to_owned)));
        Ok(names)
    }

    /// Returns all refs below `refs/` with their values, or why one cannot be read.
    pub(super) fn all(&self) -> Result<Vec<(String, Result<Oid>)>> {
        let packed: BTreeMap<_, _> = packed_refs::read(&self.git)?.into_iter().collect();
        let mut names: BTreeSet<Vec<u8>> = packed.keys().cloned().collect();
        let mut folders = vec![b"refs".to_vec()];
        while let Some(folder) = folders.pop() {
            let path = self.git.join(OsStr::from_bytes(&folder));
            let fail = |e| Error::io("cannot list refs", &path, e);
            for entry in fs::read_dir(&path).map_err(fail)? {
                let entry = entry.map_err(fail)?;
                let name = [&folder, &b"/"[..], entry.file_name().as_bytes()].concat();
                match entry.file_type().map_err(fail)?.is_dir() {
                    true => folders.push(name),
                    false if name.ends_with(b".lock") => {}
                    false => drop(names.insert(name)),
                }
            }
        }
        // One that was deleted meanwhile is no ref any more.
        let value = |name: Vec<u8>| {
            let shown = String::from_utf8_lossy(&name).into_owned();
            let value = match self.loose(&name) {
                Ok(None) => Ok(packed.get(&name).copied()),
                loose => loose,
            };
            value.transpose().map(|value| (shown, value))
        };
        Ok(names.into_iter().filter_map(value).collect())
    }

    /// Writes a value that a ref is to take, to be made durable before [`Refs::set`].
    pub(super) fn prepare(&self, value: Oid) -> Result<NewValue> {
        let dir = self.temporary();
        let made = NamedTempFile::new_in(&dir).or_else(|_| {
            fs::create_dir_all(&dir)?;
            NamedTempFile::new_in(&dir)
        });
        let fail = |e| Error::io("cannot write a ref", &dir, e);
        let mut file = made.map_err(fail)?;
        writeln!(file, "{value}").map_err(fail)?;
        set_readable(&file).map_err(fail)?;
        Ok(NewValue { file })
    }

    /// Gives a ref its new value if it still has the old one; returns whether it did. It is then
    /// visible, but durable only after [`Refs::sync`].
    pub(super) fn set(
        &self,
        _lock: &Lock,
        name: &str,
        old: Option<Oid>,
        new: NewValue,
    ) -> Result<bool> {
        let path = self.git.join(name);
        let locked = self.git.join(format!("{name}.lock"));
        self.take_git_lock(&path, &locked, new.file.path())?;
        let current = self.read(name);
        if !matches!(&current, Ok(current) if *current == old) {
            give_back(&locked, new);
            return current.map(|_| false);
        }
        if let Err(e) = fs::rename(&locked, &path) {
            give_back(&locked, new);
            return Err(Error::io("cannot change a ref", &path, e));
        }
        Ok(true)
    }

    /// Takes git's own lock of a ref by making the new value stand as the lock file, whole from the
    /// first moment. Whoever uses this library holds the kernel's lock, so that such a file with a
    /// second link is the rest of a process of ours that died; without one it is stock git's.
    fn take_git_lock(&self, path: &Path, locked: &Path, value: &Path) -> Result<()> {
        let start = Instant::now();
        loop {
            match fs::hard_link(value, locked) {
                Ok(()) => return Ok(()),
                Err(e) if e.kind() == Io::AlreadyExists => {}
                Err(e) if e.kind() == Io::NotFound => {
                    let dir = path.parent().expect("a ref stands in a folder");
                    fs::create_dir_all(dir)
                        .map_err(|e| Error::io("cannot make the folder of a ref", dir, e))?;
                    continue;
                }
                Err(e) => return Err(Error::io("cannot lock a ref", locked, e)),
            }
            if fs::metadata(locked).is_ok_and(|lock| lock.nlink() > 1) {
                let _ = fs::remove_file(locked);
            } else if start.elapsed() > PATIENCE {
                let message = "another git program holds the lock of this ref; if none runs, it died, and the lock file can be deleted";
                return Err(Error::new(ErrorKind::Conflict, message).with("lock", locked.display()));
            } else {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }

    /// Makes the value of a ref durable.
    pub(super) fn sync(&self, name: &str) -> Result<()> {
        let path = self.git.join(name);
        sync_dir(path.parent().expect("a ref stands in a folder"))
    }
}

/// Removes git's lock of a ref. If that fails, the new value stays beside it, so that the next writer
/// finds a lock with two links and knows that it is nobody's.
fn give_back(locked: &Path, new: NewValue) {
    if fs::remove_file(locked).is_err() {
        let _ = new.file.keep();
    }
}

fn set_readable(file: &NamedTempFile) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.as_file().set_permissions(fs::Permissions::from_mode(0o644))
}

fn parse(text: &[u8], path: &Path) -> Result<Oid> {
    packed_refs::oid(text).ok_or_else(|| {
        let message = "a ref does not hold the id of a commit; delete its file and set it anew with \
                       `git update-ref`: `git fsck --no-reflogs --lost-found` names what it may have \
                       been, or a clone has it";
        Error::corrupted(message).with("path", path.display())
    })
}
