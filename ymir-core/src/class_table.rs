use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::{
    Annotation, CaseMatch, Class, ClassEdit, ClassEntry, ClassId, ClassLookup, Error, ErrorKind,
    NewClass, Result,
};

/// The class table of a workspace. It only grows: a class can be renamed and retired, and neither it
/// nor its id ever means anything else.
///
/// Names are compared trimmed. A name means the class that has exactly it as its name or alias, else
/// the one that has it in another case, if it is a single one.
///
/// ```
/// use ymir_core::{ClassLookup, ClassTable};
///
/// let mut classes = ClassTable::default();
/// let cat = classes.add("cat", &["kitten"])?;
/// assert_eq!(classes.lookup(" Kitten "), ClassLookup::OtherCase(cat));
///
/// let other = classes.add("Kitten", &[])?;
/// assert_eq!(classes.find("Kitten"), Some(other));
/// assert_eq!(classes.find("KITTEN"), None);
/// # Ok::<(), ymir_core::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<ClassEntry>", into = "Vec<ClassEntry>")]
pub struct ClassTable {
    entries: Vec<ClassEntry>,
    /// By all names as they are.
    exact: HashMap<String, ClassId>,
    /// By all names in lower case; each class once.
    folded: HashMap<String, Vec<ClassId>>,
}

impl ClassTable {
    /// Returns the table of these entries.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the ids are not 0, 1, 2 … in order, or a name is empty or used twice.
    pub fn from_entries(entries: Vec<ClassEntry>) -> Result<Self> {
        let mut table = Self::default();
        for entry in entries {
            let id = entry.id;
            let aliases: Vec<&str> = entry.aliases.iter().map(String::as_str).collect();
            if table.len() != id.0 as usize {
                return Err(Error::invalid("class ids must count up from 0").with("id", id));
            }
            if table.add(&entry.name, &aliases)? != id {
                let message = "two classes have the same name";
                return Err(Error::invalid(message).with("name", entry.name));
            }
            table.entries[id.0 as usize].retired = entry.retired;
        }
        Ok(table)
    }

    /// Adds a class and returns its id; a class of exactly this name keeps its id and gains the
    /// aliases it lacks.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for an empty name or one with control characters; `AlreadyExists` if an alias
    /// is another class's name or alias. The table is then unchanged.
    pub fn add(&mut self, name: &str, aliases: &[&str]) -> Result<ClassId> {
        let known = self.find_exact(name);
        let id = known.unwrap_or(ClassId(self.entries.len() as u32));
        for name in std::iter::once(&name).chain(aliases) {
            check_name(name)?;
            self.check_free(name, id)?;
        }
        if known.is_none() {
            let (name, aliases) = (name.trim().to_owned(), Vec::new());
            self.index(&name, id);
            self.entries.push(ClassEntry { id, name, aliases, retired: false });
        }
        for alias in aliases.iter().map(|alias| alias.trim()) {
            if self.index(alias, id) {
                self.entries[id.0 as usize].aliases.push(alias.to_owned());
            }
        }
        Ok(id)
    }

    /// Changes the table and returns the id of the class concerned.
    ///
    /// # Errors
    ///
    /// As [`ClassTable::add`] and [`ClassTable::require`]. The table is then unchanged.
    pub fn apply(&mut self, edit: &ClassEdit) -> Result<ClassId> {
        match edit {
            ClassEdit::Add(NewClass { name, aliases }) => {
                let aliases: Vec<&str> = aliases.iter().map(String::as_str).collect();
                self.add(name, &aliases)
            }
            ClassEdit::Rename { class, to } => self.rename(class, to),
            ClassEdit::Alias { class, alias } => {
                let id = self.require(class)?;
                let name = self.entry(id).name.clone();
                self.add(&name, &[alias])
            }
            ClassEdit::Retire(class) => self.set_retired(class, true),
            ClassEdit::Restore(class) => self.set_retired(class, false),
        }
    }

    fn rename(&mut self, class: &str, to: &str) -> Result<ClassId> {
        let id = self.require(class)?;
        check_name(to)?;
        self.check_free(to, id)?;
        let to = to.trim();
        self.index(to, id);
        let entry = &mut self.entries[id.0 as usize];
        if entry.name != to {
            let old = std::mem::replace(&mut entry.name, to.to_owned());
            entry.aliases.retain(|alias| alias != to);
            entry.aliases.push(old);
        }
        Ok(id)
    }

    fn set_retired(&mut self, class: &str, retired: bool) -> Result<ClassId> {
        let id = self.require(class)?;
        self.entries[id.0 as usize].retired = retired;
        Ok(id)
    }

    fn check_free(&self, name: &str, id: ClassId) -> Result<()> {
        match self.find_exact(name).filter(|other| *other != id) {
            None => Ok(()),
            Some(other) => {
                let message = "this name is another class's name or alias; choose another one";
                Err(Error::new(ErrorKind::AlreadyExists, message)
                    .with("name", name)
                    .with("class", &self.entry(other).name))
            }
        }
    }

    /// Makes a name known; returns whether it is new.
    fn index(&mut self, name: &str, id: ClassId) -> bool {
        let folded = self.folded.entry(name.to_lowercase()).or_default();
        if !folded.contains(&id) {
            folded.push(id);
        }
        self.exact.insert(name.to_owned(), id).is_none()
    }

