//! Evaluation of versions, and questions about outcomes.

use std::sync::Arc;

use ymir::evaluation::{
    EvaluationOptions, ImageEvaluation, OutcomeOptions, Outcomes, evaluate, evaluate_versions,
};
use ymir::{
    Annotation, AssetStore, BBox, Branch, BranchKind, Class, ClassId, ErrorKind, FindOptions, Name,
    VersionId,
};
use ymir_testkit::double::MemoryAssetStore;
use ymir_testkit::fixture::{add_class, commit, record};

fn store() -> Arc<dyn AssetStore> {
    Arc::new(MemoryAssetStore::new())
}

fn predictions() -> Branch {
    Branch::new(BranchKind::Prediction, Name::new("found").unwrap())
}

#[tokio::test]
async fn versions_are_compared_asset_by_asset() {
    let store = store();
    for class in ["cat", "dog"] {
        add_class(&store, class).await;
    }
    let at = |class, x, score| {
        Annotation::new(Class::Id(ClassId(class)), BBox::new(x, 0.0, 10.0, 10.0)).with_score(score)
    };
    // Scores differ, as the order of the images, by their ids, decides among equal ones.
    let images: Vec<(Vec<Annotation>, Vec<Annotation>)> = (0..40)
        .map(|n| {
            let (x, score) = (f64::from(n % 7), 0.01 * f64::from(n));
            let truth = vec![at(n % 2, 0.0, 1.0), at(0, 50.0, 1.0)];
            (
                truth,
                if n % 5 == 0 {
                    vec![]
                } else {
                    vec![at(n % 2, x, score), at(1, 50.0, score / 2.0 + 0.001)]
                },
            )
        })
        .collect();
    let truths = images.iter().enumerate().map(|(i, (t, _))| record(i, t.clone())).collect();
    // Nothing is kept of images without predictions, as an executor would leave them out.
    let found = images.iter().enumerate().filter(|(_, (_, f))| !f.is_empty());
    let mut found: Vec<_> = found.map(|(i, (_, f))| record(i, f.clone())).collect();
    found.push(record(1_000_000, images[1].1.clone()));
    let truth = commit(&store, &Branch::dataset("truth").unwrap(), truths).await.id;
    let found = commit(&store, &predictions(), found).await.id;

    let options = EvaluationOptions::default();
    let evaluation = evaluate_versions(&store, &truth, &found, &options).await.unwrap();
    let images = images.iter().map(|(t, f)| ImageEvaluation { ground_truth: t, predictions: f });
    let expected = evaluate(images, &[ClassId(0), ClassId(1)], &options);
    assert!(expected.ap.is_some_and(|ap| ap > 0.01 && ap < 0.9), "{expected:?}");
    assert_eq!(evaluation.numbers(), expected.numbers());
    assert_eq!(evaluation.images, 40);
    assert_eq!(evaluation.predictions_outside, 2);
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

#[tokio::test]
async fn failures_are_found_by_queries() {
    let store = store();
    add_class(&store, "cat").await;
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
    let found = commit(&store, &predictions(), found).await.id;
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
