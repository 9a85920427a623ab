use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use ymir_core::Result;

use super::ImportOptions;
use super::draft::Draft;
use super::import_report::SkipReason;
use super::list;
use super::pair::Pair;
use super::scan::{looks_like_image, scan_files};
use super::splits;

/// Finds images and the files of an extension that belong to them: those that stand beside the
/// image with its name, or are the only ones of its name. A folder with the name of a split, at the
/// top or below `images`, is one.
pub(super) fn find_pairs(
    draft: &mut Draft,
    options: &ImportOptions,
    extension: &str,
    is_other: impl Fn(&Path) -> bool,
) -> Result<()> {
    let source = draft.source.clone();
    let files = scan_files(&source, &mut draft.skipped)?;
    let (images, others): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|path| looks_like_image(path));
    let mut documents: HashMap<OsString, Vec<PathBuf>> = HashMap::new();
    for path in others {
        if path.extension().is_some_and(|e| e == extension) && !is_other(&path) {
            let stem = path.file_stem().unwrap_or_default().to_owned();
            documents.entry(stem).or_default().push(path);
        }
    }
    for image in images {
        let named = documents.get_mut(image.file_stem().unwrap_or_default());
        let annotation = named.and_then(|named| {
            let beside = image.with_extension(extension);
            let place = named.iter().position(|path| *path == beside);
            let place = place.or_else(|| (named.len() == 1).then_some(0));
            place.map(|place| named.swap_remove(place))
        });
        let below = image.strip_prefix(&source).unwrap_or(&image);
        let folders = below.parent().into_iter().flatten().map(|f| f.to_string_lossy());
        let split =
            folders.filter(|folder| folder != "images").take(1).find(|f| splits::is_common(f));
        let split = split.map(|split| split.into_owned()).unwrap_or_default();
        let first = draft.entries.len();
        draft.add(Pair { image, annotation }, options.without_annotations);
        let here = draft.entries[first..].iter_mut();
        here.for_each(|entry| splits::add(&mut entry.attributes, &split));
    }
    let mut rest: Vec<_> = documents.into_values().flatten().collect();
    rest.sort_unstable();
    for path in rest {
        draft.skip(&path, SkipReason::NoImage, "there is no image of its name");
    }
    list::limit(draft, options)
}
