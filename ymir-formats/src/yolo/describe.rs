//! The file that describes a dataset.

use std::path::{Path, PathBuf};

use serde_norway::Value;

use super::super::files::Files;
use super::super::format::Format;
use super::super::intake::read_text;

/// A list of classes, and the folder of labels that it stands beside or in.
pub(super) const CLASSES: &str = "classes.txt";
pub(super) const LABELS: &str = "labels";
/// How many files of any name are looked into.
const LOOKED_INTO: usize = 20;

/// Returns the layout of a dataset, [`Format::Yolo`] or [`Format::Darknet`], if one of its files,
/// which are no images, describes it.
pub(in super::super) fn yolo_layout(files: &Files) -> Option<Format> {
    description(files).map(|path| format_of(&path))
}

/// Returns the layout that a description is of.
pub(super) fn format_of(description: &Path) -> Format {
    let is_darknet = |extension: &std::ffi::OsStr| extension == "data" || extension == "names";
    match description.extension().is_some_and(is_darknet) {
        true => Format::Darknet,
        false => Format::Yolo,
    }
}

/// Returns the file that describes the dataset: the outermost of a usual name, else a YAML file at
/// the top that says what one does, else a list of classes beside the labels.
pub(super) fn description(files: &Files) -> Option<PathBuf> {
    let named = |names: &[&str]| {
        let is_named = |i: &u32| {
            files.below(*i).file_name().is_some_and(|name| names.iter().any(|known| name == *known))
        };
        let named = (0..files.len()).filter(is_named);
        let outermost = named.min_by_key(|i| files.below(*i).components().count());
        outermost.map(|i| files.path(i))
    };
    named(&["data.yaml", "data.yml", "dataset.yaml"])
        .or_else(|| of_any_name(files))
        .or_else(|| named(&["obj.data"]))
        .or_else(|| named(&["obj.names"]))
        .or_else(|| list_of_classes(files))
}

/// Returns the first YAML file at the top that names classes and a split.
fn of_any_name(files: &Files) -> Option<PathBuf> {
    let is_yaml = |i: &u32| {
        let below = files.below(*i);
        let is_top = below.parent() == Some(Path::new(""));
        is_top && below.extension().is_some_and(|e| e == "yaml" || e == "yml")
    };
    let yaml = (0..files.len()).filter(is_yaml).take(LOOKED_INTO);
    yaml.map(|i| files.path(i)).find(|path| describes(path))
}

fn describes(path: &Path) -> bool {
    let text = read_text(path).unwrap_or_default();
    let value = serde_norway::from_str(&text).unwrap_or(Value::Null);
    let has = |key| value.get(key).is_some();
    has("names") && (has("train") || has("val"))
}

/// Returns the list of classes at the top or among the labels, if there are labels.
fn list_of_classes(files: &Files) -> Option<PathBuf> {
    let inner = Path::new(LABELS).join(CLASSES);
    let is = |wanted: &Path| (0..files.len()).find(|i| files.below(*i) == wanted);
    let list = is(Path::new(CLASSES)).or_else(|| is(&inner))?;
    let is_label = |i: u32| {
        let below = files.below(i);
        below.starts_with(LABELS) && below != inner && below.extension().is_some_and(|e| e == "txt")
    };
    (0..files.len()).any(is_label).then(|| files.path(list))
}
