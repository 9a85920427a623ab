use serde_json::{Value, json};
use ymir::{Action, Project, ProjectState, Result, Version, Workspace};

use crate::commands::iterate::{FIELDS, labeler_name, reason_text, row, table};
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

/// Returns the fields of the definition, a line each.
async fn definition(workspace: &Workspace, project: &Project) -> String {
    let fields = json!(project);
    let mut text = String::new();
    let mut line = |name: &str, value: String| text.push_str(&format!("{name:<20} {value}\n"));
    for field in FIELDS.iter().filter(|field| **field != "name") {
        let name = field.replace('_', " ");
        match &fields[*field] {
            Value::Null => line(&name, "none".to_owned()),
            _ if *field == "labeler" => {
                line(&name, labeler_name(workspace, &project.labeler).await)
            }
            Value::String(id) if Project::VERSIONS.contains(field) => match id.parse() {
                Ok(id) => line(&name, versions::label(workspace, &id).await),
                Err(_) => line(&name, id.clone()),
            },
            Value::Object(values) => {
                for (key, value) in values {
                    line(&name, format!("{key} = {}", plain(value)));
                }
            }
            value => line(&name, plain(value)),
        }
    }
    text
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(", "),
        value => value.to_string(),
    }
}
