use std::ops::Range;

use prost::Message;
use ymir_core::{
    Annotation, Asset, AssetId, BBox, Class, ClassId, Columns, Flags, MediaType, Record,
};

use super::column::{Floats, attribute_bytes, attributes, check_attributes};
use super::fields::{self, Fields};
use super::generated::trie::{self, AttributeColumn};
use super::row::Row;
use super::shape_column::{Keypoints, Shapes};

/// The most bytes that a leaf may have before compression.
pub(super) const BYTES_MAX: usize = 256 << 20;
const ID: usize = AssetId::LEN;
const NO_LEAF: &str = "it is not a leaf message";

/// The records of a leaf, decoded into columns and checked; or some of
/// its columns, and then what is in none of them must not be asked for.
#[derive(Debug)]
pub(super) struct Leaf {
    ids: Vec<AssetId>,
    pub(super) widths: Vec<u32>,
    pub(super) heights: Vec<u32>,
    pub(super) channels: Vec<u32>,
    pub(super) byte_sizes: Vec<u64>,
    pub(super) media_types: Vec<i32>,
    pub(super) name_ends: Vec<u32>,
    pub(super) names: String,
    pub(super) attributes: Option<AttributeColumn>,
    /// Per asset, where its annotations end.
    ends: Vec<u32>,
    pub(super) classes: Vec<u32>,
    pub(super) class_names: Vec<String>,
    /// Per asset, how many class names come before it; empty where there are none.
    pub(super) class_name_starts: Vec<u32>,
    /// The four of the boxes, angles, scores, qualities.
    pub(super) floats: [Floats; 7],
    pub(super) flags: Vec<u8>,
    pub(super) annotation_attributes: Option<AttributeColumn>,
    shapes: Shapes,
    keypoints: Keypoints,
}

/// Returns the message in the file of a leaf.
pub(super) fn decompress(file: &[u8]) -> Result<Vec<u8>, &'static str> {
    let size = zstd::zstd_safe::get_frame_content_size(file).ok().flatten();
    match size {
        Some(size) if size <= BYTES_MAX as u64 => zstd::bulk::decompress(file, size as usize)
            .map_err(|_| "its compressed data is damaged"),
        _ => Err("its size before compression is missing or too large"),
    }
}

