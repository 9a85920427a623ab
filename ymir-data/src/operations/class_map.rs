use std::collections::HashMap;

use ymir_core::{Class, ClassId, Record};

/// What becomes of the classes of annotations; those that are not in it stay as they are.
#[derive(Debug, Default)]
pub(super) struct ClassMap {
    /// The new class, or none where the annotation goes.
    pub(super) ids: HashMap<ClassId, Option<Class>>,
    /// The same for classes outside the table, by their names trimmed and in lower case.
    pub(super) names: HashMap<String, Option<Class>>,
}

/// Returns a name as the map has it.
pub(super) fn key(name: &str) -> String {
    name.trim().to_lowercase()
}

impl ClassMap {
    /// Returns a record with the new classes.
    pub(super) fn apply(&self, mut record: Record) -> Record {
        record.annotations.retain_mut(|annotation| {
            let new = match &annotation.class {
                Class::Id(id) => self.ids.get(id),
                Class::Name(name) => self.names.get(&key(name)),
            };
            match new {
                Some(Some(class)) => annotation.class = class.clone(),
                Some(None) => return false,
                None => {}
            }
            true
        });
        record
    }
}
