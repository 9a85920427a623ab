use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_norway::{Mapping, Value};
use ymir_core::{Limits, Parameters, Result};

use super::OutDir;
use super::out::{check_relative, failed, missing, show};
use super::yaml_read;

const FILE: &str = "models/result.yaml";
const MAX_RESULT: u64 = 16 << 20;
const MAX_FILES: usize = 100_000;

/// The stage that a result of contract version 0.0.0 is read as.
const DEFAULT_STAGE: &str = "default_best_stage";

/// The spelling of metrics that executors write in either case.
const METRICS: [&str; 9] = ["mAP", "mAR", "mIoU", "mAcc", "maskAP", "boxAP", "tp", "fp", "fn"];

/// A file that an executor wrote: regular, and below `/out/models`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultFile {
    /// Its path as the executor names it, below its stage or among the attachments.
    pub path: String,
    /// Where it lies on this host.
    pub host: PathBuf,
    /// Its size in bytes.
    pub size: u64,
}

/// A stage that an executor wrote.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ResultStage {
    /// The name.
    pub name: String,
    /// The files, in the executor's order.
    pub files: Vec<ResultFile>,
    /// When it was written, in Unix seconds; 0 where the executor does not say.
    pub timestamp: i64,
    /// Its metrics: numbers only, known names in their usual case (`mAP`, `tp`). What is no finite
    /// number is left out.
    pub metrics: BTreeMap<String, f64>,
}

/// What a training executor wrote.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TrainingResult {
    /// The stages, in the order in which the executor names them.
    pub stages: Vec<ResultStage>,
    /// The name of the best of them.
    pub best_stage: String,
    /// Further files, their paths below `attachments`.
    pub attachments: Vec<ResultFile>,
    /// The thresholds that the metrics were measured with.
    pub evaluate_config: Parameters,
}

/// How much is taken over of what an executor wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResultLimits {
    /// The most bytes that the files of a model may have together.
    pub model_bytes: u64,
}

impl Default for ResultLimits {
    /// As [`Limits`] has it: 64 GiB.
    fn default() -> Self {
        Self { model_bytes: Limits::default().model_bytes }
    }
}

/// Returns the model that a training executor wrote, in any version of the contract.
///
/// # Errors
///
/// `ExecutorFailed` if `result.yaml` is missing, malformed, nested too deep or too large, the best
/// stage or a file of any stage does not exist, a path leads out of the model's folder or over a
/// link, a file larger than 1 MiB is there to less than half (the rest are holes), or the files
/// together exceed the limit; the file and field are named.
pub fn read_training(dir: &Path, limits: &ResultLimits) -> Result<TrainingResult> {
    Reader { out: OutDir::open(dir)?, limit: limits.model_bytes, left: limits.model_bytes }
        .read(false)
}

/// Returns what is usable of the stages that a training wrote before it failed or was stopped:
/// those whose files all exist. The best stage is the one that the executor names, else the last.
/// Nothing if there is none.
pub fn read_partial_training(dir: &Path, limits: &ResultLimits) -> Option<TrainingResult> {
    let out = OutDir::open(dir).ok()?;
    let reader = Reader { out, limit: limits.model_bytes, left: limits.model_bytes };
    reader.read(true).ok().filter(|result| !result.stages.is_empty())
}

struct Reader {
    out: OutDir,
    /// How many bytes the files may have together, and those that are still to come.
    limit: u64,
    left: u64,
}

impl Reader {
    fn read(mut self, partial: bool) -> Result<TrainingResult> {
        let bytes = self.out.read(FILE, MAX_RESULT)?.ok_or_else(|| missing(FILE))?;
        let document =
            yaml_read::parse(&bytes).map_err(|problem| failed(FILE, "", problem.reason()))?;
        let Value::Mapping(document) = document else {
            return Err(failed(FILE, "", "expected a mapping with `model_stages`"));
        };
        let stages = match document.get("model_stages") {
            None if document.contains_key("model") => {
                vec![(DEFAULT_STAGE.to_owned(), &document, "model")]
            }
            Some(Value::Mapping(stages)) => named_stages(stages)?,
            _ => return Err(failed(FILE, "model_stages", "expected a mapping of stages")),
        };
        let mut result = TrainingResult::default();
        for (name, stage, key) in stages {
            match self.stage(name, stage, key) {
                Ok(stage) => result.stages.push(stage),
                Err(_) if partial => {}
                Err(error) => return Err(error),
            }
        }
        result.best_stage = self.best_stage(&document, &result.stages, partial)?;
        match self.attachments(document.get("attachments")) {
            Ok(attachments) => result.attachments = attachments,
            Err(_) if partial => {}
            Err(error) => return Err(error),
        }
        result.evaluate_config = evaluate_config(document.get("evaluate_config"));
        Ok(result)
    }

    fn stage(&mut self, name: String, stage: &Mapping, key: &str) -> Result<ResultStage> {
        let legacy = key == "model";
        let field = if legacy { key.to_owned() } else { format!("model_stages.{name}.{key}") };
        check_relative(&name)
            .ok()
            .filter(|()| !name.contains('/'))
            .ok_or_else(|| failed(FILE, &field, "the stage's name cannot be that of a folder"))?;
        let mut files = Vec::new();
        for file in texts(stage.get(key), &field)? {
            let in_stage = format!("models/{name}/{file}");
            files.push(self.file(file, &[&in_stage, &format!("models/{file}")], &field)?);
        }
        if files.is_empty() {
            return Err(failed(FILE, &field, "expected a list of at least one file"));
        }
        let timestamp = stage.get("timestamp").and_then(number).unwrap_or(0.0) as i64;
        Ok(ResultStage { name, files, timestamp, metrics: metrics(stage) })
    }

