use std::borrow::Cow;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use ymir_core::{Error, Result};

use super::draft::Draft;
use super::file_index::FileIndex;
use super::files::{self, Files};
use super::read_options::ReadOptions;
use super::scan::Folders;

/// Finds the list that an import is limited to, for each of the datasets found: none where a
/// dataset does not have the split.
///
/// # Errors
///
/// `NotFound` with the paths that were tried.
pub(super) fn find<'a>(
    list: &Path,
    source: &Path,
    found: impl Iterator<Item = &'a Folders> + Clone,
) -> Result<Vec<Option<PathBuf>>> {
    let split = |folders: &Folders| split_file(&folders.root, list).filter(|path| path.is_file());
    let is_name = list.components().count() == 1;
    let of_splits: Vec<_> = found.clone().map(split).collect();
    if is_name && of_splits.iter().any(Option::is_some) {
        return Ok(of_splits);
    }
    for path in [list.to_owned(), source.join(list)] {
        if path.is_file() {
            return Ok(found.map(|_| Some(path.clone())).collect());
        }
    }
    let message =
        "there is no list of this name; give a split such as `train`, or the path of a text file";
    let mut error = Error::not_found(message).with("list", list.display());
    error = error.with("source", source.display());
    let splits = found.flat_map(|folders| splits(&folders.root)).collect::<Vec<_>>();
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

/// Calls back with each line of a list that is not empty.
fn each_line(path: &Path, mut take: impl FnMut(&str)) -> Result<()> {
    let fail = |error| Error::io("the list of images cannot be read", path, error);
    let mut file = BufReader::new(File::open(path).map_err(fail)?);
    let (mut bytes, mut is_first) = (Vec::new(), true);
    while file.read_until(b'\n', &mut bytes).map_err(fail)? > 0 {
        let text = String::from_utf8_lossy(&bytes);
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        let text = if is_first { text.trim_start_matches('\u{feff}') } else { text };
        let line = text.replace('\\', "/");
        let line = line.strip_prefix("./").unwrap_or(&line);
        if !line.trim().is_empty() {
            take(line);
        }
        is_first = false;
        bytes.clear();
    }
    Ok(())
}

/// Files that a list may name: by their name or path, with or without extension.
pub(super) struct Nameable<'a> {
    folders: &'a Folders,
    files: &'a Files,
    index: FileIndex,
    /// Whether a list named each of the files.
    pub(super) named: Vec<bool>,
}

impl<'a> Nameable<'a> {
    pub(super) fn new(
        folders: &'a Folders,
        files: &'a Files,
        numbers: impl Iterator<Item = u32>,
    ) -> Self {
        let (here, root) = (folders.clone(), files.root().to_owned());
        let index = FileIndex::new(files, numbers, move |below, key| {
            each_form(&here, &root.join(below), |form, plain| {
                key(plain.as_bytes());
                // A backslash in a name is a folder to a list, and may come after a dot.
                let other = without_extension(form);
                if other != plain {
                    key(other.as_bytes());
                }
                false
            });
        });
        Self { folders, files, index, named: vec![false; files.len() as usize] }
    }

    /// Marks the files that a text names.
    fn mark(&mut self, text: &str) -> bool {
        let plain = without_extension(text);
        let whole = Some(text).filter(|text| *text != plain);
        let keys = whole.into_iter().chain([plain]).map(str::as_bytes);
        let mut is_met = false;
        for i in keys.flat_map(|key| self.index.candidates(key)) {
            let path = self.files.path(i);
            if each_form(self.folders, &path, |form, plain| form == text || plain == text) {
                self.named[i as usize] = true;
                is_met = true;
            }
        }
        is_met
    }
}

/// Calls back with each text by which lists may mean a file, and with it without its extension, until
/// it returns true; returns whether it did.
fn each_form(folders: &Folders, path: &Path, mut take: impl FnMut(&str, &str) -> bool) -> bool {
    let Folders { root, images, annotations } = folders;
    let below = [images, annotations, root].into_iter().filter_map(|f| path.strip_prefix(f).ok());
    let name = path.file_name().map(Path::new);
    let mut forms = name.into_iter().chain(below).chain([path]);
    forms.any(|path| take(&form(path), &form(files::without_extension(path))))
}

/// Returns a path as lists have it.
fn form(path: &Path) -> Cow<'_, str> {
    let text = path.to_string_lossy();
    if text.contains('\\') { text.replace('\\', "/").into() } else { text }
}

/// Returns a text without the extension of the name at its end.
fn without_extension(text: &str) -> &str {
    let plain = files::without_extension(Path::new(text));
    plain.to_str().unwrap_or(text)
}

/// Marks the files that a list names, and returns the entries that name nothing. A line is read as
/// it is written; if it then names nothing, without blanks around it; then as one of a list per
/// class, with a mark behind the name.
pub(super) fn mark(list: &Path, files: &mut [&mut Nameable<'_>]) -> Result<Vec<String>> {
    let mut unmet = Vec::new();
    each_line(list, |line| {
        let readings = [Some(line), Some(line.trim()), without_mark(line)];
        let mut mark = |text: &str| {
            let named: Vec<bool> = files.iter_mut().map(|files| files.mark(text)).collect();
            named.contains(&true)
        };
        if !readings.into_iter().flatten().any(&mut mark) {
            unmet.push(line.trim().to_owned());
        }
    })?;
    Ok(unmet)
}

/// Reads a line of a list per class: a name, and whether the class is on it.
fn without_mark(line: &str) -> Option<&str> {
    let (name, mark) = line.trim().rsplit_once(char::is_whitespace)?;
    matches!(mark, "1" | "0" | "-1").then(|| name.trim())
}

/// Keeps what the list of an import names: the images of a split, or those in a text file.
///
/// # Errors
///
/// `NotFound` if there is neither.
pub(super) fn limit(draft: &mut Draft, options: &ReadOptions) -> Result<()> {
    let Some(list) = &options.list else { return Ok(()) };
    let split = list.to_str().unwrap_or_default();
    let Draft { source, leads, names, splits, .. } = &mut *draft;
    if leads.iter().any(|lead| splits.has(lead.splits, split)) {
        leads.retain(|lead| splits.has(lead.splits, split));
        return Ok(());
    }
    let folders = Folders { root: source.clone(), images: source.clone(), ..Folders::default() };
    let lists = find(list, source, std::iter::once(&folders))?;
    let mut images = Nameable::new(&folders, names, leads.iter().map(|lead| lead.image));
    let mut unmet = Vec::new();
    for list in lists.into_iter().flatten() {
        unmet.extend(mark(&list, &mut [&mut images])?);
    }
    leads.retain(|lead| images.named[lead.image as usize]);
    draft.skip_unmet(unmet);
    Ok(())
}
