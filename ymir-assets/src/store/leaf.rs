use prost::Message;
use ymir_core::{Annotation, Asset, AssetId, BBox, Class, ClassId, Flags, MediaType, Record};

use super::column::{Floats, attribute_bytes, attributes, check_attributes};
use super::generated::trie::{self, AttributeColumn};
use super::shape_column::{Keypoints, Shapes};

/// The most bytes that a leaf may have before compression.
pub(super) const BYTES_MAX: usize = 256 << 20;
const ID: usize = AssetId::LEN;

/// The records of a leaf, decoded into columns and checked.
#[derive(Debug)]
pub(super) struct Leaf {
    ids: Vec<u8>,
    widths: Vec<u32>,
    heights: Vec<u32>,
    channels: Vec<u32>,
    byte_sizes: Vec<u64>,
    media_types: Vec<i32>,
    name_ends: Vec<u32>,
    names: String,
    attributes: Option<AttributeColumn>,
    /// Per asset, where its annotations end.
    ends: Vec<u32>,
    classes: Vec<u32>,
    class_names: Vec<String>,
    /// Per asset, how many class names come before it; empty where there are none.
    class_name_starts: Vec<u32>,
    floats: [Floats; 7],
    flags: Vec<u8>,
    annotation_attributes: Option<AttributeColumn>,
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
    /// Decodes the file of a leaf.
    pub(super) fn decode(file: &[u8]) -> Result<Self, &'static str> {
        Self::decode_columns(&decompress(file)?)
    }

    /// Decodes records in columns and checks all that reading them relies on.
    pub(super) fn decode_columns(data: &[u8]) -> Result<Self, &'static str> {
        let mut leaf = trie::Leaf::decode(data).map_err(|_| "it is not a leaf message")?;
        shrink(&mut leaf);
        let count = leaf.ids.len() / ID;
        if !leaf.ids.len().is_multiple_of(ID) || !leaf.ids.chunks(ID).is_sorted_by(|a, b| a < b) {
            return Err("its ids are cut off or not in order");
        }
        let columns = [leaf.widths.len(), leaf.heights.len(), leaf.channels.len()];
        let others = [leaf.byte_sizes.len(), leaf.media_types.len(), leaf.file_name_lengths.len()];
        if columns.into_iter().chain(others).any(|len| len != count) {
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
        if leaf.classes.iter().filter(|class| **class == 0).count() != leaf.class_names.len() {
            return Err("its class names are not one per annotation outside the table");
        }
        let boxes = [leaf.x, leaf.y, leaf.w, leaf.h];
        let floats = boxes.into_iter().chain([leaf.rotate_angles, leaf.scores, leaf.qualities]);
        let floats: Result<Vec<_>, _> = floats.map(|c| Floats::decode(c, annotations)).collect();
        let floats: [Floats; 7] = floats?.try_into().expect("seven columns went in");
        let whole = |column: &Floats| (0..annotations).all(|i| column.get(i).is_some());
        if !floats[..4].iter().all(whole) {
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
            ids: leaf.ids,
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
        self.widths.len()
    }

    /// Returns about how much memory it takes.
    pub(super) fn bytes(&self) -> usize {
        let floats: usize = self.floats.iter().map(Floats::bytes).sum();
        let names: usize = self.class_names.iter().map(|name| name.len() + 24).sum();
        let rest = attribute_bytes(&self.attributes) + attribute_bytes(&self.annotation_attributes);
        size_of::<Self>()
            + self.ids.len()
            + self.len() * 36
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
        AssetId::try_from(&self.ids[i * ID..][..ID]).expect("an id has its length")
    }

    /// Returns the place of an asset.
    pub(super) fn find(&self, id: &AssetId) -> Option<usize> {
        let i = self.partition_point(|other| other < id);
        (i < self.len() && self.id(i) == *id).then_some(i)
    }

    /// Returns how many assets at the front meet a condition that the ones behind them do not.
    pub(super) fn partition_point(&self, condition: impl Fn(&AssetId) -> bool) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            if condition(&self.id(middle)) { low = middle + 1 } else { high = middle }
        }
        low
    }

    fn annotations(&self, i: usize) -> std::ops::Range<usize> {
        let start = if i == 0 { 0 } else { self.ends[i - 1] };
        start as usize..self.ends[i] as usize
    }

    /// Returns whether an asset has an annotation of a class.
    pub(super) fn has_class(&self, i: usize, class: ClassId) -> bool {
        self.classes[self.annotations(i)].iter().any(|c| c.checked_sub(1) == Some(class.0))
    }

    pub(super) fn record(&self, i: usize) -> Record {
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
        let annotations = self.annotations(i).map(|k| self.annotation(i, k, &mut name)).collect();
        Record { asset, annotations }
    }

    fn annotation(&self, i: usize, k: usize, name: &mut usize) -> Annotation {
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
            shape: self.shapes.get(k, self.widths[i], self.heights[i]),
            keypoints: self.keypoints.get(k),
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

pub(super) fn annotation_ends(
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
