use std::fmt;

use serde_json::Value;
use ymir_core::{Error, Result};

/// A place in a JSON document, with the path that leads there: `annotations[3].bbox`.
#[derive(Clone)]
pub(super) struct Field<'a> {
    value: &'a Value,
    path: String,
}

impl<'a> Field<'a> {
    pub(super) fn root(value: &'a Value) -> Self {
        Self { value, path: String::new() }
    }

    pub(super) fn value(&self) -> &'a Value {
        self.value
    }

    /// Returns an `InvalidInput` error about this place.
    pub(super) fn error(&self, message: impl fmt::Display) -> Error {
        let path = if self.path.is_empty() { "(the whole)" } else { &self.path };
        Error::invalid(message.to_string()).with("field", path)
    }

    /// Returns the member of an object, unless it is absent or null.
    pub(super) fn get(&self, key: &str) -> Result<Option<Field<'a>>> {
        let Value::Object(object) = self.value else {
            return Err(self.error("expected an object"));
        };
        let dot = if self.path.is_empty() { "" } else { "." };
        let found = object.get(key).filter(|value| !value.is_null());
        Ok(found.map(|value| Field { value, path: format!("{}{dot}{key}", self.path) }))
    }

    /// Returns the member of an object.
    pub(super) fn require(&self, key: &str) -> Result<Field<'a>> {
        self.get(key)?.ok_or_else(|| self.error(format!("`{key}` is missing")))
    }

    /// Returns the elements of an array.
    pub(super) fn items(&self) -> Result<impl Iterator<Item = Field<'a>>> {
        let Value::Array(items) = self.value else {
            return Err(self.error("expected an array"));
        };
        let path = self.path.clone();
        let field = move |(i, value)| Field { value, path: format!("{path}[{i}]") };
        Ok(items.iter().enumerate().map(field))
    }

    pub(super) fn text(&self) -> Result<&'a str> {
        self.value.as_str().ok_or_else(|| self.error("expected a text"))
    }

    /// Returns a finite number.
    pub(super) fn number(&self) -> Result<f64> {
        let number = self.value.as_f64().filter(|number| number.is_finite());
        number.ok_or_else(|| self.error("expected a number"))
    }

    /// Returns an id in one spelling: tools write 7, 7.0 and "7".
    pub(super) fn id(&self) -> Result<String> {
        match self.value {
            Value::String(text) => Ok(text.trim().to_owned()),
            Value::Number(number) if number.is_f64() => {
                Ok(format!("{}", number.as_f64().unwrap_or_default()))
            }
            Value::Number(number) => Ok(number.to_string()),
            _ => Err(self.error("expected an id: a whole number or a text")),
        }
    }

    /// Returns a mark: true or false, 1 or 0.
    pub(super) fn mark(&self) -> Result<bool> {
        match self.value {
            Value::Bool(set) => Ok(*set),
            _ => match self.number() {
                Ok(0.0) => Ok(false),
                Ok(1.0) => Ok(true),
                _ => Err(self.error("expected true or false, 1 or 0")),
            },
        }
    }
}
