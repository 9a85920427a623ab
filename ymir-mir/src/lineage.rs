//! What a version keeps of the task of the original that made it.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use ymir_core::{Input, TaskId, TaskKind, TaskRecord, Timestamp, UnknownClasses};

use super::files::Side;
use super::generated as proto;
use super::revisions::Revision;

/// The most characters of a text that are kept.
const MAX_TEXT: usize = 64 << 10;
/// The value of the parameter `format` that tells versions that were imported so.
const FORMAT: &str = "mir";
/// The original's state of an evaluation that took place.
const READY: i32 = 1;

/// What a version is made of a revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Dataset,
    Predictions,
    Model,
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::Dataset => "dataset",
            Self::Predictions => "predictions",
            Self::Model => "model",
        }
    }
}

/// What an import makes of a revision depends on this, and on nothing else.
#[derive(Debug, Clone)]
pub(super) struct Origin<'a> {
    pub(super) commit: &'a str,
    pub(super) unknown_classes: UnknownClasses,
    /// The hash of the ids of images that are left out; empty if there are none.
    pub(super) left_out: &'a str,
}

impl Origin<'_> {
    /// Returns the identity of the work.
    pub(super) fn fingerprint(&self, part: Part) -> String {
        // The classes of a model are names.
        let unknown_classes = (part != Part::Model).then_some(self.unknown_classes);
        let parameters = [
            ("operation", json!("import")),
            ("format", json!(FORMAT)),
            ("mir_commit", json!(self.commit)),
            ("part", json!(part.name())),
            ("unknown_classes", json!(unknown_classes)),
            ("left_out", json!(self.left_out)),
        ];
        let parameters = BTreeMap::from(parameters.map(|(k, v)| (k.to_owned(), v.to_string())));
        TaskRecord { parameters, ..TaskRecord::default() }.fingerprint()
    }
}

/// Returns whether a version was imported from a repository of the original.
pub(super) fn is_imported(task: &TaskRecord) -> bool {
    let format = json!(FORMAT).to_string();
    task.parameters.get("format") == Some(&format)
}

/// Returns whether a version says that there is a prediction set beside it.
pub(super) fn has_predictions(task: &TaskRecord) -> bool {
    task.parameters.get("mir_has_predictions").is_some_and(|value| value == "true")
}

