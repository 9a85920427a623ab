use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, Gid, Mode, OFlags, Stat, Uid};
use rustix::io::Errno;
use ymir_core::{Error, Result};

/// How deep folders are looked into.
const MAX_DEPTH: usize = 100;

/// The bits of a mode that give rights to whoever runs a file, or takes them from its folder.
const SPECIAL: Mode = Mode::SUID.union(Mode::SGID).union(Mode::SVTX);

/// Takes out of `<dir>/out` what an executor may not leave behind: set-user-id, set-group-id and
/// sticky bits are cleared, devices, pipes and sockets are removed, and what another user owns is
/// given to the owner of `out`. Call it when the run has ended, before its results are read.
///
/// Where the rights of this process do not suffice for that, `out` is closed to all other users
/// instead, so that nobody can run or read what is in it. Links are left alone; nothing follows them.
///
/// # Errors
///
/// Those of the file system, if `out` itself can neither be read nor closed.
pub fn sanitise_output(dir: &Path) -> Result<()> {
    let path = dir.join("out");
    let fail = |errno: Errno| {
        Error::io("cannot make safe what the executor left behind", &path, errno.into())
    };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let root = rustix::fs::open(&path, flags, Mode::empty()).map_err(fail)?;
    let stat = rustix::fs::fstat(&root).map_err(fail)?;
    let owner = Owner { user: stat.st_uid, group: stat.st_gid };
    match owner.clean(root.as_fd(), 0) {
        true => Ok(()),
        false => rustix::fs::fchmod(&root, Mode::RWXU).map_err(fail),
    }
}

/// Who all files are to belong to.
#[derive(Debug, Clone, Copy)]
struct Owner {
    user: u32,
    group: u32,
}

impl Owner {
    /// Cleans a folder; returns whether all of it could be.
    fn clean(self, folder: BorrowedFd<'_>, depth: usize) -> bool {
        let Ok(entries) = Dir::read_from(folder) else { return false };
        if depth > MAX_DEPTH {
            return false;
        }
        let mut clean = true;
        for entry in entries {
            let Ok(entry) = entry else { return false };
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            clean &= self.entry(folder, name, depth);
        }
        clean
    }

    fn entry(self, folder: BorrowedFd<'_>, name: &std::ffi::CStr, depth: usize) -> bool {
        let stat = match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(errno) => return errno == Errno::NOENT,
        };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Symlink => true,
            FileType::RegularFile => {
                self.is_right(&stat) || self.open(folder, name, false).is_some_and(|f| self.own(&f))
            }
            FileType::Directory => match self.open(folder, name, true) {
                Some(file) => {
                    (self.is_right(&stat) || self.own(&file)) & self.clean(file.as_fd(), depth + 1)
                }
                None => false,
            },
            _ => rustix::fs::unlinkat(folder, name, AtFlags::empty()).is_ok(),
        }
    }

    fn is_right(self, stat: &Stat) -> bool {
        stat.st_uid == self.user && !Mode::from_raw_mode(stat.st_mode).intersects(SPECIAL)
    }

    fn open(
        self,
        folder: BorrowedFd<'_>,
        name: &std::ffi::CStr,
        is_folder: bool,
    ) -> Option<OwnedFd> {
        let mut flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        flags.set(OFlags::DIRECTORY, is_folder);
        rustix::fs::openat(folder, name, flags, Mode::empty()).ok()
    }

    /// Makes an opened file plain and the owner's.
    fn own(self, file: &OwnedFd) -> bool {
        let Ok(stat) = rustix::fs::fstat(file) else { return false };
        let mode = Mode::from_raw_mode(stat.st_mode);
        let rights = Mode::RWXU | Mode::RWXG | Mode::RWXO;
        // The rights go before the owner changes, so that they are never the new owner's.
        let plain = !mode.intersects(SPECIAL) || rustix::fs::fchmod(file, mode & rights).is_ok();
        let (user, group) = (Uid::from_raw(self.user), Gid::from_raw(self.group));
        let owned =
            stat.st_uid == self.user || rustix::fs::fchown(file, Some(user), Some(group)).is_ok();
        plain && owned
    }
}
