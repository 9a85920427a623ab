use std::collections::BTreeMap;

use ymir_core::{AssetId, Edit, Record, Result};

use super::leaf::Leaf;
use super::leaf_encode::encode_columns;
use super::node::nibble;

/// So many edits of a bucket are kept as they came before they are packed.
const PENDING: usize = 64;
const BUCKETS: usize = 256;

/// One edit per asset: the record to be put, or none where it is to be removed.
pub(super) type Row = (AssetId, Option<Record>);

/// The edits of one commit, by the first byte of their ids. A bucket packs its edits into columns
/// as they come, which takes about a fifth of the memory of records.
#[derive(Debug)]
pub(super) struct EditBuckets(Vec<Bucket>);

#[derive(Debug, Default)]
pub(super) struct Bucket {
    chunks: Vec<Chunk>,
    pending: Vec<Edit>,
    count: usize,
}

#[derive(Debug)]
struct Chunk {
    records: Vec<u8>,
    removed: Vec<AssetId>,
}

impl EditBuckets {
    pub(super) fn new() -> Self {
        Self((0..BUCKETS).map(|_| Bucket::default()).collect())
    }

    pub(super) fn push(&mut self, edit: Edit) -> Result<()> {
        let id = match &edit {
            Edit::Put(record) => record.asset.id,
            Edit::Remove(id) => *id,
        };
        self.0[usize::from(id.as_bytes()[0])].push(edit)
    }

    pub(super) fn source(&self) -> EditSource<'_> {
        EditSource::Buckets(&self.0)
    }
}

impl Bucket {
    fn push(&mut self, edit: Edit) -> Result<()> {
        self.pending.push(edit);
        self.count += 1;
        if self.pending.len() < PENDING {
            return Ok(());
        }
        let (mut records, mut removed) = (Vec::new(), Vec::new());
        for (id, record) in last_of_each(self.pending.drain(..)) {
            match record {
                Some(record) => records.push(record),
                None => removed.push(id),
            }
        }
        self.chunks.push(Chunk { records: encode_columns(&records)?, removed });
        Ok(())
    }

    /// Returns the edits, the last of each asset, in the order of the ids.
    fn rows(&self) -> Vec<Row> {
        if self.chunks.is_empty() {
            return last_of_each(self.pending.iter().cloned()).into_iter().collect();
        }
        let mut edits = Vec::with_capacity(self.count);
        for chunk in &self.chunks {
            let leaf = Leaf::decode_columns(&chunk.records).expect("it was encoded just now");
            edits.extend(leaf.records().map(Edit::Put));
            edits.extend(chunk.removed.iter().copied().map(Edit::Remove));
        }
        edits.extend(self.pending.iter().cloned());
        last_of_each(edits.into_iter()).into_iter().collect()
    }
}

fn last_of_each(edits: impl Iterator<Item = Edit>) -> BTreeMap<AssetId, Option<Record>> {
    edits
        .map(|edit| match edit {
            Edit::Put(record) => (record.asset.id, Some(record)),
            Edit::Remove(id) => (id, None),
        })
        .collect()
}

/// Edits of one subtree, in buckets still or one by one.
#[derive(Debug)]
pub(super) enum EditSource<'a> {
    /// 256, 16 or 1 of them: as many as there are first bytes in the subtree.
    Buckets(&'a [Bucket]),
    Rows(Vec<Row>),
}

impl<'a> EditSource<'a> {
    /// Returns how many there are at most: less if several are of one asset.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Buckets(buckets) => buckets.iter().map(|bucket| bucket.count).sum(),
            Self::Rows(rows) => rows.len(),
        }
    }

    /// Returns all of them, in the order of the ids.
    pub(super) fn rows(self) -> Vec<Row> {
        match self {
            Self::Buckets(buckets) => buckets.iter().flat_map(Bucket::rows).collect(),
            Self::Rows(rows) => rows,
        }
    }

    /// Returns them by the nibble of their ids at a depth.
    pub(super) fn split(self, depth: usize) -> Vec<EditSource<'a>> {
        let rows = match self {
            Self::Buckets(buckets) if buckets.len() > 1 => {
                return buckets.chunks(buckets.len() / 16).map(Self::Buckets).collect();
            }
            other => other.rows(),
        };
        let mut parts: Vec<Vec<Row>> = (0..16).map(|_| Vec::new()).collect();
        rows.into_iter().for_each(|row| parts[nibble(&row.0, depth)].push(row));
        parts.into_iter().map(Self::Rows).collect()
    }
}
