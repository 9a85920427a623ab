use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{ClassId, Record};

/// How often one class occurs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ClassCount {
    /// Assets with at least one annotation of the class.
    pub assets: u64,
    /// Annotations of the class.
    pub annotations: u64,
}

/// The counts of a set of records; the sum of two disjoint sets' summaries is their union's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Summary {
    /// Assets.
    pub assets: u64,
    /// Assets without any annotation.
    pub negatives: u64,
    /// Annotations, those outside the class table included.
    pub annotations: u64,
    /// Bytes of the original image files.
    pub bytes: u64,
    /// Counts per class of the table; a class that does not occur has no entry.
    pub classes: BTreeMap<ClassId, ClassCount>,
}

impl Summary {
    /// Adds one record.
    pub fn add(&mut self, record: &Record) {
        self.assets += 1;
        self.bytes += record.asset.byte_size;
        self.annotations += record.annotations.len() as u64;
        self.negatives += u64::from(record.annotations.is_empty());
        for (i, annotation) in record.annotations.iter().enumerate() {
            let Some(class) = annotation.class.id() else { continue };
            let earlier = &record.annotations[..i];
            let first = !earlier.iter().any(|a| a.class.id() == Some(class));
            let count = self.classes.entry(class).or_default();
            count.annotations += 1;
            count.assets += u64::from(first);
        }
    }

    /// Adds the counts of a disjoint set.
    pub fn merge(&mut self, other: &Self) {
        self.assets += other.assets;
        self.negatives += other.negatives;
        self.annotations += other.annotations;
        self.bytes += other.bytes;
        for (class, other) in &other.classes {
            let count = self.classes.entry(*class).or_default();
            count.assets += other.assets;
            count.annotations += other.annotations;
        }
    }

    /// Returns how many assets have the class, or how many there are if none is given.
    pub fn count(&self, class: Option<ClassId>) -> u64 {
        match class {
            Some(class) => self.classes.get(&class).map_or(0, |count| count.assets),
            None => self.assets,
        }
    }
}
