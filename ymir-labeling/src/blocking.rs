use std::fs::File;
use std::io::Write;
use std::path::Path;

use ymir_core::{Error, Result};
pub(crate) use ymir_formats::support::blocking;

/// Makes the entries of a directory durable.
pub(crate) fn sync_directory(path: &Path) -> Result<()> {
    File::open(path)
        .and_then(|directory| directory.sync_all())
        .map_err(|error| Error::io("cannot sync a folder of labeling jobs", path, error))
}

/// Writes a file and makes its content durable.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    File::create(path)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .map_err(|error| Error::io("cannot write a file of a labeling job", path, error))
}

/// Makes a directory and those above it.
pub(crate) fn make_directory(path: &Path) -> Result<()> {
    std::fs::create_dir_all(path)
        .map_err(|error| Error::io("cannot make the folder of labeling jobs", path, error))
}
