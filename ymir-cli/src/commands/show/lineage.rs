use serde_json::{Value, json};
use ymir::{TaskRecord, Workspace};

use crate::commands::made::seconds_between;
use crate::output::seconds;
use crate::versions;

/// Returns what made a version as people read it.
pub(super) async fn text(workspace: &Workspace, task: &TaskRecord) -> String {
    let mut text = format!("made by  {}", task.kind.as_str());
    let took = seconds_between(task.started, task.finished);
    if took > 0.0 {
        text.push_str(&format!(" in {}", seconds(took)));
    }
    text.push('\n');
    for input in &task.inputs {
        let version = versions::label(workspace, &input.version).await;
        text.push_str(&format!("  from   {version} ({})\n", input.role));
    }
    if !task.executor.is_empty() {
        let digest = task.executor_digest.chars().take(19).collect::<String>();
        text.push_str(&format!("  by     {} ({digest})\n", task.executor));
    }
    for (name, value) in &task.parameters {
        text.push_str(&format!("  with   {name} = {value}\n"));
    }
    if task.seed != 0 {
        text.push_str(&format!("  seed   {}\n", task.seed));
    }
    for (name, value) in &task.metrics {
        text.push_str(&format!("  gave   {name} = {value:.4}\n"));
    }
    text
}

/// Returns what made a version as JSON.
pub(super) async fn object(workspace: &Workspace, task: &TaskRecord) -> Value {
    let mut inputs = Vec::new();
    for input in &task.inputs {
        let version = versions::label(workspace, &input.version).await;
        inputs.push(json!({ "role": input.role, "id": input.version, "version": version }));
    }
    let parameter = |(name, text): (&String, &String)| {
        let value = serde_json::from_str(text).unwrap_or_else(|_| Value::from(text.as_str()));
        (name.clone(), value)
    };
    json!({
        "kind": task.kind,
        "inputs": inputs,
        "parameters": task.parameters.iter().map(parameter).collect::<serde_json::Map<_, _>>(),
        "executor": task.executor,
        "executor_digest": task.executor_digest,
        "seed": task.seed,
        "metrics": task.metrics,
        "started": task.started,
        "finished": task.finished,
        "library_version": task.library_version,
    })
}
