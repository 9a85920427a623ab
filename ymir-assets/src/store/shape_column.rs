//! The columns of a leaf for what annotations have beyond their boxes: shapes and keypoints.

use ymir_core::{Keypoint, Mask, Ring, Shape, Visibility};

use super::column::{Floats, FloatsBuilder};
use super::generated::trie::{KeypointColumn, ShapeColumn, ShapeKind};
use super::leaf::ends;

/// The shapes of a leaf, decoded and checked.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    owners: Vec<u32>,
    places: Vec<Place>,
    /// Where the points of each ring end.
    ring_ends: Vec<u32>,
    points: Floats,
    counts: Vec<u32>,
}

/// Where the shape of an owner stands.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// These rings.
    Polygons(u32, u32),
    /// These counts.
    Mask(u32, u32),
    Image,
}

impl Shapes {
    /// Decodes the shapes of a leaf with so many annotations, of assets of these sizes.
    pub(super) fn decode(
        column: Option<ShapeColumn>,
        annotations: usize,
        size: impl Fn(usize) -> (u32, u32),
    ) -> Result<Self, &'static str> {
        const WRONG: &str = "its shapes do not add up";
        let Some(mut column) = column else { return Ok(Self::default()) };
        check_owners(&column.owners, column.kinds.len(), annotations)?;
        let points = column.point_counts.iter().map(|n| *n as usize).sum::<usize>();
        let ring_ends = ends(&column.point_counts, points).ok_or(WRONG)?;
        if column.point_counts.iter().any(|points| *points < 3) {
            return Err("a polygon has fewer than three points");
        }
        let polygon_ends = ends(&column.ring_counts, ring_ends.len()).ok_or(WRONG)?;
        let mask_ends = ends(&column.mask_lengths, column.mask_counts.len()).ok_or(WRONG)?;
        let (mut polygons, mut masks) = (spans(&polygon_ends), spans(&mask_ends));
        let mut places = Vec::with_capacity(column.kinds.len());
        for (owner, kind) in column.owners.iter().zip(column.kinds()) {
            places.push(match kind {
                ShapeKind::Polygons => match polygons.next().ok_or(WRONG)? {
                    (start, end) if start < end => Place::Polygons(start, end),
                    _ => return Err("a polygon has no ring"),
                },
                ShapeKind::Mask => {
                    let (start, end) = masks.next().ok_or(WRONG)?;
                    let (width, height) = size(*owner as usize);
                    let counts = column.mask_counts[start as usize..end as usize].to_vec();
                    Mask::new(width, height, counts).map_err(|_| "a mask has not its size")?;
                    Place::Mask(start, end)
                }
                ShapeKind::Image => Place::Image,
                ShapeKind::Unspecified => return Err("it has a kind of shape that does not exist"),
            });
        }
        if polygons.next().or(masks.next()).is_some() {
            return Err(WRONG);
        }
        let points = decode_points(column.points.take(), points)?;
        column.owners.shrink_to_fit();
        column.mask_counts.shrink_to_fit();
        Ok(Self { owners: column.owners, places, ring_ends, points, counts: column.mask_counts })
    }

    /// Returns the shape of an annotation, which is on an asset of this size.
    pub(super) fn get(&self, owner: usize, width: u32, height: u32) -> Option<Shape> {
        let place = self.owners.binary_search(&(owner as u32)).ok()?;
        Some(match self.places[place] {
            Place::Image => Shape::Image,
            Place::Polygons(start, end) => {
                Shape::Polygons((start..end).map(|r| self.ring(r)).collect())
            }
            Place::Mask(start, end) => {
                let counts = self.counts[start as usize..end as usize].to_vec();
                Shape::Mask(Mask::new(width, height, counts).expect("checked when it was decoded"))
            }
        })
    }

    fn ring(&self, ring: u32) -> Ring {
        let ring = ring as usize;
        let start = if ring == 0 { 0 } else { self.ring_ends[ring - 1] };
        (start..self.ring_ends[ring]).map(|i| point(&self.points, i as usize)).collect()
    }

    /// Returns about how much memory it takes.
    pub(super) fn bytes(&self) -> usize {
        let integers = self.owners.len() + self.ring_ends.len() + self.counts.len();
        integers * 4 + self.places.len() * size_of::<Place>() + self.points.bytes()
    }
}

/// The keypoints of a leaf, decoded and checked.
#[derive(Debug, Default)]
pub(super) struct Keypoints {
    owners: Vec<u32>,
    ends: Vec<u32>,
    points: Floats,
    visibilities: Vec<u8>,
}

