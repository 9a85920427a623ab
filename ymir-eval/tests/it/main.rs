//! Evaluation, against numbers that pycocotools computed (`data/coco_evaluation.py`).

use proptest::prelude::*;
use serde::Deserialize;
use ymir_core::{Annotation, BBox, Class, ClassId, ErrorKind, OUTCOME};
use ymir_eval::{Evaluation, EvaluationOptions, ImageEvaluation, evaluate, mark_outcomes};

type Row = (u32, f64, f64, f64, f64, f64);

#[derive(Deserialize)]
struct Case {
    name: String,
    classes: u32,
    truth: Vec<Vec<Row>>,
    found: Vec<Vec<Row>>,
    numbers: [f64; 12],
    ap: Vec<f64>,
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("../data/coco_evaluation.json")).unwrap()
}

fn truth(row: &Row) -> Annotation {
    let mut annotation =
        Annotation::new(Class::Id(ClassId(row.0)), BBox::new(row.1, row.2, row.3, row.4));
    annotation.flags.crowd = row.5 != 0.0;
    annotation
}

fn found(row: &Row) -> Annotation {
    Annotation::new(Class::Id(ClassId(row.0)), BBox::new(row.1, row.2, row.3, row.4))
        .with_score(row.5)
}

type Image = (Vec<Annotation>, Vec<Annotation>);

fn images(case: &Case) -> Vec<Image> {
    let images = case.truth.iter().zip(&case.found);
    images.map(|(t, f)| (t.iter().map(truth).collect(), f.iter().map(found).collect())).collect()
}

fn run(images: &[Image], classes: u32, options: &EvaluationOptions) -> Evaluation {
    let classes: Vec<_> = (0..classes).map(ClassId).collect();
    let images = images.iter().map(|(t, f)| ImageEvaluation { ground_truth: t, predictions: f });
    evaluate(images, &classes, options)
}

fn assert_same(name: &str, ours: Option<f64>, theirs: f64) {
    let ours = ours.unwrap_or(-1.0);
    assert!((ours - theirs).abs() < 1e-9, "{name}: {ours}, and pycocotools says {theirs}");
}

#[test]
fn the_numbers_are_those_of_pycocotools() {
    let cases = cases();
    assert!(cases.len() >= 15);
    for case in &cases {
        let evaluation = run(&images(case), case.classes, &EvaluationOptions::default());
        for (i, (ours, theirs)) in evaluation.numbers().into_iter().zip(case.numbers).enumerate() {
            assert_same(&format!("{}, number {i}", case.name), ours, theirs);
        }
        for (class, theirs) in case.ap.iter().enumerate() {
            let ours = evaluation.classes[&ClassId(class as u32)].ap;
            assert_same(&format!("{}, class {class}", case.name), ours, *theirs);
        }
        assert_eq!(evaluation.images, case.truth.len() as u64, "{}", case.name);
    }
}

#[test]
fn classes_are_counted_and_the_others_left_out() {
    let cases = cases();
    let case = cases.iter().find(|case| case.name == "a class without ground truth").unwrap();
    let mut images = images(case);
    let outside = Annotation::new(Class::Name("ghost".into()), BBox::new(0.0, 0.0, 9.0, 9.0));
    let before = run(&images, 3, &EvaluationOptions::default());
    images[0].0.push(outside.clone());
    images[0].1.push(outside.with_score(1.0));
    let evaluation = run(&images, 3, &EvaluationOptions::default());
    assert_eq!(evaluation, before);
    let [first, second, third] = [0, 1, 2].map(|class| evaluation.classes[&ClassId(class)]);
    assert_eq!((first.ground_truths, first.predictions), (1, 1));
    assert_eq!((second.ground_truths, second.predictions, second.ap), (0, 1, None));
    assert_eq!((third.ground_truths, third.predictions, third.ap), (0, 0, None));
    assert!(run(&images, 0, &EvaluationOptions::default()).ap.is_none());
}

