use std::path::{Path, PathBuf};

use serde_norway::Value;
use ymir_core::{Error, Result};

use super::super::files::Files;
use super::super::intake::read_text;

/// Keys of `data.yaml` that are no splits.
const NO_SPLITS: [&str; 6] = ["path", "names", "nc", "task", "download", "kpt_shape"];

/// What the file in a dataset that describes it says.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// The folder of the file.
    pub(super) root: PathBuf,
    pub(super) names: Vec<Option<String>>,
    /// Splits, each with a folder of images or a text file that lists them.
    pub(super) splits: Vec<(String, String)>,
    pub(super) task: Option<String>,
    /// How many keypoints objects have, and how many numbers each of these.
    pub(super) keypoints: Option<(usize, usize)>,
}

/// Returns whether files, which are no images, have one that describes a dataset in one of the
/// layouts.
pub(in super::super) fn is_yolo(files: &Files) -> bool {
    description(files).is_some()
}

/// Returns the file that describes the dataset: the outermost.
fn description(files: &Files) -> Option<PathBuf> {
    let named = |names: &[&str]| {
        let is_named = |i: &u32| {
            files.below(*i).file_name().is_some_and(|name| names.iter().any(|known| name == *known))
        };
        let named = (0..files.len()).filter(is_named);
        let outermost = named.min_by_key(|i| files.below(*i).components().count());
        outermost.map(|i| files.path(i))
    };
    named(&["data.yaml", "data.yml", "dataset.yaml"])
        .or_else(|| named(&["obj.data"]))
        .or_else(|| named(&["obj.names"]))
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
                           dataset has data.yaml, or obj.data and obj.names";
            return Err(Error::invalid(message).with("source", source.display()));
        };
        let wrong = |reason: String| {
            Error::invalid("the description of the dataset cannot be understood")
                .with("file", path.display())
                .with("reason", reason)
        };
        let text = read_text(&path).map_err(|(_, reason)| wrong(reason))?;
        let mut layout = match path.extension().is_some_and(|e| e == "yaml" || e == "yml") {
            true => yaml(&text),
            false => darknet(&path, &text, files),
        }
        .map_err(wrong)?;
        layout.root = path.parent().unwrap_or(source).to_owned();
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
                let number = number.as_u64().filter(|number| *number < 100_000);
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
    layout.names = lines.lines().map(|line| Some(line.trim().to_owned())).collect();
    Ok(layout)
}
