use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::document::Document;
use super::report::SkipReason;
use super::voc_read::{MAX_BYTES, read};
use crate::support::read_whole;

/// Why a file is not taken, for programs and for people.
pub type Refusal = (SkipReason, String);

/// Reads an annotation file.
pub(super) fn read_annotation(path: &Path) -> Result<Document, Refusal> {
    let bytes = read_file(path, MAX_BYTES)?;
    read(&bytes).map_err(|reason| (SkipReason::BadAnnotation, reason))
}

/// Reads a text file of at most as many bytes as an annotation file may have.
pub(super) fn read_text(path: &Path) -> Result<String, Refusal> {
    let mut bytes = read_file(path, MAX_BYTES)?;
    if bytes.starts_with(b"\xef\xbb\xbf") {
        bytes.drain(..3);
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + valid.iter().filter(|byte| **byte == b'\n').count();
        let reason = format!("line {line}: the text is not UTF-8; convert the file to UTF-8");
        (SkipReason::BadAnnotation, reason)
    })
}

/// Reads a file of at most this many bytes.
///
/// # Errors
///
/// [`SkipReason::Unreadable`] if it has more, or cannot be read.
pub fn read_file(path: &Path, limit: u64) -> Result<Vec<u8>, Refusal> {
    let mut file = File::open(path).map_err(|error| unreadable(&error))?;
    let size = file.metadata().map_err(|error| unreadable(&error))?.len();
    let too_long = || {
        let reason = format!("the file has more than {} MiB", limit >> 20);
        (SkipReason::Unreadable, reason)
    };
    if size > limit {
        return Err(too_long());
    }
    let bytes = read_whole(&mut Read::take(&mut file, limit + 1), size as usize);
    let bytes = bytes.map_err(|error| unreadable(&error))?;
    if bytes.len() as u64 > limit {
        return Err(too_long());
    }
    Ok(bytes)
}

fn unreadable(error: &std::io::Error) -> Refusal {
    (SkipReason::Unreadable, format!("it cannot be read: {error}"))
}
