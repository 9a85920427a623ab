use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use ymir_core::{Error, Parameters, Result, TmiKind};

/// What the files of a task directory say, apart from the samples.
#[derive(Debug, Default)]
pub(super) struct Input {
    pub(super) kinds: Vec<TmiKind>,
    pub(super) class_names: Vec<String>,
    pub(super) parameters: Parameters,
    pub(super) model_files: Vec<PathBuf>,
}

impl Input {
    /// Reads `env.yaml` and `config.yaml` in a directory.
    pub(super) fn read(input: &Path) -> Result<Self> {
        let env = mapping(&input.join("env.yaml"))?;
        let config = input.join("config.yaml");
        let mut parameters = if config.exists() { mapping(&config)? } else { Parameters::new() };
        let asked = |key: &str| env.get(key) == Some(&Value::Bool(true));
        let kinds = [
            ("run_training", TmiKind::Training),
            ("run_infer", TmiKind::Inference),
            ("run_mining", TmiKind::Mining),
        ];
        let models = ["pretrained_model_params", "model_params_path"];
        let model_files = models.iter().find_map(|key| parameters.remove(*key)).map(texts);
        Ok(Self {
            kinds: kinds.into_iter().filter(|(key, _)| asked(key)).map(|(_, kind)| kind).collect(),
            class_names: parameters.get("class_names").cloned().map(texts).unwrap_or_default(),
            model_files: model_files.unwrap_or_default().into_iter().map(PathBuf::from).collect(),
            parameters,
        })
    }
}

fn mapping(path: &Path) -> Result<Parameters> {
    let text =
        fs::read(path).map_err(|error| Error::io("cannot read a task's file", path, error))?;
    serde_norway::from_slice(&text).map_err(|error| {
        Error::corrupted("a file of the task is malformed")
            .with("path", path.display())
            .caused_by(error)
    })
}

fn texts(value: Value) -> Vec<String> {
    let Value::Array(items) = value else { return Vec::new() };
    items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}
