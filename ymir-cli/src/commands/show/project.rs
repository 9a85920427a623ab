use serde_json::{Value, json};
use ymir::{Action, Project, ProjectState, Result, Version, Workspace};

use crate::commands::iterate::{labeler_name, reason_text, row, table};
use crate::context::Context;
use crate::output::clean;
use crate::versions;

/// Shows a project: its definition and its iterations as of a version.
pub(super) async fn show(
    context: &Context,
    workspace: &Workspace,
    version: &Version,
) -> Result<()> {
    let state = workspace.project_state(&version.id).await?;
    let mut value = versions::to_json(version);
    value["definition"] = json!(state.project);
    value["stopped"] = state.stopped.into();
    value["labels"] = state.labels().into();
    value["next"] = next_object(&state);
    let mut rows = table();
    let mut iterations = Vec::new();
    let mut labels = 0;
    for iteration in &state.iterations {
        labels += iteration.labeled().map_or(0, |(_, count)| count);
        let mut object = json!(iteration);
        object["labels"] = labels.into();
        object["metric"] = json!(iteration.metric());
        iterations.push(object);
        rows.row(row(iteration, labels));
    }
    value["iterations"] = iterations.into();
    let definition = definition(workspace, &state.project).await;
    context.out.result(&value, || {
        clean(&format!(
            "project {version}  {}\n{}\n\n{definition}\n{}\n{}\n",
            version.id,
            version.message,
            rows.render(),
            next_text(&state)
        ))
    })
}

fn next_object(state: &ProjectState) -> Value {
    match state.next() {
        Action::Run(iteration, step) => json!({ "iteration": iteration, "step": step }),
        Action::End(reason) => json!({ "end": reason }),
    }
}

fn next_text(state: &ProjectState) -> String {
    match state.next() {
        Action::Run(iteration, step) => {
            format!("next: {} of iteration {iteration}; `ymir iterate` goes on", step.title())
        }
        Action::End(reason) => format!("ended: {}", reason_text(reason)),
    }
}

async fn definition(workspace: &Workspace, project: &Project) -> String {
    let mut text = format!("classes          {}\n", project.classes.join(", "));
    let mut line = |name: &str, value: String| text.push_str(&format!("{name:<16} {value}\n"));
    line("pool", versions::label(workspace, &project.pool).await);
    if let Some(bits) = project.skip_near_duplicates {
        line("near-duplicates", format!("left out, to {bits} of 64 bits"));
    }
    line("validation", versions::label(workspace, &project.validation).await);
    if let Some(training) = &project.training {
        line("training", versions::label(workspace, training).await);
    }
    line("executor", project.executor.to_string());
    line("labeler", labeler_name(workspace, &project.labeler).await);
    line("selection", format!("{:?}", project.selection).to_lowercase());
    line("labels each time", project.labels_per_iteration.to_string());
    let optional = |value: Option<String>| value.unwrap_or_else(|| "none".to_owned());
    line("target", optional(project.target.map(|target| format!("AP50 {target}"))));
    line("label budget", optional(project.label_budget.map(|budget| budget.to_string())));
    line("most iterations", optional(project.max_iterations.map(|max| max.to_string())));
    line("seed", project.seed.to_string());
    let kinds = [
        ("training", &project.training_parameters),
        ("mining", &project.mining_parameters),
        ("inference", &project.inference_parameters),
    ];
    for (kind, parameters) in kinds {
        for (name, value) in parameters {
            line(&format!("{kind} with"), format!("{name} = {value}"));
        }
    }
    text
}