    fn entry(&self, id: ClassId) -> &ClassEntry {
        &self.entries[id.0 as usize]
    }

    /// Returns what a name means.
    pub fn lookup(&self, name: &str) -> ClassLookup {
        if let Some(id) = self.find_exact(name) {
            return ClassLookup::Exact(id);
        }
        match self.folded.get(&name.trim().to_lowercase()).map(Vec::as_slice) {
            Some([id]) => ClassLookup::OtherCase(*id),
            Some(ids) => ClassLookup::Ambiguous(ids.to_vec()),
            None => ClassLookup::Unknown,
        }
    }

    /// Returns the class that a name or alias means.
    pub fn find(&self, name: &str) -> Option<ClassId> {
        self.lookup(name).id()
    }

    /// Returns the class that has exactly this name or alias, once trimmed.
    pub fn find_exact(&self, name: &str) -> Option<ClassId> {
        self.exact.get(name.trim()).copied()
    }

    /// Returns what is to be reported of a name: that it was taken as a class which has it in
    /// another case only.
    pub fn case_match(&self, name: &str) -> Option<CaseMatch> {
        match self.lookup(name) {
            ClassLookup::OtherCase(id) => {
                Some(CaseMatch { name: name.trim().to_owned(), class: self.entry(id).name.clone() })
            }
            _ => None,
        }
    }

    /// Returns the class that a name or alias means.
    ///
    /// # Errors
    ///
    /// `NotFound` with the known names in the message; `InvalidInput` if several classes have the
    /// name in another case.
    pub fn require(&self, name: &str) -> Result<ClassId> {
        let ids = match self.lookup(name) {
            ClassLookup::Exact(id) | ClassLookup::OtherCase(id) => return Ok(id),
            ClassLookup::Ambiguous(ids) => ids,
            ClassLookup::Unknown => {
                let known: Vec<_> = self.active().take(20).map(|e| e.name.as_str()).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                let message = format!("no class of this name; the workspace's classes: {known}");
                return Err(Error::not_found(message).with("class", name));
            }
        };
        let names: Vec<_> = ids.iter().map(|id| self.entry(*id).name.as_str()).collect();
        let message = format!(
            "several classes have this name in another case; name one as it is written: {}",
            names.join(", ")
        );
        Err(Error::invalid(message).with("class", name))
    }

    /// Returns the class that a name or alias means, for new work.
    ///
    /// # Errors
    ///
    /// As [`ClassTable::require`]; `InvalidInput` for a retired class.
    pub fn require_active(&self, name: &str) -> Result<ClassId> {
        let id = self.require(name)?;
        if self.entry(id).retired {
            let message = "the class is retired and not for new work; restore it with `ymir classes restore`, or leave it out";
            return Err(Error::invalid(message).with("class", name));
        }
        Ok(id)
    }

    /// Returns the main name of a class.
    pub fn name(&self, id: ClassId) -> Option<&str> {
        self.entries.get(id.0 as usize).map(|entry| entry.name.as_str())
    }

    /// Returns the name that an annotation's class is shown and exported under.
    pub fn name_of<'a>(&'a self, class: &'a Class) -> Option<&'a str> {
        match class {
            Class::Id(id) => self.name(*id),
            Class::Name(name) => Some(name),
        }
    }

    /// Returns the classes in the order of their ids, retired ones included.
    pub fn entries(&self) -> &[ClassEntry] {
        &self.entries
    }

    /// Returns the classes for new work in the order of their ids.
    pub fn active(&self) -> impl Iterator<Item = &ClassEntry> {
        self.entries.iter().filter(|entry| !entry.retired)
    }

    /// Returns the table of the first so many classes.
    pub fn first(&self, count: usize) -> Self {
        if count >= self.len() {
            return self.clone();
        }
        let mut table = Self::default();
        for entry in &self.entries[..count] {
            table.index(&entry.name, entry.id);
            for alias in &entry.aliases {
                table.index(alias, entry.id);
            }
            table.entries.push(entry.clone());
        }
        table
    }

    /// Returns whether a class of another table is the one of the same id here: one of its names
    /// is, and its main name means no other class here.
    pub fn is_same_class(&self, entry: &ClassEntry) -> bool {
        match self.find_exact(&entry.name) {
            Some(id) => id == entry.id,
            None => entry.aliases.iter().any(|name| self.find_exact(name) == Some(entry.id)),
        }
    }

    /// Returns the number of classes.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether there are no classes.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Replaces the class name of each annotation by its id, where the table has it.
    pub fn resolve(&self, annotations: &mut [Annotation]) {
        for annotation in annotations {
            if let Class::Name(name) = &annotation.class
                && let Some(id) = self.find(name)
            {
                annotation.class = Class::Id(id);
            }
        }
    }
}

fn check_name(name: &str) -> Result<()> {
    if name.trim().is_empty() || name.chars().any(char::is_control) {
        let message = "a class name must have a visible character and no control characters";
        return Err(Error::invalid(message).with("name", format!("{name:?}")));
    }
    Ok(())
}

impl TryFrom<Vec<ClassEntry>> for ClassTable {
    type Error = Error;

    fn try_from(entries: Vec<ClassEntry>) -> Result<Self> {
        Self::from_entries(entries)
    }
}

impl From<ClassTable> for Vec<ClassEntry> {
    fn from(table: ClassTable) -> Self {
        table.entries
    }
}
