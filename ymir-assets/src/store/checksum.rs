//! The checksums at the end of packs and their indexes.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use sha1::{Digest, Sha1};
use ymir_core::{Error, Result};

/// Returns whether a file ends with the SHA-1 of all before.
pub(super) fn sums_up(path: &Path) -> io::Result<bool> {
    const SUM: usize = 20;
    let mut file = File::open(path)?;
    let (mut hash, mut buffer, mut held) = (Sha1::new(), vec![0; 1 << 17], 0);
    loop {
        let read = file.read(&mut buffer[held..])?;
        if read == 0 {
            return Ok(held == SUM && hash.finalize()[..] == buffer[..SUM]);
        }
        // The last bytes are kept: they may be the sum.
        let end = held + read;
        let hashed = end.saturating_sub(SUM);
        hash.update(&buffer[..hashed]);
        buffer.copy_within(hashed..end, 0);
        held = end - hashed;
    }
}

/// Returns the error for a pack or index that does not end with the sum of its bytes.
pub(super) fn damaged(path: &Path) -> Error {
    let message = "the bytes of a file of the repository are not what was written; \
                   `git index-pack` makes an index anew, and a clone has the objects";
    Error::corrupted(message).with("path", path.display())
}

/// Checks the indexes of all packs: libgit2 follows what they say without looking whether it leads
/// out of the pack.
pub(super) fn check_indexes(packs: &Path) -> Result<()> {
    for entry in fs::read_dir(packs).into_iter().flatten().flatten() {
        let path = entry.path();
        // One that cannot be read is gone, joined with others, or libgit2 cannot read it either.
        if path.extension().is_some_and(|e| e == "idx") && sums_up(&path).is_ok_and(|right| !right)
        {
            return Err(damaged(&path));
        }
    }
    Ok(())
}
