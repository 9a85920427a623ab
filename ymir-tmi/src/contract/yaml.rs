//! Writes YAML that YAML 1.1 readers (PyYAML, which executors use) and 1.2 readers take alike.
//!
//! The serialisers at hand write 1.2: they print `1e-5`, which PyYAML reads as text, and leave
//! `on` or `12:30` unquoted, which it reads as a boolean and a number.

use serde_json::{Map, Number, Value};

/// Returns a block mapping of these entries.
pub(super) fn mapping<'a>(entries: impl IntoIterator<Item = (&'a String, &'a Value)>) -> String {
    let mut text = String::new();
    for (key, value) in entries {
        entry(&mut text, 0, key, value);
    }
    text
}

fn entry(text: &mut String, indent: usize, key: &str, value: &Value) {
    text.extend(std::iter::repeat_n(' ', indent));
    scalar(text, key);
    text.push(':');
    match value {
        Value::Object(map) if !map.is_empty() => block(text, indent + 2, map),
        Value::Array(items) if !items.is_empty() => {
            text.push('\n');
            for item in items {
                text.extend(std::iter::repeat_n(' ', indent));
                text.push_str("- ");
                flow(text, item);
                text.push('\n');
            }
        }
        value => {
            text.push(' ');
            flow(text, value);
            text.push('\n');
        }
    }
}

fn block(text: &mut String, indent: usize, map: &Map<String, Value>) {
    text.push('\n');
    for (key, value) in map {
        entry(text, indent, key, value);
    }
}

fn flow(text: &mut String, value: &Value) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
        Value::Number(value) => text.push_str(&number(value)),
        Value::String(value) => scalar(text, value),
        Value::Array(items) => {
            text.push('[');
            for (i, item) in items.iter().enumerate() {
                text.push_str(if i == 0 { "" } else { ", " });
                flow(text, item);
            }
            text.push(']');
        }
        Value::Object(map) => {
            text.push('{');
            for (i, (key, value)) in map.iter().enumerate() {
                text.push_str(if i == 0 { "" } else { ", " });
                scalar(text, key);
                text.push_str(": ");
                flow(text, value);
            }
            text.push('}');
        }
    }
}

/// Floats have a dot and a signed exponent: PyYAML takes nothing else for a number.
fn number(number: &Number) -> String {
    let Some(value) = number.as_f64().filter(|_| number.is_f64()) else {
        return number.to_string();
    };
    let text = format!("{value:?}");
    match text.split_once('e') {
        None => text,
        Some((mantissa, exponent)) => {
            let dot = if mantissa.contains('.') { "" } else { ".0" };
            let sign = if exponent.starts_with('-') { "" } else { "+" };
            format!("{mantissa}{dot}e{sign}{exponent}")
        }
    }
}

fn scalar(text: &mut String, value: &str) {
    if is_plain(value) {
        return text.push_str(value);
    }
    text.push('"');
    for c in value.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            // What YAML calls non-printable, and the breaks that it would fold.
            c if c.is_control()
                || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}') =>
            {
                text.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => text.push(c),
        }
    }
    text.push('"');
}

/// Returns whether text means itself without quotes, also to readers of YAML 1.1.
fn is_plain(value: &str) -> bool {
    const WORDS: [&str; 10] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan"];
    value.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '/'))
        && value.chars().all(|c| c.is_ascii_alphanumeric() || "_./-".contains(c))
        && !WORDS.iter().any(|word| value.eq_ignore_ascii_case(word))
}
