use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use git2::Odb;
use ymir_core::{Error, ErrorKind, Result};

use super::checksum::check_indexes;

/// After so many changes of the packs the database is opened anew.
const CHANGES: u32 = 32;

/// The object database of libgit2, which never lets go of a pack that it has seen, although the
/// pack was joined with others since and deleted: each one keeps a file open and mapped. So the
/// database is opened anew from time to time, when nobody reads from the old one any more.
pub(super) struct Database {
    dir: PathBuf,
    opened: RwLock<Opened>,
}

struct Opened {
    odb: Arc<Odb<'static>>,
    /// When the directory of the packs was changed last, and how often that was something new.
    changed: Option<SystemTime>,
    changes: u32,
}

impl Database {
    pub(super) fn open(dir: &Path) -> Result<Self> {
        let opened = RwLock::new(Opened::new(dir)?);
        Ok(Self { dir: dir.to_owned(), opened })
    }

    /// Returns the database for some reads.
    pub(super) fn odb(&self) -> Arc<Odb<'static>> {
        self.opened.read().unwrap_or_else(PoisonError::into_inner).odb.clone()
    }

    /// Looks whether there are other packs, and opens the database anew where that was often so.
    pub(super) fn watch(&self) {
        let changed = last_change(&self.dir);
        let is_known = |opened: &Opened| opened.changed == changed;
        if is_known(&self.opened.read().unwrap_or_else(PoisonError::into_inner)) {
            return;
        }
        let mut opened = self.opened.write().unwrap_or_else(PoisonError::into_inner);
        if is_known(&opened) {
            return;
        }
        (opened.changed, opened.changes) = (changed, opened.changes + 1);
        let is_due = opened.changes >= CHANGES;
        drop(opened);
        if is_due {
            self.reopen();
        }
    }

    /// Opens the database anew.
    pub(super) fn reopen(&self) {
        // One that cannot be opened now leaves the old one, which reads as well as before.
        if let Ok(new) = Opened::new(&self.dir) {
            *self.opened.write().unwrap_or_else(PoisonError::into_inner) = new;
        }
    }
}

impl Opened {
    /// Opens the database by itself and not as part of a repository, because libgit2 would then
    /// read the user's own git configuration.
    fn new(dir: &Path) -> Result<Self> {
        let fail = |e: git2::Error| {
            Error::new(ErrorKind::Unexpected, "cannot open the objects of the repository")
                .with("path", dir.display())
                .caused_by(e)
        };
        let path = dir.to_str().ok_or_else(|| {
            Error::invalid("the path of a workspace must be UTF-8; move it")
                .with("path", dir.display())
        })?;
        let changed = last_change(dir);
        check_indexes(&dir.join("pack"))?;
        let odb = Odb::new().map_err(fail)?;
        odb.add_disk_alternate(path).map_err(fail)?;
        Ok(Self { odb: Arc::new(odb), changed, changes: 0 })
    }
}

fn last_change(dir: &Path) -> Option<SystemTime> {
    std::fs::metadata(dir.join("pack")).and_then(|data| data.modified()).ok()
}
