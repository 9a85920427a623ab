use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Something that could not be taken along, since the other side has no place for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// What it is.
    pub what: String,
    /// How often it occurred.
    pub count: u64,
}

/// A field of a document that is not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    /// What has it, in the plural.
    pub(super) of: &'static str,
    /// Its name.
    pub(super) name: String,
}

/// Past so many entries, and for longer names, fields are not counted by name any more: the names
/// are a stranger's.
const FIELDS_MAX: usize = 100;
const FIELD_NAME_MAX: usize = 64;

/// Counts what is lost, by what it is.
#[derive(Debug, Default)]
pub struct Losses(BTreeMap<String, u64>);

impl Losses {
    pub(super) fn add(&mut self, what: &str) {
        self.add_many(what, 1);
    }

    pub(super) fn add_many(&mut self, what: &str, count: u64) {
        match self.0.get_mut(what) {
            Some(known) => *known += count,
            None if count == 0 => {}
            None => {
                self.0.insert(what.to_owned(), count);
            }
        }
    }

    /// Counts a field of a document that the format does not know, or this library does not.
    pub(super) fn add_field(&mut self, field: &Field) {
        let Field { of, name } = field;
        let known = self.0.len() < FIELDS_MAX && name.len() <= FIELD_NAME_MAX;
        let what = if known { format!("{name} of {of}") } else { format!("other fields of {of}") };
        self.add(&what);
    }

    pub(super) fn merge(&mut self, other: Self) {
        other.0.into_iter().for_each(|(what, count)| self.add_many(&what, count));
    }

    /// Returns what was counted, sorted by what it is.
    pub fn into_list(self) -> Vec<Lost> {
        self.0.into_iter().map(|(what, count)| Lost { what, count }).collect()
    }
}
