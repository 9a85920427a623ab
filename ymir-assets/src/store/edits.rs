use std::collections::BTreeMap;
use std::path::Path;

use ymir_core::{AssetId, Edit, Error, Record, Result};
use ymir_formats::support::spill::Spill;

use super::leaf::Leaf;
use super::leaf_encode::encode_columns;
use super::node::nibble;

/// So many edits of a bucket are kept as they came before they are packed.
const PENDING: usize = 64;
const BUCKETS: usize = 256;
/// How many bytes of packed edits are kept in memory.
const IN_MEMORY: usize = 16 << 20;

/// One edit per asset: the record to be put, or none where it is to be removed.
pub(super) type Row = (AssetId, Option<Record>);

/// The edits of one commit, by the first byte of their ids. A bucket packs its edits into columns
/// as they come, which takes about a fifth of the memory of records; where they are many, they are
/// set aside on the disk.
#[derive(Debug)]
pub(super) struct EditBuckets {
    buckets: Vec<Bucket>,
    packed: Spill,
}

#[derive(Debug, Default)]
pub(super) struct Bucket {
    chunks: Vec<Chunk>,
    pending: Vec<Edit>,
    count: usize,
}

#[derive(Debug)]
struct Chunk {
    /// Where the packed records are.
    place: u64,
    length: usize,
    removed: Vec<AssetId>,
}

impl EditBuckets {
    /// Returns none yet; many will be set aside in a folder.
    pub(super) fn new(aside: &Path) -> Self {
        let buckets = (0..BUCKETS).map(|_| Bucket::default()).collect();
        Self { buckets, packed: Spill::new(aside, IN_MEMORY) }
    }

    pub(super) fn push(&mut self, edit: Edit) -> Result<()> {
        let id = match &edit {
            Edit::Put(record) => record.asset.id,
            Edit::Remove(id) => *id,
        };
        self.buckets[usize::from(id.as_bytes()[0])].push(edit, &mut self.packed)
    }

    pub(super) fn source(&self) -> EditSource<'_> {
        EditSource::Buckets(&self.buckets, &self.packed)
    }
}

impl Bucket {
    fn push(&mut self, edit: Edit, packed: &mut Spill) -> Result<()> {
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
        let records = encode_columns(&records)?;
        let (place, length) = (packed.len(), records.len());
        packed.append(&records)?;
        self.chunks.push(Chunk { place, length, removed });
        Ok(())
    }

    /// Returns the edits, the last of each asset, in the order of the ids.
    fn rows(&self, packed: &Spill) -> Result<Vec<Row>> {
        if self.chunks.is_empty() {
            return Ok(last_of_each(self.pending.iter().cloned()).into_iter().collect());
        }
        let mut edits = Vec::with_capacity(self.count);
        for chunk in &self.chunks {
            let mut records = vec![0; chunk.length];
            packed.read(chunk.place, &mut records)?;
            let leaf = Leaf::decode_columns(&records).map_err(Error::corrupted)?;
            edits.extend(leaf.records().map(Edit::Put));
            edits.extend(chunk.removed.iter().copied().map(Edit::Remove));
        }
        edits.extend(self.pending.iter().cloned());
        Ok(last_of_each(edits.into_iter()).into_iter().collect())
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
    Buckets(&'a [Bucket], &'a Spill),
    Rows(Vec<Row>),
}

impl<'a> EditSource<'a> {
    /// Returns how many there are at most: less if several are of one asset.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Buckets(buckets, _) => buckets.iter().map(|bucket| bucket.count).sum(),
            Self::Rows(rows) => rows.len(),
        }
    }

    /// Returns all of them, in the order of the ids.
    ///
    /// # Errors
    ///
    /// Those of the disk.
    pub(super) fn rows(self) -> Result<Vec<Row>> {
        match self {
            Self::Buckets(buckets, packed) => {
                let mut rows = Vec::new();
                for bucket in buckets {
                    rows.append(&mut bucket.rows(packed)?);
                }
                Ok(rows)
            }
            Self::Rows(rows) => Ok(rows),
        }
    }

    /// Returns them by the nibble of their ids at a depth.
    ///
    /// # Errors
    ///
    /// Those of the disk.
    pub(super) fn split(self, depth: usize) -> Result<Vec<EditSource<'a>>> {
        let rows = match self {
            Self::Buckets(buckets, packed) if buckets.len() > 1 => {
                let parts = buckets.chunks(buckets.len() / 16);
                return Ok(parts.map(|buckets| Self::Buckets(buckets, packed)).collect());
            }
            other => other.rows()?,
        };
        let mut parts: Vec<Vec<Row>> = (0..16).map(|_| Vec::new()).collect();
        rows.into_iter().for_each(|row| parts[nibble(&row.0, depth)].push(row));
        Ok(parts.into_iter().map(Self::Rows).collect())
    }
}
