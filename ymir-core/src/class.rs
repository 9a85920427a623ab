use std::collections::HashMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Annotation, Error, ErrorKind, Result};

/// The stable number of a class in its workspace's [`ClassTable`], counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClassId(pub u32);

impl fmt::Display for ClassId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The class of an annotation: one of the workspace's, or a name that its table does not have.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// A class of the table.
    Id(ClassId),
    /// A name as it was found outside; kept by [`UnknownClasses::Keep`], else resolved on the way
    /// in by [`ClassTable::resolve`].
    Name(String),
}

impl Class {
    /// Returns the id, if this is a class of the table.
    pub fn id(&self) -> Option<ClassId> {
        match self {
            Self::Id(id) => Some(*id),
            Self::Name(_) => None,
        }
    }
}

/// What to do with a class name that the workspace's table does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnknownClasses {
    /// Fail, name the classes, change nothing.
    #[default]
    Stop,
    /// Leave the annotation out and count it.
    Ignore,
    /// Add the class to the table.
    Add,
    /// Keep the annotation under its name, outside the table: it is stored and exported, but is
    /// in no class count and in no training.
    Keep,
}

impl std::str::FromStr for UnknownClasses {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "stop" => Ok(Self::Stop),
            "ignore" => Ok(Self::Ignore),
            "add" => Ok(Self::Add),
            "keep" => Ok(Self::Keep),
            _ => {
                Err(Error::invalid("expected stop, ignore, add or keep")
                    .with("unknown_classes", text))
            }
        }
    }
}

/// One class: its number, its main name and the other names it is found under.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassEntry {
    /// The number; never changes and is never used again.
    pub id: ClassId,
    /// The main name, as it is exported.
    pub name: String,
    /// Further names that mean the same.
    pub aliases: Vec<String>,
}

/// The class table of a workspace. Names are compared trimmed and without regard to case.
///
/// ```
/// use ymir_core::ClassTable;
///
/// let mut classes = ClassTable::default();
/// let cat = classes.add("cat", &["kitten"])?;
/// assert_eq!(classes.find(" Kitten "), Some(cat));
/// assert_eq!(classes.name(cat), Some("cat"));
/// # Ok::<(), ymir_core::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<ClassEntry>", into = "Vec<ClassEntry>")]
pub struct ClassTable {
    entries: Vec<ClassEntry>,
    by_name: HashMap<String, ClassId>,
}

fn key(name: &str) -> String {
    name.trim().to_lowercase()
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
            table.add(&entry.name, &aliases)?;
        }
        Ok(table)
    }

    /// Adds a class and returns its id; a class that is there already keeps its id and gains the
    /// aliases it lacks.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for an empty name or one with control characters; `AlreadyExists` if a name
    /// means another class. The table is then unchanged.
    pub fn add(&mut self, name: &str, aliases: &[&str]) -> Result<ClassId> {
        let known = self.find(name);
        let id = known.unwrap_or(ClassId(self.entries.len() as u32));
        for name in std::iter::once(&name).chain(aliases) {
            if name.trim().is_empty() || name.chars().any(char::is_control) {
                return Err(Error::invalid(
                    "a class name must have a visible character and no control characters",
                )
                .with("name", format!("{name:?}")));
            }
            if self.find(name).is_some_and(|other| other != id) {
                let message = "this name is another class's name or alias";
                return Err(Error::new(ErrorKind::AlreadyExists, message).with("name", name));
            }
        }
        if known.is_none() {
            let name = name.trim().to_owned();
            self.by_name.insert(key(&name), id);
            self.entries.push(ClassEntry { id, name, aliases: Vec::new() });
        }
        for alias in aliases {
            if self.by_name.insert(key(alias), id).is_none() {
                self.entries[id.0 as usize].aliases.push(alias.trim().to_owned());
            }
        }
        Ok(id)
    }

    /// Returns the class that a name or alias means.
    pub fn find(&self, name: &str) -> Option<ClassId> {
        self.by_name.get(&key(name)).copied()
    }

    /// Returns the class that a name or alias means.
    ///
    /// # Errors
    ///
    /// `NotFound` with the known names in the message.
    pub fn require(&self, name: &str) -> Result<ClassId> {
        self.find(name).ok_or_else(|| {
            let known: Vec<_> = self.entries.iter().take(20).map(|e| e.name.as_str()).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            Error::not_found(format!("no class of this name; the workspace's classes: {known}"))
                .with("class", name)
        })
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

    /// Returns the classes in the order of their ids.
    pub fn entries(&self) -> &[ClassEntry] {
        &self.entries
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
