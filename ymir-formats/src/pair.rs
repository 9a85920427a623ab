use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::file_index::FileIndex;
use super::files::{Files, without_extension};
use super::intake::read_annotation;
use super::report::SkipReason;
use super::scan::Found;

/// An annotation file without an image, with the reason.
#[derive(Debug)]
pub(super) struct Orphan {
    pub(super) annotation: PathBuf,
    pub(super) kind: SkipReason,
    pub(super) reason: String,
}

/// Finds the annotation file of each image, by number.
///
/// They belong together if their names agree but for the extension and they stand at the same
/// place; then, of what is left, if the names agree anywhere; then by what the annotation file
/// says in `<filename>` and `<folder>`.
pub(super) fn pair(found: &Found) -> (Vec<Option<u32>>, Vec<Orphan>) {
    let mut pairing = Pairing::new(found);
    let all = 0..found.annotations.len();
    let left: Vec<_> = all.filter(|annotation| !pairing.by_place(*annotation)).collect();
    if !left.is_empty() {
        pairing.names = Some(by_names(&found.images));
    }
    let orphans = left.into_iter().filter_map(|annotation| pairing.by_name(annotation).err());
    let orphans = orphans.collect();
    (pairing.pairs, orphans)
}

/// Returns an index of files by their place and name without extension.
pub(super) fn by_places(files: &Files) -> FileIndex {
    FileIndex::new(files, 0..files.len(), |path, key| key(bytes(without_extension(path))))
}

/// Returns an index of files by their name without folder, with and without extension.
fn by_names(files: &Files) -> FileIndex {
    FileIndex::new(files, 0..files.len(), |path, key| {
        key(path.file_name().unwrap_or_default().as_bytes());
        key(path.file_stem().unwrap_or_default().as_bytes());
    })
}

pub(super) fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

struct Pairing<'a> {
    found: &'a Found,
    /// The annotation file of each image.
    pairs: Vec<Option<u32>>,
    places: FileIndex,
    /// Made once it is needed.
    names: Option<FileIndex>,
}

impl<'a> Pairing<'a> {
    fn new(found: &'a Found) -> Self {
        let pairs = vec![None; found.images.len() as usize];
        Self { found, pairs, places: by_places(&found.images), names: None }
    }

    /// Returns the images at the place of an annotation file.
    fn here(&self, annotation: u32) -> Vec<u32> {
        let place = bytes(without_extension(self.found.annotations.below(annotation)));
        self.places.find(&self.found.images, place)
    }

    /// Gives an annotation file to the one image at its place, if so.
    fn by_place(&mut self, annotation: u32) -> bool {
        match self.here(annotation)[..] {
            [one] if self.pairs[one as usize].is_none() => {
                self.pairs[one as usize] = Some(annotation);
                true
            }
            _ => false,
        }
    }

    /// Gives an annotation file to the one image that has its name or that it names.
    fn by_name(&mut self, annotation: u32) -> Result<(), Orphan> {
        let path = self.found.annotations.path(annotation);
        let here = self.here(annotation);
        let named = self.named(path.file_stem().unwrap_or_default());
        let taken = here.iter().chain(&named).find(|i| self.pairs[**i as usize].is_some());
        let taken = taken.map(|i| self.found.images.path(*i));
        let (here, named) = (self.free(here), self.free(named));
        let candidates = if here.is_empty() { named } else { here };
        let chosen = match candidates[..] {
            [one] => Ok(one),
            _ => self.by_content(&path, candidates, taken),
        };
        match chosen {
            Ok(chosen) => {
                self.pairs[chosen as usize] = Some(annotation);
                Ok(())
            }
            Err((kind, reason)) => Err(Orphan { annotation: path, kind, reason }),
        }
    }

    fn by_content(
        &self,
        path: &Path,
        mut candidates: Vec<u32>,
        taken: Option<PathBuf>,
    ) -> Result<u32, (SkipReason, String)> {
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
        let image = |i: u32| self.found.images.path(i);
        if let Some(folder) = &document.folder {
            narrow(&mut candidates, |i| {
                image(*i).parent().and_then(Path::file_name) == Some(OsStr::new(folder))
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
                let several: Vec<String> =
                    several.iter().take(3).map(|i| image(*i).display().to_string()).collect();
                let reason = format!("it may belong to several images: {}", several.join(", "));
                Err((SkipReason::Ambiguous, reason))
            }
        }
    }

    /// Returns the images of a name, given with or without their extension.
    fn named(&self, name: &OsStr) -> Vec<u32> {
        let names = self.names.as_ref();
        names.map_or(Vec::new(), |names| names.find(&self.found.images, name.as_bytes()))
    }

    fn free(&self, mut images: Vec<u32>) -> Vec<u32> {
        images.retain(|i| self.pairs[*i as usize].is_none());
        images
    }
}

/// Keeps those that fulfil a condition, if any does.
fn narrow(candidates: &mut Vec<u32>, condition: impl Fn(&u32) -> bool) {
    if candidates.iter().any(&condition) {
        candidates.retain(condition);
    }
}
