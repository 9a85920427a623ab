use git2::{ObjectType, Oid};
use rayon::prelude::*;
use ymir_core::{Record, Result, Summary};
use ymir_formats::support::in_parallel;

use super::edits::{EditSource, Row};
use super::format::object_id;
use super::leaf_encode;
use super::node::{Child, DEPTH_MAX, Inner, LEAF_MAX, nibble};
use super::objects::{Objects, damaged};
use super::pack::{PackWriter, Packing};

/// From so many edits on, the subtrees of the root are updated in parallel.
const PARALLEL: usize = 128;

/// Applies edits to a trie, touching only the subtrees concerned.
#[derive(Debug)]
pub(super) struct Update<'a> {
    pub(super) objects: &'a Objects,
    pub(super) pack: &'a PackWriter,
}

/// A subtree before the update.
enum Old {
    None,
    Stored(Child),
    Records(Vec<Record>),
}

/// A subtree after the update.
enum New {
    None,
    /// As an object.
    Stored(Child),
    /// No more than a leaf holds, not written yet: what they become depends on their siblings.
    Records(Vec<Record>),
}

impl New {
    fn assets(&self) -> u64 {
        match self {
            Self::None => 0,
            Self::Stored(child) => child.summary.assets,
            Self::Records(records) => records.len() as u64,
        }
    }
}

