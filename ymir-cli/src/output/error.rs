use std::error::Error as _;
use std::io::Write;

use serde_json::{Map, Value, json};
use ymir::Error;

use super::clean;

/// Prints an error: for people on standard error, or as an object on standard output.
pub(crate) fn print_error(json: bool, error: &Error) {
    // Nothing can be done where the output is closed; the exit code still tells.
    let _ = if json {
        writeln!(std::io::stdout(), "{}", to_json(error))
    } else {
        write!(std::io::stderr(), "{}", to_text(error))
    };
}

fn to_text(error: &Error) -> String {
    let mut text = format!("error: {}\n", error.message());
    for (key, value) in error.context() {
        text.push_str(&format!("  {key}: {}\n", clean(value)));
    }
    for cause in causes(error) {
        text.push_str(&format!("  caused by: {}\n", clean(&cause)));
    }
    text
}

fn to_json(error: &Error) -> Value {
    let pair = |(key, value): &(String, String)| (key.clone(), Value::from(value.as_str()));
    let context: Map<String, Value> = error.context().iter().map(pair).collect();
    json!({
        "error": {
            "code": error.code(),
            "message": error.message(),
            "context": context,
            "causes": causes(error),
            "retryable": error.is_retryable(),
        }
    })
}

/// Returns the underlying errors, the nearest first; one that repeats the text before it is left
/// out.
fn causes(error: &Error) -> Vec<String> {
    let mut causes: Vec<String> = Vec::new();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !causes.last().is_some_and(|last| last.ends_with(&text)) {
            causes.push(text);
        }
        source = cause.source();
    }
    causes
}
