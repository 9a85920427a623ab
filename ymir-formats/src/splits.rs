//! The splits of a dataset (train, val, test): kept in an attribute of the asset.

use std::collections::HashMap;
use std::sync::Arc;

use ymir_core::Attributes;

/// The attribute of an asset that holds the names of its splits, separated by commas.
pub const SPLIT: &str = "split";

/// Returns the splits that an asset with these attributes is in.
pub(super) fn of(attributes: &Attributes) -> impl Iterator<Item = &str> {
    names(attributes.get(SPLIT).map_or("", String::as_str))
}

fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty())
}

/// The values of the attribute that images of an import have, by number: there are few, and many
/// images. One that no image has any more is forgotten.
#[derive(Debug)]
pub(super) struct SplitValues {
    values: Vec<Value>,
    numbers: HashMap<Arc<str>, u32>,
    /// The numbers of values that were forgotten.
    free: Vec<u32>,
}

#[derive(Debug, Clone, Default)]
struct Value {
    text: Arc<str>,
    images: u32,
}

impl Default for SplitValues {
    fn default() -> Self {
        let none = Value::default();
        let numbers = HashMap::from([(none.text.clone(), Self::NONE)]);
        Self { values: vec![none], numbers, free: Vec::new() }
    }
}

impl SplitValues {
    /// The number of the value of an image in no split.
    pub(super) const NONE: u32 = 0;

    pub(super) fn value(&self, number: u32) -> &str {
        &self.values[number as usize].text
    }

    /// Returns whether a value names a split.
    pub(super) fn has(&self, number: u32, split: &str) -> bool {
        names(self.value(number)).any(|name| name == split)
    }

    /// Returns the number of the value of an image with a split, or several separated by commas,
    /// added to those it has.
    pub(super) fn with(&mut self, number: u32, added: &str) -> u32 {
        let mut text = self.value(number).to_owned();
        if names(&text).next().is_none() {
            return self.replace(number, added);
        }
        for name in names(added) {
            if names(&text).all(|known| known != name) {
                text.push(',');
                text.push_str(name);
            }
        }
        self.replace(number, &text)
    }

    /// Returns the number of a value that an image has in place of another one.
    pub(super) fn replace(&mut self, number: u32, text: &str) -> u32 {
        if self.value(number) == text {
            return number;
        }
        let new = match self.numbers.get(text) {
            Some(known) => *known,
            None => self.insert(text.into()),
        };
        self.values[new as usize].images += 1;
        self.release(number);
        new
    }

    fn insert(&mut self, text: Arc<str>) -> u32 {
        let value = Value { text: text.clone(), images: 0 };
        let number = match self.free.pop() {
            Some(number) => {
                self.values[number as usize] = value;
                number
            }
            None => {
                self.values.push(value);
                self.values.len() as u32 - 1
            }
        };
        self.numbers.insert(text, number);
        number
    }

    /// Takes a value from one of its images.
    fn release(&mut self, number: u32) {
        let value = &mut self.values[number as usize];
        value.images = value.images.saturating_sub(1);
        if number != Self::NONE && value.images == 0 {
            let value = std::mem::take(value);
            self.numbers.remove(&value.text);
            self.free.push(number);
        }
    }
}

/// Returns whether a split can be the name of a file or folder as it is.
pub(super) fn is_file_name(name: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    name.len() <= 100 && !name.starts_with('.') && !name.is_empty() && name.chars().all(plain)
}

/// Returns whether a name is one that splits commonly have, also with a year behind it.
pub(super) fn is_common(name: &str) -> bool {
    const COMMON: [&str; 8] =
        ["train", "training", "val", "valid", "validation", "test", "testing", "minival"];
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit()).to_ascii_lowercase();
    COMMON.contains(&name.as_str())
}