    /// Returns the first of these paths below `/out` that exists.
    fn file(&mut self, path: &str, candidates: &[&str], field: &str) -> Result<ResultFile> {
        check_relative(path)
            .map_err(|reason| failed(FILE, field, format!("{}: {reason}", show(path))))?;
        for candidate in candidates {
            let found = self.out.whole_file(candidate);
            let found = found.map_err(|error| error.with("field", field))?;
            let Some((_, size)) = found else { continue };
            let limit = self.limit;
            self.left = self.left.checked_sub(size).ok_or_else(|| {
                let reason = format!(
                    "with {}, which has {size} bytes, the model's files exceed {limit} bytes; \
                     write fewer or smaller stages, or raise the limit of a model",
                    show(path)
                );
                failed(candidate, field, reason)
            })?;
            let host = self.out.host_path(candidate);
            return Ok(ResultFile { path: path.to_owned(), host, size });
        }
        Err(failed(FILE, field, format!("there is no file {}", show(path))))
    }

    fn best_stage(
        &self,
        document: &Mapping,
        stages: &[ResultStage],
        partial: bool,
    ) -> Result<String> {
        const FIELD: &str = "best_stage_name";
        let exists = |name: &String| stages.iter().any(|stage| stage.name == *name);
        let named = match document.get(FIELD) {
            None if !document.contains_key("model_stages") => Some(DEFAULT_STAGE.to_owned()),
            name => name.and_then(text),
        };
        match named.filter(exists) {
            Some(name) => Ok(name),
            None if partial => {
                Ok(stages.last().map(|stage| stage.name.clone()).unwrap_or_default())
            }
            None => Err(failed(FILE, FIELD, "expected the name of a stage in `model_stages`")),
        }
    }

    fn attachments(&mut self, value: Option<&Value>) -> Result<Vec<ResultFile>> {
        let sections = match value {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(Value::Mapping(sections)) => sections,
            Some(_) => {
                return Err(failed(FILE, "attachments", "expected sections with lists of files"));
            }
        };
        let mut files: Vec<ResultFile> = Vec::new();
        for (section, value) in sections {
            let section = text(section)
                .filter(|section| check_relative(section).is_ok())
                .ok_or_else(|| failed(FILE, "attachments", "expected sections with names"))?;
            let field = format!("attachments.{section}");
            for path in texts(Some(value), &field)? {
                let direct = format!("models/attachments/{path}");
                let nested = format!("models/attachments/{section}/{path}");
                let file = self.file(path, &[&direct, &nested], &field)?;
                // Sections may share a file; files of one name in two folders keep both names.
                let path = match file.host.ends_with(&nested) {
                    true => format!("{section}/{path}"),
                    false => path.to_owned(),
                };
                if !files.iter().any(|known| known.path == path) {
                    files.push(ResultFile { path, ..file });
                }
            }
        }
        Ok(files)
    }
}

fn named_stages<'a>(stages: &'a Mapping) -> Result<Vec<(String, &'a Mapping, &'static str)>> {
    if stages.len() > MAX_FILES {
        return Err(failed(FILE, "model_stages", format!("there are more than {MAX_FILES}")));
    }
    let stage = |(name, stage): (&Value, &'a Value)| match (text(name), stage) {
        (Some(name), Value::Mapping(stage)) => Ok((name, stage, "files")),
        _ => Err(failed(FILE, "model_stages", "expected a name and a mapping for each stage")),
    };
    stages.into_iter().map(stage).collect()
}

/// Returns text, or a number that stands for a name.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().filter(|value| value.is_finite())
}

fn texts<'a>(value: Option<&'a Value>, field: &str) -> Result<Vec<&'a str>> {
    let expected = || failed(FILE, field, "expected a list of file names");
    let Some(Value::Sequence(values)) = value else { return Err(expected()) };
    if values.len() > MAX_FILES {
        return Err(failed(FILE, field, format!("there are more than {MAX_FILES} files")));
    }
    values.iter().map(|value| value.as_str().ok_or_else(expected)).collect()
}

fn metrics(stage: &Mapping) -> BTreeMap<String, f64> {
    let mut metrics = BTreeMap::new();
    for (key, value) in stage {
        let (Some(key), Some(value)) = (key.as_str(), number(value)) else { continue };
        let usual = METRICS.iter().find(|metric| metric.eq_ignore_ascii_case(key));
        let key = usual.map_or(key, |metric| *metric);
        if !matches!(key, "timestamp" | "stage_name") {
            metrics.insert(key.to_owned(), value);
        }
    }
    metrics
}

/// Keeps what is a plain value; the thresholds inform people, nothing depends on them.
fn evaluate_config(value: Option<&Value>) -> Parameters {
    let Some(Value::Mapping(mapping)) = value else { return Parameters::new() };
    let pair =
        |(key, value): (&Value, &Value)| Some((text(key)?, serde_json::to_value(value).ok()?));
    mapping.iter().filter_map(pair).collect()
}
