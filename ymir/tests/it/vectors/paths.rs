//! Paths to properties: `records[0].bbox.x`, `classes[cat]`, `#` for a length.

use serde_json::{Value, json};

/// Returns what is at a path.
pub(crate) fn find(value: &Value, path: &str) -> Value {
    let (path, length) = match path.strip_suffix('#') {
        Some(path) => (path, true),
        None => (path, false),
    };
    let mut found = value;
    for part in path.split(['.', '[']).filter(|part| !part.is_empty()) {
        let part = part.trim_end_matches(']');
        found = match (found, part.parse::<usize>()) {
            (Value::Array(items), Ok(index)) => &items[index],
            _ => &found[part],
        };
    }
    match (length, found) {
        (false, found) => found.clone(),
        (true, Value::Array(items)) => json!(items.len()),
        (true, found) => found["length"].clone(),
    }
}

/// Returns whether two values are equal, numbers to 1e-9.
pub(crate) fn equal(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => (a - b).abs() < 1e-9,
        _ => a == b,
    }
}
