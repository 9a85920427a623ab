//! The compact form of records: JSON arrays in place of objects, without what is usual. The
//! TypeScript half (`../src/records.ts`) is its only reader.
//!
//! ```text
//! record      [id, width, height, channels, byteSize, mediaType, fileName, attributes | 0, annotations]
//! annotation  [class id | class name, x, y, w, h]                                   nothing unusual
//!             [.., score | null, angle | null, quality | null, flags, attributes | 0]
//! flags       1 difficult, 2 truncated, 4 occluded, 8 crowd
//! ```

use serde::ser::{SerializeSeq, SerializeTuple};
use serde::{Serialize, Serializer};
use ymir::{Annotation, Attributes, Change, Class, Flags, Page, Record};

/// A record on its way to JavaScript.
pub(crate) struct Compact<'a>(pub(crate) &'a Record);

impl Serialize for Compact<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Record { asset, annotations } = self.0;
        let mut row = serializer.serialize_tuple(9)?;
        row.serialize_element(&asset.id)?;
        row.serialize_element(&asset.width)?;
        row.serialize_element(&asset.height)?;
        row.serialize_element(&asset.channels)?;
        row.serialize_element(&asset.byte_size)?;
        row.serialize_element(&asset.media_type)?;
        row.serialize_element(&asset.file_name)?;
        row.serialize_element(&Pairs(&asset.attributes))?;
        row.serialize_element(&Boxes(annotations))?;
        row.end()
    }
}

struct Boxes<'a>(&'a [Annotation]);

impl Serialize for Boxes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(CompactBox))
    }
}

struct CompactBox<'a>(&'a Annotation);

impl Serialize for CompactBox<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Annotation {
            class,
            bbox,
            shape,
            keypoints,
            rotate_angle,
            score,
            quality,
            flags,
            attributes,
        } = self.0;
        let flags = bits(flags);
        let usual = rotate_angle.is_none()
            && score.is_none()
            && quality.is_none()
            && flags == 0
            && attributes.is_empty();
        let shaped = shape.is_some() || !keypoints.is_empty();
        let mut row = serializer.serialize_seq(None)?;
        match class {
            Class::Id(id) => row.serialize_element(id)?,
            Class::Name(name) => row.serialize_element(name)?,
        }
        for side in [bbox.x, bbox.y, bbox.w, bbox.h] {
            row.serialize_element(&side)?;
        }
        if !usual || shaped {
            for figure in [score, rotate_angle, quality] {
                row.serialize_element(figure)?;
            }
            row.serialize_element(&flags)?;
            row.serialize_element(&Pairs(attributes))?;
        }
        if shaped {
            row.serialize_element(shape)?;
            row.serialize_element(keypoints)?;
        }
        row.end()
    }
}

fn bits(flags: &Flags) -> u8 {
    let Flags { difficult, truncated, occluded, crowd } = *flags;
    u8::from(difficult) | u8::from(truncated) << 1 | u8::from(occluded) << 2 | u8::from(crowd) << 3
}

struct Pairs<'a>(&'a Attributes);

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.is_empty() {
            true => serializer.serialize_u8(0),
            false => self.0.serialize(serializer),
        }
    }
}

/// A page on its way to JavaScript: `[total, records]`.
pub(crate) struct CompactPage<'a>(pub(crate) &'a Page);

impl Serialize for CompactPage<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let records: Vec<_> = self.0.records.iter().map(Compact).collect();
        (self.0.total, records).serialize(serializer)
    }
}

/// A difference on its way to JavaScript: `[from | null, to | null]`.
pub(crate) struct CompactChange<'a>(pub(crate) &'a Change);

impl Serialize for CompactChange<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (from, to) = match self.0 {
            Change::Added(record) => (None, Some(record)),
            Change::Removed(record) => (Some(record), None),
            Change::Changed { from, to } => (Some(from), Some(to)),
        };
        (from.map(Compact), to.map(Compact)).serialize(serializer)
    }
}
