//! Evaluation, against numbers that pycocotools computed (`data/coco_evaluation.py`).

use std::sync::Arc;

use proptest::prelude::*;
use serde::Deserialize;
use ymir_assets::evaluation::{
    Evaluation, EvaluationOptions, ImageEvaluation, OutcomeOptions, Outcomes, evaluate,
    evaluate_versions, mark_outcomes,
};
use ymir_core::{
    Annotation, AssetStore, BBox, Branch, BranchKind, Class, ClassId, ErrorKind, FindOptions, Name,
    OUTCOME, VersionId,
};

mod common;

use common::{commit, record, store};

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
    serde_json::from_str(include_str!("data/coco_evaluation.json")).unwrap()
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

async fn versions(case: &Case, store: &Arc<dyn AssetStore>) -> (VersionId, VersionId) {
    for class in 0..case.classes {
        common::add_class(store, &format!("class {class}")).await;
    }
    let images = images(case);
    let truths = images.iter().enumerate().map(|(i, (t, _))| record(i, t.clone())).collect();
    // Nothing is kept of images without predictions, as an executor would leave them out.
    let found = images.iter().enumerate().filter(|(_, (_, f))| !f.is_empty());
    let mut found: Vec<_> = found.map(|(i, (_, f))| record(i, f.clone())).collect();
    found.push(record(1_000_000, images[0].1.clone()));
    let truths = commit(store, &Branch::dataset("truth").unwrap(), truths).await;
    let predictions = Branch::new(BranchKind::Prediction, Name::new("found").unwrap());
    let found = commit(store, &predictions, found).await;
    (truths.id, found.id)
}

#[tokio::test]
async fn versions_are_compared_asset_by_asset() {
    for name in ["small and empty images", "random"] {
        let cases = cases();
        let case = cases.iter().find(|case| case.name == name).unwrap();
        let store = store();
        let (truth, found) = versions(case, &store).await;
        let options = EvaluationOptions::default();
        let evaluation = evaluate_versions(&store, &truth, &found, &options).await.unwrap();
        // Assets are in another order, which only ties between images depend on.
        for (ours, theirs) in evaluation.numbers().into_iter().zip(case.numbers) {
            let ours = ours.unwrap_or(-1.0);
            assert!((ours - theirs).abs() < 5e-3, "{name}: {ours}, {theirs}");
        }
        assert_eq!(evaluation.images, case.truth.len() as u64);
        assert_eq!(evaluation.predictions_outside, case.found[0].len() as u64);
    }
}

#[tokio::test]
async fn versions_that_do_not_exist_are_named() {
    let store = store();
    let nowhere = VersionId::new([7; 20]);
    let options = EvaluationOptions::default();
    let error = evaluate_versions(&store, &nowhere, &nowhere, &options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let options = EvaluationOptions { max_detections: 0, ..Default::default() };
    let error = evaluate_versions(&store, &nowhere, &nowhere, &options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
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

#[tokio::test]
async fn failures_are_found_by_queries() {
    let store = store();
    common::add_class(&store, "cat").await;
    let at = |x: f64| Annotation::new(Class::Id(ClassId(0)), BBox::new(x, 0.0, 10.0, 10.0));
    let truths = vec![
        record(0, vec![at(0.0)]),
        record(1, vec![at(0.0), at(50.0)]),
        record(2, vec![at(0.0)]),
        record(3, vec![]),
    ];
    let found = vec![
        record(0, vec![at(1.0).with_score(0.9)]),
        record(1, vec![at(0.0).with_score(0.8)]),
        record(3, vec![at(0.0).with_score(0.3)]),
        record(9, vec![at(0.0).with_score(0.3)]),
    ];
    let id = |n: usize| record(n, vec![]).asset.id;
    let truth = commit(&store, &Branch::dataset("truth").unwrap(), truths).await.id;
    let predictions = Branch::new(BranchKind::Prediction, Name::new("found").unwrap());
    let found = commit(&store, &predictions, found).await.id;
    let outcomes = Outcomes::new(&store, truth, found, OutcomeOptions::default()).unwrap();
    for (query, images) in [
        ("outcome:fn and class:cat", vec![1, 2]),
        ("outcome:tp", vec![0, 1]),
        ("outcome:fp", vec![3]),
        ("any(outcome:fn) and any(outcome:tp)", vec![1]),
        ("outcome:tp and score>0.85", vec![0]),
        ("not outcome:fp,fn", vec![0]),
    ] {
        let query = query.parse().unwrap();
        let mut wanted: Vec<_> = images.into_iter().map(id).collect();
        wanted.sort_unstable();
        assert_eq!(outcomes.count(&query).await.unwrap(), wanted.len() as u64, "{query}");
        let all = outcomes.ids(&query, FindOptions::default()).await.unwrap();
        assert_eq!(all, wanted, "{query}");
        let behind = FindOptions { after: Some(wanted[0]), ..Default::default() };
        assert_eq!(outcomes.ids(&query, behind).await.unwrap(), wanted[1..], "{query}");
        let second = FindOptions { offset: 1, limit: 1, after: None };
        let second = outcomes.ids(&query, second).await.unwrap();
        assert_eq!(second, wanted.get(1).copied().into_iter().collect::<Vec<_>>(), "{query}");
    }
    let none = FindOptions { limit: 0, ..Default::default() };
    let page = outcomes.page(&"all".parse().unwrap(), none).await.unwrap();
    assert_eq!((page.records.len(), page.total), (0, 4));
    assert!(outcomes.ids(&"all".parse().unwrap(), none).await.unwrap().is_empty());
    let second = FindOptions { offset: 1, limit: 1, after: None };
    let page = outcomes.page(&"all".parse().unwrap(), second).await.unwrap();
    let all = outcomes.ids(&"all".parse().unwrap(), FindOptions::default()).await.unwrap();
    assert_eq!((page.records[0].asset.id, page.records.len(), page.total), (all[1], 1, 4));

    let strict = OutcomeOptions { iou_threshold: 0.95, min_score: Some(0.5), ..Default::default() };
    let outcomes = Outcomes::new(&store, truth, found, strict).unwrap();
    let missed = outcomes.count(&"outcome:fn".parse().unwrap()).await.unwrap();
    assert_eq!(missed, 3, "one box is off by a pixel");
    assert_eq!(outcomes.count(&"outcome:fp".parse().unwrap()).await.unwrap(), 1);

    let error = outcomes.count(&"class:cow".parse().unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    for (options, field) in [
        (OutcomeOptions { iou_threshold: 50.0, ..Default::default() }, "iou_threshold"),
        (OutcomeOptions { min_score: Some(f64::NAN), ..Default::default() }, "min_score"),
    ] {
        let error = Outcomes::new(&store, truth, found, options).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains(field), "{error}");
    }
}
