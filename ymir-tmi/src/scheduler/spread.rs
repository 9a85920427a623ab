//! Where ext4 puts directories on the disk. Other file systems and systems do without.

use std::path::Path;

/// Asks ext4 to put each directory in this one elsewhere on the disk, as it does with home
/// directories. Else the files of a task come to lie where another's were deleted just now, which an
/// ext4 without a journal, that does not use an inode again soon, looks at one by one for each new
/// file.
#[cfg(target_os = "linux")]
pub(super) fn spread(dir: &Path) {
    use rustix::fs::{IFlags, ioctl_getflags, ioctl_setflags};
    // Other file systems do not know this.
    let _ = std::fs::File::open(dir).map(|dir| {
        let flags = ioctl_getflags(&dir)?;
        match flags.contains(IFlags::TOPDIR) {
            true => Ok(()),
            false => ioctl_setflags(&dir, flags | IFlags::TOPDIR),
        }
    });
}

#[cfg(not(target_os = "linux"))]
pub(super) fn spread(_dir: &Path) {}
