use std::fmt;

use futures::Stream;
use futures::stream::BoxStream;

use crate::{AssetId, Branch, Manifest, Record, Result, VersionId};

/// One change of a set of records.
#[derive(Debug, Clone, PartialEq)]
pub enum Edit {
    /// Puts a record in, in place of the one with the same asset id.
    Put(Record),
    /// Takes the record of an asset out; nothing happens if there is none.
    Remove(AssetId),
}

/// The edits of a commit; a later one of the same asset wins. An error ends the commit without a
/// trace.
pub struct Edits(EditSource);

/// Where the edits of a commit come from.
pub enum EditSource {
    /// An iterator. It may read files and compute; it must not wait for the store, whose reads may
    /// need the thread that it runs on.
    Iterator(Box<dyn Iterator<Item = Result<Edit>> + Send>),
    /// A stream of batches, which may wait for whatever it likes.
    Stream(BoxStream<'static, Result<Vec<Edit>>>),
}

impl Edits {
    /// Returns the edits that an iterator yields; it is read once, on a thread that may block.
    ///
    /// The iterator must not wait for the store: use [`Edits::stream`] for edits that are made of
    /// what is read from it.
    pub fn new(edits: impl Iterator<Item = Result<Edit>> + Send + 'static) -> Self {
        Self(EditSource::Iterator(Box::new(edits)))
    }

    /// Returns the edits that a stream yields in batches.
    pub fn stream(edits: impl Stream<Item = Result<Vec<Edit>>> + Send + 'static) -> Self {
        Self(EditSource::Stream(Box::pin(edits)))
    }

    /// Returns edits that put these records in.
    pub fn put(records: Vec<Record>) -> Self {
        Self::new(records.into_iter().map(|record| Ok(Edit::Put(record))))
    }

    /// Returns no edits.
    pub fn none() -> Self {
        Self::new(std::iter::empty())
    }
}

impl From<Vec<Edit>> for Edits {
    fn from(edits: Vec<Edit>) -> Self {
        Self::new(edits.into_iter().map(Ok))
    }
}

impl From<Edits> for EditSource {
    fn from(edits: Edits) -> Self {
        edits.0
    }
}

impl fmt::Debug for Edits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Edits(..)")
    }
}

/// The records that the edits of a commit start from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    /// None.
    Empty,
    /// Those of a version, of any branch.
    Version(VersionId),
    /// Those of the newest version of the branch at the moment the commit takes effect; none if it
    /// has no version yet.
    Tip,
}

/// What must be true of the branch at the moment the commit takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Nothing.
    Any,
    /// It has no version.
    New,
    /// This is its newest version.
    Tip(VersionId),
}

/// A new version of a branch.
#[derive(Debug)]
pub struct CommitRequest {
    /// The branch; made by its first commit.
    pub branch: Branch,
    /// The records to start from.
    pub base: Base,
    /// The changes of them.
    pub edits: Edits,
    /// The condition on the branch.
    pub expect: Expect,
    /// What the version says about itself. `classes` and `summary` are filled in by the store.
    pub manifest: Manifest,
    /// The commit message, for people.
    pub message: String,
}
