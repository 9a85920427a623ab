use prost::Message;
use ymir_core::{Annotation, Class, Error, ErrorKind, Flags, MediaType, Record, Result};

use super::column::{FloatsBuilder, push_attributes};
use super::generated::trie;
use super::leaf::BYTES_MAX;
use super::shape_column::ShapesBuilder;

/// The compression of leaves: the fastest, which saves more time in writing than it takes.
const LEVEL: i32 = 1;

/// Returns the file of a leaf with these records, which are in the order of their ids.
pub(super) fn encode(records: &[Record]) -> Result<Vec<u8>> {
    let columns = encode_columns(records)?;
    if columns.len() > BYTES_MAX {
        let first = records[0].asset.id;
        let message = format!(
            "the metadata and annotations of {} assets take {} bytes, more than the {BYTES_MAX} that the store holds together; shorten their attributes or shapes",
            records.len(),
            columns.len(),
        );
        return Err(Error::invalid(message).with("first_asset", first));
    }
    zstd::bulk::compress(&columns, LEVEL).map_err(|e| {
        Error::new(ErrorKind::Unexpected, "cannot compress a leaf of the dataset").caused_by(e)
    })
}

/// Returns the records in columns, not compressed.
pub(super) fn encode_columns(records: &[Record]) -> Result<Vec<u8>> {
    let mut leaf = trie::Leaf::default();
    let mut floats: [FloatsBuilder; 7] = Default::default();
    let mut shapes = ShapesBuilder::default();
    let mut owner = 0;
    for (i, Record { asset, annotations }) in records.iter().enumerate() {
        leaf.ids.extend_from_slice(asset.id.as_bytes());
        leaf.widths.push(asset.width);
        leaf.heights.push(asset.height);
        leaf.channels.push(u32::from(asset.channels));
        leaf.byte_sizes.push(asset.byte_size);
        leaf.media_types.push(media_type(asset.media_type)?.into());
        leaf.file_name_lengths.push(asset.file_name.len() as u32);
        leaf.file_names.push_str(&asset.file_name);
        push_attributes(&mut leaf.attributes, i, &asset.attributes);
        leaf.annotation_counts.push(annotations.len() as u32);
        for annotation in annotations {
            encode_annotation(&mut leaf, &mut floats, annotation);
            push_attributes(&mut leaf.annotation_attributes, owner, &annotation.attributes);
            shapes.push(owner, annotation.shape.as_ref(), &annotation.keypoints);
            owner += 1;
        }
    }
    if owner == 0 {
        leaf.annotation_counts.clear();
    }
    if leaf.flags.iter().all(|flags| *flags == 0) {
        leaf.flags.clear();
    }
    let [x, y, w, h, rotate_angle, score, quality] = floats.map(FloatsBuilder::finish);
    (leaf.x, leaf.y, leaf.w, leaf.h) = (x, y, w, h);
    (leaf.rotate_angles, leaf.scores, leaf.qualities) = (rotate_angle, score, quality);
    (leaf.shapes, leaf.keypoints) = shapes.finish();
    Ok(leaf.encode_to_vec())
}

fn encode_annotation(
    leaf: &mut trie::Leaf,
    floats: &mut [FloatsBuilder; 7],
    annotation: &Annotation,
) {
    leaf.classes.push(match &annotation.class {
        Class::Id(id) => id.0 + 1,
        Class::Name(name) => {
            leaf.class_names.push(name.clone());
            0
        }
    });
    let bbox = annotation.bbox;
    let Annotation { rotate_angle, score, quality, .. } = annotation;
    let values = [Some(bbox.x), Some(bbox.y), Some(bbox.w), Some(bbox.h)];
    let values = values.into_iter().chain([*rotate_angle, *score, *quality]);
    floats.iter_mut().zip(values).for_each(|(column, value)| column.push(value));
    let Flags { difficult, truncated, occluded, crowd } = annotation.flags;
    let flags = [difficult, truncated, occluded, crowd];
    leaf.flags.push(flags.iter().rev().fold(0, |bits, flag| bits << 1 | u8::from(*flag)));
}

fn media_type(media_type: MediaType) -> Result<trie::MediaType> {
    Ok(match media_type {
        MediaType::Jpeg => trie::MediaType::Jpeg,
        MediaType::Png => trie::MediaType::Png,
        MediaType::Bmp => trie::MediaType::Bmp,
        MediaType::Webp => trie::MediaType::Webp,
        other => {
            let message = "this version of the store cannot hold this kind of image";
            return Err(
                Error::new(ErrorKind::Unsupported, message).with("media_type", other.mime())
            );
        }
    })
}
