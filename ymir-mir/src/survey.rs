//! What a revision holds, found before anything is written.

use std::collections::{BTreeMap, HashMap};

use ymir_core::Result;

use super::files::{Contents, Sha1, Side};
use super::generated as proto;
use super::records::{self, Half};

/// The original's number for annotations that there are none of.
const NO_ANNOTATIONS: i32 = 100;

/// How often each class occurs, by its number and the name that the annotations have for it.
pub(super) type Uses = BTreeMap<(i32, String), u64>;

/// What a revision holds.
#[derive(Debug, Default)]
pub(super) struct Survey {
    pub(super) assets: Vec<Sha1>,
    /// Whether a prediction set is made of it.
    pub(super) has_predictions: bool,
    pub(super) uses: Uses,
    /// What is not carried over, with how often.
    pub(super) lost: BTreeMap<&'static str, u64>,
}

/// Reads all of a revision.
///
/// # Errors
///
/// `Corrupted` if any of it cannot be decoded.
pub(super) fn survey(contents: &Contents) -> Result<Survey> {
    let mut survey = Survey {
        assets: contents.assets.iter().map(|(id, _)| *id).collect(),
        has_predictions: is_there(&contents.found),
        ..Survey::default()
    };
    let mut sizes = HashMap::with_capacity(contents.assets.len());
    for (id, entry) in &contents.assets {
        let metadata = contents.metadata(entry)?;
        sizes.insert(*id, (metadata.width, metadata.height));
        contents.cks(id)?;
    }
    let mut names: HashMap<i32, String> = HashMap::new();
    for (half, side) in [(Half::Truth, &contents.truth), (Half::Found, &contents.found)] {
        for (id, data) in &side.by_asset {
            let boxes = contents.decode_boxes(data)?;
            let Some(size) = sizes.get(id) else {
                let what = "annotations of images that the version does not have";
                survey.lose(what, boxes.len() as u64);
                continue;
            };
            for annotation in &boxes {
                survey.add(annotation, *size, &mut names);
                let is_marked = !matches!(annotation.cm, 0 | 5);
                let is_kept = half == Half::Found && records::outcome(annotation.cm).is_some();
                let what = "marks of the original's evaluation on the ground truth";
                survey.lose(what, u64::from(is_marked && !is_kept));
            }
        }
    }
    Ok(survey)
}

/// Returns whether there is a side at all: also a model that found nothing has predicted.
fn is_there(side: &Side) -> bool {
    let by_model = side.model.as_ref().is_some_and(|model| !model.model_hash.is_empty());
    !side.by_asset.is_empty() || (side.kind != NO_ANNOTATIONS && side.kind != 0 && by_model)
}

impl Survey {
    pub(super) fn lose(&mut self, what: &'static str, count: u64) {
        if count > 0 {
            *self.lost.entry(what).or_default() += count;
        }
    }

    fn add(
        &mut self,
        annotation: &proto::ObjectAnnotation,
        (width, height): (i32, i32),
        names: &mut HashMap<i32, String>,
    ) {
        if !records::is_usable(annotation) {
            self.lose("annotations whose box has no size, or a number that is none", 1);
            return;
        }
        // Most annotations of a class have one and the same name: that is cloned once.
        let known =
            names.entry(annotation.class_id).or_insert_with(|| annotation.class_name.clone());
        let key = match *known == annotation.class_name {
            true => (annotation.class_id, known.clone()),
            false => (annotation.class_id, annotation.class_name.clone()),
        };
        *self.uses.entry(key).or_default() += 1;
        let has_shape = !annotation.polygon.is_empty() || !annotation.mask.is_empty();
        let [width, height] = [width, height].map(i32::unsigned_abs);
        let shape = || records::shape(&annotation.polygon, &annotation.mask, width, height);
        if has_shape && shape().is_none() {
            self.lose("malformed outlines and masks, of which the bounding boxes are kept", 1);
        }
    }
}
