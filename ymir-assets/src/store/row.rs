//! What a query can look at of one asset of a leaf.

use ymir_core::{AssetId, ClassId, Flags, MediaType, QueryTarget};

use super::column::attribute;
use super::leaf::{Leaf, flags, media_type};

/// One asset of a leaf, with its annotations from one place of their columns to another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) leaf: &'a Leaf,
    pub(super) asset: usize,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl QueryTarget for Row<'_> {
    fn id(&self) -> AssetId {
        self.leaf.id(self.asset)
    }

    fn size(&self) -> (u32, u32) {
        let of = |column: &[u32]| column.get(self.asset).copied().unwrap_or(0);
        (of(&self.leaf.widths), of(&self.leaf.heights))
    }

    fn channels(&self) -> u32 {
        self.leaf.channels[self.asset]
    }

    fn byte_size(&self) -> u64 {
        self.leaf.byte_sizes[self.asset]
    }

    fn media_type(&self) -> MediaType {
        media_type(self.leaf.media_types[self.asset]).expect("checked when it was decoded")
    }

    fn file_name(&self) -> &str {
        let ends = &self.leaf.name_ends;
        let start = if self.asset == 0 { 0 } else { ends[self.asset - 1] as usize };
        &self.leaf.names[start..ends[self.asset] as usize]
    }

    fn attribute(&self, key: &str) -> Option<&str> {
        attribute(&self.leaf.attributes, self.asset, key)
    }

    fn annotations(&self) -> usize {
        self.end - self.start
    }

    fn class(&self, annotation: usize) -> Option<ClassId> {
        self.leaf.classes[self.start + annotation].checked_sub(1).map(ClassId)
    }

    fn unlisted(&self, annotation: usize) -> Option<&str> {
        let k = self.start + annotation;
        let classes = &self.leaf.classes;
        (classes[k] == 0).then(|| {
            let before = classes[self.start..k].iter().filter(|class| **class == 0).count();
            let start = self.leaf.class_name_starts[self.asset] as usize;
            self.leaf.class_names[start + before].as_str()
        })
    }

    fn box_size(&self, annotation: usize) -> (f64, f64) {
        let of = |column: usize| self.leaf.floats[column].get(self.start + annotation);
        (of(2).unwrap_or(0.0), of(3).unwrap_or(0.0))
    }

    fn score(&self, annotation: usize) -> Option<f64> {
        self.leaf.floats[5].get(self.start + annotation)
    }

    fn quality(&self, annotation: usize) -> Option<f64> {
        self.leaf.floats[6].get(self.start + annotation)
    }

    fn flags(&self, annotation: usize) -> Flags {
        let bits = self.leaf.flags.get(self.start + annotation).copied().unwrap_or(0);
        flags(bits)
    }

    fn annotation_attribute(&self, annotation: usize, key: &str) -> Option<&str> {
        attribute(&self.leaf.annotation_attributes, self.start + annotation, key)
    }
}
