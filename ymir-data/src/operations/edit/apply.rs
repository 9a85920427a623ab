use std::collections::BTreeMap;

use ymir_core::{Annotation, Asset, AssetId, BBox, ClassTable, Edit, Error, Record, Result, Shape};

use super::DatasetEdit;

/// How far a box may reach over the edge of its image by rounding, in pixels.
const ROUNDING: f64 = 1e-6;

/// Records before and after changes.
#[derive(Debug, Default)]
pub(super) struct Changes {
    before: BTreeMap<AssetId, Option<Record>>,
    after: BTreeMap<AssetId, Option<Record>>,
}

/// How many records and annotations differ.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) added: u64,
    pub(super) changed: u64,
    pub(super) removed: u64,
    pub(super) annotations_added: u64,
    pub(super) annotations_removed: u64,
}

/// Returns the asset that a change is about.
pub(super) fn asset_of(edit: &DatasetEdit) -> Option<AssetId> {
    match edit {
        DatasetEdit::Put(record) => Some(record.asset.id),
        DatasetEdit::PutImage { .. } => None,
        DatasetEdit::SetAttributes { asset, .. }
        | DatasetEdit::SetAnnotations { asset, .. }
        | DatasetEdit::AddAnnotations { asset, .. }
        | DatasetEdit::ReplaceAnnotation { asset, .. }
        | DatasetEdit::RemoveAnnotations { asset, .. }
        | DatasetEdit::Remove(asset) => Some(*asset),
    }
}

impl Changes {
    /// Returns no changes of these records.
    pub(super) fn of(records: impl IntoIterator<Item = (AssetId, Option<Record>)>) -> Self {
        let before: BTreeMap<_, _> = records.into_iter().collect();
        Self { after: before.clone(), before }
    }

    /// Returns the assets that are put in and were not there.
    pub(super) fn new_assets(&self) -> impl Iterator<Item = &AssetId> {
        let is_new = |id: &&AssetId| self.before[*id].is_none();
        self.after.iter().filter(|(_, record)| record.is_some()).map(|(id, _)| id).filter(is_new)
    }

    /// Applies a change on top of those before it.
    ///
    /// # Errors
    ///
    /// `NotFound` for an asset that the dataset does not have; `InvalidInput` for an annotation
    /// that cannot be on its image, or a place where there is none.
    pub(super) fn apply(&mut self, edit: &DatasetEdit, classes: &ClassTable) -> Result<()> {
        let Some(id) = asset_of(edit) else { return Ok(()) };
        let slot = self.after.entry(id).or_default();
        if let DatasetEdit::Put(record) = edit {
            let mut record = record.clone();
            for (index, annotation) in record.annotations.iter_mut().enumerate() {
                settle(annotation, &record.asset, index, classes)?;
            }
            *slot = Some(record);
            return Ok(());
        }
        let Some(record) = slot else {
            let message = "the dataset does not have this asset; its ids are those of `page` and \
                           `find`";
            return Err(Error::not_found(message).with("asset", id));
        };
        if matches!(edit, DatasetEdit::Remove(_)) {
            *slot = None;
            return Ok(());
        }
        change(record, edit, classes)
    }

    /// Returns the edits for the store: only what is different at the end.
    pub(super) fn edits(&self) -> Vec<Edit> {
        let different = self.after.iter().filter(|(id, after)| self.before[*id] != **after);
        let edit = |(id, after): (&AssetId, &Option<Record>)| match after {
            Some(record) => Edit::Put(record.clone()),
            None => Edit::Remove(*id),
        };
        different.map(edit).collect()
    }

    /// Counts what is different at the end.
    pub(super) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for (id, after) in &self.after {
            let before = &self.before[id];
            match (before, after) {
                (None, Some(_)) => counts.added += 1,
                (Some(_), None) => counts.removed += 1,
                (before, after) if before != after => counts.changed += 1,
                _ => continue,
            }
            let list = |record: &Option<Record>| {
                record.as_ref().map_or(Vec::new(), |record| record.annotations.clone())
            };
            let (mut gone, mut new) = (list(before), 0);
            for annotation in list(after) {
                match gone.iter().position(|other| *other == annotation) {
                    Some(same) => drop(gone.swap_remove(same)),
                    None => new += 1,
                }
            }
            counts.annotations_added += new;
            counts.annotations_removed += gone.len() as u64;
        }
        counts
    }
}

