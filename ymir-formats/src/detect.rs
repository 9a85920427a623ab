use std::path::Path;

use ymir_core::{Error, Result};

use super::ark::is_ark;
use super::coco::is_coco;
use super::cvat::is_cvat;
use super::folders::tells_classes;
use super::format::Format;
use super::label_studio::is_label_studio;
use super::labelme::is_labelme;
use super::masks::has_masks;
use super::report::{SkipReason, Skipped};
use super::scan::{Scanned, scan_files};
use super::unread::{UNREAD, Unread};
use super::yolo::yolo_layout;

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
    /// - `InvalidInput` if there is neither an image nor an annotation file that is known in it, or
    ///   if there are images with files that look like their annotations and are of no format that
    ///   is known.
    pub fn detect(folder: &Path) -> Result<Self> {
        Self::recognise(folder).map(|(format, _)| format)
    }

    /// Returns the format of a folder as [`detect`](Self::detect) does, and the files that it leaves
    /// unread though they may say something about the images.
    ///
    /// # Errors
    ///
    /// As [`detect`](Self::detect).
    pub fn recognise(folder: &Path) -> Result<(Self, Vec<Skipped>)> {
        let scanned = scan_files(folder, &mut Vec::new())?;
        if let Some(format) = annotated(folder, &scanned) {
            return Ok((format, Vec::new()));
        }
        let images = &scanned.images;
        if images.is_empty() {
            let message = "the folder has no images, nor annotations of a format that is known";
            return Err(Error::invalid(message).with("path", folder.display()));
        }
        let Unread { annotations, others } = Unread::find(&scanned);
        if !annotations.is_empty() {
            let message = "the folder has files that look like annotations, and are of no format \
                           that is known; name the format, or import without them by the format \
                           images or folders";
            let first: Vec<_> =
                annotations.iter().take(3).map(|i| i.display().to_string()).collect();
            return Err(Error::invalid(message)
                .with("path", folder.display())
                .with("first", first.join(", ")));
        }
        let unread = |path: &Path| Skipped {
            path: path.display().to_string(),
            kind: SkipReason::NoImage,
            reason: UNREAD.to_owned(),
        };
        let by_class = (0..images.len()).all(|i| tells_classes(images.below(i)));
        let format = if by_class { Self::Folders } else { Self::Images };
        Ok((format, others.into_iter().map(unread).collect()))
    }
}

/// Returns the format of the annotations in a folder, if it is known.
fn annotated(folder: &Path, scanned: &Scanned) -> Option<Format> {
    let others = &scanned.others;
    let of = |extension: &'static str| {
        let is = move |i: &u32| {
            let own = others.below(*i).extension();
            own.is_some_and(|own| own.eq_ignore_ascii_case(extension))
        };
        (0..others.len()).filter(is).map(|i| others.path(i)).take(LOOKED_INTO)
    };
    if is_ark(folder) {
        return Some(Format::Ark);
    }
    if let Some(layout) = yolo_layout(others) {
        return Some(layout);
    }
    if of("json").any(|path| is_coco(&path)) {
        return Some(Format::Coco);
    }
    if of("xml").any(|path| is_cvat(&path)) {
        return Some(Format::Cvat);
    }
    if of("xml").next().is_some() {
        return Some(Format::Voc);
    }
    if of("json").any(|path| is_label_studio(&path)) {
        return Some(Format::LabelStudio);
    }
    if has_masks(folder, &scanned.images) {
        return Some(Format::Masks);
    }
    of("json").any(|path| is_labelme(&path)).then_some(Format::Labelme)
}