impl Keypoints {
    /// Decodes the keypoints of a leaf with so many annotations.
    pub(super) fn decode(
        column: Option<KeypointColumn>,
        annotations: usize,
    ) -> Result<Self, &'static str> {
        let Some(column) = column else { return Ok(Self::default()) };
        check_owners(&column.owners, column.counts.len(), annotations)?;
        let count = column.visibilities.len();
        let ends = ends(&column.counts, count).ok_or("its keypoints do not add up")?;
        if column.visibilities.iter().any(|n| Visibility::from_number(*n).is_none()) {
            return Err("a keypoint has a visibility that does not exist");
        }
        let points = decode_points(column.points, count)?;
        Ok(Self { owners: column.owners, ends, points, visibilities: column.visibilities })
    }

    /// Returns the keypoints of an annotation.
    pub(super) fn get(&self, owner: usize) -> Vec<Keypoint> {
        let Ok(place) = self.owners.binary_search(&(owner as u32)) else { return Vec::new() };
        let start = if place == 0 { 0 } else { self.ends[place - 1] };
        let keypoint = |i: u32| {
            let [x, y] = point(&self.points, i as usize);
            let visibility = Visibility::from_number(self.visibilities[i as usize]);
            Keypoint { x, y, visibility: visibility.expect("checked when it was decoded") }
        };
        (start..self.ends[place]).map(keypoint).collect()
    }

    /// Returns about how much memory it takes.
    pub(super) fn bytes(&self) -> usize {
        self.owners.len() * 8 + self.visibilities.len() + self.points.bytes()
    }
}

fn check_owners(owners: &[u32], values: usize, annotations: usize) -> Result<(), &'static str> {
    let in_order = owners.is_sorted_by(|a, b| a < b)
        && owners.last().is_none_or(|last| (*last as usize) < annotations);
    match in_order && owners.len() == values {
        true => Ok(()),
        false => Err("a column of shapes or keypoints has owners out of order or bounds"),
    }
}

fn spans(ends: &[u32]) -> impl Iterator<Item = (u32, u32)> + '_ {
    std::iter::once(0).chain(ends.iter().copied()).zip(ends.iter().copied())
}

fn decode_points(
    column: Option<super::generated::trie::FloatColumn>,
    points: usize,
) -> Result<Floats, &'static str> {
    let floats = Floats::decode(column, 2 * points)?;
    match (0..2 * points).all(|i| floats.get(i).is_some()) {
        true => Ok(floats),
        false => Err("a point has no coordinates"),
    }
}

fn point(points: &Floats, i: usize) -> [f64; 2] {
    [2 * i, 2 * i + 1].map(|i| points.get(i).expect("checked when it was decoded"))
}

/// Collects the shapes and keypoints of a leaf in the order of the annotations.
#[derive(Debug, Default)]
pub(super) struct ShapesBuilder {
    shapes: ShapeColumn,
    points: FloatsBuilder,
    keypoints: KeypointColumn,
    keypoint_places: FloatsBuilder,
}

impl ShapesBuilder {
    pub(super) fn push(&mut self, owner: usize, shape: Option<&Shape>, keypoints: &[Keypoint]) {
        if let Some(shape) = shape {
            self.shapes.owners.push(owner as u32);
            self.push_shape(shape);
        }
        if !keypoints.is_empty() {
            self.keypoints.owners.push(owner as u32);
            self.keypoints.counts.push(keypoints.len() as u32);
        }
        for point in keypoints {
            self.keypoint_places.push(Some(point.x));
            self.keypoint_places.push(Some(point.y));
            self.keypoints.visibilities.push(point.visibility.number());
        }
    }

    fn push_shape(&mut self, shape: &Shape) {
        let column = &mut self.shapes;
        let kind = match shape {
            Shape::Polygons(rings) => {
                column.ring_counts.push(rings.len() as u32);
                column.point_counts.extend(rings.iter().map(|ring| ring.len() as u32));
                let numbers = rings.iter().flatten().flatten();
                numbers.for_each(|number| self.points.push(Some(*number)));
                ShapeKind::Polygons
            }
            Shape::Mask(mask) => {
                column.mask_lengths.push(mask.counts().len() as u32);
                column.mask_counts.extend_from_slice(mask.counts());
                ShapeKind::Mask
            }
            Shape::Image => ShapeKind::Image,
            // The check of the record refuses what this version does not know.
            _ => ShapeKind::Unspecified,
        };
        column.kinds.push(kind.into());
    }

    pub(super) fn finish(mut self) -> (Option<ShapeColumn>, Option<KeypointColumn>) {
        self.shapes.points = self.points.finish();
        self.keypoints.points = self.keypoint_places.finish();
        let shapes = Some(self.shapes).filter(|column| !column.owners.is_empty());
        (shapes, Some(self.keypoints).filter(|column| !column.owners.is_empty()))
    }
}
