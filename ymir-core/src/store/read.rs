use crate::{AssetId, ClassId, Record};

/// Which records to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageOptions {
    /// How many records to pass over.
    pub offset: u64,
    /// How many to return at most.
    pub limit: usize,
    /// Only assets with an annotation of this class, where given.
    pub class: Option<ClassId>,
}

impl Default for PageOptions {
    /// The first 100 records.
    fn default() -> Self {
        Self { offset: 0, limit: 100, class: None }
    }
}

/// A run of records, in the order of their asset ids.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The records.
    pub records: Vec<Record>,
    /// How many there are on all pages together.
    pub total: u64,
}

/// Which versions of a branch to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogOptions {
    /// Only versions with a smaller number, to go on where a page ended.
    pub before: Option<u64>,
    /// How many to return at most.
    pub limit: usize,
}

impl Default for LogOptions {
    /// All of them.
    fn default() -> Self {
        Self { before: None, limit: usize::MAX }
    }
}

/// Which of the assets that a query is true of to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FindOptions {
    /// Only those whose id is greater, to go on where an answer ended.
    pub after: Option<AssetId>,
    /// How many of these to pass over.
    pub offset: u64,
    /// How many to return at most.
    pub limit: usize,
}

impl Default for FindOptions {
    /// All of them.
    fn default() -> Self {
        Self { after: None, offset: 0, limit: usize::MAX }
    }
}

/// Which differences to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiffOptions {
    /// Only those of assets whose id is greater, to go on where a page ended.
    pub after: Option<AssetId>,
    /// How many to return at most.
    pub limit: usize,
}

impl Default for DiffOptions {
    /// All of them.
    fn default() -> Self {
        Self { after: None, limit: usize::MAX }
    }
}

/// One difference between two versions.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Only the second has the asset.
    Added(Record),
    /// Only the first has the asset.
    Removed(Record),
    /// Both have it, with different metadata or annotations.
    Changed {
        /// The record in the first.
        from: Record,
        /// The record in the second.
        to: Record,
    },
}

impl Change {
    /// Returns the asset concerned.
    pub fn id(&self) -> AssetId {
        match self {
            Self::Added(record) | Self::Removed(record) | Self::Changed { to: record, .. } => {
                record.asset.id
            }
        }
    }
}
