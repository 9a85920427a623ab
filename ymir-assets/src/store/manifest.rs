//! The manifest of a version, to and from its message.

use std::str::FromStr;

use git2::Oid;
use prost::Message;
use ymir_core::{
    AssetId, Branch, BranchKind, ClassCount, ClassEntry, ClassId, ClassTable, Input, Manifest,
    Model, ModelFile, Name, ObjectType, PredictionInfo, Result, Stage, Summary, TaskId, TaskRecord,
    Timestamp, Version, VersionId,
};

use super::format::{Commit, version_id};
use super::generated::manifest as proto;
use super::handle::too_new;
use super::objects::damaged;

/// The version of the storage format that this code writes; it reads all from 1.
pub(super) const FORMAT_VERSION: u32 = 3;

/// A version as it was read from its commit.
#[derive(Debug)]
pub(super) struct VersionData {
    pub(super) version: Version,
    pub(super) manifest: Manifest,
    /// The tree of the records.
    pub(super) assets: Oid,
    size: usize,
}

impl VersionData {
    /// Returns about how much memory it takes.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + 3 * self.size
    }
}

/// Returns the file of a manifest.
pub(super) fn encode(manifest: &Manifest, version: &Version) -> Vec<u8> {
    proto::Manifest {
        format_version: FORMAT_VERSION,
        kind: version.branch.kind.plural().into(),
        branch: version.branch.name.to_string(),
        number: version.number,
        created: time(version.created),
        content: version.content.as_bytes().to_vec(),
        object_type: manifest.object_type.number(),
        classes: encode_classes(&manifest.classes),
        totals: Some(encode_totals(&manifest.summary)),
        task: Some(encode_task(&manifest.task)),
        prediction: manifest.prediction.as_ref().map(|info| proto::Prediction {
            model: info.model.as_bytes().to_vec(),
            dataset: info.dataset.as_bytes().to_vec(),
        }),
        model: manifest.model.as_ref().map(encode_model),
        project: manifest.project.clone(),
    }
    .encode_to_vec()
}

/// Returns the message of a model, which is also what the content of a version counts of it.
pub(super) fn encode_model(model: &Model) -> proto::Model {
    let stage = |stage: &Stage| proto::Stage {
        name: stage.name.clone(),
        files: stage.files.iter().map(encode_file).collect(),
        timestamp: stage.timestamp,
        metrics: stage.metrics.clone(),
    };
    proto::Model {
        stages: model.stages.iter().map(stage).collect(),
        best_stage: model.best_stage.clone(),
        class_names: model.class_names.clone(),
        attachments: model.attachments.iter().map(encode_file).collect(),
    }
}

fn encode_file(file: &ModelFile) -> proto::File {
    proto::File { path: file.path.clone(), blob: file.blob.as_bytes().to_vec(), size: file.size }
}

pub(super) fn encode_classes(table: &ClassTable) -> Vec<proto::Class> {
    let entries = table.entries().iter();
    let class = |entry: &ClassEntry| proto::Class {
        id: entry.id.0,
        name: entry.name.clone(),
        aliases: entry.aliases.clone(),
        retired: entry.retired,
    };
    entries.map(class).collect()
}

fn encode_totals(summary: &Summary) -> proto::Totals {
    let class = |(id, count): (&ClassId, &ClassCount)| proto::ClassTotals {
        id: id.0,
        assets: count.assets,
        annotations: count.annotations,
    };
    proto::Totals {
        assets: summary.assets,
        negatives: summary.negatives,
        annotations: summary.annotations,
        bytes: summary.bytes,
        classes: summary.classes.iter().map(class).collect(),
    }
}

fn encode_task(task: &TaskRecord) -> proto::Task {
    let input = |input: &Input| proto::Input {
        role: input.role.clone(),
        version: input.version.as_bytes().to_vec(),
    };
    proto::Task {
        kind: task.kind.as_str().into(),
        task: task.task.as_ref().map_or(String::new(), TaskId::to_string),
        parameters: task.parameters.clone(),
        inputs: task.inputs.iter().map(input).collect(),
        executor: task.executor.clone(),
        executor_digest: task.executor_digest.clone(),
        config: task.config.clone(),
        seed: task.seed,
        metrics: task.metrics.clone(),
        started: time(task.started),
        finished: time(task.finished),
        library_version: task.library_version.clone(),
        fingerprint: task.fingerprint.clone(),
    }
}

fn time(time: Timestamp) -> Option<proto::Timestamp> {
    let (seconds, nanoseconds) = (time.as_second(), time.subsec_nanosecond());
    Some(proto::Timestamp { seconds, nanoseconds })
}

