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

/// Counts what is lost, by what it is.
#[derive(Debug, Default)]
pub(super) struct Losses(BTreeMap<String, u64>);

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

    pub(super) fn merge(&mut self, other: Self) {
        other.0.into_iter().for_each(|(what, count)| self.add_many(&what, count));
    }

    pub(super) fn into_list(self) -> Vec<Lost> {
        self.0.into_iter().map(|(what, count)| Lost { what, count }).collect()
    }
}
