use std::collections::BTreeSet;

use serde_json::Value;
use ymir::{Error, ExecutorRef, Parameters, Result, TmiKind, Workspace};

/// Parameters that are YMIR's to read, not the executor's.
const OURS: [&str; 2] = ["export_format", "shm_size"];

/// Returns parameters from texts such as `steps=200`, the last one of a name.
pub(crate) fn parse(texts: &[String]) -> Result<Parameters> {
    texts.iter().map(|text| pair(text)).collect()
}

/// Checks that an executor knows parameters: a misspelt name would do nothing, silently.
///
/// # Errors
///
/// `InvalidInput`, with the names that the executor has in any of these kinds of task.
pub(crate) async fn check(
    workspace: &Workspace,
    executor: &ExecutorRef,
    kinds: &[TmiKind],
    parameters: &Parameters,
) -> Result<()> {
    if parameters.is_empty() {
        return Ok(());
    }
    let known = known(workspace, executor, kinds).await?;
    let unknown = |name: &&String| !known.contains(*name) && !OURS.contains(&name.as_str());
    match parameters.keys().find(unknown) {
        Some(name) if !known.is_empty() => {
            let known: Vec<_> = known.iter().map(String::as_str).collect();
            let message =
                format!("the executor has no such parameter; it has: {}", known.join(", "));
            Err(Error::invalid(message).with("parameter", name).with("executor", executor))
        }
        _ => Ok(()),
    }
}

/// Returns the names of the parameters that an executor has for these kinds of task.
pub(crate) async fn known(
    workspace: &Workspace,
    executor: &ExecutorRef,
    kinds: &[TmiKind],
) -> Result<BTreeSet<String>> {
    let info = workspace.inspect(executor).await?;
    let templates = kinds.iter().filter_map(|kind| info.templates.get(kind));
    Ok(templates.flat_map(|template| template.keys().cloned()).collect())
}

fn pair(text: &str) -> Result<(String, Value)> {
    let wrong = |message: &str| Error::invalid(message).with("parameter", text);
    let (name, value) = text
        .split_once('=')
        .ok_or_else(|| wrong("expected a parameter as name=value, steps=200 for example"))?;
    let name = name.trim();
    if name.is_empty() {
        return Err(wrong("a parameter needs a name before the ="));
    }
    let value = scalar(value.trim());
    if value.is_array() || value.is_object() {
        return Err(wrong("a parameter must be a number, true, false or a text"));
    }
    Ok((name.to_owned(), value))
}

/// Returns a value as JSON reads it, else as a number where it is one, else as text.
fn scalar(text: &str) -> Value {
    if let Ok(value) = serde_json::from_str(text) {
        return value;
    }
    let number = text.parse().ok().and_then(serde_json::Number::from_f64);
    number.map_or_else(|| text.into(), Value::Number)
}
