use std::fmt;

use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use ymir_core::{Mask, Ring, Shape};

/// The most numbers that an outline or a mask may have.
const MAX_NUMBERS: usize = 4_000_000;

/// The `segmentation` of an annotation, as it was found.
#[derive(Debug)]
pub(super) enum Segmentation {
    Polygons(Vec<Vec<f64>>),
    Rle { size: [u32; 2], counts: Counts },
}

#[derive(Debug)]
pub(super) enum Counts {
    Plain(Vec<u32>),
    Compressed(String),
}

impl Segmentation {
    /// Returns the shape, if it says any.
    ///
    /// # Errors
    ///
    /// Says what is wrong with it.
    pub(super) fn shape(self) -> Result<Option<Shape>, String> {
        match self {
            Self::Polygons(rings) => {
                let rings: Result<Vec<Ring>, String> = rings
                    .into_iter()
                    .filter(|ring| !ring.is_empty())
                    .map(|ring| {
                        let points = ring.chunks_exact(2).map(|point| [point[0], point[1]]);
                        match ring.len() {
                            6.. if ring.len().is_multiple_of(2) => Ok(points.collect()),
                            n => Err(format!("its segmentation has a polygon of {n} numbers")),
                        }
                    })
                    .collect();
                Ok(Some(rings?).filter(|rings| !rings.is_empty()).map(Shape::Polygons))
            }
            Self::Rle { size: [height, width], counts } => {
                let mask = match counts {
                    Counts::Plain(counts) => Mask::new(width, height, counts),
                    Counts::Compressed(text) => Mask::from_coco_string(width, height, &text),
                };
                mask.map(|mask| Some(Shape::Mask(mask)))
                    .map_err(|error| format!("its segmentation is no mask: {}", error.message()))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Segmentation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SegmentationVisitor)
    }
}

struct SegmentationVisitor;

impl<'de> Visitor<'de> for SegmentationVisitor {
    type Value = Segmentation;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of polygons, or a mask with size and counts")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Segmentation::Polygons(Vec::new()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let (mut rings, mut numbers) = (Vec::new(), 0);
        while let Some(ring) = seq.next_element::<Vec<f64>>()? {
            numbers += ring.len() + 1;
            if numbers > MAX_NUMBERS {
                return Err(A::Error::custom("the outline of an object has too many points"));
            }
            rings.push(ring);
        }
        Ok(Segmentation::Polygons(rings))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut size, mut counts) = (None, None);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "size" => size = Some(map.next_value()?),
                "counts" => counts = Some(map.next_value()?),
                _ => drop(map.next_value::<serde::de::IgnoredAny>()?),
            }
        }
        let size = size.ok_or_else(|| A::Error::missing_field("size"))?;
        let counts = counts.ok_or_else(|| A::Error::missing_field("counts"))?;
        Ok(Segmentation::Rle { size, counts })
    }
}

impl<'de> Deserialize<'de> for Counts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CountsVisitor)
    }
}

struct CountsVisitor;

impl<'de> Visitor<'de> for CountsVisitor {
    type Value = Counts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of counts, or COCO's compressed string of them")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Counts::Compressed(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut counts = Vec::new();
        while let Some(count) = seq.next_element()? {
            if counts.len() == MAX_NUMBERS {
                return Err(A::Error::custom("the mask of an object has too many counts"));
            }
            counts.push(count);
        }
        Ok(Counts::Plain(counts))
    }
}
