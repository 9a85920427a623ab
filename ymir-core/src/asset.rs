use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Annotation, AssetId, Error, ErrorKind, Result};

/// Free key–value pairs on an asset or an annotation.
pub type Attributes = BTreeMap<String, String>;

/// The kind of image file, told by its content, never by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum MediaType {
    /// `image/jpeg`
    Jpeg,
    /// `image/png`
    Png,
    /// `image/bmp`
    Bmp,
    /// `image/webp`
    Webp,
}

impl MediaType {
    /// Returns the usual file extension, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Bmp => "bmp",
            Self::Webp => "webp",
        }
    }

    /// Returns the name under which IANA lists it.
    pub fn mime(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Bmp => "image/bmp",
            Self::Webp => "image/webp",
        }
    }
}

/// What the annotations of a dataset are; the numbers are those of the executor contract, and where
/// it has none, ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ObjectType {
    /// Boxes, upright or rotated (2 in the contract).
    #[default]
    Detection,
    /// The pixels of each class (3 in the contract).
    SemanticSegmentation,
    /// The outline or the pixels of each object (4 in the contract).
    InstanceSegmentation,
    /// Labels of whole images (100: the contract has no number, and will not come to this one
    /// soon).
    Classification,
}

impl ObjectType {
    /// Returns the contract's number.
    pub fn number(self) -> u32 {
        match self {
            Self::Detection => 2,
            Self::SemanticSegmentation => 3,
            Self::InstanceSegmentation => 4,
            Self::Classification => 100,
        }
    }

    /// Returns the object type with this number.
    ///
    /// # Errors
    ///
    /// `Unsupported` for a number that this version does not handle.
    pub fn from_number(number: u32) -> Result<Self> {
        let all = [
            Self::Detection,
            Self::SemanticSegmentation,
            Self::InstanceSegmentation,
            Self::Classification,
        ];
        all.into_iter().find(|object_type| object_type.number() == number).ok_or_else(|| {
            let message = "this version of YMIR handles object types 2 (detection), 3 (semantic \
                           segmentation), 4 (instance segmentation) and 100 (classification)";
            Error::new(ErrorKind::Unsupported, message).with("object_type", number)
        })
    }
}

/// One image: its identity and what its file says about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asset {
    /// The SHA-256 of the file's bytes.
    pub id: AssetId,
    /// The width in pixels as stored in the file, before any EXIF rotation.
    pub width: u32,
    /// The height in pixels as stored in the file.
    pub height: u32,
    /// The number of channels; 0 where the header does not tell.
    pub channels: u8,
    /// The size of the file in bytes.
    pub byte_size: u64,
    /// The kind of file.
    pub media_type: MediaType,
    /// The name of the file when it was imported, without its folder.
    pub file_name: String,
    /// Free attributes.
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub attributes: Attributes,
}

/// An asset together with its annotations: what a dataset version or prediction set holds for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The image.
    pub asset: Asset,
    /// Its ground truth, or the predictions on it, in the order they were given.
    pub annotations: Vec<Annotation>,
}
