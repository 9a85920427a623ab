use std::path::Path;

use ymir_core::{Error, Result};

use super::ark::is_ark;
use super::coco::is_coco;
use super::cvat::is_cvat;
use super::format::Format;
use super::label_studio::is_label_studio;
use super::labelme::is_labelme;
use super::masks::has_masks;
use super::scan::scan_files;
use super::yolo::is_yolo;

/// How many annotation files are looked into.
const LOOKED_INTO: usize = 100;

impl Format {
    /// Returns the format of a folder, by the names of what is in it and the beginnings of its
    /// annotation files. Where several fit, the one that says the most is taken; images alone are
    /// [`Folders`](Self::Folders) if they all stand in folders, else [`Images`](Self::Images).
    ///
    /// # Errors
    ///
    /// - `NotFound` if there is no such folder.
    /// - `InvalidInput` if there is neither an image nor an annotation file that is known in it.
    pub fn detect(folder: &Path) -> Result<Self> {
        let scanned = scan_files(folder, &mut Vec::new())?;
        let others = &scanned.others;
        let of = |extension: &'static str| {
            let is = move |i: &u32| {
                let own = others.below(*i).extension();
                own.is_some_and(|own| own.eq_ignore_ascii_case(extension))
            };
            (0..others.len()).filter(is).map(|i| others.path(i)).take(LOOKED_INTO)
        };
        if is_yolo(others) {
            let has_yaml = of("yaml").chain(of("yml")).next().is_some();
            return Ok(if has_yaml { Self::Yolo } else { Self::Darknet });
        }
        if is_ark(folder) {
            return Ok(Self::Ark);
        }
        if of("json").any(|path| is_coco(&path)) {
            return Ok(Self::Coco);
        }
        if of("xml").any(|path| is_cvat(&path)) {
            return Ok(Self::Cvat);
        }
        if of("xml").next().is_some() {
            return Ok(Self::Voc);
        }
        if of("json").any(|path| is_label_studio(&path)) {
            return Ok(Self::LabelStudio);
        }
        if has_masks(folder) {
            return Ok(Self::Masks);
        }
        if of("json").any(|path| is_labelme(&path)) {
            return Ok(Self::Labelme);
        }
        let images = &scanned.images;
        if images.is_empty() {
            let message = "the folder has no images, nor annotations of a format that is known";
            return Err(Error::invalid(message).with("path", folder.display()));
        }
        let is_in_class = |i| {
            let parent = images.below(i).parent().and_then(Path::file_name);
            parent.is_some_and(|name| name != "images" && name != "JPEGImages")
        };
        let by_class = (0..images.len()).all(is_in_class);
        Ok(if by_class { Self::Folders } else { Self::Images })
    }
}
