use serde::{Deserialize, Serialize};
use ymir_core::{Error, Result};

/// How predictions are compared with ground truth.
///
/// ```
/// use ymir_eval::EvaluationOptions;
///
/// let options = EvaluationOptions { iou_thresholds: vec![0.5], ..Default::default() };
/// assert!(options.check().is_ok());
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EvaluationOptions {
    /// The intersections over union, in (0, 1], from which on a prediction counts as a hit;
    /// average precision and recall are means over them.
    pub iou_thresholds: Vec<f64>,
    /// How many predictions of a class on one image count, those with the highest scores; the
    /// averages of recall at 1 and 10 take fewer of them.
    pub max_detections: usize,
    /// Whether objects marked difficult are neither to be found nor wrong to find, as in Pascal
    /// VOC's evaluation. COCO's evaluation knows no such mark and counts them.
    pub ignore_difficult: bool,
}

impl Default for EvaluationOptions {
    /// Those of COCO: thresholds 0.5, 0.55 … 0.95 and 100 detections.
    fn default() -> Self {
        // The same operations in the same order as NumPy's linspace, for the same last bits.
        let step = (0.95 - 0.5) / 9.0;
        let mut iou_thresholds: Vec<f64> = (0..10).map(|i| f64::from(i) * step + 0.5).collect();
        iou_thresholds[9] = 0.95;
        Self { iou_thresholds, max_detections: 100, ignore_difficult: false }
    }
}

impl EvaluationOptions {
    /// Returns whether the options make sense.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if there is no threshold, one is outside (0, 1], or no detection counts.
    pub fn check(&self) -> Result<()> {
        if self.iou_thresholds.is_empty() {
            return Err(Error::invalid("an evaluation needs at least one IoU threshold")
                .with("field", "iou_thresholds"));
        }
        if let Some(wrong) = self.iou_thresholds.iter().find(|t| !(**t > 0.0 && **t <= 1.0)) {
            return Err(Error::invalid("an IoU threshold must be above 0 and at most 1")
                .with("field", "iou_thresholds")
                .with("value", wrong));
        }
        if self.max_detections == 0 {
            return Err(Error::invalid("at least one detection per image must count")
                .with("field", "max_detections"));
        }
        Ok(())
    }
}
