//! Index files: one asset a line.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// A line of an index file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The image, as written in the index.
    pub asset: String,
    /// The annotation; none in a candidate index.
    pub annotation: Option<PathBuf>,
}

/// Reads an index file: `<asset>` or `<asset>\t<annotation>` per line.
pub fn read(path: &Path) -> Result<Vec<Entry>> {
    let text = fs::read_to_string(path).map_err(|e| {
        Error::dataset(format!("cannot read the index file {}: {e}", path.display()))
    })?;
    Ok(text
        .lines()
        .map(|line| line.trim_end_matches('\r'))
        .filter(|line| !line.trim().is_empty())
        .map(|line| match line.split_once('\t') {
            Some((asset, annotation)) => Entry {
                asset: asset.into(),
                annotation: (!annotation.trim().is_empty()).then(|| annotation.into()),
            },
            None => Entry { asset: line.into(), annotation: None },
        })
        .collect())
}
