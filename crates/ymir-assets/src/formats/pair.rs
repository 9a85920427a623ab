use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::import_report::SkipReason;
use super::intake::read_annotation;
use super::scan::Found;

/// An image and its annotation file.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) image: PathBuf,
    pub(super) annotation: Option<PathBuf>,
}

/// An annotation file without an image, with the reason.
#[derive(Debug)]
pub(super) struct Orphan {
    pub(super) annotation: PathBuf,
    pub(super) kind: SkipReason,
    pub(super) reason: String,
}

/// Finds the annotation file of each image.
///
/// They belong together if their names agree but for the extension and they stand at the same
/// place; then, of what is left, if the names agree anywhere; then by what the annotation file
/// says in `<filename>` and `<folder>`.
pub(super) fn pair(found: &mut Found) -> (Vec<Pair>, Vec<Orphan>) {
    let images = std::mem::take(&mut found.images);
    let annotations = std::mem::take(&mut found.annotations);
    let mut pairing = Pairing::new(found, images);
    let left: Vec<_> = annotations.into_iter().filter_map(|path| pairing.by_place(path)).collect();
    pairing.index_rest(&left);
    let orphans = left.into_iter().filter_map(|path| pairing.by_name(path).err()).collect();
    (pairing.pairs, orphans)
}

struct Pairing<'a> {
    found: &'a Found,
    pairs: Vec<Pair>,
    /// The images by their place and name without extension.
    places: HashMap<PathBuf, Vec<usize>>,
    /// The images by name without folder, with and without extension, once they are needed.
    names: HashMap<OsString, Vec<usize>>,
}

impl<'a> Pairing<'a> {
    fn new(found: &'a Found, images: Vec<PathBuf>) -> Self {
        let mut places: HashMap<PathBuf, Vec<usize>> = HashMap::new();
        for (i, image) in images.iter().enumerate() {
            let place = image.strip_prefix(&found.image_folder).unwrap_or(image);
            places.entry(place.with_extension("")).or_default().push(i);
        }
        let pairs = images.into_iter().map(|image| Pair { image, annotation: None }).collect();
        Self { found, pairs, places, names: HashMap::new() }
    }

    /// Gives an annotation file to the one image at its place, or gives it back.
    fn by_place(&mut self, path: PathBuf) -> Option<PathBuf> {
        let place = path.strip_prefix(&self.found.annotation_folder).unwrap_or(&path);
        match self.places.get(&place.with_extension("")).map(Vec::as_slice) {
            Some([one]) if self.pairs[*one].annotation.is_none() => {
                self.pairs[*one].annotation = Some(path);
                None
            }
            _ => Some(path),
        }
    }

    fn index_rest(&mut self, left: &[PathBuf]) {
        if left.is_empty() {
            return;
        }
        for (i, pair) in self.pairs.iter().enumerate() {
            let name = pair.image.file_name().unwrap_or_default();
            let stem = pair.image.file_stem().unwrap_or_default();
            self.names.entry(stem.to_owned()).or_default().push(i);
            if stem != name {
                self.names.entry(name.to_owned()).or_default().push(i);
            }
        }
    }

    /// Gives an annotation file to the one image that has its name or that it names.
    fn by_name(&mut self, path: PathBuf) -> Result<(), Orphan> {
        let place = path.strip_prefix(&self.found.annotation_folder).unwrap_or(&path);
        let here = self.places.get(&place.with_extension("")).cloned().unwrap_or_default();
        let named = self.named(path.file_stem().unwrap_or_default());
        let taken = here.iter().chain(&named).find(|i| self.pairs[**i].annotation.is_some());
        let taken = taken.map(|i| self.pairs[*i].image.clone());
        let (here, named) = (self.free(here), self.free(named));
        let candidates = if here.is_empty() { named } else { here };
        let chosen = match candidates[..] {
            [one] => Ok(one),
            _ => self.by_content(&path, candidates, taken),
        };
        match chosen {
            Ok(chosen) => {
                self.pairs[chosen].annotation = Some(path);
                Ok(())
            }
            Err((kind, reason)) => Err(Orphan { annotation: path, kind, reason }),
        }
    }

    fn by_content(
        &self,
        path: &Path,
        mut candidates: Vec<usize>,
        taken: Option<PathBuf>,
    ) -> Result<usize, (SkipReason, String)> {
        let document = read_annotation(path)?;
        let named = document.filename.as_deref().map(|name| {
            let name = name.rsplit(['/', '\\']).next().unwrap_or(name);
            self.free(self.named(OsStr::new(name)))
        });
        let named = named.unwrap_or_default();
        match candidates.is_empty() {
            true => candidates = named,
            false => narrow(&mut candidates, |i| named.contains(i)),
        }
        if let Some(folder) = &document.folder {
            narrow(&mut candidates, |i| {
                let parent = self.pairs[*i].image.parent().and_then(Path::file_name);
                parent == Some(OsStr::new(folder))
            });
        }
        match (&candidates[..], taken) {
            ([one], _) => Ok(*one),
            ([], Some(image)) => {
                let image = image.display();
                let reason = format!("{image} has another annotation file already");
                Err((SkipReason::Ambiguous, reason))
            }
            ([], None) => {
                let named = document.filename.unwrap_or_default();
                let reason = format!("there is no image of its name (<filename> is {named:?})");
                Err((SkipReason::NoImage, reason))
            }
            (several, _) => {
                let several: Vec<String> = several
                    .iter()
                    .take(3)
                    .map(|i| self.pairs[*i].image.display().to_string())
                    .collect();
                let reason = format!("it may belong to several images: {}", several.join(", "));
                Err((SkipReason::Ambiguous, reason))
            }
        }
    }

    /// Returns the images of a name, given with or without their extension.
    fn named(&self, name: &OsStr) -> Vec<usize> {
        self.names.get(name).cloned().unwrap_or_default()
    }

    fn free(&self, mut images: Vec<usize>) -> Vec<usize> {
        images.retain(|i| self.pairs[*i].annotation.is_none());
        images
    }
}

/// Keeps those that fulfil a condition, if any does.
fn narrow(candidates: &mut Vec<usize>, condition: impl Fn(&usize) -> bool) {
    if candidates.iter().any(&condition) {
        candidates.retain(condition);
    }
}
