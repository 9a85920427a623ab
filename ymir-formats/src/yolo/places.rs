//! Where labels are, and what the places that a description names for its splits mean.

use std::path::{Path, PathBuf};

use super::super::image_index::ImageIndex;
use super::super::intake::{Refusal, read_text};
use super::super::report::SkipReason;
use super::super::splits;
use super::layout::Layout;

/// How deep below the source an absolute path is looked for.
const MAX_DEPTH: usize = 32;

/// Returns where the label file of an image may be: in `labels` as the image is in `images`, or
/// beside it.
pub(super) fn label_places(image: &Path) -> Vec<PathBuf> {
    let beside = image.with_extension("txt");
    let parts: Vec<_> = beside.components().collect();
    let last = parts.iter().rposition(|part| part.as_os_str() == "images");
    let there = last.map(|last| {
        let swapped = parts.iter().enumerate();
        swapped
            .map(|(i, part)| if i == last { "labels".as_ref() } else { part.as_os_str() })
            .collect()
    });
    there.into_iter().chain([beside]).collect()
}

/// Returns the name of a split, and which images are in it: those in a folder, or those that a text
/// file lists.
pub(super) fn mark(
    index: &ImageIndex,
    layout: &Layout,
    key: &str,
    place: &str,
) -> Result<(String, Vec<bool>), Refusal> {
    let images = &index.images;
    let places = places(layout, place);
    let is_list = places.iter().all(|place| place.extension().is_some_and(|e| e == "txt"));
    if !is_list {
        let folder = places.iter().find(|folder| folder.exists());
        // What no split is named by may be no place at all.
        if folder.is_none() && splits::is_common(key) {
            return Err((SkipReason::NotThere, format!("there is no folder for the split {key}")));
        }
        let is_marked = |image: PathBuf| folder.is_some_and(|folder| image.starts_with(folder));
        return Ok((key.to_owned(), images.paths().map(is_marked).collect()));
    }
    let Some(path) = places.iter().find(|path| path.is_file()) else {
        return Err((SkipReason::NotThere, format!("there is no list for the split {key}")));
    };
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut marked = vec![false; images.len() as usize];
    if stem != super::write::NO_SPLIT {
        for line in read_text(path)?.lines().filter(|line| !line.trim().is_empty()) {
            if let Ok(image) = index.find(line.trim(), path, "") {
                marked[image as usize] = true;
            }
        }
    }
    Ok((stem, marked))
}

/// Returns what a place may be, the most likely first: below the folder that the description says,
/// below its own, and, for a place on another machine or a list, by the last parts of its name. All
/// of them are below the description, wherever the place leads.
fn places(layout: &Layout, place: &str) -> Vec<PathBuf> {
    let root = &layout.root;
    let below = plain(place);
    let parts: Vec<_> = below.components().collect();
    let mut places: Vec<_> = layout.path.iter().map(|path| root.join(plain(path))).collect();
    places.push(root.clone());
    places.iter_mut().for_each(|folder| folder.push(&below));
    if is_absolute(place) {
        // Those that are there of a path that another machine had.
        let first = parts.len().saturating_sub(MAX_DEPTH).max(1);
        let ends =
            (first..parts.len()).map(|cut| root.join(parts[cut..].iter().collect::<PathBuf>()));
        places.extend(ends);
    } else if let Some(name) = below.file_name().filter(|_| below.extension().is_some()) {
        places.push(root.join(name));
    }
    places
}

/// Returns whether a place is one on a machine, of Windows or another.
fn is_absolute(place: &str) -> bool {
    place.starts_with(['/', '\\']) || place.get(1..2) == Some(":")
}

/// Returns the parts of a path that lead down.
fn plain(path: &str) -> PathBuf {
    path.split(['/', '\\']).filter(|part| !matches!(*part, "" | "." | "..")).collect()
}
