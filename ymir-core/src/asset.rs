use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

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

/// What the annotations of a dataset are, and what a model learns. The numbers are the executor
/// contract's; it also has 50 for models that take text prompts and 100 for no annotations, which
/// nothing here is.
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
    /// Labels of whole images (1 in the contract).
    Classification,
}

impl ObjectType {
    /// All object types.
    pub const ALL: [Self; 4] = [
        Self::Classification,
        Self::Detection,
        Self::SemanticSegmentation,
        Self::InstanceSegmentation,
    ];

    /// Returns the name, as options and JSON have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Detection => "detection",
            Self::SemanticSegmentation => "semantic_segmentation",
            Self::InstanceSegmentation => "instance_segmentation",
            Self::Classification => "classification",
        }
    }

    /// Returns the contract's number.
    pub fn number(self) -> u32 {
        match self {
            Self::Detection => 2,
            Self::SemanticSegmentation => 3,
            Self::InstanceSegmentation => 4,
            Self::Classification => 1,
        }
    }

    /// Returns whether annotations of this type can be used as those of another. Objects with
    /// outlines have boxes too; nothing else stands for anything else.
    pub fn serves(self, wanted: Self) -> bool {
        self == wanted || (self, wanted) == (Self::InstanceSegmentation, Self::Detection)
    }

    /// Returns the type that annotations of both types are of together, if there is one.
    pub fn common(self, other: Self) -> Option<Self> {
        [self, other].into_iter().find(|wanted| self.serves(*wanted) && other.serves(*wanted))
    }

    /// Returns the object type with this number.
    ///
    /// # Errors
    ///
    /// `Unsupported` for a number that this version does not handle.
    pub fn from_number(number: u32) -> Result<Self> {
        Self::ALL.into_iter().find(|object_type| object_type.number() == number).ok_or_else(|| {
            let message = match number {
                50 => "multi-modal object types are not supported",
                100 => "this object type says that there are no annotations, and names none",
                _ => "no such object type",
            };
            let message = format!(
                "{message}; the object types are 1 (classification), 2 (detection), 3 (semantic \
                 segmentation) and 4 (instance segmentation)"
            );
            Error::new(ErrorKind::Unsupported, message).with("object_type", number)
        })
    }
}

impl fmt::Display for ObjectType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.as_str().replace('_', " "))
    }
}

impl FromStr for ObjectType {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|object_type| object_type.as_str() == text).ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str).join(", ");
            Error::invalid(format!("expected an object type: {names}")).with("object_type", text)
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
