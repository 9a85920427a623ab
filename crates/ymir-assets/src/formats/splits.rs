//! The splits of a dataset (train, val, test): kept in an attribute of the asset.

use std::collections::HashMap;

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

/// The values of the attribute that an import met, by number: there are few, and many images.
#[derive(Debug)]
pub(super) struct SplitValues {
    values: Vec<String>,
    numbers: HashMap<String, u32>,
}

impl Default for SplitValues {
    fn default() -> Self {
        Self { values: vec![String::new()], numbers: HashMap::from([(String::new(), 0)]) }
    }
}

impl SplitValues {
    /// The number of the value of an image in no split.
    pub(super) const NONE: u32 = 0;

    pub(super) fn value(&self, number: u32) -> &str {
        &self.values[number as usize]
    }

    /// Returns whether a value names a split.
    pub(super) fn has(&self, number: u32, split: &str) -> bool {
        names(self.value(number)).any(|name| name == split)
    }

    /// Returns the number of the value with a split, or several separated by commas, added.
    pub(super) fn with(&mut self, number: u32, added: &str) -> u32 {
        let old = self.value(number);
        let mut value = if names(old).next().is_none() { String::new() } else { old.to_owned() };
        if value.is_empty() {
            value.push_str(added);
        } else {
            for name in names(added) {
                if names(&value).all(|known| known != name) {
                    value.push(',');
                    value.push_str(name);
                }
            }
        }
        if let Some(number) = self.numbers.get(&value) {
            return *number;
        }
        let number = self.values.len() as u32;
        self.values.push(value.clone());
        self.numbers.insert(value, number);
        number
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
