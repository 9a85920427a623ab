use git2::Oid;
use prost::Message;
use ymir_core::{AssetId, ClassCount, ClassId, Summary};

use super::format::{TreeEntry, decode_tree, encode_tree};
use super::generated::trie;

/// The most records that a leaf holds.
pub(super) const LEAF_MAX: u64 = 256;
/// The most levels of inner nodes: one per digit of an id.
pub(super) const DEPTH_MAX: usize = 64;
/// The name of the summary in the tree of an inner node.
pub(super) const SUMMARY: &str = "summary.pb";
const NIBBLES: &[u8; 16] = b"0123456789abcdef";

/// A subtree of the trie with the counts of its records.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Child {
    pub(super) is_leaf: bool,
    pub(super) oid: Oid,
    pub(super) summary: Summary,
}

/// An inner node: its children by the next nibble of the ids below them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Inner {
    pub(super) children: [Option<Child>; 16],
}

/// Returns the nibble of an id at a depth, counted from the root.
pub(super) fn nibble(id: &AssetId, depth: usize) -> usize {
    let byte = id.as_bytes()[depth / 2];
    usize::from(if depth.is_multiple_of(2) { byte >> 4 } else { byte & 15 })
}

impl Inner {
    pub(super) fn present(&self) -> impl Iterator<Item = &Child> {
        self.children.iter().flatten()
    }

    /// Returns the counts of all records below.
    pub(super) fn total(&self) -> Summary {
        let mut total = Summary::default();
        self.present().for_each(|child| total.merge(&child.summary));
        total
    }

    /// Returns about how much memory it takes.
    pub(super) fn bytes(&self) -> usize {
        let classes: usize = self.present().map(|child| child.summary.classes.len()).sum();
        size_of::<Self>() + classes * 40
    }

    /// Returns the tree of this node, given the id of its summary.
    pub(super) fn encode_tree(&self, summary: Oid) -> Vec<u8> {
        let children = self.children.iter().zip(NIBBLES).filter_map(|(child, nibble)| {
            let child = child.as_ref()?;
            let name = char::from(*nibble).to_string();
            Some(TreeEntry { name, is_tree: !child.is_leaf, oid: child.oid })
        });
        let summary = TreeEntry { name: SUMMARY.into(), is_tree: false, oid: summary };
        encode_tree(&children.chain([summary]).collect::<Vec<_>>())
    }

    pub(super) fn encode_summary(&self) -> Vec<u8> {
        let mut out = trie::Summary::default();
        for Child { summary, .. } in self.present() {
            out.assets.push(summary.assets);
            out.negatives.push(summary.negatives);
            out.annotations.push(summary.annotations);
            out.bytes.push(summary.bytes);
            out.class_counts.push(summary.classes.len() as u32);
            for (class, count) in &summary.classes {
                out.class_ids.push(class.0);
                out.class_assets.push(count.assets);
                out.class_annotations.push(count.annotations);
            }
        }
        out.encode_to_vec()
    }

    /// Returns the id of the summary and the places of the children that a tree names; the counts
    /// of the children are missing still.
    pub(super) fn decode_tree(data: &[u8]) -> Result<(Oid, Self), &'static str> {
        let mut entries = decode_tree(data).ok_or("it is not a tree of files and folders")?;
        let summary = entries.pop().filter(|entry| entry.name == SUMMARY && !entry.is_tree);
        let summary = summary.ok_or("its last entry is not summary.pb")?;
        let mut inner = Self { children: [const { None }; 16] };
        for TreeEntry { name, is_tree, oid } in entries {
            let place = match name.as_bytes() {
                [nibble] => NIBBLES.iter().position(|n| n == nibble),
                _ => None,
            };
            let child = &mut inner.children[place.ok_or("an entry is not named by a nibble")?];
            if child.is_some() {
                return Err("two entries have one name");
            }
            *child = Some(Child { is_leaf: !is_tree, oid, summary: Summary::default() });
        }
        Ok((summary.oid, inner))
    }

    /// Fills in the counts of the children.
    pub(super) fn decode_summary(&mut self, data: &[u8]) -> Result<(), &'static str> {
        let message = trie::Summary::decode(data).map_err(|_| "it is not a summary message")?;
        let count = self.present().count();
        let columns = [&message.assets, &message.negatives, &message.annotations, &message.bytes];
        let classes: u64 = message.class_counts.iter().map(|n| u64::from(*n)).sum();
        let (ids, assets, annotations) =
            (&message.class_ids, &message.class_assets, &message.class_annotations);
        if columns.iter().any(|column| column.len() != count)
            || message.class_counts.len() != count
            || [ids.len(), assets.len(), annotations.len()].iter().any(|n| *n as u64 != classes)
        {
            return Err("its columns have not one value per child and class");
        }
        let mut class = 0;
        for (i, child) in self.children.iter_mut().flatten().enumerate() {
            let end = class + message.class_counts[i] as usize;
            let classes = (class..end).map(|k| {
                let count = ClassCount { assets: assets[k], annotations: annotations[k] };
                (ClassId(ids[k]), count)
            });
            child.summary = Summary {
                assets: message.assets[i],
                negatives: message.negatives[i],
                annotations: message.annotations[i],
                bytes: message.bytes[i],
                classes: classes.collect(),
            };
            class = end;
        }
        self.check_counts()
    }

    /// Checks that the counts can be added up, so that later sums need no check.
    fn check_counts(&self) -> Result<(), &'static str> {
        let bound = |value: u64| value < 1 << 58;
        let small = self.present().all(|Child { summary, is_leaf, .. }| {
            [summary.assets, summary.negatives, summary.annotations, summary.bytes]
                .into_iter()
                .chain(summary.classes.values().flat_map(|c| [c.assets, c.annotations]))
                .all(bound)
                && summary.assets > 0
                && (summary.assets <= LEAF_MAX) == *is_leaf
        });
        if small { Ok(()) } else { Err("its counts are out of bounds") }
    }
}
