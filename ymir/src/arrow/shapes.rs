use std::sync::Arc;

use arrow_array::types::{Float64Type, UInt8Type};
use arrow_array::{ArrayRef, Float64Array, ListArray, PrimitiveArray, StringArray, StructArray};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{ArrowError, DataType, Field, FieldRef, Fields};
use ymir_core::{Annotation, Keypoint, Ring, Shape};

/// Returns the columns of what annotations say beside their boxes.
pub(super) fn fields() -> [Field; 4] {
    let keypoint = DataType::Struct(keypoint_fields());
    [
        Field::new("shape", DataType::Utf8, true),
        Field::new("polygons", DataType::List(ring()), true),
        Field::new("mask", DataType::Utf8, true),
        Field::new("keypoints", DataType::List(item(keypoint)), false),
    ]
}

fn item(kind: DataType) -> FieldRef {
    Arc::new(Field::new("item", kind, false))
}

/// A ring as COCO has it: `x` and `y` of one point after the other.
fn ring() -> FieldRef {
    item(DataType::List(item(DataType::Float64)))
}

fn keypoint_fields() -> Fields {
    Fields::from(vec![
        Field::new("x", DataType::Float64, false),
        Field::new("y", DataType::Float64, false),
        Field::new("visibility", DataType::UInt8, false),
    ])
}

/// Returns the values of the columns.
pub(super) fn columns(all: &[&Annotation]) -> Result<[ArrayRef; 4], ArrowError> {
    let kinds = all.iter().map(|annotation| match annotation.shape.as_ref()? {
        Shape::Polygons(_) => Some("polygons"),
        Shape::Mask(_) => Some("mask"),
        Shape::Image => Some("image"),
        _ => None,
    });
    let masks = all.iter().map(|annotation| match annotation.shape.as_ref()? {
        Shape::Mask(mask) => Some(mask.to_coco_string()),
        _ => None,
    });
    Ok([
        Arc::new(kinds.collect::<StringArray>()),
        Arc::new(polygons(all)?),
        Arc::new(masks.collect::<StringArray>()),
        Arc::new(keypoints(all)?),
    ])
}

fn polygons(all: &[&Annotation]) -> Result<ListArray, ArrowError> {
    let outlines = all.iter().map(|annotation| match annotation.shape.as_ref()? {
        Shape::Polygons(rings) => Some(rings.as_slice()),
        _ => None,
    });
    let outlines: Vec<Option<&[Ring]>> = outlines.collect();
    let is_there = NullBuffer::from_iter(outlines.iter().map(Option::is_some));
    let counts = outlines.iter().map(|rings| rings.map_or(0, <[Ring]>::len));
    let offsets = OffsetBuffer::from_lengths(counts);
    let rings: Vec<&Ring> = outlines.into_iter().flatten().flatten().collect();
    let numbers = rings.iter().copied().flatten().flatten().copied();
    let numbers = Arc::new(Float64Array::from_iter_values(numbers));
    let within = OffsetBuffer::from_lengths(rings.iter().map(|ring| 2 * ring.len()));
    let rings = ListArray::try_new(item(DataType::Float64), within, numbers, None)?;
    ListArray::try_new(ring(), offsets, Arc::new(rings), Some(is_there))
}

fn keypoints(all: &[&Annotation]) -> Result<ListArray, ArrowError> {
    let offsets = OffsetBuffer::from_lengths(all.iter().map(|a| a.keypoints.len()));
    let points: Vec<Keypoint> = all.iter().flat_map(|a| a.keypoints.iter().copied()).collect();
    let number = |of: fn(&Keypoint) -> f64| -> ArrayRef {
        Arc::new(PrimitiveArray::<Float64Type>::from_iter_values(points.iter().map(of)))
    };
    let seen = points.iter().map(|point| point.visibility.number());
    let seen = Arc::new(PrimitiveArray::<UInt8Type>::from_iter_values(seen));
    let columns = vec![number(|point| point.x), number(|point| point.y), seen];
    let points = StructArray::try_new(keypoint_fields(), columns, None)?;
    let kind = item(DataType::Struct(keypoint_fields()));
    ListArray::try_new(kind, offsets, Arc::new(points), None)
}