impl Leaf {
    /// Decodes some fields of the file of a leaf.
    pub(super) fn decode(file: &[u8], fields: Fields) -> Result<Self, &'static str> {
        let message = decompress(file)?;
        match fields == Fields::ALL {
            true => Self::decode_fields(&message, fields),
            false => {
                let kept = fields.of_message(&message).ok_or(NO_LEAF)?;
                Self::decode_fields(&kept, fields)
            }
        }
    }

    /// Decodes whole records in columns.
    pub(super) fn decode_columns(data: &[u8]) -> Result<Self, &'static str> {
        Self::decode_fields(data, Fields::ALL)
    }

    /// Decodes the message of a leaf, which has these fields, and checks all that reading them
    /// relies on.
    fn decode_fields(data: &[u8], fields: Fields) -> Result<Self, &'static str> {
        let mut leaf = trie::Leaf::decode(data).map_err(|_| NO_LEAF)?;
        if fields.are_kept() {
            shrink(&mut leaf);
        }
        let ids = leaf.ids.chunks(ID).map(AssetId::try_from).collect::<Result<Vec<_>, _>>();
        let ids = ids.ok().filter(|ids| ids.is_sorted_by(|a, b| a < b));
        let ids = ids.ok_or("its ids are cut off or not in order")?;
        let count = ids.len();
        let columns = [
            (fields::WIDTHS, leaf.widths.len()),
            (fields::HEIGHTS, leaf.heights.len()),
            (fields::CHANNELS, leaf.channels.len()),
            (fields::BYTE_SIZES, leaf.byte_sizes.len()),
            (fields::MEDIA_TYPES, leaf.media_types.len()),
            (fields::FILE_NAME_LENGTHS, leaf.file_name_lengths.len()),
        ];
        if columns.into_iter().any(|(field, len)| fields.has(field) && len != count) {
            return Err("its columns have not one value per asset");
        }
        if leaf.channels.iter().any(|n| *n > 255)
            || leaf.media_types.iter().any(|n| media_type(*n).is_none())
        {
            return Err("it has a kind of image that does not exist");
        }
        let name_ends = ends(&leaf.file_name_lengths, leaf.file_names.len())
            .filter(|ends| ends.iter().all(|end| leaf.file_names.is_char_boundary(*end as usize)))
            .ok_or("its file names do not fit their lengths")?;
        let ends = annotation_ends(&leaf.annotation_counts, count, leaf.classes.len())?;
        let annotations = leaf.classes.len();
        check_attributes(&leaf.attributes, count)?;
        check_attributes(&leaf.annotation_attributes, annotations)?;
        if !leaf.flags.is_empty() && leaf.flags.len() != annotations {
            return Err("its flags are not one per annotation");
        }
        let outside = leaf.classes.iter().filter(|class| **class == 0).count();
        if fields.has(fields::CLASS_NAMES) && outside != leaf.class_names.len() {
            return Err("its class names are not one per annotation outside the table");
        }
        let boxes = [leaf.x, leaf.y, leaf.w, leaf.h];
        let floats = boxes.into_iter().chain([leaf.rotate_angles, leaf.scores, leaf.qualities]);
        let floats: Result<Vec<_>, _> = floats.map(|c| Floats::decode(c, annotations)).collect();
        let floats: [Floats; 7] = floats?.try_into().expect("seven columns went in");
        let whole = |column: &Floats| (0..annotations).all(|i| column.get(i).is_some());
        let sides = [fields::X, fields::Y, fields::W, fields::H].into_iter().zip(&floats);
        if sides.into_iter().any(|(field, column)| fields.has(field) && !whole(column)) {
            return Err("its boxes are not one per annotation");
        }
        let size = |annotation: usize| {
            let asset = ends.partition_point(|end| *end as usize <= annotation);
            (leaf.widths[asset], leaf.heights[asset])
        };
        let shapes = Shapes::decode(leaf.shapes, annotations, size)?;
        let keypoints = Keypoints::decode(leaf.keypoints, annotations)?;
        let class_name_starts = class_name_starts(&leaf.classes, &ends, &leaf.class_names);
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
            ends,
            classes: leaf.classes,
            class_names: leaf.class_names,
            class_name_starts,
            floats,
            flags: leaf.flags,
            annotation_attributes: leaf.annotation_attributes,
            shapes,
            keypoints,
        })
    }

    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Returns about how much memory it takes.
    pub(super) fn bytes(&self) -> usize {
        let floats: usize = self.floats.iter().map(Floats::bytes).sum();
        let names: usize = self.class_names.iter().map(|name| name.len() + 24).sum();
        let rest = attribute_bytes(&self.attributes) + attribute_bytes(&self.annotation_attributes);
        size_of::<Self>()
            + self.len() * (ID + 4)
            + self.widths.len() * 32
            + self.names.len()
            + floats
            + self.shapes.bytes()
            + self.keypoints.bytes()
            + names
            + rest
            + self.classes.len() * 4
            + self.flags.len()
    }

    pub(super) fn id(&self, i: usize) -> AssetId {
        self.ids[i]
    }

    pub(super) fn ids(&self) -> &[AssetId] {
        &self.ids
    }

    /// Returns the place of an asset.
    pub(super) fn find(&self, id: &AssetId) -> Option<usize> {
        self.ids.binary_search(id).ok()
    }

    fn annotations(&self, i: usize) -> Range<usize> {
        let start = if i == 0 { 0 } else { self.ends[i - 1] };
        start as usize..self.ends[i] as usize
    }

    /// Returns whether an asset has an annotation of a class.
    pub(super) fn has_class(&self, i: usize, class: ClassId) -> bool {
        self.classes[self.annotations(i)].iter().any(|c| c.checked_sub(1) == Some(class.0))
    }

    /// Returns what a query can look at of an asset.
    pub(super) fn row(&self, asset: usize) -> Row<'_> {
        let Range { start, end } = self.annotations(asset);
        Row { leaf: self, asset, start, end }
    }

    pub(super) fn record(&self, i: usize) -> Record {
        self.record_with(i, Columns::ALL)
    }

    /// Returns a record with some of its columns.
    pub(super) fn record_with(&self, i: usize, columns: Columns) -> Record {
        let start = if i == 0 { 0 } else { self.name_ends[i - 1] as usize };
        let asset = Asset {
            id: self.id(i),
            width: self.widths[i],
            height: self.heights[i],
            channels: self.channels[i] as u8,
            byte_size: self.byte_sizes[i],
            media_type: media_type(self.media_types[i]).expect("checked when it was decoded"),
            file_name: self.names[start..self.name_ends[i] as usize].to_owned(),
            attributes: attributes(&self.attributes, i),
        };
        let mut name = self.class_name_starts.get(i).map_or(0, |start| *start as usize);
        let places = if columns.annotations { self.annotations(i) } else { 0..0 };
        let annotation = |k| self.annotation(i, k, columns.shapes, &mut name);
        Record { asset, annotations: places.map(annotation).collect() }
    }

    fn annotation(&self, i: usize, k: usize, shapes: bool, name: &mut usize) -> Annotation {
        let class = match self.classes[k].checked_sub(1) {
            Some(id) => Class::Id(ClassId(id)),
            None => {
                *name += 1;
                Class::Name(self.class_names[*name - 1].clone())
            }
        };
        let float = |column: usize| self.floats[column].get(k);
        let side = |column| float(column).expect("checked when it was decoded");
        Annotation {
            class,
            bbox: BBox::new(side(0), side(1), side(2), side(3)),
            shape: shapes.then(|| self.shapes.get(k, self.widths[i], self.heights[i])).flatten(),
            keypoints: if shapes { self.keypoints.get(k) } else { Vec::new() },
            rotate_angle: float(4),
            score: float(5),
            quality: float(6),
            flags: self.flags.get(k).copied().map_or(Flags::default(), flags),
            attributes: attributes(&self.annotation_attributes, k),
        }
    }

    pub(super) fn records(&self) -> impl Iterator<Item = Record> + '_ {
        (0..self.len()).map(|i| self.record(i))
    }
}

