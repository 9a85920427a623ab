use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use ymir_core::{Error, ErrorKind, Result};

use super::ark::{ArkReader, ArkWriter};
use super::coco::{CocoReader, CocoWriter};
use super::cvat::{CvatReader, CvatWriter};
use super::folders::{FoldersReader, FoldersWriter};
use super::images_find::ImagesReader;
use super::label_studio::{LabelStudioReader, LabelStudioWriter};
use super::labelme::{LabelmeReader, LabelmeWriter};
use super::masks::{MasksReader, MasksWriter};
use super::reader::Reader;
use super::voc_export::VocWriter;
use super::voc_find::VocReader;
use super::writer::{Setting, Writer};
use super::yolo::{YoloReader, YoloWriter};

/// An annotation format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Format {
    /// Whatever an import finds the source to be, by [`Format::detect`].
    Auto,
    /// Pascal VOC: `JPEGImages`, `Annotations` and `ImageSets`; read are also images and XML files
    /// side by side or in folders of their own.
    #[default]
    Voc,
    /// COCO documents (`annotations/instances_train.json`): boxes, outlines, masks, keypoints.
    Coco,
    /// YOLO's text files in Ultralytics' layout (`data.yaml`): boxes, outlines, rotated boxes. Read
    /// are Darknet's too.
    Yolo,
    /// YOLO's text files in Darknet's layout (`obj.data`, `obj.names`): boxes.
    Darknet,
    /// Masks as PNG files in Pascal VOC's folders, a colour per class and per object; read are also
    /// `images` and `masks` with `labelmap.txt`.
    Masks,
    /// CVAT's XML 1.1 for images: boxes, rotated boxes, outlines, masks, labels of images.
    Cvat,
    /// LabelMe's JSON files beside the images: boxes, outlines, labels of images.
    Labelme,
    /// Label Studio's JSON: boxes, rotated boxes, outlines, labels of images.
    #[serde(rename = "label-studio")]
    LabelStudio,
    /// The executor contract's text files: boxes, also rotated.
    Ark,
    /// Folders of images by class, also below folders of splits: labels of images.
    Folders,
    /// A folder of images without annotations.
    Images,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 12] = [
        Self::Auto,
        Self::Voc,
        Self::Coco,
        Self::Yolo,
        Self::Darknet,
        Self::Masks,
        Self::Cvat,
        Self::Labelme,
        Self::LabelStudio,
        Self::Ark,
        Self::Folders,
        Self::Images,
    ];

    /// Returns how it is read.
    pub(super) fn reader(self) -> Box<dyn Reader> {
        match self {
            Self::Voc => Box::new(VocReader),
            Self::Coco => Box::new(CocoReader),
            Self::Yolo | Self::Darknet => Box::new(YoloReader::default()),
            Self::Masks => Box::new(MasksReader::default()),
            Self::Cvat => Box::new(CvatReader),
            Self::Labelme => Box::new(LabelmeReader),
            Self::LabelStudio => Box::new(LabelStudioReader),
            Self::Ark => Box::new(ArkReader::default()),
            Self::Folders => Box::new(FoldersReader::default()),
            Self::Images | Self::Auto => Box::new(ImagesReader),
        }
    }

    /// Returns how it is written.
    ///
    /// # Errors
    ///
    /// `Unsupported` for a format that cannot hold annotations.
    pub fn writer(self, setting: &Setting) -> Result<Box<dyn Writer>> {
        Ok(match self {
            Self::Voc => Box::new(VocWriter::new()),
            Self::Coco => Box::new(CocoWriter::default()),
            Self::Yolo => Box::new(YoloWriter::ultralytics(setting)),
            Self::Darknet => Box::new(YoloWriter::darknet()),
            Self::Masks => Box::new(MasksWriter::new(setting)?),
            Self::Cvat => Box::new(CvatWriter::default()),
            Self::Labelme => Box::new(LabelmeWriter),
            Self::LabelStudio => Box::new(LabelStudioWriter::default()),
            Self::Ark => Box::new(ArkWriter::new()),
            Self::Folders => Box::new(FoldersWriter),
            Self::Auto => {
                return Err(Error::invalid("an export needs the format it is to be in"));
            }
            Self::Images => {
                let message = "a folder of images cannot hold annotations; export as voc, which \
                               has the images in JPEGImages";
                return Err(Error::new(ErrorKind::Unsupported, message).with("format", self));
            }
        })
    }

    /// Returns the name, as it is written in options.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Voc => "voc",
            Self::Coco => "coco",
            Self::Yolo => "yolo",
            Self::Darknet => "darknet",
            Self::Masks => "masks",
            Self::Cvat => "cvat",
            Self::Labelme => "labelme",
            Self::LabelStudio => "label-studio",
            Self::Ark => "ark",
            Self::Folders => "folders",
            Self::Images => "images",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == text).ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str).join(", ");
            Error::invalid(format!("expected a format of {names}")).with("format", text)
        })
    }
}
