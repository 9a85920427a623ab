use std::fs;
use std::path::{Path, PathBuf};

use ymir_core::{Error, Result};

/// Makes a folder below that of an export, which is there unless the export was dropped: then
/// nothing may come back.
pub fn make_folder(root: &Path, below: &str) -> Result<PathBuf> {
    let mut path = root.to_owned();
    for part in below.split('/').filter(|part| !part.is_empty()) {
        path.push(part);
        match fs::create_dir(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(Error::io("a folder of the export cannot be made", &path, error));
            }
            _ => {}
        }
    }
    Ok(path)
}

/// Writes a whole file of an export.
pub(super) fn write_file(path: &Path, content: impl AsRef<[u8]>) -> Result<()> {
    fs::write(path, content)
        .map_err(|e| Error::io("a file of the export cannot be written", path, e))
}
