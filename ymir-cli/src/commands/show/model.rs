use serde_json::json;
use ymir::{Model, Result, Stage, Version, Workspace};

use super::lineage;
use crate::context::Context;
use crate::output::{Table, bytes, clean};
use crate::versions;

/// Shows a model.
pub(super) async fn show(
    context: &Context,
    workspace: &Workspace,
    version: &Version,
) -> Result<()> {
    let (model, manifest) = workspace.model(&version.id).await?;
    let mut value = versions::to_json(version);
    value["classes"] = json!(model.class_names);
    value["best_stage"] = model.best_stage.as_str().into();
    value["stages"] = json!(model.stages);
    value["attachments"] = json!(model.attachments);
    value["metrics"] = json!(manifest.task.metrics);
    value["lineage"] = lineage::object(workspace, &manifest.task).await;
    let made = lineage::text(workspace, &manifest.task).await;
    context.out.result(&value, || text(version, &model, &made))
}

fn text(version: &Version, model: &Model, made: &str) -> String {
    let mut table = Table::new(&["stage", ">files", ">size", "metrics"]);
    for stage in &model.stages {
        let best = if stage.name == model.best_stage { " (best)" } else { "" };
        let metrics = stage.metrics.iter().map(|(name, value)| format!("{name} {value:.4}"));
        table.row([
            format!("{}{best}", stage.name),
            stage.files.len().to_string(),
            bytes(size(stage)),
            metrics.collect::<Vec<_>>().join(", "),
        ]);
    }
    clean(&format!(
        "model {version}  {}\n{}\n\nclasses: {}\n\n{}\n{made}",
        version.id,
        version.message,
        model.class_names.join(", "),
        table.render(),
    ))
}

fn size(stage: &Stage) -> u64 {
    stage.files.iter().map(|file| file.size).sum()
}
