use std::path::{Path, PathBuf};

use serde_norway::Value;
use ymir_core::{Error, Result};

use super::super::files::Files;
use super::super::format::Format;
use super::super::intake::read_text;
use super::super::splits;
use super::describe::{CLASSES, LABELS, description, format_of};

/// Keys of `data.yaml` that are no splits.
const NO_SPLITS: [&str; 6] = ["path", "names", "nc", "task", "download", "kpt_shape"];

/// What the file in a dataset that describes it says.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// The folder of the file.
    pub(super) root: PathBuf,
    /// The folder that the places of splits are below, as the file says.
    pub(super) path: Option<String>,
    pub(super) names: Vec<Option<String>>,
    /// Splits, each with a folder of images or a text file that lists them.
    pub(super) splits: Vec<(String, String)>,
    pub(super) task: Option<String>,
    /// How many keypoints objects have, and how many numbers each of these.
    pub(super) keypoints: Option<(usize, usize)>,
}

impl Layout {
    /// Reads the description among the files of a source.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if there is none, or it is malformed.
    pub(super) fn find(source: &Path, files: &Files) -> Result<Self> {
        let Some(path) = description(files) else {
            let message = "no file says which classes the numbers in the labels mean; a YOLO \
                           dataset has data.yaml, or obj.data and obj.names, or classes.txt beside images \
                           and labels";
            return Err(Error::invalid(message).with("source", source.display()));
        };
        let wrong = |reason: String| {
            Error::invalid("the description of the dataset cannot be understood")
                .with("file", path.display())
                .with("reason", reason)
        };
        let text = read_text(&path).map_err(|(_, reason)| wrong(reason))?;
        let is_list = path.file_name().is_some_and(|name| name == CLASSES);
        let mut layout = match format_of(&path) {
            Format::Darknet => darknet(&path, &text, files),
            _ if is_list => Ok(listed(&text, files)),
            _ => yaml(&text),
        }
        .map_err(wrong)?;
        layout.root = match is_list {
            true => source.to_owned(),
            false => path.parent().unwrap_or(source).to_owned(),
        };
        Ok(layout)
    }

    /// Returns the name of a class by its number.
    pub(super) fn name(&self, number: f64) -> Option<&str> {
        let whole = number >= 0.0 && number.fract() == 0.0 && number < 1e6;
        self.names.get(number as usize).filter(|_| whole)?.as_deref()
    }
}

fn yaml(text: &str) -> Result<Layout, String> {
    let value: Value = serde_norway::from_str(text).map_err(|error| error.to_string())?;
    let Value::Mapping(map) = value else { return Err("expected `key: value` lines".to_owned()) };
    let mut layout = Layout {
        names: names(map.get("names").ok_or("it has no `names`")?)?,
        path: map.get("path").and_then(Value::as_str).map(str::to_owned),
        task: map.get("task").and_then(Value::as_str).map(str::to_owned),
        ..Layout::default()
    };
    if let Some(Value::Sequence(shape)) = map.get("kpt_shape") {
        let number = |i: usize| shape.get(i).and_then(Value::as_u64).filter(|n| *n <= 1000);
        let (count, each) = number(0).zip(number(1)).ok_or("`kpt_shape` is not two numbers")?;
        if !matches!(each, 2 | 3) {
            return Err("`kpt_shape` must say 2 or 3 numbers a point".to_owned());
        }
        layout.keypoints = Some((count as usize, each as usize));
    }
    for (key, value) in &map {
        let Some(key) = key.as_str().filter(|key| !NO_SPLITS.contains(key)) else { continue };
        let places = match value {
            Value::String(place) => vec![place.as_str()],
            Value::Sequence(places) => places.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        layout.splits.extend(places.into_iter().map(|place| (key.to_owned(), place.to_owned())));
    }
    Ok(layout)
}

fn names(value: &Value) -> Result<Vec<Option<String>>, String> {
    let text = |value: &Value| match value {
        Value::String(text) => Ok(Some(text.clone())),
        Value::Number(number) => Ok(Some(number.to_string())),
        Value::Bool(truth) => Ok(Some(truth.to_string())),
        _ => Err("a name in `names` is no text".to_owned()),
    };
    match value {
        Value::Sequence(names) => names.iter().map(text).collect(),
        Value::Mapping(map) => {
            let mut names = Vec::new();
            for (number, name) in map {
                let number = number.as_u64().or_else(|| number.as_str()?.trim().parse().ok());
                let number = number.filter(|number| *number < 100_000);
                let number = number.ok_or("a key of `names` is no number of a class")? as usize;
                if names.len() <= number {
                    names.resize(number + 1, None);
                }
                names[number] = text(name)?;
            }
            Ok(names)
        }
        _ => Err("`names` is neither a list nor a mapping".to_owned()),
    }
}

/// Reads `obj.data` with the names it points to, or `obj.names` alone.
fn darknet(path: &Path, text: &str, files: &Files) -> Result<Layout, String> {
    let mut layout = Layout::default();
    let mut names = path.with_file_name("obj.names");
    if path.file_name().is_some_and(|name| name == "obj.data") {
        for (key, value) in text.lines().filter_map(|line| line.split_once('=')) {
            let value = value.trim();
            match key.trim() {
                "names" => {
                    let name = value.rsplit(['/', '\\']).next().unwrap_or(value);
                    names = path.with_file_name(name);
                }
                "classes" | "backup" | "eval" => {}
                key => layout.splits.push((key.to_owned(), value.to_owned())),
            }
        }
    }
    if !files.paths().any(|path| path == names) {
        return Err(format!("the file of names {} is not there", names.display()));
    }
    let lines = read_text(&names).map_err(|(_, reason)| reason)?;
    layout.names = lines_of(&lines);
    Ok(layout)
}

/// Reads a list of names, to which folders of labels add the splits.
fn listed(text: &str, files: &Files) -> Layout {
    let mut layout = Layout { names: lines_of(text), ..Layout::default() };
    for split in (0..files.len()).filter_map(|i| split_of(files.below(i))) {
        if layout.splits.iter().all(|(known, _)| known != split) {
            layout.splits.push((split.to_owned(), format!("images/{split}")));
        }
    }
    layout
}

/// Returns the split of a label file in a folder of one.
fn split_of(label: &Path) -> Option<&str> {
    let split = label.strip_prefix(LABELS).ok()?.parent()?.components().next()?;
    split.as_os_str().to_str().filter(|split| splits::is_common(split))
}

fn lines_of(text: &str) -> Vec<Option<String>> {
    text.lines().map(|line| Some(line.trim().to_owned())).collect()
}
