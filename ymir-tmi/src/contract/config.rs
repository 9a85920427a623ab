use serde_json::{Value, json};
use ymir_core::{Error, ErrorKind, Parameters, Result, TmiKind};

use super::task::ContractTask;

/// The keys of `config.yaml` that the platform writes itself.
const RESERVED: [&str; 8] = [
    "task_id",
    "class_names",
    "gpu_id",
    "object_type",
    "pretrained_model_params",
    "model_params_path",
    "run_mining",
    "run_infer",
];

/// How annotations are written for an executor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExportFormat {
    /// No annotations.
    None,
    /// A Pascal VOC file per asset; corners are whole and inclusive.
    Voc,
    /// A text file per asset, `class_index, xmin, ymin, xmax, ymax, quality, rotate_angle` per
    /// box; corners are whole and inclusive.
    Ark,
    /// One COCO document for all.
    Coco,
    /// The samples as YMIR has them, a line of JSON for each: our addition, for functions of the
    /// host program.
    Ymir,
}

impl ExportFormat {
    /// Returns the format that the value of `export_format` names: `<annotations>:<assets>`, such
    /// as `voc:raw`; `det-voc:raw` means the same.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for anything but `voc`, `ark`, `coco`, `ymir` or `none` with `raw` assets.
    pub fn parse(text: &str) -> Result<Self> {
        let (annotations, assets) = text.trim().split_once(':').unwrap_or((text.trim(), "raw"));
        let annotations = annotations.strip_prefix("det-").unwrap_or(annotations);
        match (annotations, assets) {
            ("none", "raw") => Ok(Self::None),
            ("voc", "raw") => Ok(Self::Voc),
            ("ark", "raw") => Ok(Self::Ark),
            ("coco", "raw") => Ok(Self::Coco),
            ("ymir", "raw") => Ok(Self::Ymir),
            _ => Err(Error::invalid(
                "expected an export format of voc:raw, ark:raw, coco:raw, ymir:raw or none:raw; set the \
                 parameter to the one that the executor reads",
            )
            .with("parameter", "export_format")
            .with("found", text)),
        }
    }
}

/// The configuration of a task, merged.
#[derive(Debug)]
pub(super) struct Config {
    pub(super) values: Parameters,
    pub(super) format: ExportFormat,
    pub(super) shared_memory: Option<u64>,
}

/// Merges the templates, the user's parameters and the reserved keys, each over the one before.
/// `models` are the model files as the executor sees them.
pub(super) fn merge(task: &ContractTask, models: &[String]) -> Result<Config> {
    check_kinds(&task.kinds)?;
    let mut values = Parameters::new();
    // With mining and inference in one run, mining's defaults win where both have one.
    for kind in [TmiKind::Inference, TmiKind::Mining, TmiKind::Training] {
        if task.kinds.contains(&kind) {
            values.extend(task.executor.template(kind)?.clone());
        }
    }
    for key in RESERVED {
        values.remove(key);
    }
    for (key, value) in &task.parameters {
        if RESERVED.contains(&key.as_str()) {
            let message = "this parameter is set by YMIR; leave it out";
            return Err(Error::invalid(message).with("parameter", key));
        }
        values.insert(key.clone(), value.clone());
    }
    let format = export_format(task, &mut values)?;
    let shared_memory = values.get("shm_size").map(shared_memory).transpose()?.flatten();
    reserve(task, models, &mut values);
    Ok(Config { values, format, shared_memory })
}

fn check_kinds(kinds: &[TmiKind]) -> Result<()> {
    let training = kinds.contains(&TmiKind::Training);
    if kinds.is_empty() || (training && kinds.iter().any(|kind| *kind != TmiKind::Training)) {
        let message = "a run either trains, or mines, or infers, or mines and infers";
        return Err(Error::invalid(message).with("kinds", format!("{kinds:?}")));
    }
    Ok(())
}

fn export_format(task: &ContractTask, values: &mut Parameters) -> Result<ExportFormat> {
    let named = match values.get("export_format") {
        None | Some(Value::Null) => "",
        Some(Value::String(text)) => text.trim(),
        Some(other) => {
            let message = "expected an export format such as voc:raw";
            let error = Error::invalid(message).with("parameter", "export_format");
            return Err(error.with("found", other));
        }
    };
    if !named.is_empty() {
        return ExportFormat::parse(named);
    }
    if task.kinds.contains(&TmiKind::Training) {
        values.insert("export_format".to_owned(), json!("voc:raw"));
        return Ok(ExportFormat::Voc);
    }
    Ok(ExportFormat::None)
}

fn reserve(task: &ContractTask, models: &[String], values: &mut Parameters) {
    let mut set = |key: &str, value| values.insert(key.to_owned(), value);
    let names: Vec<&str> = task.classes.iter().map(|class| class.name.as_str()).collect();
    let gpus: Vec<String> = (0..task.gpus).map(|gpu| gpu.to_string()).collect();
    set("task_id", json!(task.task));
    set("class_names", json!(names));
    set("gpu_id", json!(gpus.join(",")));
    set("object_type", json!(task.object_type.number()));
    if task.kinds.contains(&TmiKind::Training) {
        if !models.is_empty() {
            set("pretrained_model_params", json!(models));
        }
    } else {
        set("model_params_path", json!(models));
        set("run_mining", json!(task.kinds.contains(&TmiKind::Mining)));
        set("run_infer", json!(task.kinds.contains(&TmiKind::Inference)));
    }
}

/// Returns the bytes that `shm_size` names; nothing where it is empty. Units as Docker's: `b`,
/// `k`, `m`, `g`, `t`, of 1024, with or without a `b` after it.
fn shared_memory(value: &Value) -> Result<Option<u64>> {
    let text = match value {
        Value::Null => return Ok(None),
        Value::String(text) => text.trim().to_ascii_lowercase(),
        other => other.to_string(),
    };
    if text.is_empty() {
        return Ok(None);
    }
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match text[number.len()..].trim_end_matches('b') {
        "" => Some(0),
        "k" | "ki" => Some(10),
        "m" | "mi" => Some(20),
        "g" | "gi" => Some(30),
        "t" | "ti" => Some(40),
        _ => None,
    };
    let bytes = shift.and_then(|shift| number.trim().parse::<u64>().ok()?.checked_mul(1 << shift));
    // Docker counts it as a signed 64-bit number.
    bytes.filter(|bytes| (1..=i64::MAX as u64).contains(bytes)).map(Some).ok_or_else(|| {
        Error::new(ErrorKind::InvalidInput, "expected a size of memory such as 128G")
            .with("parameter", "shm_size")
            .with("found", value)
    })
}
