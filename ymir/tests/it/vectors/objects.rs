//! What calls return, and the properties that vectors look at.

use serde_json::{Value, json};
use ymir::evaluation::Outcomes;
use ymir::{
    Change, ClassTable, Dataset, EditReport, Evaluated, LabelJob, Model, Page, ProjectHandle,
    ProjectState, Record, Result, Task, Version, Workspace,
};

#[derive(Debug, Clone)]
pub(crate) enum Object {
    Workspace(Workspace),
    Dataset(Box<Dataset>),
    Outcomes(Box<(Outcomes, ClassTable)>),
    Task(Task),
    LabelJob(Box<(Workspace, LabelJob)>),
    Model(Box<(Workspace, Version, Model)>),
    Project(ProjectHandle),
    Value(Value),
}

impl From<Dataset> for Object {
    fn from(dataset: Dataset) -> Self {
        Self::Dataset(Box::new(dataset))
    }
}

impl Object {
    pub(crate) async fn to_json(&self) -> Result<Value> {
        Ok(match self {
            Self::Workspace(workspace) => json!({ "root": workspace.root() }),
            Self::Dataset(dataset) => dataset_json(dataset),
            Self::Outcomes(_) => json!({}),
            Self::Task(task) => json!({ "id": task.id() }),
            Self::LabelJob(made) => json!(made.1.info()),
            Self::Model(made) => {
                let (_, version, model) = made.as_ref();
                let mut value = json!(model);
                value["version"] = version_json(version);
                value["metrics"] = json!(model.stage(None)?.metrics);
                value
            }
            Self::Project(project) => json!({ "name": project.name() }),
            Self::Value(value) => value.clone(),
        })
    }
}

pub(crate) fn version_json(version: &Version) -> Value {
    let mut value = json!(version);
    value["name"] = json!(version.branch.name);
    value
}

pub(crate) fn edit_json(report: &EditReport) -> Value {
    let mut value = json!(report);
    value["version"] = version_json(&report.version);
    value
}

fn dataset_json(dataset: &Dataset) -> Value {
    let mut summary = json!(dataset.summary());
    let classes = dataset.summary().classes.iter();
    let named = classes.map(|(id, count)| {
        (dataset.manifest().classes.name(*id).unwrap_or_default().to_owned(), json!(count))
    });
    summary["classes"] = named.collect::<serde_json::Map<_, _>>().into();
    json!({ "version": version_json(dataset.version()), "summary": summary, "length": dataset.len() })
}

pub(crate) fn page_json(classes: &ClassTable, page: &Page) -> Value {
    let records: Vec<_> = page.records.iter().map(|record| record_json(classes, record)).collect();
    json!({ "records": records, "total": page.total })
}

pub(crate) fn record_json(classes: &ClassTable, record: &Record) -> Value {
    let mut value = json!(record.asset);
    let annotations = record.annotations.iter().map(|annotation| {
        let mut value = json!(annotation);
        value["class_name"] = json!(classes.name_of(&annotation.class));
        value["class_id"] = json!(annotation.class.id());
        value
    });
    value["annotations"] = annotations.collect();
    value
}

pub(crate) fn change_json(change: &Change) -> Value {
    let kind = match change {
        Change::Added(_) => "added",
        Change::Removed(_) => "removed",
        Change::Changed { .. } => "changed",
    };
    json!({ "kind": kind, "id": change.id() })
}

pub(crate) fn evaluated_json(evaluated: &Evaluated) -> Value {
    let whole = &evaluated.evaluation;
    json!({
        "ap50": evaluated.ap50(),
        "metrics": evaluated.metrics(),
        "images": whole.images,
        "predictions_outside": whole.predictions_outside,
        "coco": whole,
    })
}

pub(crate) fn state_json(state: &ProjectState) -> Value {
    let mut value = json!(state);
    value["definition"] = value["project"].take();
    for (i, iteration) in state.iterations.iter().enumerate() {
        value["iterations"][i]["metric"] = json!(iteration.metric());
        let last = iteration.results.last();
        value["iterations"][i]["metrics"] =
            last.map_or(Value::Null, |r| json!(r)["metrics"].take());
    }
    value
}
