//! The class table of the original, `labels.yaml`.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use ymir_core::{Error, ErrorKind, Result};

/// The most bytes of a class table.
const MAX_BYTES: u64 = 16 << 20;

/// A class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Label {
    pub(super) number: i32,
    pub(super) name: String,
    pub(super) aliases: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Document {
    #[serde(default)]
    labels: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    #[serde(default)]
    id: Option<i32>,
    name: String,
    #[serde(default)]
    aliases: Option<Vec<String>>,
}

/// Returns where the class table of a repository usually is, if it is there.
pub(super) fn usual_place(repository: &Path) -> Option<PathBuf> {
    let beside = repository.canonicalize().ok()?.parent().map(|parent| parent.join("labels.yaml"));
    let places = [Some(repository.join(".mir/labels.yaml")), beside];
    places.into_iter().flatten().find(|path| path.is_file())
}

/// Reads a class table.
///
/// # Errors
///
/// `NotFound` if the file is not there, `Corrupted` if it is no class table.
pub(super) fn read(path: &Path) -> Result<Vec<Label>> {
    let fail = |e| Error::io("cannot read the class table of the original", path, e);
    let mut bytes = Vec::new();
    File::open(path).map_err(fail)?.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(fail)?;
    if bytes.len() as u64 > MAX_BYTES {
        let message = format!("the class table has more than {} MiB", MAX_BYTES >> 20);
        return Err(Error::new(ErrorKind::ResourceExhausted, message).with("path", path.display()));
    }
    let damaged = |reason: String| {
        let message = format!("this is no class table (labels.yaml) of the original: {reason}");
        Error::corrupted(message).with("path", path.display())
    };
    // The original writes an empty file for a table without classes.
    let document: Option<Document> =
        serde_norway::from_slice(&bytes).map_err(|e| damaged(e.to_string()))?;
    let entries = document.map(|document| document.labels).unwrap_or_default();
    let mut labels = Vec::with_capacity(entries.len());
    for (place, entry) in entries.into_iter().enumerate() {
        let place = place as i32;
        // As the original: a number may be left out, and is else the place.
        let number = entry.id.filter(|id| *id >= 0).unwrap_or(place);
        if number != place {
            return Err(damaged(format!(
                "class {:?} has number {number}, not {place}",
                entry.name
            )));
        }
        if entry.name.trim().is_empty() {
            return Err(damaged(format!("class {number} has no name")));
        }
        let aliases = entry.aliases.unwrap_or_default();
        let aliases = aliases.iter().map(|alias| alias.trim().to_owned());
        let aliases = aliases.filter(|alias| !alias.is_empty()).collect();
        labels.push(Label { number, name: entry.name.trim().to_owned(), aliases });
    }
    Ok(labels)
}
