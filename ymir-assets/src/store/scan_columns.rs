//! Some columns of a leaf, decoded without the others.

use prost::Message;
use ymir_core::{
    AnnotationCondition, AnnotationNumber, AssetCondition, AssetId, AssetNumber, ClassId, Flags,
    MediaType, Query, QueryTarget,
};

use super::column::{Floats, attribute, check_attributes};
use super::generated::trie::{self, AttributeColumn};
use super::leaf::{annotation_ends, decompress, ends, media_type};

/// A set of columns of a leaf, as bits at the numbers of their fields in the message `Leaf`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Columns(u32);

const IDS: u32 = 1;
const WIDTHS: u32 = 2;
const HEIGHTS: u32 = 3;
const CHANNELS: u32 = 4;
const BYTE_SIZES: u32 = 5;
const MEDIA_TYPES: u32 = 6;
const FILE_NAME_LENGTHS: u32 = 7;
const FILE_NAMES: u32 = 8;
const ATTRIBUTES: u32 = 9;
const COUNTS: u32 = 10;
const CLASSES: u32 = 11;
const CLASS_NAMES: u32 = 12;
const W: u32 = 15;
const H: u32 = 16;
const SCORES: u32 = 18;
const QUALITIES: u32 = 19;
const FLAGS: u32 = 20;
const ANNOTATION_ATTRIBUTES: u32 = 21;

impl Columns {
    /// Those that tell which asset has which class.
    pub(super) const CLASSES: Self = Self(1 << IDS | 1 << COUNTS | 1 << CLASSES);

    /// Returns those that a query looks at.
    pub(super) fn of(query: &Query) -> Self {
        let mut columns = Self::CLASSES;
        columns.add_query(query);
        columns
    }

    fn has(self, column: u32) -> bool {
        column < 32 && self.0 >> column & 1 == 1
    }

    fn add(&mut self, columns: &[u32]) {
        columns.iter().for_each(|column| self.0 |= 1 << column);
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
    fn of_message(self, message: &[u8]) -> Option<Vec<u8>> {
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

/// Some columns of a leaf. Asking for what is in none of them is a mistake of the caller.
#[derive(Debug)]
pub(super) struct ScanColumns {
    ids: Vec<AssetId>,
    widths: Vec<u32>,
    heights: Vec<u32>,
    channels: Vec<u32>,
    byte_sizes: Vec<u64>,
    media_types: Vec<i32>,
    name_ends: Vec<u32>,
    names: String,
    attributes: Option<AttributeColumn>,
    ends: Vec<u32>,
    classes: Vec<u32>,
    class_names: Vec<String>,
    w: Floats,
    h: Floats,
    scores: Floats,
    qualities: Floats,
    flags: Vec<u8>,
    annotation_attributes: Option<AttributeColumn>,
}

impl ScanColumns {
    /// Decodes these columns of the file of a leaf and checks what reading them relies on.
    pub(super) fn decode(file: &[u8], columns: Columns) -> Result<Self, &'static str> {
        const NO_LEAF: &str = "it is not a leaf message";
        let message = columns.of_message(&decompress(file)?).ok_or(NO_LEAF)?;
        let leaf = trie::Leaf::decode(message.as_slice()).map_err(|_| NO_LEAF)?;
        let ids = leaf.ids.chunks(AssetId::LEN).map(AssetId::try_from);
        let ids: Vec<AssetId> = ids.collect::<Result<_, _>>().map_err(|_| "its ids are cut off")?;
        let assets = ids.len();
        let lengths = [
            (WIDTHS, leaf.widths.len()),
            (HEIGHTS, leaf.heights.len()),
            (CHANNELS, leaf.channels.len()),
            (BYTE_SIZES, leaf.byte_sizes.len()),
            (MEDIA_TYPES, leaf.media_types.len()),
            (FILE_NAME_LENGTHS, leaf.file_name_lengths.len()),
        ];
        if lengths.into_iter().any(|(column, length)| columns.has(column) && length != assets) {
            return Err("its columns have not one value per asset");
        }
        if leaf.media_types.iter().any(|n| media_type(*n).is_none()) {
            return Err("it has a kind of image that does not exist");
        }
        let name_ends = ends(&leaf.file_name_lengths, leaf.file_names.len())
            .filter(|ends| ends.iter().all(|end| leaf.file_names.is_char_boundary(*end as usize)))
            .ok_or("its file names do not fit their lengths")?;
        let mut annotation_ends =
            annotation_ends(&leaf.annotation_counts, assets, leaf.classes.len())?;
        let annotations = leaf.classes.len();
        check_attributes(&leaf.attributes, assets)?;
        check_attributes(&leaf.annotation_attributes, annotations)?;
        if !leaf.flags.is_empty() && leaf.flags.len() != annotations {
            return Err("its flags are not one per annotation");
        }
        let outside = leaf.classes.iter().filter(|class| **class == 0).count();
        if columns.has(CLASS_NAMES) && leaf.class_names.len() != outside {
            return Err("its class names are not one per annotation outside the table");
        }
        let [w, h] = [Floats::decode(leaf.w, annotations)?, Floats::decode(leaf.h, annotations)?];
        if columns.has(W) && (0..annotations).any(|k| w.get(k).is_none() || h.get(k).is_none()) {
            return Err("its boxes are not one per annotation");
        }
        let mut classes = leaf.classes;
        // They may be kept.
        annotation_ends.shrink_to_fit();
        classes.shrink_to_fit();
        Ok(Self {
            ids,
            widths: leaf.widths,
            heights: leaf.heights,
            channels: leaf.channels,
            byte_sizes: leaf.byte_sizes,
            media_types: leaf.media_types,
            name_ends,
            names: leaf.file_names,
            attributes: leaf.attributes,
            ends: annotation_ends,
            classes,
            class_names: leaf.class_names,
            w,
            h,
            scores: Floats::decode(leaf.scores, annotations)?,
            qualities: Floats::decode(leaf.qualities, annotations)?,
            flags: leaf.flags,
            annotation_attributes: leaf.annotation_attributes,
        })
    }

    pub(super) fn ids(&self) -> &[AssetId] {
        &self.ids
    }

    /// Returns about how much memory the columns of ids and classes take.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.ids.len() * (AssetId::LEN + 4) + self.classes.len() * 4
    }

    /// Returns what a query can look at of an asset.
    pub(super) fn row(&self, asset: usize) -> Row<'_> {
        let start = if asset == 0 { 0 } else { self.ends[asset - 1] as usize };
        Row { columns: self, asset, start, end: self.ends[asset] as usize }
    }
}

