#[cfg(not(feature = "decode"))]
use ymir_core::ErrorKind;
use ymir_core::{Error, Result};

/// The pixels of an image, row by row from the upper left corner.
#[derive(Debug)]
#[cfg_attr(not(feature = "decode"), allow(dead_code, reason = "nothing makes one"))]
pub(crate) struct Pixels {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// 3 bytes each.
    pub(crate) rgb: Vec<u8>,
}

/// Whether images can be decoded.
pub(crate) const IS_AVAILABLE: bool = cfg!(feature = "decode");

/// Returns the pixels of an image file.
#[cfg(feature = "decode")]
pub(crate) fn decode(bytes: &[u8]) -> Result<Pixels> {
    let fail = |error: image::ImageError| {
        let message = "the image cannot be decoded; filter it out, or read the bytes of images";
        Error::invalid(message).caused_by(error)
    };
    let reader = image::ImageReader::new(std::io::Cursor::new(bytes));
    let reader = reader.with_guessed_format().map_err(|error| fail(error.into()))?;
    let image = reader.decode().map_err(fail)?.into_rgb8();
    let (width, height) = image.dimensions();
    Ok(Pixels { width, height, rgb: image.into_raw() })
}

/// Returns an error: options that ask for pixels are refused before anything is read.
#[cfg(not(feature = "decode"))]
pub(crate) fn decode(_bytes: &[u8]) -> Result<Pixels> {
    Err(Error::new(ErrorKind::Unsupported, "this build cannot decode images"))
}
