//! Average precision at one IoU, as in the VOC evaluation since 2010 (area under the curve).

use super::boxes::{Detection, Truth};

/// IoU from which a detection counts as correct.
pub const MATCH_IOU: f32 = 0.5;

/// How well detections match the ground truth.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// Average precision per class; none for a class without boxes.
    pub class_ap: Vec<Option<f64>>,
    /// Mean of `class_ap` over the classes that have boxes; 0 without any.
    pub map: f64,
    /// Mean, over those classes, of the part of boxes found at any score.
    pub mar: f64,
    /// Correct detections at or above the score threshold.
    pub tp: usize,
    /// Wrong detections at or above the score threshold.
    pub fp: usize,
    /// Boxes not found at or above the score threshold.
    pub fn_: usize,
}

/// A detection of one class over the whole set, marked as correct or not.
struct Marked {
    score: f32,
    correct: bool,
}

/// Evaluates detections (best first in each image) against ground truth, image by image.
pub fn evaluate(
    images: &[(Vec<Detection>, Vec<Truth>)],
    classes: usize,
    score_threshold: f32,
) -> Evaluation {
    let mut evaluation =
        Evaluation { class_ap: Vec::new(), map: 0.0, mar: 0.0, tp: 0, fp: 0, fn_: 0 };
    let mut recalls = Vec::new();
    for class in 0..classes {
        let boxes = images.iter().flat_map(|(_, t)| t).filter(|t| t.class == class).count();
        let mut marked: Vec<Marked> = images
            .iter()
            .flat_map(|(detections, truths)| mark(detections, truths, class))
            .collect();
        marked.sort_by(|a, b| b.score.total_cmp(&a.score));
        let kept = marked.iter().filter(|m| m.score >= score_threshold);
        let (correct, wrong): (Vec<_>, Vec<_>) = kept.partition(|m| m.correct);
        evaluation.tp += correct.len();
        evaluation.fp += wrong.len();
        evaluation.fn_ += boxes - correct.len();
        let ap = (boxes > 0).then(|| area_under_curve(&marked, boxes));
        evaluation.class_ap.push(ap);
        if boxes > 0 {
            recalls.push(marked.iter().filter(|m| m.correct).count() as f64 / boxes as f64);
        }
    }
    let aps: Vec<f64> = evaluation.class_ap.iter().flatten().copied().collect();
    evaluation.map = mean(&aps);
    evaluation.mar = mean(&recalls);
    evaluation
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// Gives each detection, best first, the free box of its class that it overlaps most.
fn mark(detections: &[Detection], truths: &[Truth], class: usize) -> Vec<Marked> {
    let mut free: Vec<&Truth> = truths.iter().filter(|t| t.class == class).collect();
    let mut marked = Vec::new();
    for detection in detections.iter().filter(|d| d.class == class) {
        let best = free
            .iter()
            .enumerate()
            .map(|(index, truth)| (index, truth.rect.iou(&detection.rect)))
            .filter(|(_, iou)| *iou >= MATCH_IOU)
            .max_by(|a, b| a.1.total_cmp(&b.1));
        if let Some((index, _)) = best {
            free.swap_remove(index);
        }
        marked.push(Marked { score: detection.score, correct: best.is_some() });
    }
    marked
}

fn area_under_curve(marked: &[Marked], boxes: usize) -> f64 {
    let mut correct = 0usize;
    let mut curve = Vec::with_capacity(marked.len());
    for (index, detection) in marked.iter().enumerate() {
        correct += usize::from(detection.correct);
        curve.push((correct as f64 / boxes as f64, correct as f64 / (index + 1) as f64));
    }
    // Precision at a recall is the best precision at that recall or a higher one.
    let mut area = 0.0;
    let mut precision = 0.0f64;
    for (index, (recall, at)) in curve.iter().enumerate().rev() {
        precision = precision.max(*at);
        let before = if index == 0 { 0.0 } else { curve[index - 1].0 };
        area += (recall - before) * precision;
    }
    area
}
