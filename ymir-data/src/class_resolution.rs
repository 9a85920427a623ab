use std::collections::BTreeMap;

use ymir_core::{CaseMatch, Class, ClassTable, Error, NewClass, Result, UnknownClasses};
use ymir_formats::Names;

use crate::UnknownClass;

/// The names that the table does not have, with how many annotations have them.
type Unknown = BTreeMap<String, UnknownClass>;

/// Returns the names that annotations have and the table does not.
fn find(names: &Names, table: &ClassTable) -> Unknown {
    let mut unknown = Unknown::new();
    for (name, count) in names.iter() {
        if count == 0 || table.find(name).is_some() {
            continue;
        }
        let name = name.trim().to_owned();
        unknown.entry(name.clone()).or_insert(UnknownClass { name, count: 0 }).count += count;
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
    /// The names that a class has in another case.
    pub(super) case_matches: Vec<CaseMatch>,
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
    let used = names.iter().filter(|(_, count)| *count > 0);
    let mut case_matches: Vec<_> = used.filter_map(|(name, _)| table.case_match(name)).collect();
    case_matches.sort_unstable();
    case_matches.dedup();
    let unknown = unknown.into_values().collect();
    Resolution { classes: classes.collect(), unknown, case_matches }
}

/// Returns unknown classes as classes to be added.
pub(super) fn to_add(unknown: &[UnknownClass]) -> Vec<NewClass> {
    unknown.iter().map(|class| NewClass::new(&class.name)).collect()
}
