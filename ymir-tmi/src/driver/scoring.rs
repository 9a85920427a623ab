use std::collections::BTreeMap;

use ymir_core::Annotation;

/// Returns how much the labels of an asset promise to teach, from what a model said about it: the
/// sum, over the classes, of the largest entropy that a detection of the class has, in nats.
///
/// The entropy of a detection with score `p` is `-p ln p - (1 - p) ln (1 - p)`: largest where the
/// model is undecided. Taking one detection per class favours images of many classes over crowds.
pub(super) fn score(predictions: &[Annotation]) -> f64 {
    let mut largest: BTreeMap<String, f64> = BTreeMap::new();
    for prediction in predictions {
        let p = prediction.score.unwrap_or(1.0).clamp(0.0, 1.0);
        let entropy = [p, 1.0 - p].iter().filter(|p| **p > 0.0).map(|p| -p * p.ln()).sum();
        let class = format!("{:?}", prediction.class);
        let best = largest.entry(class).or_default();
        *best = best.max(entropy);
    }
    largest.values().sum()
}

#[cfg(test)]
mod tests {
    use ymir_core::{BBox, Class, ClassId};

    use super::*;

    fn detection(class: u32, score: f64) -> Annotation {
        Annotation::new(Class::Id(ClassId(class)), BBox::new(0.0, 0.0, 1.0, 1.0)).with_score(score)
    }

    #[test]
    fn undecided_and_many_classes_score_high() {
        assert_eq!(score(&[]), 0.0);
        assert_eq!(score(&[detection(0, 1.0)]), 0.0);
        let undecided = score(&[detection(0, 0.5)]);
        assert!((undecided - std::f64::consts::LN_2).abs() < 1e-12);
        assert_eq!(score(&[detection(0, 0.5), detection(0, 0.6)]), undecided);
        assert!(score(&[detection(0, 0.5), detection(1, 0.9)]) > undecided);
    }
}
