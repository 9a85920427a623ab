use std::cmp::Ordering;
use std::sync::Arc;

use ymir_core::{AssetId, Change, DiffOptions, Record, Result, VersionId};

use super::handle::Shared;
use super::leaf::Leaf;
use super::node::{Child, DEPTH_MAX, nibble};
use super::objects::{Objects, damaged};

/// One side of a comparison: a subtree, or a part of a leaf where the other side goes deeper.
#[derive(Clone)]
enum Side {
    None,
    Stored(Child),
    Part(Arc<Leaf>, std::ops::Range<usize>),
}

struct Walk<'a> {
    objects: &'a Objects,
    after: Option<AssetId>,
    limit: usize,
    changes: Vec<Change>,
}

impl Shared {
    pub(super) fn diff(
        &self,
        from: &VersionId,
        to: &VersionId,
        options: DiffOptions,
    ) -> Result<Vec<Change>> {
        let (old, new) = (self.load(from)?.assets, self.load(to)?.assets);
        if old == new {
            return Ok(Vec::new());
        }
        let DiffOptions { after, limit } = options;
        let mut walk = Walk { objects: &self.objects, after, limit, changes: Vec::new() };
        let mut read = || -> Result<()> {
            let (old, new) = (self.objects.inner(old)?, self.objects.inner(new)?);
            let side = |child: &Option<Child>| child.clone().map_or(Side::None, Side::Stored);
            let old = old.children.iter().map(side).collect();
            let new = new.children.iter().map(side).collect();
            walk.children(old, new, 0, after.is_some())
        };
        read().map_err(|e| e.with("from", from).with("to", to))?;
        Ok(walk.changes)
    }
}

impl Walk<'_> {
    /// Compares the children of two nodes; `edge` says that the id to go on after lies below them.
    fn children(&mut self, old: Vec<Side>, new: Vec<Side>, depth: usize, edge: bool) -> Result<()> {
        let edge = self.after.filter(|_| edge).map(|after| nibble(&after, depth));
        for (i, (old, new)) in old.into_iter().zip(new).enumerate() {
            if self.changes.len() >= self.limit {
                break;
            }
            if edge.is_none_or(|edge| i >= edge) {
                self.compare(old, new, depth + 1, edge == Some(i))?;
            }
        }
        Ok(())
    }

    fn compare(&mut self, old: Side, new: Side, depth: usize, edge: bool) -> Result<()> {
        match (&old, &new) {
            (Side::None, Side::None) => return Ok(()),
            (Side::Stored(a), Side::Stored(b)) if a.oid == b.oid => return Ok(()),
            _ => {}
        }
        let (old, new) = (self.open(old)?, self.open(new)?);
        let whole = |side: &Side| !matches!(side, Side::Stored(_));
        if whole(&old) && whole(&new) {
            self.leaves(&old, &new);
            return Ok(());
        }
        if let (Side::Stored(child), _) | (_, Side::Stored(child)) = (&old, &new)
            && depth >= DEPTH_MAX
        {
            return Err(damaged(child.oid, "the trie is deeper than an id has digits"));
        }
        let (old, new) = (self.split(old, depth)?, self.split(new, depth)?);
        self.children(old, new, depth, edge)
    }

    /// Reads a leaf; an inner node stays as it is.
    fn open(&self, side: Side) -> Result<Side> {
        match side {
            Side::Stored(child) if child.is_leaf => {
                let leaf = self.objects.leaf(&child)?;
                let range = 0..leaf.len();
                Ok(Side::Part(leaf, range))
            }
            other => Ok(other),
        }
    }

    fn split(&self, side: Side, depth: usize) -> Result<Vec<Side>> {
        match side {
            Side::None => Ok(vec![Side::None; 16]),
            Side::Stored(child) => {
                let inner = self.objects.inner(child.oid)?;
                let children = inner.children.iter().cloned();
                Ok(children.map(|child| child.map_or(Side::None, Side::Stored)).collect())
            }
            Side::Part(leaf, range) => {
                let mut start = range.start;
                let parts = (0..16).map(|digit| {
                    let fits = |i: &usize| nibble(&leaf.id(*i), depth) == digit;
                    let end = start + (start..range.end).take_while(fits).count();
                    let part = Side::Part(leaf.clone(), start..end);
                    let part = if start == end { Side::None } else { part };
                    start = end;
                    part
                });
                Ok(parts.collect())
            }
        }
    }

    /// Compares records one by one, in the order of their ids.
    fn leaves(&mut self, old: &Side, new: &Side) {
        let (mut old, mut new) = (records(old).peekable(), records(new).peekable());
        while self.changes.len() < self.limit {
            let change = match (old.peek(), new.peek()) {
                (None, None) => break,
                (Some(_), None) => Change::Removed(old.next().expect("peeked")),
                (None, Some(_)) => Change::Added(new.next().expect("peeked")),
                (Some(a), Some(b)) => match a.asset.id.cmp(&b.asset.id) {
                    Ordering::Less => Change::Removed(old.next().expect("peeked")),
                    Ordering::Greater => Change::Added(new.next().expect("peeked")),
                    Ordering::Equal => {
                        let (from, to) = (old.next().expect("peeked"), new.next().expect("peeked"));
                        if from == to {
                            continue;
                        }
                        Change::Changed { from, to }
                    }
                },
            };
            if self.after.is_none_or(|after| change.id() > after) {
                self.changes.push(change);
            }
        }
    }
}

fn records(side: &Side) -> impl Iterator<Item = Record> {
    let part = match side {
        Side::Part(leaf, range) => Some((leaf, range.clone())),
        _ => None,
    };
    part.into_iter().flat_map(|(leaf, range)| range.map(|i| leaf.record(i)))
}