/// Returns the version of a commit with this manifest file.
pub(super) fn decode(
    oid: Oid,
    commit: Commit,
    assets: Oid,
    file: Oid,
    data: &[u8],
) -> Result<VersionData> {
    let message = proto::Manifest::decode(data)
        .map_err(|e| damaged(file, "it is not a manifest message").caused_by(e))?;
    if !(1..=FORMAT_VERSION).contains(&message.format_version) {
        return Err(too_new(message.format_version).with("object", file));
    }
    let decode = || -> Result<(Version, Manifest)> {
        let version = Version {
            id: version_id(oid),
            branch: Branch::new(kind(&message.kind)?, Name::from_str(&message.branch)?),
            number: message.number,
            parent: commit.parent.map(version_id),
            created: timestamp(&message.created)?,
            content: VersionId::try_from(message.content.as_slice())?,
            message: commit.subject,
        };
        Ok((version, decode_manifest(message)?))
    };
    let (version, manifest) =
        decode().map_err(|e| damaged(file, "a field of the manifest is not valid").caused_by(e))?;
    Ok(VersionData { version, manifest, assets, size: data.len() })
}

fn decode_manifest(message: proto::Manifest) -> Result<Manifest> {
    let prediction = |info: proto::Prediction| -> Result<PredictionInfo> {
        Ok(PredictionInfo {
            model: VersionId::try_from(info.model.as_slice())?,
            dataset: VersionId::try_from(info.dataset.as_slice())?,
        })
    };
    Ok(Manifest {
        object_type: object_type(message.format_version, message.object_type)?,
        classes: decode_classes(message.classes)?,
        summary: decode_totals(message.totals.unwrap_or_default()),
        task: decode_task(message.task.unwrap_or_default())?,
        prediction: message.prediction.map(prediction).transpose()?,
        model: message.model.map(decode_model).transpose()?,
        project: message.project,
    })
}

/// Up to format 2 classification had the number that the original has for no annotations.
fn object_type(format_version: u32, number: u32) -> Result<ObjectType> {
    match (format_version, number) {
        (..=2, 100) => Ok(ObjectType::Classification),
        _ => ObjectType::from_number(number),
    }
}

fn kind(text: &str) -> Result<BranchKind> {
    let kind = BranchKind::ALL.into_iter().find(|kind| kind.plural() == text);
    kind.ok_or_else(|| ymir_core::Error::invalid("no such kind of branch").with("kind", text))
}

pub(super) fn decode_classes(classes: Vec<proto::Class>) -> Result<ClassTable> {
    let entry = |class: proto::Class| ClassEntry {
        id: ClassId(class.id),
        name: class.name,
        aliases: class.aliases,
        retired: class.retired,
    };
    ClassTable::from_entries(classes.into_iter().map(entry).collect())
}

fn decode_totals(totals: proto::Totals) -> Summary {
    let class = |class: proto::ClassTotals| {
        let count = ClassCount { assets: class.assets, annotations: class.annotations };
        (ClassId(class.id), count)
    };
    Summary {
        assets: totals.assets,
        negatives: totals.negatives,
        annotations: totals.annotations,
        bytes: totals.bytes,
        classes: totals.classes.into_iter().map(class).collect(),
    }
}

fn decode_task(task: proto::Task) -> Result<TaskRecord> {
    let kind = serde_json::from_value(serde_json::Value::String(task.kind)).map_err(|e| {
        ymir_core::Error::invalid("this version of YMIR does not know the kind of task")
            .caused_by(e)
    })?;
    let input = |input: proto::Input| -> Result<Input> {
        let version = VersionId::try_from(input.version.as_slice())?;
        Ok(Input { role: input.role, version })
    };
    let id = Some(task.task).filter(|id| !id.is_empty());
    Ok(TaskRecord {
        kind,
        task: id.map(TaskId::new).transpose()?,
        parameters: task.parameters,
        inputs: task.inputs.into_iter().map(input).collect::<Result<_>>()?,
        executor: task.executor,
        executor_digest: task.executor_digest,
        config: task.config,
        seed: task.seed,
        metrics: task.metrics,
        started: timestamp(&task.started)?,
        finished: timestamp(&task.finished)?,
        library_version: task.library_version,
        fingerprint: task.fingerprint,
    })
}

fn decode_model(model: proto::Model) -> Result<Model> {
    let stage = |stage: proto::Stage| -> Result<Stage> {
        Ok(Stage {
            name: stage.name,
            files: stage.files.into_iter().map(decode_file).collect::<Result<_>>()?,
            timestamp: stage.timestamp,
            metrics: stage.metrics,
        })
    };
    Ok(Model {
        stages: model.stages.into_iter().map(stage).collect::<Result<_>>()?,
        best_stage: model.best_stage,
        class_names: model.class_names,
        attachments: model.attachments.into_iter().map(decode_file).collect::<Result<_>>()?,
    })
}

fn decode_file(file: proto::File) -> Result<ModelFile> {
    let blob = AssetId::try_from(file.blob.as_slice())?;
    Ok(ModelFile { path: file.path, blob, size: file.size })
}

fn timestamp(time: &Option<proto::Timestamp>) -> Result<Timestamp> {
    let time = time.unwrap_or_default();
    Timestamp::new(time.seconds, time.nanoseconds)
        .map_err(|e| ymir_core::Error::invalid("a time is out of range").caused_by(e))
}
