use std::path::{Path, PathBuf};

use ymir_core::{Error, Result};

use super::ark::is_ark;
use super::coco::is_coco;
use super::cvat::is_cvat;
use super::format::Format;
use super::label_studio::is_label_studio;
use super::labelme::is_labelme;
use super::masks::has_masks;
use super::scan::{looks_like_image, scan_files};
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
        let files = scan_files(folder, &mut Vec::new())?;
        if is_yolo(&files) {
            let is_yaml =
                |path: &PathBuf| path.extension().is_some_and(|e| e == "yaml" || e == "yml");
            return Ok(if files.iter().any(is_yaml) { Self::Yolo } else { Self::Darknet });
        }
        if is_ark(folder) {
            return Ok(Self::Ark);
        }
        let of = |extension: &'static str| {
            let is = move |path: &&PathBuf| {
                path.extension().is_some_and(|e| e.eq_ignore_ascii_case(extension))
            };
            files.iter().filter(is).take(LOOKED_INTO)
        };
        if of("json").any(|path| is_coco(path)) {
            return Ok(Self::Coco);
        }
        if of("xml").any(|path| is_cvat(path)) {
            return Ok(Self::Cvat);
        }
        if of("xml").next().is_some() {
            return Ok(Self::Voc);
        }
        if of("json").any(|path| is_label_studio(path)) {
            return Ok(Self::LabelStudio);
        }
        if has_masks(folder) {
            return Ok(Self::Masks);
        }
        if of("json").any(|path| is_labelme(path)) {
            return Ok(Self::Labelme);
        }
        let mut images = files.iter().filter(|path| looks_like_image(path)).peekable();
        if images.peek().is_none() {
            let message = "the folder has no images, nor annotations of a format that is known";
            return Err(Error::invalid(message).with("path", folder.display()));
        }
        let in_folder = |path: &PathBuf| path.parent().is_some_and(|parent| parent != folder);
        let is_lone = |path: &PathBuf| {
            let parent = path.parent().and_then(Path::file_name);
            parent.is_some_and(|name| name == "images" || name == "JPEGImages")
        };
        let by_class = images.all(|path| in_folder(path) && !is_lone(path));
        Ok(if by_class { Self::Folders } else { Self::Images })
    }
}
