use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use ymir_core::{Error, Result};

use super::ImportOptions;
use super::assemble::Entry;
use super::draft::Draft;
use super::import_report::SkipReason;
use super::pair::{Orphan, Pair};
use super::scan::Found;
use super::splits;

/// Reads the list that an import is limited to, for each of the datasets found: the entries, or
/// none where a dataset does not have the split.
///
/// # Errors
///
/// `NotFound` with the paths that were tried.
pub(super) fn load(
    list: &Path,
    source: &Path,
    found: &[Found],
) -> Result<Vec<Option<Vec<String>>>> {
    let split = |found: &Found| split_file(&found.root, list).filter(|path| path.is_file());
    let is_name = list.components().count() == 1;
    let of_splits: Vec<_> = found.iter().map(split).collect();
    if is_name && of_splits.iter().any(Option::is_some) {
        return of_splits.iter().map(|path| path.as_deref().map(read).transpose()).collect();
    }
    for path in [list.to_owned(), source.join(list)] {
        if path.is_file() {
            let entries = read(&path)?;
            return Ok(found.iter().map(|_| Some(entries.clone())).collect());
        }
    }
    let message =
        "there is no list of this name; give a split such as `train`, or the path of a text file";
    let mut error = Error::not_found(message).with("list", list.display());
    error = error.with("source", source.display());
    let splits = found.iter().flat_map(|found| splits(&found.root)).collect::<Vec<_>>();
    Err(if splits.is_empty() { error } else { error.with("splits", splits.join(", ")) })
}

fn split_file(root: &Path, list: &Path) -> Option<PathBuf> {
    let name = list.file_name()?.to_str()?;
    let name = if name.ends_with(".txt") { name.to_owned() } else { format!("{name}.txt") };
    Some(root.join("ImageSets").join("Main").join(name))
}

fn splits(root: &Path) -> Vec<String> {
    let mut names: Vec<_> = split_lists(root, "Main").into_iter().map(|(name, _)| name).collect();
    names.truncate(20);
    names
}

/// Returns the lists in a folder of `ImageSets` by their names.
pub(super) fn split_lists(root: &Path, folder: &str) -> Vec<(String, PathBuf)> {
    let Ok(folder) = std::fs::read_dir(root.join("ImageSets").join(folder)) else {
        return Vec::new();
    };
    let lists = folder.flatten().filter_map(|entry| {
        let name = entry.file_name().display().to_string();
        Some((name.strip_suffix(".txt")?.to_owned(), entry.path()))
    });
    let mut lists: Vec<_> = lists.collect();
    lists.sort_unstable();
    lists
}

pub(super) fn read(path: &Path) -> Result<Vec<String>> {
    let bytes = std::fs::read(path)
        .map_err(|error| Error::io("the list of images cannot be read", path, error))?;
    let text = String::from_utf8_lossy(&bytes);
    let lines = text.trim_start_matches('\u{feff}').lines().map(|line| {
        let line = line.replace('\\', "/");
        line.strip_prefix("./").unwrap_or(&line).to_owned()
    });
    Ok(lines.filter(|line| !line.trim().is_empty()).collect())
}

/// Keeps what a list names, and returns the entries that name nothing.
pub(super) fn retain(
    found: &Found,
    entries: &[String],
    pairs: &mut Vec<Pair>,
    orphans: &mut Vec<Orphan>,
) -> Vec<String> {
    let mut wanted = Wanted::new(found, entries);
    let mut keep = vec![false; pairs.len()];
    let mut keep_orphan = vec![false; orphans.len()];
    for reading in [as_written, trimmed, without_mark] {
        wanted.index(reading);
        for (keep, pair) in keep.iter_mut().zip(&*pairs) {
            *keep |= wanted.names(&pair.image);
        }
        for (keep, orphan) in keep_orphan.iter_mut().zip(&*orphans) {
            *keep |= wanted.names(&orphan.annotation);
        }
    }
    let (mut keep, mut keep_orphan) = (keep.into_iter(), keep_orphan.into_iter());
    pairs.retain(|_| keep.next().unwrap_or_default());
    orphans.retain(|_| keep_orphan.next().unwrap_or_default());
    wanted.unmet()
}