/// One asset of a leaf, with its annotations from one place of their columns to another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    columns: &'a ScanColumns,
    asset: usize,
    start: usize,
    end: usize,
}

impl QueryTarget for Row<'_> {
    fn id(&self) -> AssetId {
        self.columns.ids[self.asset]
    }

    fn size(&self) -> (u32, u32) {
        let of = |column: &[u32]| column.get(self.asset).copied().unwrap_or(0);
        (of(&self.columns.widths), of(&self.columns.heights))
    }

    fn channels(&self) -> u32 {
        self.columns.channels[self.asset]
    }

    fn byte_size(&self) -> u64 {
        self.columns.byte_sizes[self.asset]
    }

    fn media_type(&self) -> MediaType {
        media_type(self.columns.media_types[self.asset]).expect("checked when it was decoded")
    }

    fn file_name(&self) -> &str {
        let ends = &self.columns.name_ends;
        let start = if self.asset == 0 { 0 } else { ends[self.asset - 1] as usize };
        &self.columns.names[start..ends[self.asset] as usize]
    }

    fn attribute(&self, key: &str) -> Option<&str> {
        attribute(&self.columns.attributes, self.asset, key)
    }

    fn annotations(&self) -> usize {
        self.end - self.start
    }

    fn class(&self, annotation: usize) -> Option<ClassId> {
        self.columns.classes[self.start + annotation].checked_sub(1).map(ClassId)
    }

    fn unlisted(&self, annotation: usize) -> Option<&str> {
        let k = self.start + annotation;
        let classes = &self.columns.classes;
        (classes[k] == 0).then(|| {
            let before = classes[..k].iter().filter(|class| **class == 0).count();
            self.columns.class_names[before].as_str()
        })
    }

    fn box_size(&self, annotation: usize) -> (f64, f64) {
        let of = |column: &Floats| column.get(self.start + annotation).unwrap_or(0.0);
        (of(&self.columns.w), of(&self.columns.h))
    }

    fn score(&self, annotation: usize) -> Option<f64> {
        self.columns.scores.get(self.start + annotation)
    }

    fn quality(&self, annotation: usize) -> Option<f64> {
        self.columns.qualities.get(self.start + annotation)
    }

    fn flags(&self, annotation: usize) -> Flags {
        let bits = self.columns.flags.get(self.start + annotation).copied().unwrap_or(0);
        super::leaf::flags(bits)
    }

    fn annotation_attribute(&self, annotation: usize, key: &str) -> Option<&str> {
        attribute(&self.columns.annotation_attributes, self.start + annotation, key)
    }
}
