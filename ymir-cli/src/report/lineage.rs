use ymir::{Iteration, ProjectState, Result, StepResult, VersionId, Workspace};

use super::html::escape;
use crate::versions;

/// Returns where each model of a loop came from: a line of versions for each iteration.
pub(super) async fn html(workspace: &Workspace, state: &ProjectState) -> Result<String> {
    let project = &state.project;
    let mut html = String::from("<p class=\"flow\">");
    html.push_str(&chip(workspace, "pool", &project.pool, None).await?);
    html.push_str(&chip(workspace, "validation", &project.validation, None).await?);
    html.push_str("</p>\n<ol class=\"lineage\">\n");
    for iteration in &state.iterations {
        html.push_str(&format!(
            "<li><p class=\"flow\">{}</p></li>\n",
            row(workspace, iteration).await?
        ));
    }
    html.push_str("</ol>\n");
    Ok(html)
}

async fn row(workspace: &Workspace, iteration: &Iteration) -> Result<String> {
    let mut chips = Vec::new();
    for result in &iteration.results {
        chips.push(match result {
            StepResult::PrepareMining { candidates, count } => {
                chip(workspace, "candidates", candidates, Some(format!("{count} images"))).await?
            }
            StepResult::Mine { selected, count, .. } => {
                chip(workspace, "chosen", selected, Some(format!("{count} images"))).await?
            }
            StepResult::Label { labeled, count } => {
                chip(workspace, "labeled", labeled, Some(format!("{count} images"))).await?
            }
            StepResult::PrepareTraining { training, count } => {
                chip(workspace, "training", training, Some(format!("{count} images"))).await?
            }
            StepResult::Train { model } => chip(workspace, "model", model, None).await?,
            StepResult::Evaluate { predictions, metric, .. } => {
                chip(workspace, "predictions", predictions, Some(format!("AP50 {metric:.3}")))
                    .await?
            }
        });
    }
    Ok(chips.join("<span class=\"arrow\" aria-hidden=\"true\">→</span>"))
}

async fn chip(
    workspace: &Workspace,
    role: &str,
    id: &VersionId,
    remark: Option<String>,
) -> Result<String> {
    let version = workspace.store().version(id).await?;
    let remark = remark.map(|remark| format!("<small>{}</small>", escape(&remark)));
    Ok(format!(
        "<span class=\"chip {role}\" title=\"{kind} {id}\"><b>{role}</b><code>{name}</code>{remark}</span>",
        kind = versions::kind_name(version.branch.kind),
        name = escape(&version.to_string()),
        remark = remark.unwrap_or_default(),
    ))
}