#[test]
fn thresholds_that_are_not_asked_for_have_no_number() {
    let images = images(&cases()[12]);
    let all = run(&images, 3, &EvaluationOptions::default());
    let options = EvaluationOptions { iou_thresholds: vec![0.5], ..Default::default() };
    let half = run(&images, 3, &options);
    assert_eq!(half.ap, half.ap50);
    assert_same("ap50", half.ap50, all.ap50.unwrap());
    assert_eq!(half.ap75, None);
}

#[test]
fn difficult_objects_are_ignored_on_request() {
    let bbox = BBox::new(10.0, 10.0, 50.0, 50.0);
    let mut hard = Annotation::new(Class::Id(ClassId(0)), bbox);
    hard.flags.difficult = true;
    let easy = Annotation::new(Class::Id(ClassId(0)), BBox::new(200.0, 10.0, 50.0, 50.0));
    let images = [(vec![hard, easy.clone()], vec![easy.with_score(0.5)])];
    let strict = run(&images, 1, &EvaluationOptions::default());
    assert_eq!(strict.classes[&ClassId(0)].ground_truths, 2);
    assert!(strict.ap.unwrap() < 0.6);
    let options = EvaluationOptions { ignore_difficult: true, ..Default::default() };
    let lenient = run(&images, 1, &options);
    assert_eq!(lenient.classes[&ClassId(0)].ground_truths, 1);
    assert!(lenient.ap.unwrap() > 0.999);
}

#[test]
fn options_that_make_no_sense_are_refused() {
    for (options, field) in [
        (EvaluationOptions { iou_thresholds: vec![], ..Default::default() }, "iou_thresholds"),
        (EvaluationOptions { iou_thresholds: vec![50.0], ..Default::default() }, "iou_thresholds"),
        (
            EvaluationOptions { iou_thresholds: vec![f64::NAN], ..Default::default() },
            "iou_thresholds",
        ),
        (EvaluationOptions { max_detections: 0, ..Default::default() }, "max_detections"),
    ] {
        let error = options.check().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains(field), "{error}");
    }
}

proptest! {
    #[test]
    fn every_number_is_a_fraction_whatever_the_boxes(
        boxes in proptest::collection::vec(
            (0u32..3, -50.0..50.0f64, -50.0..50.0f64, 0.0..99.0f64, 0.0..99.0f64, 0.0..1.0f64),
            0..60,
        ),
        scores in proptest::collection::vec(
            prop_oneof![Just(f64::NAN), Just(f64::INFINITY), 0.0..1.0f64], 60),
    ) {
        let images: Vec<Image> = boxes
            .chunks(6)
            .map(|rows| {
                let (t, f) = rows.split_at(rows.len() / 2);
                let with = |(row, score): (&Row, &f64)| found(row).with_score(*score);
                (t.iter().map(truth).collect(), f.iter().zip(&scores).map(with).collect())
            })
            .collect();
        let first = run(&images, 3, &EvaluationOptions::default());
        for number in first.numbers().into_iter().flatten() {
            prop_assert!((0.0..=1.0).contains(&number));
        }
        prop_assert_eq!(&run(&images, 3, &EvaluationOptions::default()), &first);
    }
}

/// The outcomes count what the evaluation counts: the hits by its recall, and what is left.
#[test]
fn outcomes_agree_with_the_evaluation() {
    for case in cases() {
        let options = EvaluationOptions {
            iou_thresholds: vec![0.5],
            max_detections: usize::MAX,
            ..Default::default()
        };
        let images = images(&case);
        let evaluation = run(&images, case.classes, &options);
        for (class, figures) in &evaluation.classes {
            let marked = images.iter().flat_map(|(t, f)| mark_outcomes(t, f, &Default::default()));
            let marked: Vec<_> = marked.filter(|a| a.class.id() == Some(*class)).collect();
            let count = |name| marked.iter().filter(|a| a.attributes[OUTCOME] == name).count();
            let (hits, missed) = (count("tp") as u64, count("fn") as u64);
            assert_eq!(hits + missed, figures.ground_truths, "{}", case.name);
            let predictions = hits as usize + count("fp") + count("ignored");
            assert_eq!(predictions as u64, figures.predictions, "{}", case.name);
            if let Some(recall) = figures.ar {
                assert_same(&case.name, Some(recall), hits as f64 / figures.ground_truths as f64);
            }
        }
    }
}
