use std::fmt::Debug;
use std::path::Path;

use ymir_core::{ClassTable, Name, ObjectType, Record, Result};

use super::losses::Losses;

/// What an export is of.
#[derive(Debug)]
pub struct Setting {
    /// The class table.
    pub classes: ClassTable,
    /// What the annotations are.
    pub object_type: ObjectType,
    /// The name of the list of all images.
    pub list: Name,
}

/// A record with the name of its image file.
#[derive(Debug)]
pub struct Item {
    /// The record.
    pub record: Record,
    /// The name without extension.
    pub stem: String,
    /// The name with extension.
    pub name: String,
    /// The folder of the image, below that of the export.
    pub folder: String,
}

/// A format, as an export writes it.
pub trait Writer: Debug + Send {
    /// Returns the folder that an image stands in, below that of the export.
    fn image_folder(&mut self, record: &Record, classes: &ClassTable) -> String;

    /// Writes what is to be said about images, which are in their places.
    fn write(
        &mut self,
        folder: &Path,
        items: &[Item],
        setting: &Setting,
        losses: &mut Losses,
    ) -> Result<()>;

    /// Writes what comes after the last image.
    fn finish(&mut self, folder: &Path, setting: &Setting, losses: &mut Losses) -> Result<()>;
}
