use std::fmt;

use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use ymir_core::{Mask, Ring, Shape};

use super::lenient::{Any, MAX_NUMBERS, Numbers, Part, whole};

/// The `segmentation` of an annotation, as it was found.
#[derive(Debug)]
pub(super) enum Segmentation {
    Polygons(Vec<Vec<f64>>),
    Rle {
        size: [u32; 2],
        counts: Counts,
    },
    /// It is neither.
    Bad,
}

#[derive(Debug)]
pub(super) enum Counts {
    Plain(Vec<u32>),
    Compressed(String),
    /// They are neither.
    Bad,
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
                    Counts::Bad => {
                        return Err(
                            "the counts of its segmentation are no whole numbers".to_owned()
                        );
                    }
                };
                mask.map(|mask| Some(Shape::Mask(mask)))
                    .map_err(|error| format!("its segmentation is no mask: {}", error.message()))
            }
            Self::Bad => {
                Err("its segmentation is neither polygons nor a mask with size and counts"
                    .to_owned())
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

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Segmentation::Bad)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Segmentation::Bad)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Segmentation::Bad)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Segmentation::Bad)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Segmentation::Bad)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let (mut rings, mut flat, mut numbers, mut good) = (Vec::new(), Vec::new(), 0, true);
        while let Some(part) = seq.next_element()? {
            numbers += 1;
            match part {
                Part::Numbers(ring) => {
                    numbers += ring.len();
                    rings.push(ring);
                }
                Part::Number(number) => flat.push(number),
                Part::Bad => good = false,
            }
            if numbers > MAX_NUMBERS {
                return Err(A::Error::custom("the outline of an object has too many points"));
            }
        }
        Ok(match (good, rings.is_empty(), flat.is_empty()) {
            (true, _, true) => Segmentation::Polygons(rings),
            // A single ring without the list of rings around it.
            (true, true, false) => Segmentation::Polygons(vec![flat]),
            _ => Segmentation::Bad,
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut size, mut counts, mut empty) = (None, None, true);
        while let Some(key) = map.next_key::<String>()? {
            empty = false;
            match key.as_str() {
                "size" => size = Some(map.next_value()?),
                "counts" => counts = Some(map.next_value()?),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        let size = match size {
            Some(Numbers::Are(size)) => match size[..] {
                [height, width] => whole(height).zip(whole(width)),
                _ => None,
            },
            _ => None,
        };
        Ok(match (size, counts) {
            (Some((height, width)), Some(counts)) => {
                Segmentation::Rle { size: [height, width], counts }
            }
            _ if empty => Segmentation::Polygons(Vec::new()),
            _ => Segmentation::Bad,
        })
    }
}

impl<'de> Deserialize<'de> for Counts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Any::deserialize(deserializer)? {
            Any::Text(text) => Self::Compressed(text.into()),
            Any::Numbers(numbers) => {
                let counts = numbers.into_iter().map(whole).collect::<Option<_>>();
                counts.map_or(Self::Bad, Self::Plain)
            }
            _ => Self::Bad,
        })
    }
}