/// Returns the marks that the bits of an annotation mean.
pub(super) fn flags(bits: u8) -> Flags {
    let bit = |n: u8| bits >> n & 1 == 1;
    Flags { difficult: bit(0), truncated: bit(1), occluded: bit(2), crowd: bit(3) }
}

pub(super) fn media_type(number: i32) -> Option<MediaType> {
    match trie::MediaType::try_from(number).ok()? {
        trie::MediaType::Jpeg => Some(MediaType::Jpeg),
        trie::MediaType::Png => Some(MediaType::Png),
        trie::MediaType::Bmp => Some(MediaType::Bmp),
        trie::MediaType::Webp => Some(MediaType::Webp),
        trie::MediaType::Unspecified => None,
    }
}

/// Gives back the room that decoding left in the columns, as leaves are kept.
fn shrink(leaf: &mut trie::Leaf) {
    let columns = [&mut leaf.widths, &mut leaf.heights, &mut leaf.channels, &mut leaf.classes];
    columns.into_iter().for_each(Vec::shrink_to_fit);
    leaf.byte_sizes.shrink_to_fit();
    leaf.media_types.shrink_to_fit();
}

/// Returns the running sums of lengths, if they add up to a total.
pub(super) fn ends(lengths: &[u32], total: usize) -> Option<Vec<u32>> {
    let mut sum = 0u32;
    let ends: Option<Vec<u32>> = lengths
        .iter()
        .map(|length| {
            sum = sum.checked_add(*length)?;
            Some(sum)
        })
        .collect();
    ends.filter(|_| sum as usize == total)
}

fn annotation_ends(
    counts: &[u32],
    assets: usize,
    annotations: usize,
) -> Result<Vec<u32>, &'static str> {
    const WRONG: &str = "its counts of annotations do not add up";
    if counts.is_empty() && annotations == 0 {
        return Ok(vec![0; assets]);
    }
    if counts.len() != assets {
        return Err(WRONG);
    }
    ends(counts, annotations).ok_or(WRONG)
}

fn class_name_starts(classes: &[u32], ends: &[u32], names: &[String]) -> Vec<u32> {
    if names.is_empty() {
        return Vec::new();
    }
    let (mut starts, mut start, mut seen) = (Vec::with_capacity(ends.len()), 0, 0);
    for end in ends {
        starts.push(seen);
        seen += classes[start..*end as usize].iter().filter(|class| **class == 0).count() as u32;
        start = *end as usize;
    }
    starts
}
