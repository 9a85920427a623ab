use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The stable number of a class in its workspace's [`ClassTable`](crate::ClassTable), counted from 0.
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
    /// in by [`ClassTable::resolve`](crate::ClassTable::resolve).
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

/// One class of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassEntry {
    /// The number; never changes and is never used again.
    pub id: ClassId,
    /// The main name, as it is shown and exported.
    pub name: String,
    /// Further names that mean the same, the main names of before included.
    pub aliases: Vec<String>,
    /// Whether the class is not offered for new work. Its annotations stay what they are.
    #[serde(default)]
    pub retired: bool,
}

/// A class to be added to a table.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewClass {
    /// The main name.
    pub name: String,
    /// Further names that mean the same.
    #[serde(default)]
    pub aliases: Vec<String>,
}

impl NewClass {
    /// Returns a class without aliases.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), aliases: Vec::new() }
    }
}

/// A change of a class table. Classes are named as in
/// [`ClassTable::require`](crate::ClassTable::require).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClassEdit {
    /// Adds a class; one of exactly this name keeps its id and gains the aliases it lacks.
    Add(NewClass),
    /// Gives a class another main name; the old one stays as an alias.
    Rename {
        /// The class.
        class: String,
        /// Its new main name, which may be one of its aliases.
        to: String,
    },
    /// Adds a name to a class.
    Alias {
        /// The class.
        class: String,
        /// The further name.
        alias: String,
    },
    /// Stops offering a class for new work.
    Retire(String),
    /// Offers a retired class again.
    Restore(String),
}

/// What a name means in a [`ClassTable`](crate::ClassTable).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClassLookup {
    /// A class has exactly this name or alias.
    Exact(ClassId),
    /// No class has, and one has it in another case.
    OtherCase(ClassId),
    /// No class has, and these have it in another case.
    Ambiguous(Vec<ClassId>),
    /// No class has it in any case.
    Unknown,
}

impl ClassLookup {
    /// Returns the class that is meant, if it is one.
    pub fn id(&self) -> Option<ClassId> {
        match self {
            Self::Exact(id) | Self::OtherCase(id) => Some(*id),
            Self::Ambiguous(_) | Self::Unknown => None,
        }
    }
}

/// A name that was taken as a class which has it in another case only.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CaseMatch {
    /// The name as it was found.
    pub name: String,
    /// The main name of the class.
    pub class: String,
}

impl fmt::Display for CaseMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\" was taken as the class \"{}\"", self.name, self.class)
    }
}
