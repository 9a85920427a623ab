use rayon::prelude::*;
use ymir_core::{Annotation, ClassId};
use ymir_formats::support::in_parallel;

use super::accumulate::{Curves, accumulate};
use super::collect::{ClassBoxes, Collector};
use super::matching::match_class;
use super::{ClassEvaluation, Evaluation, EvaluationOptions};

/// The ground truth of one image and the predictions on it.
#[derive(Debug, Clone, Copy)]
pub struct ImageEvaluation<'a> {
    /// What is there.
    pub ground_truth: &'a [Annotation],
    /// What was found; one without a score counts as certain (1.0).
    pub predictions: &'a [Annotation],
}

/// Returns how well the predictions meet the ground truth, over the classes given.
///
/// The result is that of pycocotools' `COCOeval` for boxes: the area of an object is that of its
/// box, crowds are matched any number of times and do not count, of equal scores the prediction
/// that comes first wins. Annotations outside the class table
/// ([`Class::Name`](ymir_core::Class::Name)), and those of classes that are not given, do not
/// count. The same input gives the same result, bit for bit, on any number of threads.
///
/// ```
/// use ymir_eval::{EvaluationOptions, ImageEvaluation, evaluate};
/// use ymir_core::{Annotation, BBox, Class, ClassId};
///
/// let cat = ClassId(0);
/// let truth = [Annotation::new(Class::Id(cat), BBox::new(10.0, 10.0, 50.0, 40.0))];
/// let found = [truth[0].clone().with_score(0.9)];
/// let images = [ImageEvaluation { ground_truth: &truth, predictions: &found }];
/// let evaluation = evaluate(images, &[cat], &EvaluationOptions::default());
/// assert!(evaluation.ap50.unwrap() > 0.999);
/// ```
pub fn evaluate<'a>(
    images: impl IntoIterator<Item = ImageEvaluation<'a>>,
    classes: &[ClassId],
    options: &EvaluationOptions,
) -> Evaluation {
    let mut collector = Collector::new(classes, options.ignore_difficult);
    for image in images {
        collector.add(image.ground_truth, image.predictions);
    }
    evaluate_collected(collector, options)
}

/// Evaluates what was collected, one class per thread.
pub fn evaluate_collected(collector: Collector, options: &EvaluationOptions) -> Evaluation {
    let (boxes, images) = collector.finish();
    let of_class = |boxes: ClassBoxes| {
        let matched = match_class(&boxes, &options.iou_thresholds, options.max_detections);
        let curves = accumulate(&matched, options.iou_thresholds.len());
        let evaluation = ClassEvaluation {
            ap: mean(curves.precision[0].iter().flatten().copied()),
            ap50: at(options, 0.5, curves.precision[0].as_deref()),
            ap75: at(options, 0.75, curves.precision[0].as_deref()),
            ar: mean(curves.recall[0].iter().flatten().copied()),
            ground_truths: matched.positives[0],
            predictions: boxes.detections.len() as u64,
        };
        (boxes.class, evaluation, curves)
    };
    let done: Vec<_> = in_parallel(|| boxes.into_par_iter().map(of_class).collect());
    let over = |part: fn(&Curves) -> &Option<Vec<f64>>| {
        mean(done.iter().filter_map(|(_, _, curves)| part(curves).as_ref()).flatten().copied())
    };
    Evaluation {
        ap: over(|curves| &curves.precision[0]),
        ap50: mean(done.iter().filter_map(|(_, class, _)| class.ap50)),
        ap75: mean(done.iter().filter_map(|(_, class, _)| class.ap75)),
        ap_small: over(|curves| &curves.precision[1]),
        ap_medium: over(|curves| &curves.precision[2]),
        ap_large: over(|curves| &curves.precision[3]),
        ar1: over(|curves| &curves.recall_at_1),
        ar10: over(|curves| &curves.recall_at_10),
        ar100: over(|curves| &curves.recall[0]),
        ar_small: over(|curves| &curves.recall[1]),
        ar_medium: over(|curves| &curves.recall[2]),
        ar_large: over(|curves| &curves.recall[3]),
        classes: done.iter().map(|(class, evaluation, _)| (*class, *evaluation)).collect(),
        images,
        predictions_outside: 0,
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0u64);
    for value in values {
        sum += value;
        count += 1;
    }
    (count > 0).then(|| sum / count as f64)
}

/// Returns the value at a threshold, if it is one of the options'.
fn at(options: &EvaluationOptions, threshold: f64, values: Option<&[f64]>) -> Option<f64> {
    let same = |t: &f64| (t - threshold).abs() < 1e-9;
    let index = options.iou_thresholds.iter().position(same)?;
    values.map(|values| values[index])
}
