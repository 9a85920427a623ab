//! The images of the original: files named by their SHA-1.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use sha1::{Digest, Sha1 as Hasher};
use ymir_core::{AssetId, BlobSource, Error, Result, Transfer};

use super::files::Sha1;
use super::report::MirLeftOutKind;
use ymir_formats::{ImageInfo, inspect_image};

/// The size of an image file up to which it is read.
const MAX_IMAGE_BYTES: u64 = 2 << 30;
/// The size up to which the bytes of an image that is to be copied are handed on, instead of being
/// read a second time.
const SMALL: usize = 64 << 10;
/// How many folders above the repository are looked at.
const LEVELS: usize = 4;

/// An image in the store.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stored {
    pub(super) id: AssetId,
    pub(super) bytes: u64,
    pub(super) info: ImageInfo,
}

/// An image file that was read and is what its name says.
pub(super) struct Taken {
    pub(super) info: ImageInfo,
    pub(super) source: BlobSource,
    pub(super) bytes: u64,
}

pub(super) type Refusal = (MirLeftOutKind, String);

/// Returns a folder that the original's server keeps beside its repositories, if it is there.
pub(super) fn usual_folder(repository: &Path, name: &str) -> Option<PathBuf> {
    let repository = repository.canonicalize().ok()?;
    let above = repository.ancestors().take(LEVELS + 1);
    above.map(|folder| folder.join(name)).find(|folder| folder.is_dir())
}

/// Returns a folder that the user named.
///
/// # Errors
///
/// `NotFound` if it is not there, `InvalidInput` if it is no folder.
pub(super) fn named_folder(path: &Path, what: &str) -> Result<PathBuf> {
    let data = fs::metadata(path).map_err(|e| Error::io(format!("cannot open {what}"), path, e))?;
    if !data.is_dir() {
        return Err(Error::invalid(format!("{what} is no folder")).with("path", path.display()));
    }
    Ok(path.to_owned())
}

/// Returns where a file of the original is, in a folder of its last two digits or without.
pub(super) fn locate(folder: &Path, hash: &str) -> Option<PathBuf> {
    let digits = &hash[hash.len() - 2..];
    let places = [folder.join(digits).join(hash), folder.join(hash)];
    places.into_iter().find(|path| path.is_file())
}

/// Reads an image and makes sure that it is the one its name says.
pub(super) fn read_image(media: &Path, id: &Sha1, transfer: Transfer) -> Result<Taken, Refusal> {
    let missing = || (MirLeftOutKind::Missing, "the media folder does not have it".to_owned());
    let path = locate(media, &id.to_string()).ok_or_else(missing)?;
    let bytes = read_file(&path)?;
    if Hasher::digest(&bytes)[..] != id.0 {
        let reason = format!(
            "the file has other bytes than its name says (SHA-1 {}); copy it again from its source",
            hex::encode(Hasher::digest(&bytes))
        );
        return Err((MirLeftOutKind::WrongContent, reason));
    }
    let info = inspect_image(&bytes);
    let info = info.map_err(|error| (MirLeftOutKind::BadImage, error.message().to_owned()))?;
    let size = bytes.len() as u64;
    let source = match transfer {
        Transfer::Copy if bytes.len() <= SMALL => BlobSource::Bytes(bytes),
        _ => BlobSource::File(path, transfer),
    };
    Ok(Taken { info, source, bytes: size })
}

fn read_file(path: &Path) -> Result<Vec<u8>, Refusal> {
    let fail = |e: std::io::Error| (MirLeftOutKind::Unreadable, format!("it cannot be read: {e}"));
    let file = File::open(path).map_err(fail)?;
    let size = file.metadata().map_err(fail)?.len();
    let mut bytes = Vec::new();
    if size <= MAX_IMAGE_BYTES {
        bytes.reserve_exact(size as usize + 1);
        file.take(MAX_IMAGE_BYTES + 1).read_to_end(&mut bytes).map_err(fail)?;
    }
    if size > MAX_IMAGE_BYTES || bytes.len() as u64 > MAX_IMAGE_BYTES {
        let reason = format!("the file has more than {} MiB", MAX_IMAGE_BYTES >> 20);
        return Err((MirLeftOutKind::Unreadable, reason));
    }
    Ok(bytes)
}
