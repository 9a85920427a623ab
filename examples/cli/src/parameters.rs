use serde_json::Value;
use ymir::{Error, Parameters, Result};

/// Returns parameters from texts such as `steps=200`, the last one of a name.
pub(crate) fn parse(texts: &[String]) -> Result<Parameters> {
    texts.iter().map(|text| pair(text)).collect()
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
