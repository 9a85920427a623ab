use std::sync::Arc;

use arrow_array::builder::{MapBuilder, MapFieldNames, StringBuilder};
use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, ListArray, MapArray, RecordBatch, StringArray,
    StructArray, UInt8Array, UInt32Array, UInt64Array,
};
use arrow_buffer::{OffsetBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, DataType, Field, Fields, Schema, SchemaRef};
use ymir_core::{Annotation, Attributes, ClassTable, Record};

use super::shapes;

/// Returns the schema of a dataset's table.
pub(super) fn schema() -> SchemaRef {
    let text = |name: &str| Field::new(name, DataType::Utf8, false);
    let annotation = Field::new("item", DataType::Struct(annotation_fields()), false);
    Arc::new(Schema::new(vec![
        text("id"),
        Field::new("width", DataType::UInt32, false),
        Field::new("height", DataType::UInt32, false),
        Field::new("channels", DataType::UInt8, false),
        Field::new("byte_size", DataType::UInt64, false),
        text("media_type"),
        text("file_name"),
        Field::new("attributes", map_type(), false),
        Field::new("annotations", DataType::List(Arc::new(annotation)), false),
    ]))
}

fn annotation_fields() -> Fields {
    let number = |name: &str, optional| Field::new(name, DataType::Float64, optional);
    let flag = |name: &str| Field::new(name, DataType::Boolean, false);
    let mut fields = vec![
        Field::new("class_name", DataType::Utf8, false),
        Field::new("class_id", DataType::UInt32, true),
        number("x", false),
        number("y", false),
        number("w", false),
        number("h", false),
        number("rotate_angle", true),
        number("score", true),
        number("quality", true),
        flag("difficult"),
        flag("truncated"),
        flag("occluded"),
        flag("crowd"),
        Field::new("attributes", map_type(), false),
    ];
    fields.extend(shapes::fields());
    Fields::from(fields)
}

fn map_type() -> DataType {
    let entry = Fields::from(vec![
        Field::new("key", DataType::Utf8, false),
        Field::new("value", DataType::Utf8, false),
    ]);
    DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entry), false)), false)
}

/// Returns a batch of records.
pub(super) fn batch(
    records: &[Record],
    classes: &ClassTable,
    schema: &SchemaRef,
) -> Result<RecordBatch, ArrowError> {
    let assets = || records.iter().map(|record| &record.asset);
    let ids = assets().map(|asset| asset.id.to_string());
    // As the core serialises it: `jpeg`, not `image/jpeg`.
    let media = assets().map(|asset| asset.media_type.mime().trim_start_matches("image/"));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(ids)),
        Arc::new(UInt32Array::from_iter_values(assets().map(|asset| asset.width))),
        Arc::new(UInt32Array::from_iter_values(assets().map(|asset| asset.height))),
        Arc::new(UInt8Array::from_iter_values(assets().map(|asset| asset.channels))),
        Arc::new(UInt64Array::from_iter_values(assets().map(|asset| asset.byte_size))),
        Arc::new(StringArray::from_iter_values(media)),
        Arc::new(StringArray::from_iter_values(assets().map(|asset| asset.file_name.as_str()))),
        Arc::new(maps(assets().map(|asset| &asset.attributes))?),
        Arc::new(lists(records, classes)?),
    ];
    RecordBatch::try_new(schema.clone(), columns)
}

fn lists(records: &[Record], classes: &ClassTable) -> Result<ListArray, ArrowError> {
    let lengths = records.iter().map(|record| record.annotations.len());
    let offsets = OffsetBuffer::from_lengths(lengths);
    let all: Vec<&Annotation> = records.iter().flat_map(|record| &record.annotations).collect();
    let number = |of: fn(&Annotation) -> f64| -> ArrayRef {
        let values: ScalarBuffer<f64> = all.iter().map(|annotation| of(annotation)).collect();
        Arc::new(Float64Array::new(values, None))
    };
    let optional = |of: fn(&Annotation) -> Option<f64>| -> ArrayRef {
        Arc::new(all.iter().map(|annotation| of(annotation)).collect::<Float64Array>())
    };
    let flag = |of: fn(&Annotation) -> bool| -> ArrayRef {
        Arc::new(BooleanArray::from_iter(all.iter().map(|annotation| Some(of(annotation)))))
    };
    let names = all.iter().map(|annotation| classes.name_of(&annotation.class).unwrap_or_default());
    let ids = all.iter().map(|annotation| annotation.class.id().map(|id| id.0));
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(names)),
        Arc::new(ids.collect::<UInt32Array>()),
        number(|annotation| annotation.bbox.x),
        number(|annotation| annotation.bbox.y),
        number(|annotation| annotation.bbox.w),
        number(|annotation| annotation.bbox.h),
        optional(|annotation| annotation.rotate_angle),
        optional(|annotation| annotation.score),
        optional(|annotation| annotation.quality),
        flag(|annotation| annotation.flags.difficult),
        flag(|annotation| annotation.flags.truncated),
        flag(|annotation| annotation.flags.occluded),
        flag(|annotation| annotation.flags.crowd),
        Arc::new(maps(all.iter().map(|annotation| &annotation.attributes))?),
    ];
    columns.extend(shapes::columns(&all)?);
    let fields = annotation_fields();
    let item = Arc::new(Field::new("item", DataType::Struct(fields.clone()), false));
    ListArray::try_new(item, offsets, Arc::new(StructArray::try_new(fields, columns, None)?), None)
}

fn maps<'a>(all: impl Iterator<Item = &'a Attributes>) -> Result<MapArray, ArrowError> {
    let names = MapFieldNames {
        entry: "entries".to_owned(),
        key: "key".to_owned(),
        value: "value".to_owned(),
    };
    let value = Field::new("value", DataType::Utf8, false);
    let mut builder = MapBuilder::new(Some(names), StringBuilder::new(), StringBuilder::new())
        .with_values_field(value);
    for attributes in all {
        for (key, value) in attributes {
            builder.keys().append_value(key);
            builder.values().append_value(value);
        }
        builder.append(true)?;
    }
    Ok(builder.finish())
}
