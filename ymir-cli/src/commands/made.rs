//! What the commands that make versions print.

use serde_json::{Map, Value, json};
use ymir::{LabelStatus, Manifest, Progress, Result, Timestamp, Version, Workspace};

use crate::context::Context;
use crate::output::{Bar, bytes, seconds};
use crate::versions;

/// Prints the versions that a task made, the main one first.
pub(crate) async fn print(
    context: &Context,
    workspace: &Workspace,
    made: &[Version],
    existed: bool,
) -> Result<()> {
    let remark = existed.then_some("made before of the same; --again makes it anew");
    print_all(context, workspace, made, remark, Map::new()).await
}

/// Prints what came back from a labeler, and how much did not.
pub(super) async fn labeled(
    context: &Context,
    workspace: &Workspace,
    made: Version,
    status: &LabelStatus,
) -> Result<()> {
    let LabelStatus { total, labeled, .. } = *status;
    if labeled < total {
        let missing = total - labeled;
        context.out.note(&format!("{missing} of {total} assets came back without an answer"));
    }
    let counts = [("labeled".to_owned(), labeled.into()), ("total".to_owned(), total.into())];
    print_all(context, workspace, &[made], None, counts.into_iter().collect()).await
}

/// Runs an operation that makes versions out of others, and prints them.
pub(super) async fn operation(
    context: &Context,
    workspace: &Workspace,
    operation: impl Future<Output = Result<Vec<Version>>>,
) -> Result<()> {
    let begun = Timestamp::now();
    let made = operation.await?;
    let mut existed = true;
    for version in &made {
        existed &= workspace.store().manifest(&version.id).await?.task.started < begun;
    }
    let remark = existed.then_some("made before of the same");
    print_all(context, workspace, &made, remark, Map::new()).await
}

/// Returns what shows the progress of an operation on a bar.
pub(super) fn on_bar(bar: &Bar) -> impl Fn(Progress) + Send + Sync + '_ {
    |Progress { done, total }| {
        bar.set(done as f64 / total.max(1) as f64, &format!("{done} of {total} assets"));
    }
}

/// Prints versions; the remark is on those that were there already. The JSON has some fields more.
async fn print_all(
    context: &Context,
    workspace: &Workspace,
    made: &[Version],
    existed: Option<&str>,
    more: Map<String, Value>,
) -> Result<()> {
    let mut text = String::new();
    let mut values = Vec::new();
    for version in made {
        let manifest = workspace.store().manifest(&version.id).await?;
        text.push_str(&line(version, &manifest, existed));
        let mut value = versions::to_json(version);
        if let Value::Object(value) = &mut value {
            value.append(&mut figures(&manifest));
        }
        values.push(value);
    }
    let mut value = json!({ "existed": existed.is_some(), "made": values });
    if let (Value::Object(all), Some(Value::Object(first))) = (&mut value, values.first()) {
        all.extend(first.clone());
        all.extend(more);
    }
    context.out.result(&value, || text)
}

fn line(version: &Version, manifest: &Manifest, existed: Option<&str>) -> String {
    let kind = versions::kind_name(version.branch.kind);
    let mut parts = Vec::new();
    let summary = &manifest.summary;
    if summary.assets > 0 {
        parts.push(format!(
            "{} assets, {} annotations, {}",
            summary.assets,
            summary.annotations,
            bytes(summary.bytes)
        ));
    }
    if let Some(model) = &manifest.model {
        let count = model.stages.len();
        parts.push(format!("{count} stages, the best is {}", model.best_stage));
    }
    parts.extend(
        manifest.task.metrics.iter().take(4).map(|(name, value)| format!("{name} {value:.4}")),
    );
    parts.push(existed.map_or_else(|| seconds(took(manifest)), str::to_owned));
    format!("{kind} {version}: {}\n", parts.join("; "))
}

fn figures(manifest: &Manifest) -> Map<String, Value> {
    let summary = &manifest.summary;
    let mut figures = Map::new();
    figures.insert("assets".to_owned(), summary.assets.into());
    figures.insert("annotations".to_owned(), summary.annotations.into());
    figures.insert("bytes".to_owned(), summary.bytes.into());
    figures.insert("metrics".to_owned(), json!(manifest.task.metrics));
    figures.insert("seconds".to_owned(), took(manifest).into());
    if let Some(model) = &manifest.model {
        figures.insert("best_stage".to_owned(), model.best_stage.as_str().into());
        let stages: Vec<_> = model.stages.iter().map(|stage| stage.name.as_str()).collect();
        figures.insert("stages".to_owned(), json!(stages));
    }
    figures
}

fn took(manifest: &Manifest) -> f64 {
    seconds_between(manifest.task.started, manifest.task.finished)
}

/// Returns the time from one moment to another, in seconds.
pub(crate) fn seconds_between(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64()
}
