use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};
use ymir_core::{Error, Result};

use super::files::Files;
use super::report::{SkipReason, Skipped};

/// The files of one dataset: of a Pascal VOC folder, or of a folder with anything in it.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) folders: Folders,
    /// What was found in them.
    pub(super) images: Files,
    pub(super) annotations: Files,
}

/// The folder of a dataset, and those that its images and annotation files are looked for in.
#[derive(Debug, Clone, Default)]
pub(super) struct Folders {
    pub(super) root: PathBuf,
    pub(super) images: PathBuf,
    pub(super) annotations: PathBuf,
}

const IMAGES: &str = "JPEGImages";
const ANNOTATIONS: &str = "Annotations";
/// Folders of the VOC layout that hold pictures which are no images of the dataset.
pub(super) const MASKS: [&str; 2] = ["SegmentationClass", "SegmentationObject"];

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

/// Finds all images in a folder and below, annotated or not.
pub(super) fn scan_images(source: &Path, skipped: &mut Vec<Skipped>) -> Result<Files> {
    Ok(scan_files(source, skipped)?.images)
}

/// All files in a folder and below.
#[derive(Debug)]
pub(super) struct Scanned {
    pub(super) images: Files,
    pub(super) others: Files,
}

/// Finds all files in a folder and below; hidden ones are left out and links followed.
pub(super) fn scan_files(source: &Path, skipped: &mut Vec<Skipped>) -> Result<Scanned> {
    check(source)?;
    let mut scanned = Scanned { images: Files::new(source), others: Files::new(source) };
    walk(
        source,
        source,
        |_| true,
        skipped,
        |path| {
            let is_image = looks_like_image(path);
            let files = if is_image { &mut scanned.images } else { &mut scanned.others };
            files.push(path);
        },
    );
    scanned.images.sort();
    scanned.others.sort();
    Ok(scanned)
}

/// Returns a path as it is reported: relative to the source.
pub(super) fn relative(source: &Path, path: &Path) -> String {
    path.strip_prefix(source).unwrap_or(path).display().to_string()
}

fn check(source: &Path) -> Result<()> {
    let attempt = "the folder to import cannot be read; give an existing folder";
    let data = std::fs::metadata(source).map_err(|error| Error::io(attempt, source, error))?;
    if !data.is_dir() {
        let message = "an import reads a folder or an archive (.zip, .tar, .tar.gz, .tgz), and this \
                       is neither; unpack it and import the folder";
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
    let folders = Folders { root, images: image_folder, annotations: annotation_folder };
    let (mut images, mut annotations) =
        (Files::new(&folders.images), Files::new(&folders.annotations));

    let separate = folders.images != folders.annotations;
    let enter = |entry: &DirEntry| {
        let is_other = MASKS.iter().any(|mask| entry.file_name() == *mask)
            || (separate && entry.path() == folders.annotations);
        !is_other
    };
    walk(source, &folders.images, enter, skipped, |path| {
        if is_xml(path) {
            if !separate {
                annotations.push(path);
            }
        } else if has_images || looks_like_image(path) {
            images.push(path);
        }
    });
    if separate {
        walk(
            source,
            &folders.annotations,
            |_| true,
            skipped,
            |path| {
                if is_xml(path) {
                    annotations.push(path);
                }
            },
        );
    }
    images.sort();
    annotations.sort();
    Found { folders, images, annotations }
}

/// Takes the files in a folder and below, hidden ones left out, links followed.
fn walk(
    source: &Path,
    folder: &Path,
    enter: impl Fn(&DirEntry) -> bool,
    skipped: &mut Vec<Skipped>,
    mut take: impl FnMut(&Path),
) {
    let is_hidden = |entry: &DirEntry| {
        entry.depth() > 0 && entry.file_name().as_encoded_bytes().starts_with(b".")
    };
    let walk = WalkDir::new(folder).follow_links(true).into_iter();
    let walk = walk.filter_entry(|entry| {
        !is_hidden(entry) && (!entry.file_type().is_dir() || entry.depth() == 0 || enter(entry))
    });
    for entry in walk {
        match entry {
            Ok(entry) if entry.file_type().is_file() => take(entry.path()),
            Ok(_) => {}
            Err(error) => skipped.push(Skipped {
                path: relative(source, error.path().unwrap_or(folder)),
                kind: SkipReason::Unreadable,
                reason: format!("it cannot be read: {error}"),
            }),
        }
    }
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
