use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::sync::Arc;

use futures::StreamExt;
use futures::stream::BoxStream;

use crate::{AssetId, AssetStore, ChunkId, Query, Record, Result, VersionId};

/// Which parts of the records a scan reads. What is not asked for is not decoded, and empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Columns {
    /// The annotations: class, box, score, marks and attributes. Without, there are none.
    pub annotations: bool,
    /// Polygons, masks and keypoints of the annotations. Without, they have boxes alone.
    pub shapes: bool,
}

impl Columns {
    /// Whole records.
    pub const ALL: Self = Self { annotations: true, shapes: true };
    /// The metadata of the assets alone.
    pub const ASSETS: Self = Self { annotations: false, shapes: false };
    /// All but shapes and keypoints.
    pub const BOXES: Self = Self { annotations: true, shapes: false };

    /// Empties the parts of a record that are not asked for.
    pub fn strip(self, record: &mut Record) {
        if !self.annotations {
            record.annotations.clear();
        } else if !self.shapes {
            for annotation in &mut record.annotations {
                annotation.shape = None;
                annotation.keypoints.clear();
            }
        }
    }
}

impl Default for Columns {
    /// Whole records.
    fn default() -> Self {
        Self::ALL
    }
}

/// What a scan of a version reads.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ScanOptions {
    /// Only the assets that this is true of.
    pub query: Query,
    /// Only those whose id is greater, to go on where a scan was left.
    pub after: Option<AssetId>,
    /// Which parts of the records.
    pub columns: Columns,
    /// Chunks whose records are not needed, as what was computed from them is at hand.
    pub known: Arc<HashSet<ChunkId>>,
}

/// Some records of a version, in the order of their asset ids.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ScanBatch {
    /// The chunk that they are from; none in a store that has no chunks.
    pub chunk: Option<ChunkId>,
    /// Whether the chunk is one of [`ScanOptions::known`]; it was not read, and there are no
    /// records.
    pub is_known: bool,
    /// The records of the chunk that were asked for.
    pub records: Vec<Record>,
}

/// The batches of a scan.
pub type Scan<'a> = BoxStream<'a, Result<ScanBatch>>;

/// Reads the records of a scan one by one.
pub struct Records<'a> {
    scan: Scan<'a>,
    read: VecDeque<Record>,
}

impl<'a> Records<'a> {
    /// Returns the records of a scan.
    pub fn new(scan: Scan<'a>) -> Self {
        Self { scan, read: VecDeque::new() }
    }

    /// Returns all records of a version.
    pub fn all(store: &'a dyn AssetStore, version: VersionId) -> Self {
        Self::new(store.scan(&version, ScanOptions::default()))
    }

    /// Returns the next record, `None` after the last.
    ///
    /// # Errors
    ///
    /// Those of the scan.
    pub async fn next(&mut self) -> Result<Option<Record>> {
        self.fill().await?;
        Ok(self.read.pop_front())
    }

    /// Returns the next record and leaves it there, `None` after the last.
    ///
    /// # Errors
    ///
    /// Those of the scan.
    pub async fn peek(&mut self) -> Result<Option<&Record>> {
        self.fill().await?;
        Ok(self.read.front())
    }

    /// Returns the next record if it fulfils a condition, else leaves it there.
    ///
    /// # Errors
    ///
    /// Those of the scan.
    pub async fn next_if(
        &mut self,
        condition: impl FnOnce(&Record) -> bool,
    ) -> Result<Option<Record>> {
        self.fill().await?;
        match self.read.front() {
            Some(record) if condition(record) => Ok(self.read.pop_front()),
            _ => Ok(None),
        }
    }

    /// Returns the next records, as many as were read at once; `None` after the last.
    ///
    /// # Errors
    ///
    /// Those of the scan.
    pub async fn next_page(&mut self) -> Result<Option<Vec<Record>>> {
        self.fill().await?;
        Ok((!self.read.is_empty()).then(|| std::mem::take(&mut self.read).into()))
    }

    async fn fill(&mut self) -> Result<()> {
        while self.read.is_empty() {
            match self.scan.next().await {
                Some(batch) => self.read = batch?.records.into(),
                None => break,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Records<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Records").field("read", &self.read.len()).finish_non_exhaustive()
    }
}