impl Update<'_> {
    /// Returns the root of the trie with the edits applied, and the counts of its records.
    pub(super) fn root(&self, old: Option<Oid>, edits: EditSource<'_>) -> Result<(Oid, Summary)> {
        let inner = old.map(|old| self.objects.inner(old)).transpose()?;
        let children = match inner {
            Some(inner) => inner.children.clone(),
            None => [const { None }; 16],
        };
        let old = children.map(|child| child.map_or(Old::None, Old::Stored));
        let parallel = edits.len() >= PARALLEL;
        let parts: Vec<_> = old.into_iter().zip(edits.split(0)?).collect();
        let step = |(old, edits)| self.subtree(old, 1, edits);
        let children: Result<Vec<New>> = if parallel {
            in_parallel(|| parts.into_par_iter().map(step).collect())
        } else {
            parts.into_iter().map(step).collect()
        };
        let root = self.write_inner(children?)?;
        Ok((root.oid, root.summary))
    }

    fn subtree(&self, old: Old, depth: usize, edits: EditSource<'_>) -> Result<New> {
        if edits.len() == 0 {
            return match old {
                Old::None => Ok(New::None),
                Old::Stored(child) => Ok(New::Stored(child)),
                Old::Records(records) if records.len() as u64 <= LEAF_MAX => {
                    Ok(New::Records(records))
                }
                Old::Records(records) => self.inner(Old::Records(records), depth, edits),
            };
        }
        let small = edits.len() as u64 <= LEAF_MAX || matches!(edits, EditSource::Rows(_));
        match old {
            Old::Stored(Child { is_leaf: false, .. }) => self.inner(old, depth, edits),
            _ if !small => self.inner(old, depth, edits),
            _ => {
                let records = merge(self.records(old)?, edits.rows()?);
                self.subtree(Old::Records(records), depth, EditSource::Rows(Vec::new()))
            }
        }
    }

    /// Updates each child by itself and puts them together again.
    fn inner(&self, old: Old, depth: usize, edits: EditSource<'_>) -> Result<New> {
        let before = match &old {
            Old::Stored(child) if !child.is_leaf => Some(child.clone()),
            _ => None,
        };
        if let Some(child) = before.as_ref().filter(|_| depth >= DEPTH_MAX) {
            return Err(damaged(child.oid, "the trie is deeper than an id has digits"));
        }
        let parts = self.split(old, depth)?.into_iter().zip(edits.split(depth)?);
        let children: Result<Vec<New>> =
            parts.map(|(old, edits)| self.subtree(old, depth + 1, edits)).collect();
        let children = children?;
        if children.iter().map(New::assets).sum::<u64>() > LEAF_MAX {
            let written = self.write_inner(children)?;
            return Ok(New::Stored(before.filter(|old| old.oid == written.oid).unwrap_or(written)));
        }
        let mut records = Vec::new();
        for child in children {
            match child {
                New::None => {}
                New::Stored(child) => records.extend(self.records(Old::Stored(child))?),
                New::Records(more) => records.extend(more),
            }
        }
        Ok(if records.is_empty() { New::None } else { New::Records(records) })
    }

    fn split(&self, old: Old, depth: usize) -> Result<Vec<Old>> {
        let records = match old {
            Old::Stored(child) if !child.is_leaf => {
                let children = self.objects.inner(child.oid)?.children.clone();
                return Ok(children.map(|child| child.map_or(Old::None, Old::Stored)).into());
            }
            other => self.records(other)?,
        };
        let mut parts: Vec<Vec<Record>> = (0..16).map(|_| Vec::new()).collect();
        records.into_iter().for_each(|r| parts[nibble(&r.asset.id, depth)].push(r));
        let part = |part: Vec<_>| if part.is_empty() { Old::None } else { Old::Records(part) };
        Ok(parts.into_iter().map(part).collect())
    }

    /// Returns the records of a subtree that is small.
    fn records(&self, old: Old) -> Result<Vec<Record>> {
        match old {
            Old::None => Ok(Vec::new()),
            Old::Records(records) => Ok(records),
            Old::Stored(child) if child.is_leaf => {
                Ok(self.objects.leaf(&child)?.records().collect())
            }
            Old::Stored(child) => {
                let inner = self.objects.inner(child.oid)?;
                let children = inner.present().cloned();
                let parts: Result<Vec<_>> =
                    children.map(|child| self.records(Old::Stored(child))).collect();
                Ok(parts?.concat())
            }
        }
    }

    fn write_inner(&self, children: Vec<New>) -> Result<Child> {
        let mut inner = Inner { children: [const { None }; 16] };
        for (place, child) in inner.children.iter_mut().zip(children) {
            *place = match child {
                New::None => None,
                New::Stored(child) => Some(child),
                New::Records(records) if records.is_empty() => None,
                New::Records(records) => Some(self.write_leaf(&records)?),
            };
        }
        let summary = self.write(ObjectType::Blob, &inner.encode_summary(), Packing::Deflated)?;
        let tree = self.write(ObjectType::Tree, &inner.encode_tree(summary), Packing::Deflated)?;
        Ok(Child { is_leaf: false, oid: tree, summary: inner.total() })
    }

    fn write_leaf(&self, records: &[Record]) -> Result<Child> {
        let mut summary = Summary::default();
        records.iter().for_each(|record| summary.add(record));
        let file = leaf_encode::encode(records)?;
        let oid = self.write(ObjectType::Blob, &file, Packing::Stored)?;
        Ok(Child { is_leaf: true, oid, summary })
    }

    fn write(&self, kind: ObjectType, data: &[u8], how: Packing) -> Result<Oid> {
        let oid = object_id(kind, data);
        if !self.objects.contains(oid) {
            self.pack.put(oid, kind, data, how)?;
        }
        Ok(oid)
    }
}

fn merge(old: Vec<Record>, edits: Vec<Row>) -> Vec<Record> {
    let mut edits = edits.into_iter().peekable();
    let mut merged = Vec::with_capacity(old.len() + edits.len());
    for record in old {
        while let Some((_, new)) = edits.next_if(|(id, _)| *id < record.asset.id) {
            merged.extend(new);
        }
        match edits.next_if(|(id, _)| *id == record.asset.id) {
            Some((_, new)) => merged.extend(new),
            None => merged.push(record),
        }
    }
    merged.extend(edits.filter_map(|(_, new)| new));
    merged
}