/// Returns the record of a version.
pub(super) fn record(
    revision: &Revision,
    origin: &Origin<'_>,
    part: Part,
    side: Option<&Side>,
    has_predictions: bool,
    inputs: Vec<Input>,
) -> TaskRecord {
    let task = &revision.task;
    let (kind, name) = kind(task.r#type);
    let mut parameters = vec![
        ("operation", json!("import")),
        ("format", json!(FORMAT)),
        ("unknown_classes", json!(origin.unknown_classes)),
        ("mir_branch", json!(revision.branch)),
        ("mir_commit", json!(origin.commit)),
        ("mir_task", json!(text(&task.task_id))),
        ("mir_kind", json!(name)),
        ("mir_message", json!(text(&task.name))),
        ("mir_src_revs", json!(text(&task.src_revs))),
        ("mir_dst_rev", json!(text(&task.dst_rev))),
        ("mir_has_predictions", json!(has_predictions)),
    ];
    if !task.new_types.is_empty() {
        parameters.push(("mir_new_classes", json!(task.new_types)));
        parameters.push(("mir_new_classes_added", json!(task.new_types_added)));
    }
    if task.return_code != 0 {
        parameters.push(("mir_return_code", json!(task.return_code)));
        parameters.push(("mir_return_message", json!(text(&task.return_msg))));
    }
    if !origin.left_out.is_empty() {
        parameters.push(("left_out", json!(origin.left_out)));
    }
    let predictor = side.and_then(|side| side.model.as_ref());
    if let Some(model) = predictor.or(task.model.as_ref()).filter(|m| !m.model_hash.is_empty()) {
        parameters.push(("mir_model", describe_model(model)));
    }
    if let Some(side) = side {
        parameters.push(("mir_evaluated_classes", json!(side.eval_class_ids)));
        if !side.executor_config.is_empty() {
            parameters.push(("mir_model_config", json!(text(&side.executor_config))));
        }
    }
    let evaluation = task.evaluation.as_ref().filter(|e| e.state == READY);
    let evaluation = evaluation.filter(|_| part == Part::Predictions);
    if let Some(config) = evaluation.and_then(|evaluation| evaluation.config.as_ref()) {
        let (confidence, iou) = (config.conf_thr, &config.iou_thrs_interval);
        parameters.push(("mir_evaluation", json!({ "confidence": confidence, "iou": iou })));
    }
    let metrics = match part {
        Part::Model => task.model.as_ref().map(model_metrics).unwrap_or_default(),
        _ => evaluation.map(evaluation_metrics).unwrap_or_default(),
    };
    let when = Timestamp::from_second(i64::from(task.timestamp)).unwrap_or_default();
    let executor = match task.executor.as_str() {
        "" => String::new(),
        // The original knows container images only.
        image => format!("docker:{}", text(image)),
    };
    TaskRecord {
        kind,
        task: TaskId::new(task.task_id.clone()).ok(),
        parameters: parameters.into_iter().map(|(k, v)| (k.to_owned(), v.to_string())).collect(),
        inputs,
        executor,
        config: text(&task.serialized_executor_config),
        metrics,
        started: when,
        finished: when,
        library_version: env!("CARGO_PKG_VERSION").to_owned(),
        fingerprint: origin.fingerprint(part),
        ..TaskRecord::default()
    }
}

/// Returns the kind that comes closest, and the original's name of it.
fn kind(number: i32) -> (TaskKind, String) {
    let (kind, name) = match number {
        1 => (TaskKind::Train, "training"),
        2 => (TaskKind::Mine, "mining"),
        3 => (TaskKind::Label, "label"),
        4 => (TaskKind::Select, "filter"),
        5 => (TaskKind::Import, "import_data"),
        6 => (TaskKind::Import, "export_data"),
        7 => (TaskKind::Import, "copy_data"),
        8 => (TaskKind::Merge, "merge"),
        9 => (TaskKind::Infer, "infer"),
        10 => (TaskKind::Select, "sampling"),
        11 => (TaskKind::Merge, "fusion"),
        12 => (TaskKind::Import, "init"),
        13 => (TaskKind::Import, "import_model"),
        14 => (TaskKind::Import, "copy_model"),
        15 => (TaskKind::Infer, "dataset_infer"),
        16 => (TaskKind::Import, "evaluate"),
        _ => return (TaskKind::Import, format!("unknown ({number})")),
    };
    (kind, name.to_owned())
}

fn describe_model(model: &proto::ModelMeta) -> Value {
    let stages = model.stages.iter().map(|(name, stage)| {
        let metrics = stage.ci_averaged_evaluation.as_ref().map(element).unwrap_or_default();
        let files = &stage.files;
        (text(name), json!({ "files": files, "timestamp": stage.timestamp, "metrics": metrics }))
    });
    json!({
        "hash": text(&model.model_hash),
        "best_stage": text(&model.best_stage_name),
        "class_names": model.class_names,
        "object_type": model.object_type,
        "metrics": model_metrics(model),
        "stages": stages.collect::<serde_json::Map<_, _>>(),
    })
}

fn model_metrics(model: &proto::ModelMeta) -> BTreeMap<String, f64> {
    metrics(&[("mAP", model.m_ap), ("mIoU", model.m_io_u), ("maskAP", model.mask_ap)])
}

fn evaluation_metrics(evaluation: &proto::Evaluation) -> BTreeMap<String, f64> {
    let Some(dataset) = &evaluation.dataset_evaluation else { return BTreeMap::new() };
    let averaged = dataset.iou_averaged_evaluation.as_ref();
    let averaged = averaged.and_then(|iou| iou.ci_averaged_evaluation.as_ref());
    let mut all = averaged.map(element).unwrap_or_default();
    if let Some(segmentation) = &dataset.segmentation_metrics {
        let proto::SegmentationMetrics { a_acc, m_acc, m_io_u } = *segmentation;
        all.extend(metrics(&[("aAcc", a_acc), ("mAcc", m_acc), ("mIoU", m_io_u)]));
    }
    all
}

/// Returns the metrics of a stage or an evaluation, by the names of the executor contract.
pub(super) fn element(element: &proto::EvaluationElement) -> BTreeMap<String, f64> {
    let mut all = metrics(&[
        ("mAP", element.ap),
        ("mAR", element.ar),
        ("mIoU", element.iou),
        ("mAcc", element.acc),
        ("maskAP", element.mask_ap),
        ("boxAP", element.box_ap),
    ]);
    let counts = [("tp", element.tp), ("fp", element.fp), ("fn", element.r#fn)];
    let counts = counts.into_iter().filter(|(_, count)| *count != 0);
    all.extend(counts.map(|(name, count)| (name.to_owned(), f64::from(count))));
    all
}

/// Returns those that were measured: a field that was never set reads as 0.
fn metrics(all: &[(&str, f32)]) -> BTreeMap<String, f64> {
    let measured = all.iter().filter(|(_, value)| value.is_finite() && *value != 0.0);
    measured.map(|(name, value)| ((*name).to_owned(), f64::from(*value))).collect()
}

/// Returns a text, cut where it is longer than anything that the original writes.
fn text(text: &str) -> String {
    match text.char_indices().nth(MAX_TEXT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
