use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Place;

use ymir_core::{Class, ClassEntry, ClassId, ClassTable, Error, Result, UnknownClasses};
use ymir_formats::Names;

use crate::UnknownClass;

/// The names that the table does not have, each in the spelling that was found first, with how
/// many annotations have it; by the form that names are compared in.
type Unknown = BTreeMap<String, UnknownClass>;

/// Returns the names that annotations have and the table does not.
fn find(names: &Names, table: &ClassTable) -> Unknown {
    let mut unknown = Unknown::new();
    for (name, count) in names.iter() {
        if count == 0 || table.find(name).is_some() {
            continue;
        }
        match unknown.entry(name.trim().to_lowercase()) {
            Place::Occupied(mut known) => known.get_mut().count += count,
            Place::Vacant(place) => {
                place.insert(UnknownClass { name: name.trim().to_owned(), count });
            }
        }
    }
    unknown
}

/// Fails if there is a name that the table does not have.
///
/// # Errors
///
/// `InvalidInput` with the names and how often each occurs.
pub(super) fn stop_at_unknown(names: &Names, table: &ClassTable) -> Result<()> {
    let unknown = find(names, table);
    if unknown.is_empty() {
        return Ok(());
    }
    let shown = unknown.values().take(50).map(|class| format!("{} ({})", class.name, class.count));
    let mut shown: Vec<_> = shown.collect();
    if unknown.len() > shown.len() {
        shown.push(format!("and {} more", unknown.len() - shown.len()));
    }
    let message = "the source has classes that the workspace does not have, and nothing was imported; add them, give them as aliases, or choose `add`, `ignore` or `keep` for unknown classes";
    Err(Error::invalid(message).with("unknown_classes", shown.join(", ")))
}

/// What the names of an import mean.
pub(super) struct Resolution {
    /// By the number of the name; `None` for one whose annotations are left out.
    pub(super) classes: Vec<Option<Class>>,
    pub(super) unknown: Vec<UnknownClass>,
}

/// Returns what the names mean, where unknown ones are ignored or kept, or will
/// have been added.
pub(super) fn resolve(names: &Names, table: &ClassTable, strategy: UnknownClasses) -> Resolution {
    let unknown = find(names, table);
    let classes = names.iter().map(|(name, _)| match table.find(name) {
        Some(id) => Some(Class::Id(id)),
        None if strategy == UnknownClasses::Keep => Some(Class::Name(name.trim().to_owned())),
        None => None,
    });
    Resolution { classes: classes.collect(), unknown: unknown.into_values().collect() }
}

/// Returns unknown classes as entries to be added.
pub(super) fn to_add(unknown: &[UnknownClass]) -> Vec<ClassEntry> {
    let entry = |class: &UnknownClass| ClassEntry {
        id: ClassId(0),
        name: class.name.clone(),
        aliases: Vec::new(),
    };
    unknown.iter().map(entry).collect()
}
