//! `config.yaml` over the templates' defaults, with checked types and ranges.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde_norway::{Mapping, Value};

use super::log::Log;
use crate::error::{Error, Result};

/// Default parameters of training, as the image announces them.
pub const TRAINING_TEMPLATE: &str = include_str!("../../img-man/training-template.yaml");
/// Default parameters of mining, as the image announces them.
pub const MINING_TEMPLATE: &str = include_str!("../../img-man/mining-template.yaml");
/// Default parameters of inference, as the image announces them.
pub const INFER_TEMPLATE: &str = include_str!("../../img-man/infer-template.yaml");

/// Keys that the platform sets.
const RESERVED: [&str; 12] = [
    "task_id",
    "class_names",
    "gpu_id",
    "gpu_count",
    "object_type",
    "export_format",
    "pretrained_model_params",
    "model_params_path",
    "run_training",
    "run_mining",
    "run_infer",
    "shm_size",
];

/// The configuration of a run.
#[derive(Debug, Clone)]
pub struct Config {
    values: Mapping,
}

impl Config {
    /// Reads the configuration over the defaults of the given templates. Keys that no template
    /// and not the platform knows are warned about.
    pub fn read(path: &Path, templates: &[&str], log: &Log) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .map_err(|e| Error::config(format!("cannot read {}: {e}", path.display())))?;
        let given = parse(&text)
            .map_err(|e| Error::config(format!("{} is malformed: {e}", path.display())))?;
        let mut known: Vec<Value> = RESERVED.iter().map(|key| Value::from(*key)).collect();
        for template in [TRAINING_TEMPLATE, MINING_TEMPLATE, INFER_TEMPLATE] {
            known.extend(template_values(template)?.keys().cloned());
        }
        let mut values = Mapping::new();
        for template in templates {
            values.extend(template_values(template)?);
        }
        for (key, value) in given {
            if !known.contains(&key) {
                let name = show(&key);
                log.warn(&format!("parameter {name} is not known to this executor; ignored"));
            }
            values.insert(key, value);
        }
        Ok(Self { values })
    }

    /// Returns a value; none if it is absent or null.
    fn get(&self, key: &str) -> Option<&Value> {
        self.values.get(key).filter(|value| !value.is_null())
    }

    /// Returns a number within a range. Numbers may be written as strings.
    pub fn number<T>(&self, key: &str, range: RangeInclusive<T>) -> Result<T>
    where
        T: FromStr + PartialOrd + Display + Copy,
    {
        let wanted = format!("a number from {} to {}", range.start(), range.end());
        let value = self.get(key).ok_or_else(|| wrong(key, "nothing", &wanted))?;
        let text = match value {
            Value::Number(number) => number.to_string(),
            Value::String(text) => text.trim().to_string(),
            other => return Err(wrong(key, &show(other), &wanted)),
        };
        // A whole number may come as 8.0, which Rust's integers do not parse.
        let text = text.strip_suffix(".0").unwrap_or(&text);
        text.parse()
            .ok()
            .filter(|number| range.contains(number))
            .ok_or_else(|| wrong(key, &show(value), &wanted))
    }

    /// Returns a yes or no.
    pub fn flag(&self, key: &str) -> Result<bool> {
        let wanted = "true or false";
        match self.get(key) {
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(Value::String(text)) if text.trim().eq_ignore_ascii_case("true") => Ok(true),
            Some(Value::String(text)) if text.trim().eq_ignore_ascii_case("false") => Ok(false),
            Some(other) => Err(wrong(key, &show(other), wanted)),
            None => Err(wrong(key, "nothing", wanted)),
        }
    }

    /// Returns one of the named choices.
    pub fn choice<T: Copy>(&self, key: &str, choices: &[(&str, T)]) -> Result<T> {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        let given = self.text(key)?;
        choices.iter().find(|(name, _)| *name == given).map(|(_, choice)| *choice).ok_or_else(
            || wrong(key, &format!("{given:?}"), &format!("one of {}", names.join(", "))),
        )
    }

    /// Returns a text or number as text; empty if absent.
    pub fn text(&self, key: &str) -> Result<String> {
        match self.get(key) {
            None => Ok(String::new()),
            Some(Value::String(text)) => Ok(text.trim().to_string()),
            Some(Value::Number(number)) => Ok(number.to_string()),
            Some(other) => Err(wrong(key, &show(other), "a text")),
        }
    }

    /// Returns a list of texts; empty if absent.
    pub fn texts(&self, key: &str) -> Result<Vec<String>> {
        let items = match self.get(key) {
            None => return Ok(Vec::new()),
            Some(Value::Sequence(items)) => items,
            Some(other) => return Err(wrong(key, &show(other), "a list of texts")),
        };
        let text = |item: &Value| match item {
            Value::String(text) => Ok(text.clone()),
            Value::Number(number) => Ok(number.to_string()),
            Value::Bool(flag) => Ok(flag.to_string()),
            other => Err(wrong(key, &show(other), "a list of texts")),
        };
        items.iter().map(text).collect()
    }

    /// Returns a list of paths; empty if absent.
    pub fn paths(&self, key: &str) -> Result<Vec<PathBuf>> {
        Ok(self.texts(key)?.into_iter().map(PathBuf::from).collect())
    }
}

fn parse(text: &str) -> std::result::Result<Mapping, serde_norway::Error> {
    if text.trim().is_empty() {
        return Ok(Mapping::new());
    }
    serde_norway::from_str(text)
}

fn template_values(template: &str) -> Result<Mapping> {
    parse(template).map_err(|e| Error::config(format!("a built-in template is malformed: {e}")))
}

/// Returns the error for a parameter with a wrong value.
pub fn wrong(key: &str, found: &str, wanted: &str) -> Error {
    Error::config(format!("parameter {key} is {found}, but must be {wanted}"))
}

fn show(value: &Value) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "unreadable".into())
}
