use std::fs::File;
use std::io::Read;
use std::path::Path;

use ymir_core::{BlobSource, Error, Transfer};

use super::document::Document;
use super::image_info::{ImageInfo, inspect_image};
use super::import_report::SkipReason;
use super::voc_read::{MAX_BYTES, read};
use crate::operations::{Look, look_of};
use crate::read_whole::read_whole;

/// The size of an image file up to which it is read.
const MAX_IMAGE_BYTES: u64 = 2 << 30;
/// The size up to which the bytes of an image that is to be copied are handed on, instead of being
/// read a second time.
const SMALL: usize = 64 << 10;

pub(super) type Refusal = (SkipReason, String);

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

/// An image file that was read.
pub(super) struct Taken {
    pub(super) info: ImageInfo,
    /// How the store takes it over.
    pub(super) source: BlobSource,
    pub(super) bytes: u64,
    /// What it looks like, if that was asked for.
    pub(super) look: Option<Look>,
}

/// Reads an image file and returns what it is, and what it looks like if that is asked for.
pub(super) fn read_image(
    path: &Path,
    transfer: Transfer,
    with_look: bool,
) -> Result<Taken, Refusal> {
    let file = read_file(path, MAX_IMAGE_BYTES)?;
    let info = inspect_image(&file);
    let refusal = |error: Error| (SkipReason::BadImage, error.message().to_owned());
    let info = info.map_err(refusal)?;
    let look = with_look.then(|| look_of(&file)).transpose().map_err(refusal)?;
    let bytes = file.len() as u64;
    let source = match transfer {
        Transfer::Copy if file.len() <= SMALL => BlobSource::Bytes(file),
        _ => BlobSource::File(path.to_owned(), transfer),
    };
    Ok(Taken { info, source, bytes, look })
}

/// Reads a file of at most this many bytes.
pub(super) fn read_file(path: &Path, limit: u64) -> Result<Vec<u8>, Refusal> {
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
