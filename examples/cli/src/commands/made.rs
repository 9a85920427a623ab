//! What the commands that make versions print.

use serde_json::{Map, Value, json};
use ymir::{Manifest, Result, Timestamp, Version, Workspace};

use crate::context::Context;
use crate::output::{bytes, seconds};
use crate::versions;

/// Prints the versions that a task made, the main one first.
pub(super) async fn print(
    context: &Context,
    workspace: &Workspace,
    made: &[Version],
    existed: bool,
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
    let mut value = json!({ "existed": existed, "made": values });
    if let (Value::Object(all), Some(Value::Object(first))) = (&mut value, values.first()) {
        all.extend(first.clone());
    }
    context.out.result(&value, || text)
}

fn line(version: &Version, manifest: &Manifest, existed: bool) -> String {
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
    parts.push(if existed {
        "made before of the same; --again makes it anew".to_owned()
    } else {
        seconds(took(manifest))
    });
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
