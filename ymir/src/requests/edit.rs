use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use serde_json::Value;
use ymir_core::{
    Annotation, Asset, AssetId, Attributes, BBox, BranchKind, Class, Flags, Keypoint, Name, Record,
    Result, Shape, UnknownClasses,
};
use ymir_data::operations::{DatasetEdit, EditOptions};

use super::optional;
use crate::Workspace;

/// What [`Workspace::edit`] is given.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EditRequest {
    /// The dataset.
    pub dataset: Name,
    /// The changes, in their order.
    pub edits: Vec<EditItem>,
    /// The commit message.
    #[serde(default)]
    pub message: Option<String>,
    /// The version that the changes were made for.
    #[serde(default)]
    pub expect: Option<String>,
    /// What to do with class names that the workspace does not have.
    #[serde(default)]
    pub unknown_classes: UnknownClasses,
    /// Makes the dataset if there is none of its name.
    #[serde(default)]
    pub create: bool,
}

impl EditRequest {
    /// Returns the changes, and the options with the version that a spec means now.
    ///
    /// # Errors
    ///
    /// As [`Workspace::resolve`].
    pub async fn resolve(self, workspace: &Workspace) -> Result<(Vec<DatasetEdit>, EditOptions)> {
        let options = EditOptions {
            message: self.message,
            expect: optional(workspace, BranchKind::Dataset, &self.expect).await?,
            unknown_classes: self.unknown_classes,
            create: self.create,
        };
        Ok((self.edits.into_iter().map(DatasetEdit::from).collect(), options))
    }
}

/// One change of a dataset, as [`DatasetEdit`] is written in JSON: `{"op": "remove", "asset": …}`.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are those of `DatasetEdit`")]
pub enum EditItem {
    /// [`DatasetEdit::Put`].
    Put {
        asset: Asset,
        #[serde(default)]
        annotations: Vec<AnnotationInput>,
    },
    /// [`DatasetEdit::PutImage`].
    PutImage {
        file: PathBuf,
        #[serde(default)]
        attributes: BTreeMap<String, AttributeInput>,
        #[serde(default)]
        annotations: Vec<AnnotationInput>,
    },
    /// [`DatasetEdit::SetAttributes`].
    SetAttributes { asset: AssetId, attributes: BTreeMap<String, Option<AttributeInput>> },
    /// [`DatasetEdit::SetAnnotations`].
    SetAnnotations { asset: AssetId, annotations: Vec<AnnotationInput> },
    /// [`DatasetEdit::AddAnnotations`].
    AddAnnotations { asset: AssetId, annotations: Vec<AnnotationInput> },
    /// [`DatasetEdit::ReplaceAnnotation`].
    ReplaceAnnotation { asset: AssetId, index: usize, annotation: Box<AnnotationInput> },
    /// [`DatasetEdit::RemoveAnnotations`].
    RemoveAnnotations { asset: AssetId, indices: Vec<usize> },
    /// [`DatasetEdit::Remove`].
    Remove { asset: AssetId },
}

impl From<EditItem> for DatasetEdit {
    fn from(item: EditItem) -> Self {
        let annotations =
            |list: Vec<AnnotationInput>| list.into_iter().map(Annotation::from).collect();
        match item {
            EditItem::Put { asset, annotations: list } => {
                Self::Put(Record { asset, annotations: annotations(list) })
            }
            EditItem::PutImage { file, attributes, annotations: list } => Self::PutImage {
                file,
                attributes: attributes.into_iter().map(|(name, value)| (name, value.0)).collect(),
                annotations: annotations(list),
            },
            EditItem::SetAttributes { asset, attributes } => {
                let text = |(name, value): (String, Option<AttributeInput>)| {
                    (name, value.map(|value| value.0))
                };
                Self::SetAttributes {
                    asset,
                    attributes: attributes.into_iter().map(text).collect(),
                }
            }
            EditItem::SetAnnotations { asset, annotations: list } => {
                Self::SetAnnotations { asset, annotations: annotations(list) }
            }
            EditItem::AddAnnotations { asset, annotations: list } => {
                Self::AddAnnotations { asset, annotations: annotations(list) }
            }
            EditItem::ReplaceAnnotation { asset, index, annotation } => {
                Self::ReplaceAnnotation { asset, index, annotation: (*annotation).into() }
            }
            EditItem::RemoveAnnotations { asset, indices } => {
                Self::RemoveAnnotations { asset, indices }
            }
            EditItem::Remove { asset } => Self::Remove(asset),
        }
    }
}

/// The value of an attribute: a text; numbers, true and false are written as one.
#[derive(Debug, Clone)]
pub struct AttributeInput(String);

impl<'de> Deserialize<'de> for AttributeInput {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Self(text)),
            value @ (Value::Number(_) | Value::Bool(_)) => Ok(Self(value.to_string())),
            _ => Err(D::Error::custom(
                "the value of an attribute must be a text, a number, true or false",
            )),
        }
    }
}

/// A ground-truth annotation as people write it: the class by name, the box as `[x, y, w, h]` or
/// with these fields. Without a box it is a label of the whole image.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnnotationInput {
    #[serde(alias = "class_name", alias = "className")]
    class: ClassInput,
    #[serde(default)]
    bbox: Option<BoxInput>,
    #[serde(default)]
    shape: Option<Shape>,
    #[serde(default)]
    keypoints: Option<Vec<Keypoint>>,
    #[serde(default, alias = "rotateAngle")]
    rotate_angle: Option<f64>,
    #[serde(default)]
    quality: Option<f64>,
    #[serde(default)]
    flags: Option<Flags>,
    #[serde(default)]
    attributes: Option<BTreeMap<String, AttributeInput>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, expecting = "the class must be the name of one")]
enum ClassInput {
    Name(String),
    Class(Class),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, expecting = "a box must be four numbers: x, y, w, h")]
enum BoxInput {
    Numbers([f64; 4]),
    Fields(BBox),
}

impl From<AnnotationInput> for Annotation {
    fn from(input: AnnotationInput) -> Self {
        let class = match input.class {
            ClassInput::Name(name) => Class::Name(name),
            ClassInput::Class(class) => class,
        };
        let bbox = input.bbox.map(|bbox| match bbox {
            BoxInput::Numbers([x, y, w, h]) => BBox::new(x, y, w, h),
            BoxInput::Fields(bbox) => bbox,
        });
        // The edit gives a label of the image the image's box.
        let of_image = bbox.is_none().then_some(Shape::Image);
        let attributes: Attributes = input
            .attributes
            .unwrap_or_default()
            .into_iter()
            .map(|(name, value)| (name, value.0))
            .collect();
        Self {
            shape: input.shape.or(of_image),
            keypoints: input.keypoints.unwrap_or_default(),
            rotate_angle: input.rotate_angle,
            quality: input.quality,
            flags: input.flags.unwrap_or_default(),
            attributes,
            ..Self::new(class, bbox.unwrap_or_default())
        }
    }
}
