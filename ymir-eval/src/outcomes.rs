use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use ymir_core::{Annotation, ClassId, Error, OUTCOME, Result};

use super::collect::{Detection, Truth};
use super::matching::{Outcome, Scratch};

/// How it is decided what a prediction is: hit or not.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OutcomeOptions {
    /// The intersection over union, in (0, 1], from which on a prediction is a hit.
    pub iou_threshold: f64,
    /// Predictions with a lower score, 0 to 1, are taken as not made; every one counts by default.
    pub min_score: Option<f64>,
    /// Whether objects marked difficult are neither to be found nor wrong to find.
    pub ignore_difficult: bool,
}

impl Default for OutcomeOptions {
    /// An intersection over union of 0.5, and every prediction.
    fn default() -> Self {
        Self { iou_threshold: 0.5, min_score: None, ignore_difficult: false }
    }
}

impl OutcomeOptions {
    /// Checks the values.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a threshold or score that makes no sense.
    pub fn check(&self) -> Result<()> {
        if !(self.iou_threshold > 0.0 && self.iou_threshold <= 1.0) {
            return Err(Error::invalid("an IoU threshold must be above 0 and at most 1")
                .with("field", "iou_threshold")
                .with("value", self.iou_threshold));
        }
        if let Some(wrong) = self.min_score.filter(|score| !(0.0..=1.0).contains(score)) {
            return Err(Error::invalid("a score must be from 0 to 1")
                .with("field", "min_score")
                .with("value", wrong));
        }
        Ok(())
    }
}

/// Returns the predictions on one image and the objects that they missed, each with what it is in
/// its attribute [`OUTCOME`]: `tp` for a hit, `fp` for a prediction without an object, `fn` for an
/// object without a prediction, `ignored` for a prediction of an object that is not to be found (a
/// crowd).
///
/// They are matched as in [`evaluate`](super::evaluate): by class, the prediction with the highest
/// score first. Annotations outside the class table have no outcome and are left out.
pub fn mark_outcomes(
    ground_truth: &[Annotation],
    predictions: &[Annotation],
    options: &OutcomeOptions,
) -> Vec<Annotation> {
    let is_made = |annotation: &Annotation| {
        options.min_score.is_none_or(|least| annotation.score.unwrap_or(1.0) >= least)
    };
    let mut marked = Vec::new();
    let mut scratch = Scratch::default();
    for class in classes(ground_truth.iter().chain(predictions)) {
        let is_of = |annotation: &&Annotation| annotation.class.id() == Some(class);
        let objects: Vec<_> = ground_truth.iter().filter(is_of).collect();
        let found: Vec<_> = predictions.iter().filter(is_of).filter(|a| is_made(a)).collect();
        let truth = |object: &&Annotation| Truth::new(0, object, options.ignore_difficult);
        let truths: Vec<_> = objects.iter().map(truth).collect();
        let detections: Vec<_> = found.iter().map(|found| Detection::new(0, found)).collect();
        let (outcomes, left) = scratch.mark_image(&truths, &detections, options.iou_threshold);
        for (annotation, outcome) in found.into_iter().zip(outcomes) {
            let name = match outcome {
                Outcome::Hit => "tp",
                Outcome::Miss => "fp",
                Outcome::Ignored => "ignored",
            };
            marked.push(with_outcome(annotation, name));
        }
        let missed = objects.into_iter().zip(left).filter(|(_, left)| *left);
        marked.extend(missed.map(|(object, _)| with_outcome(object, "fn")));
    }
    marked
}

fn classes<'a>(annotations: impl Iterator<Item = &'a Annotation>) -> BTreeSet<ClassId> {
    annotations.filter_map(|annotation| annotation.class.id()).collect()
}

fn with_outcome(annotation: &Annotation, outcome: &str) -> Annotation {
    let mut marked = annotation.clone();
    marked.attributes.insert(OUTCOME.to_owned(), outcome.to_owned());
    marked
}
