use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use ymir_core::ClassId;

/// How good predictions are: the twelve numbers of a COCO evaluation, all 0 to 1.
///
/// A number is `None` where pycocotools says −1: there is no ground truth to find, or the options
/// leave out the threshold concerned. Small is an area of the ground truth up to 32², large one
/// from 96² square pixels.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Evaluation {
    /// Average precision, the mean over the IoU thresholds and the classes.
    pub ap: Option<f64>,
    /// Average precision at IoU 0.5.
    pub ap50: Option<f64>,
    /// Average precision at IoU 0.75.
    pub ap75: Option<f64>,
    /// Average precision on small objects.
    pub ap_small: Option<f64>,
    /// Average precision on medium objects.
    pub ap_medium: Option<f64>,
    /// Average precision on large objects.
    pub ap_large: Option<f64>,
    /// Average recall with 1 detection per class and image.
    pub ar1: Option<f64>,
    /// Average recall with 10 detections per class and image.
    pub ar10: Option<f64>,
    /// Average recall with all detections that count, 100 by default.
    pub ar100: Option<f64>,
    /// Average recall on small objects.
    pub ar_small: Option<f64>,
    /// Average recall on medium objects.
    pub ar_medium: Option<f64>,
    /// Average recall on large objects.
    pub ar_large: Option<f64>,
    /// The same per class; a class that was asked for and does not occur is there with zeros.
    pub classes: BTreeMap<ClassId, ClassEvaluation>,
    /// Images that were looked at.
    pub images: u64,
    /// Predictions on images that the ground truth does not have; they do not count.
    pub predictions_outside: u64,
}

impl Evaluation {
    /// Returns the twelve numbers in the order of pycocotools' `stats`.
    pub fn numbers(&self) -> [Option<f64>; 12] {
        [
            self.ap,
            self.ap50,
            self.ap75,
            self.ap_small,
            self.ap_medium,
            self.ap_large,
            self.ar1,
            self.ar10,
            self.ar100,
            self.ar_small,
            self.ar_medium,
            self.ar_large,
        ]
    }
}

/// How good the predictions of one class are.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct ClassEvaluation {
    /// Average precision, the mean over the IoU thresholds.
    pub ap: Option<f64>,
    /// Average precision at IoU 0.5.
    pub ap50: Option<f64>,
    /// Average precision at IoU 0.75.
    pub ap75: Option<f64>,
    /// Average recall with all detections that count.
    pub ar: Option<f64>,
    /// Objects to be found; crowds and ignored ones are not among them.
    pub ground_truths: u64,
    /// Predictions, those beyond the number that counts included.
    pub predictions: u64,
}
