use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};
use ymir_core::{Error, Result};

use super::import_report::{SkipReason, Skipped};

/// The files of one dataset: of a Pascal VOC folder, or of a folder with anything in it.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The folder.
    pub(super) root: PathBuf,
    /// The folders that images and annotation files are looked for in.
    pub(super) image_folder: PathBuf,
    pub(super) annotation_folder: PathBuf,
    /// What was found, sorted.
    pub(super) images: Vec<PathBuf>,
    pub(super) annotations: Vec<PathBuf>,
}

const IMAGES: &str = "JPEGImages";
const ANNOTATIONS: &str = "Annotations";
/// Folders of the VOC layout that hold pictures which are no images of the dataset.
const MASKS: [&str; 2] = ["SegmentationClass", "SegmentationObject"];

/// Finds the images and annotation files of a source.
///
/// A folder with `JPEGImages` or `Annotations` is one dataset; a folder whose subfolders are such
/// (`VOCdevkit` with `VOC2007` and `VOC2012`) is one of several; any other is searched whole.
pub(super) fn scan(source: &Path, skipped: &mut Vec<Skipped>) -> Result<Vec<Found>> {
    check(source)?;
    let mut roots = match is_voc(source) {
        true => vec![source.to_owned()],
        false => voc_below(source),
    };
    if roots.is_empty() {
        roots.push(source.to_owned());
    }
    Ok(roots.into_iter().map(|root| scan_root(source, root, skipped)).collect())
}

/// Finds all images in a folder and below, annotated or not, sorted.
pub(super) fn scan_images(source: &Path, skipped: &mut Vec<Skipped>) -> Result<Vec<PathBuf>> {
    let files = scan_files(source, skipped)?.into_iter();
    Ok(files.filter(|path| looks_like_image(path)).collect())
}

/// Finds all files in a folder and below, sorted; hidden ones are left out and links followed.
pub(super) fn scan_files(source: &Path, skipped: &mut Vec<Skipped>) -> Result<Vec<PathBuf>> {
    check(source)?;
    let files = files(source, source, |_| true, skipped);
    let mut files: Vec<_> = files.into_iter().map(DirEntry::into_path).collect();
    files.sort_unstable();
    Ok(files)
}

/// Returns a path as it is reported: relative to the source.
pub(super) fn relative(source: &Path, path: &Path) -> String {
    path.strip_prefix(source).unwrap_or(path).display().to_string()
}

fn check(source: &Path) -> Result<()> {
    let attempt = "the folder to import cannot be read; give an existing folder";
    let data = std::fs::metadata(source).map_err(|error| Error::io(attempt, source, error))?;
    if !data.is_dir() {
        let message = "an import reads a folder, and this is none";
        return Err(Error::invalid(message).with("path", source.display()));
    }
    std::fs::read_dir(source).map_err(|error| Error::io(attempt, source, error))?;
    Ok(())
}

fn is_voc(folder: &Path) -> bool {
    folder.join(IMAGES).is_dir() || folder.join(ANNOTATIONS).is_dir()
}

fn voc_below(source: &Path) -> Vec<PathBuf> {
    let folders = WalkDir::new(source).follow_links(true).min_depth(1).max_depth(2);
    let folders = folders.sort_by_file_name().into_iter().filter_map(|entry| entry.ok());
    let folders = folders.filter(|entry| entry.file_type().is_dir());
    folders.map(DirEntry::into_path).filter(|folder| folder.join(IMAGES).is_dir()).collect()
}

fn scan_root(source: &Path, root: PathBuf, skipped: &mut Vec<Skipped>) -> Found {
    let (images, annotations) = (root.join(IMAGES), root.join(ANNOTATIONS));
    let has_images = images.is_dir();
    let image_folder = if has_images { images } else { root.clone() };
    let has_annotations = annotations.is_dir();
    let annotation_folder = if has_annotations { annotations } else { image_folder.clone() };
    let mut found = Found { root, image_folder, annotation_folder, ..Found::default() };

    let separate = found.image_folder != found.annotation_folder;
    let skip = found.annotation_folder.clone();
    let enter = |entry: &DirEntry| {
        let is_other = MASKS.iter().any(|mask| entry.file_name() == *mask)
            || (separate && entry.path() == skip);
        !is_other
    };
    for entry in files(source, &found.image_folder, enter, skipped) {
        if is_xml(entry.path()) {
            if !separate {
                found.annotations.push(entry.into_path());
            }
        } else if has_images || looks_like_image(entry.path()) {
            found.images.push(entry.into_path());
        }
    }
    if separate {
        let xml = files(source, &found.annotation_folder, |_| true, skipped);
        let xml = xml.into_iter().map(DirEntry::into_path).filter(|path| is_xml(path));
        found.annotations.extend(xml);
    }
    found.images.sort_unstable();
    found.annotations.sort_unstable();
    found
}

/// Returns the files in a folder and below, hidden ones left out, links followed.
fn files(
    source: &Path,
    folder: &Path,
    enter: impl Fn(&DirEntry) -> bool,
    skipped: &mut Vec<Skipped>,
) -> Vec<DirEntry> {
    let is_hidden = |entry: &DirEntry| {
        entry.depth() > 0 && entry.file_name().as_encoded_bytes().starts_with(b".")
    };
    let walk = WalkDir::new(folder).follow_links(true).into_iter();
    let walk = walk.filter_entry(|entry| {
        !is_hidden(entry) && (!entry.file_type().is_dir() || entry.depth() == 0 || enter(entry))
    });
    let mut found = Vec::new();
    for entry in walk {
        match entry {
            Ok(entry) if entry.file_type().is_file() => found.push(entry),
            Ok(_) => {}
            Err(error) => skipped.push(Skipped {
                path: relative(source, error.path().unwrap_or(folder)),
                kind: SkipReason::Unreadable,
                reason: format!("it cannot be read: {error}"),
            }),
        }
    }
    found
}

fn is_xml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("xml"))
}

/// Returns whether a name is that of an image, also of a kind that is not supported: that it was
/// not taken is then said.
pub(super) fn looks_like_image(path: &Path) -> bool {
    const KNOWN: [&str; 14] = [
        "jpg", "jpeg", "jpe", "jfif", "png", "bmp", "dib", "webp", "gif", "tif", "tiff", "heic",
        "avif", "jp2",
    ];
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|e| KNOWN.iter().any(|known| e.eq_ignore_ascii_case(known)))
}