/// Changes a record that is there.
fn change(record: &mut Record, edit: &DatasetEdit, classes: &ClassTable) -> Result<()> {
    let (asset, list) = (&mut record.asset, &mut record.annotations);
    match edit {
        DatasetEdit::SetAttributes { attributes, .. } => {
            for (name, value) in attributes {
                set_attribute(asset, name, value.as_deref())?;
            }
        }
        DatasetEdit::SetAnnotations { annotations, .. } => {
            list.clear();
            add(list, annotations, asset, classes)?;
        }
        DatasetEdit::AddAnnotations { annotations, .. } => add(list, annotations, asset, classes)?,
        DatasetEdit::ReplaceAnnotation { index, annotation, .. } => {
            check_index(*index, list, asset)?;
            let mut annotation = annotation.clone();
            settle(&mut annotation, asset, *index, classes)?;
            list[*index] = annotation;
        }
        DatasetEdit::RemoveAnnotations { indices, .. } => {
            for index in indices {
                check_index(*index, list, asset)?;
            }
            let mut index = 0;
            list.retain(|_| {
                index += 1;
                !indices.contains(&(index - 1))
            });
        }
        DatasetEdit::Put(_) | DatasetEdit::PutImage { .. } | DatasetEdit::Remove(_) => {}
    }
    Ok(())
}

fn set_attribute(asset: &mut Asset, name: &str, value: Option<&str>) -> Result<()> {
    if name.trim().is_empty() || name.chars().any(char::is_control) {
        let message = "the name of an attribute has a visible character, and no controls";
        return Err(Error::invalid(message)
            .with("attribute", format!("{name:?}"))
            .with("asset", asset.id));
    }
    match value {
        Some(value) => drop(asset.attributes.insert(name.to_owned(), value.to_owned())),
        None => drop(asset.attributes.remove(name)),
    }
    Ok(())
}

fn add(
    list: &mut Vec<Annotation>,
    annotations: &[Annotation],
    asset: &Asset,
    classes: &ClassTable,
) -> Result<()> {
    for (index, annotation) in annotations.iter().enumerate() {
        let mut annotation = annotation.clone();
        settle(&mut annotation, asset, index, classes)?;
        list.push(annotation);
    }
    Ok(())
}

fn check_index(index: usize, list: &[Annotation], asset: &Asset) -> Result<()> {
    if index < list.len() {
        return Ok(());
    }
    Err(Error::invalid("the asset has no annotation at this place; places count from 0")
        .with("index", index)
        .with("annotations", list.len())
        .with("asset", asset.id))
}

/// Checks that an annotation can be ground truth on an asset. The box of a label of the whole image
/// is set to the image's.
fn settle(
    annotation: &mut Annotation,
    asset: &Asset,
    index: usize,
    classes: &ClassTable,
) -> Result<()> {
    let Asset { width, height, .. } = *asset;
    let class = classes.name_of(&annotation.class).unwrap_or("?").to_owned();
    let context = |error: Error| {
        error.with("asset", asset.id).with("annotation", index).with("class", &class)
    };
    if annotation.score.is_some() {
        let message = "ground truth has no score; leave it out";
        return Err(context(Error::invalid(message)));
    }
    if annotation.shape == Some(Shape::Image) {
        annotation.bbox = BBox::new(0.0, 0.0, width.into(), height.into());
    }
    annotation.check(width, height).map_err(context)?;
    let b = annotation.bbox;
    if !b.is_valid() {
        let message = "the box has no area; draw it again, or leave it out";
        return Err(context(Error::invalid(message)));
    }
    let inside = b.x >= -ROUNDING
        && b.y >= -ROUNDING
        && b.x + b.w <= f64::from(width) + ROUNDING
        && b.y + b.h <= f64::from(height) + ROUNDING;
    // The box of a rotated object may reach over the edge, though the object does not.
    if inside || annotation.rotate_angle.is_some_and(|angle| angle != 0.0) {
        return Ok(());
    }
    let message = "the box reaches outside the image; boxes are x, y, w, h in pixels";
    let image = format!("{width} × {height}");
    let bbox = format!("{}, {}, {}, {}", b.x, b.y, b.w, b.h);
    Err(context(Error::invalid(message).with("bbox", bbox).with("image", image)))
}
