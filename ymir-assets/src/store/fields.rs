//! Which fields of a leaf to decode.

use ymir_core::{
    AnnotationCondition, AnnotationNumber, AssetCondition, AssetNumber, Columns, Query,
};

/// A set of fields of the message `Leaf`, as bits at their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fields(u32);

pub(super) const IDS: u32 = 1;
pub(super) const WIDTHS: u32 = 2;
pub(super) const HEIGHTS: u32 = 3;
pub(super) const CHANNELS: u32 = 4;
pub(super) const BYTE_SIZES: u32 = 5;
pub(super) const MEDIA_TYPES: u32 = 6;
pub(super) const FILE_NAME_LENGTHS: u32 = 7;
pub(super) const FILE_NAMES: u32 = 8;
pub(super) const ATTRIBUTES: u32 = 9;
pub(super) const COUNTS: u32 = 10;
pub(super) const CLASSES: u32 = 11;
pub(super) const CLASS_NAMES: u32 = 12;
pub(super) const X: u32 = 13;
pub(super) const Y: u32 = 14;
pub(super) const W: u32 = 15;
pub(super) const H: u32 = 16;
pub(super) const SCORES: u32 = 18;
pub(super) const QUALITIES: u32 = 19;
pub(super) const FLAGS: u32 = 20;
pub(super) const ANNOTATION_ATTRIBUTES: u32 = 21;
/// Shapes, and then keypoints.
const SHAPES: u32 = 22;

impl Fields {
    /// All of them.
    pub(super) const ALL: Self = Self(u32::MAX);
    /// Those of the assets: all before the counts of the annotations.
    const ASSETS: Self = Self((1 << COUNTS) - 1);
    /// All but shapes and keypoints.
    const BOXES: Self = Self((1 << SHAPES) - 1);
    /// Those that tell which asset has which class.
    pub(super) const CLASSES: Self = Self(1 << IDS | 1 << COUNTS | 1 << CLASSES);

    /// Returns those that a query looks at.
    pub(super) fn of(query: &Query) -> Self {
        let mut fields = Self::CLASSES;
        fields.add_query(query);
        fields
    }

    /// Returns these, and those that records with some columns are made of.
    pub(super) fn and(self, columns: Columns) -> Self {
        let more = match columns {
            Columns { annotations: true, shapes: true } => Self::ALL,
            Columns { annotations: true, shapes: false } => Self::BOXES,
            Columns { annotations: false, .. } => Self::ASSETS,
        };
        Self(self.0 | more.0)
    }

    pub(super) fn has(self, field: u32) -> bool {
        field < 32 && self.0 >> field & 1 == 1
    }

    /// Returns whether leaves with these fields are kept in memory.
    pub(super) fn are_kept(self) -> bool {
        self == Self::ALL || self == Self::CLASSES
    }

    fn add(&mut self, fields: &[u32]) {
        fields.iter().for_each(|field| self.0 |= 1 << field);
    }

    fn add_query(&mut self, query: &Query) {
        match query {
            Query::All => {}
            Query::And(parts) | Query::Or(parts) => {
                parts.iter().for_each(|part| self.add_query(part));
            }
            Query::Not(query) | Query::Count(query, ..) => self.add_query(query),
            Query::Asset(condition) => self.add(match condition {
                AssetCondition::Number(number, ..) => match number {
                    AssetNumber::Width | AssetNumber::Height | AssetNumber::Aspect => {
                        &[WIDTHS, HEIGHTS]
                    }
                    AssetNumber::Bytes => &[BYTE_SIZES],
                    AssetNumber::Channels => &[CHANNELS],
                },
                AssetCondition::MediaType(_) => &[MEDIA_TYPES],
                AssetCondition::FileName(_) => &[FILE_NAME_LENGTHS, FILE_NAMES],
                AssetCondition::Id(_) => &[IDS],
                AssetCondition::Attribute(..) => &[ATTRIBUTES],
            }),
            Query::Annotation(condition) => self.add(match condition {
                AnnotationCondition::Class { .. } => &[CLASSES],
                AnnotationCondition::Unlisted(_) => &[CLASS_NAMES],
                AnnotationCondition::Number(number, ..) => match number {
                    AnnotationNumber::Score => &[SCORES],
                    AnnotationNumber::Quality => &[QUALITIES],
                    AnnotationNumber::AreaPixels
                    | AnnotationNumber::BoxWidthPixels
                    | AnnotationNumber::BoxHeightPixels => &[W, H],
                    AnnotationNumber::Area
                    | AnnotationNumber::BoxWidth
                    | AnnotationNumber::BoxHeight => &[W, H, WIDTHS, HEIGHTS],
                },
                AnnotationCondition::Mark(_) => &[FLAGS],
                AnnotationCondition::Attribute(..) => &[ANNOTATION_ATTRIBUTES],
            }),
        }
    }

    /// Returns the message with these fields alone.
    pub(super) fn of_message(self, message: &[u8]) -> Option<Vec<u8>> {
        let mut kept = Vec::new();
        let mut rest = message;
        while !rest.is_empty() {
            let field = rest;
            let key = varint(&mut rest)?;
            let length = match key & 7 {
                0 => varint(&mut rest).map(|_| 0)?,
                1 => 8,
                2 => varint(&mut rest)?,
                5 => 4,
                _ => return None,
            };
            rest = rest.get(usize::try_from(length).ok()?..)?;
            if self.has(u32::try_from(key >> 3).ok()?) {
                kept.extend_from_slice(&field[..field.len() - rest.len()]);
            }
        }
        Some(kept)
    }
}

fn varint(data: &mut &[u8]) -> Option<u64> {
    prost::encoding::decode_varint(data).ok()
}
