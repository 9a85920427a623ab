//! What the classes of the original mean here.

use std::collections::{BTreeMap, HashMap};

use ymir_core::{Class, ClassId, ClassTable, Error, NewClass, Result, UnknownClasses};

use super::labels::Label;
use super::report::{MirClass, MirClassOutcome};
use super::survey::Uses;

/// What annotations of the original get as their class.
#[derive(Debug, Default)]
pub(super) struct Classes {
    by_number: HashMap<i32, Option<Class>>,
    /// For numbers that no table has.
    by_name: HashMap<String, Option<Class>>,
}

impl Classes {
    /// Returns the class of an annotation; none if it is left out.
    pub(super) fn class(&self, number: i32, name: &str) -> Option<Class> {
        match self.by_number.get(&number) {
            Some(class) => class.clone(),
            None => self.by_name.get(&key(name)).cloned().flatten(),
        }
    }
}

/// One class on its way from there to here.
#[derive(Debug)]
struct Candidate {
    label: Label,
    /// Whether its number is that of a table, and not of an annotation.
    is_listed: bool,
    uses: u64,
}

/// The classes of a repository: those of its table, then those that only annotations name.
#[derive(Debug)]
pub(super) struct Candidates(Vec<Candidate>);

fn key(name: &str) -> String {
    name.trim().to_lowercase()
}

impl Candidates {
    /// Returns the classes, with how often each is used; a use without a name has none.
    pub(super) fn new(labels: Vec<Label>, uses: &Uses) -> Self {
        let listed = |label| Candidate { label, is_listed: true, uses: 0 };
        let mut all: Vec<Candidate> = labels.into_iter().map(listed).collect();
        let count = all.len();
        let mut others: BTreeMap<String, Candidate> = BTreeMap::new();
        for ((number, name), uses) in uses {
            if (0..count as i32).contains(number) {
                all[*number as usize].uses += uses;
            } else if !name.trim().is_empty() {
                let other = others.entry(key(name)).or_insert_with(|| {
                    let name = name.trim().to_owned();
                    let label = Label { number: *number, name, aliases: Vec::new() };
                    Candidate { label, is_listed: false, uses: 0 }
                });
                other.uses += uses;
            }
        }
        all.extend(others.into_values());
        Self(all)
    }

    /// Fails if a class that is used is not known.
    ///
    /// # Errors
    ///
    /// `InvalidInput` with the names and how often each occurs.
    pub(super) fn stop_at_unknown(&self, table: &ClassTable) -> Result<()> {
        let unknown = self.0.iter().filter(|c| c.uses > 0 && c.find(table).is_none());
        let mut shown: Vec<String> =
            unknown.map(|c| format!("{} ({})", c.label.name, c.uses)).collect();
        if shown.is_empty() {
            return Ok(());
        }
        let more = shown.len().saturating_sub(50);
        shown.truncate(50);
        if more > 0 {
            shown.push(format!("and {more} more"));
        }
        let message = "the repository has classes that the workspace does not have, and nothing was imported; add them, give them as aliases, or choose `add`, `ignore` or `keep` for unknown classes";
        Err(Error::invalid(message).with("unknown_classes", shown.join(", ")))
    }

    /// Returns what has to be added to the table, aliases of known classes included.
    pub(super) fn to_add(&self, table: &ClassTable) -> Result<Vec<NewClass>> {
        let mut grown = table.clone();
        let mut entries = Vec::new();
        for candidate in &self.0 {
            let id = candidate.find(&grown);
            let name = id.and_then(|id| grown.name(id)).unwrap_or(&candidate.label.name).to_owned();
            let is_free = |alias: &&String| grown.find(alias).is_none() && key(alias) != key(&name);
            let aliases: Vec<String> = candidate.names().filter(is_free).cloned().collect();
            let texts: Vec<&str> = aliases.iter().map(String::as_str).collect();
            grown
                .add(&name, &texts)
                .map_err(|e| e.with("class", candidate.label.number).with("file", "labels.yaml"))?;
            entries.push(NewClass { name, aliases });
        }
        Ok(if grown == *table { Vec::new() } else { entries })
    }

    /// Returns what the classes mean by the table as it is now, and what is reported of them.
    pub(super) fn resolve(
        &self,
        before: &ClassTable,
        now: &ClassTable,
        strategy: UnknownClasses,
    ) -> (Classes, Vec<MirClass>) {
        let (mut classes, mut report) = (Classes::default(), Vec::new());
        for candidate in &self.0 {
            let Label { number, name, aliases } = &candidate.label;
            let id = candidate.find(now);
            let (class, outcome) = match id {
                Some(id) if candidate.find(before).is_some() => {
                    (Some(Class::Id(id)), MirClassOutcome::Mapped)
                }
                Some(id) => (Some(Class::Id(id)), MirClassOutcome::Added),
                None if strategy == UnknownClasses::Keep => {
                    (Some(Class::Name(name.clone())), MirClassOutcome::Kept)
                }
                None => (None, MirClassOutcome::Ignored),
            };
            let is_refused =
                |alias: &&String| now.find(alias).is_some_and(|other| Some(other) != id);
            report.push(MirClass {
                number: *number,
                name: name.clone(),
                class: id,
                outcome,
                annotations: candidate.uses,
                refused_aliases: aliases.iter().filter(is_refused).cloned().collect(),
            });
            if candidate.is_listed {
                classes.by_number.insert(*number, class);
            } else {
                classes.by_name.insert(key(name), class);
            }
        }
        (classes, report)
    }
}

impl Candidate {
    /// Returns the class that its name, or else one of its aliases, means.
    fn find(&self, table: &ClassTable) -> Option<ClassId> {
        self.names().find_map(|name| table.find(name))
    }

    fn names(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.label.name).chain(&self.label.aliases)
    }
}
