use std::path::Path;

use ymir_core::{BlobSource, Error, Transfer};
use ymir_formats::{ImageInfo, Refusal, SkipReason, inspect_image, read_file};

use crate::operations::{Look, look_of};

/// The size of an image file up to which it is read.
const MAX_IMAGE_BYTES: u64 = 2 << 30;
/// The size up to which the bytes of an image that is to be copied are handed on, instead of being
/// read a second time.
const SMALL: usize = 64 << 10;

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
