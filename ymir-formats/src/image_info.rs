use serde::{Deserialize, Serialize};
use ymir_core::{Error, ErrorKind, MediaType, Result};

use super::image_file::{bmp, jpeg, png, webp};

/// What the header of an image file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageInfo {
    /// The width in pixels as stored, before any EXIF rotation.
    pub width: u32,
    /// The height in pixels as stored.
    pub height: u32,
    /// The number of channels of a decoded pixel, 3 where there is a palette; 0 where the header
    /// does not tell.
    pub channels: u8,
    /// The kind of file, told by its content.
    pub media_type: MediaType,
    /// How a JPEG is to be turned to be upright: Exif's orientation, 1 to 8; 1 where it tells none,
    /// and of other files.
    pub orientation: u8,
}

/// Returns what the header at the start of an image file says; no pixel is decoded.
///
/// # Errors
///
/// - `Unsupported` if it is no JPEG, PNG, BMP or WebP.
/// - `Corrupted` if it begins as one and its header cannot be read, as when the file is cut off.
pub fn read_image_info(bytes: &[u8]) -> Result<ImageInfo> {
    let (info, _) = parse(bytes)?;
    Ok(info)
}

/// Returns what the header of a whole image file says, and makes sure that the file has an end.
///
/// It finds files that were cut off: a JPEG without its end marker, a PNG without its last chunk,
/// a BMP or WebP shorter than its header says. Damage in the middle is found by decoding only.
///
/// # Errors
///
/// As [`read_image_info`], and `Corrupted` if the file is cut off.
pub fn inspect_image(bytes: &[u8]) -> Result<ImageInfo> {
    let (info, is_complete) = parse(bytes)?;
    if !is_complete(bytes) {
        let message = "the image file is cut off before its end; copy it again from its source";
        return Err(Error::corrupted(message).with("bytes", bytes.len()));
    }
    Ok(info)
}

type IsComplete = fn(&[u8]) -> bool;

fn parse(bytes: &[u8]) -> Result<(ImageInfo, IsComplete)> {
    type Header = fn(&[u8]) -> Option<(u32, u32, u8)>;
    let (media_type, header, is_complete): (_, Header, IsComplete) = match bytes {
        [] => return Err(Error::corrupted("the image file is empty")),
        [0xff, 0xd8, ..] => (MediaType::Jpeg, jpeg::header, jpeg::is_complete),
        _ if bytes.starts_with(png::SIGNATURE) => (MediaType::Png, png::header, png::is_complete),
        [b'B', b'M', ..] => (MediaType::Bmp, bmp::header, bmp::is_complete),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => {
            (MediaType::Webp, webp::header, webp::is_complete)
        }
        _ => return Err(unsupported(bytes)),
    };
    match header(bytes) {
        Some((width, height, channels)) if width > 0 && height > 0 => {
            let orientation = match media_type {
                MediaType::Jpeg => jpeg::orientation(bytes).filter(|n| (1..=8).contains(n)),
                _ => None,
            };
            let orientation = orientation.unwrap_or(1);
            Ok((ImageInfo { width, height, channels, media_type, orientation }, is_complete))
        }
        _ => {
            let message = format!(
                "the file begins as {}, and its header cannot be read: it is damaged or cut off",
                media_type.mime()
            );
            Err(Error::corrupted(message).with("bytes", bytes.len()))
        }
    }
}

fn unsupported(bytes: &[u8]) -> Error {
    let kind = match bytes {
        [b'G', b'I', b'F', b'8', ..] => "a GIF",
        [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => "a TIFF",
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => "an HEIC, AVIF or video file",
        _ if bytes.iter().all(|byte| *byte == 0) => "nothing but zero bytes",
        _ => "no image of a known kind",
    };
    let message = format!("the file is {kind}; images must be JPEG, PNG, BMP or WebP");
    Error::new(ErrorKind::Unsupported, message)
}