/// Returns which of the images a list names.
pub(super) fn named<'a>(
    found: &Found,
    entries: &[String],
    images: impl Iterator<Item = &'a Path> + Clone,
) -> Vec<bool> {
    let mut wanted = Wanted::new(found, entries);
    let mut named = vec![false; images.clone().count()];
    for reading in [as_written, trimmed, without_mark] {
        wanted.index(reading);
        for (named, image) in named.iter_mut().zip(images.clone()) {
            *named |= wanted.names(image);
        }
    }
    named
}

/// Keeps what the list of an import names: the images of a split, or those in a text file.
///
/// # Errors
///
/// `NotFound` if there is neither.
pub(super) fn limit(draft: &mut Draft, options: &ImportOptions) -> Result<()> {
    let Some(list) = &options.list else { return Ok(()) };
    let split = list.to_str().unwrap_or_default();
    let is_in = |entry: &Entry| splits::of(&entry.attributes).any(|name| name == split);
    if draft.entries.iter().any(is_in) {
        draft.entries.retain(is_in);
        return Ok(());
    }
    let root = draft.source.clone();
    let found = Found { image_folder: root.clone(), root, ..Found::default() };
    let lines = load(list, &draft.source, std::slice::from_ref(&found))?;
    let lines = lines.into_iter().flatten().flatten().collect::<Vec<_>>();
    let entries = std::mem::take(&mut draft.entries);
    let pair = |entry: &Entry| Pair { image: entry.image.clone(), annotation: None };
    let mut pairs: Vec<_> = entries.iter().map(pair).collect();
    let unmet = retain(&found, &lines, &mut pairs, &mut Vec::new());
    let kept: HashSet<_> = pairs.into_iter().map(|pair| pair.image).collect();
    draft.entries = entries.into_iter().filter(|entry| kept.contains(&entry.image)).collect();
    for entry in unmet {
        draft.skip_text(entry, SkipReason::NotThere, "the list names it, and it is not there");
    }
    Ok(())
}

/// The entries of a list, read in one way after another: one that named something is done.
struct Wanted<'a> {
    found: &'a Found,
    entries: &'a [String],
    met: Vec<bool>,
    by_name: HashMap<&'a str, Vec<usize>>,
}

impl<'a> Wanted<'a> {
    fn new(found: &'a Found, entries: &'a [String]) -> Self {
        Self { found, entries, met: vec![false; entries.len()], by_name: HashMap::new() }
    }

    fn index(&mut self, reading: fn(&str) -> Option<&str>) {
        self.by_name.clear();
        for (i, entry) in self.entries.iter().enumerate() {
            if let Some(name) = reading(entry).filter(|_| !self.met[i]) {
                self.by_name.entry(name).or_default().push(i);
            }
        }
    }

    /// Returns whether an entry names the file: by its name or its path, with or without its
    /// extension.
    fn names(&mut self, path: &Path) -> bool {
        if self.by_name.is_empty() {
            return false;
        }
        let folders = [&self.found.image_folder, &self.found.annotation_folder, &self.found.root];
        let below = folders.into_iter().filter_map(|folder| path.strip_prefix(folder).ok());
        let name = path.file_name().map(Path::new);
        let mut named = false;
        for form in name.into_iter().chain(below).chain([path]) {
            for form in [form.to_owned(), form.with_extension("")] {
                let form = form.to_string_lossy().replace('\\', "/");
                for entry in self.by_name.get(form.as_str()).into_iter().flatten() {
                    self.met[*entry] = true;
                    named = true;
                }
            }
        }
        named
    }

    fn unmet(self) -> Vec<String> {
        let entries = self.entries.iter().zip(self.met).filter(|(_, met)| !met);
        entries.map(|(entry, _)| entry.trim().to_owned()).collect()
    }
}

fn as_written(line: &str) -> Option<&str> {
    Some(line)
}

fn trimmed(line: &str) -> Option<&str> {
    Some(line.trim())
}

/// Reads a line of a list per class: a name, and whether the class is on it.
fn without_mark(line: &str) -> Option<&str> {
    let (name, mark) = line.trim().rsplit_once(char::is_whitespace)?;
    matches!(mark, "1" | "0" | "-1").then(|| name.trim())
}
