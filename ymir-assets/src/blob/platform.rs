//! What operating systems have calls of their own for. Where one lacks a call, more is copied or more
//! files are made durable one by one; what the store holds is the same.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_OMIT, linkat, utimensat};

/// Makes a hard link to a file, not to a link to it.
pub(super) fn hard_link(from: &Path, to: &Path) -> io::Result<()> {
    Ok(linkat(CWD, from, CWD, to, AtFlags::SYMLINK_FOLLOW)?)
}

/// Gives a symbolic link the time of its file, and by that makes it count as put in now.
pub(super) fn stamp(link: &Path, seconds: i64, nanoseconds: i64) -> io::Result<()> {
    let times = Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        last_modification: Timespec { tv_sec: seconds, tv_nsec: nanoseconds },
    };
    Ok(utimensat(CWD, link, &times, AtFlags::SYMLINK_NOFOLLOW)?)
}

/// Writes out all of the file system in which a directory is; returns whether that can be done.
#[cfg(target_os = "linux")]
pub(super) fn flush_file_system(dir: &Path) -> io::Result<bool> {
    rustix::fs::syncfs(File::open(dir)?)?;
    Ok(true)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn flush_file_system(_: &Path) -> io::Result<bool> {
    Ok(false)
}

/// Makes a file share the bytes of another; returns whether that can be done.
#[cfg(target_os = "linux")]
pub(super) fn reflink(from: &File, to: &File) -> bool {
    rustix::fs::ioctl_ficlone(to, from).is_ok()
}

#[cfg(not(target_os = "linux"))]
pub(super) fn reflink(_: &File, _: &File) -> bool {
    false
}
