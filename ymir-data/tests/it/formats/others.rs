//! LabelMe, Label Studio and ark: what they say, and what hostile files do.

use ymir_core::{Record, Shape};
use ymir_data::ImportReport;
use ymir_formats::{Format, SPLIT, SkipReason};

use super::made::import;
use crate::common::{add_class, folder, put, records, store};
use ymir_testkit::fixture::pictures::jpeg;

async fn read(format: Format, files: &[(&str, &str)]) -> (ImportReport, Vec<Record>) {
    let (store, source) = (store(), folder());
    add_class(&store, "cat").await;
    put(&source, "images/a.jpg", jpeg(1));
    put(&source, "images/b.jpg", jpeg(2));
    files.iter().for_each(|(path, content)| put(&source, path, content));
    let report = import(&store, &source, format).await.unwrap();
    let all = records(&store, &report.version.id).await;
    (report, all)
}

fn named<'a>(all: &'a [Record], name: &str) -> &'a Record {
    all.iter().find(|record| record.asset.file_name == name).unwrap()
}

#[tokio::test]
async fn labelme_says_shapes_and_flags() {
    let file = r#"{"version": "4", "flags": {"cat": true, "dog": false}, "imageData": "AAAA",
        "imagePath": "a.jpg", "imageHeight": 48, "imageWidth": 64, "shapes": [
        {"label": "cat", "points": [[9, 8], [1, 2]], "shape_type": "rectangle", "group_id": 1},
        {"label": "cat", "points": [[1, 1], [5, 1], [5, 5]], "flags": {"occluded": true, "wet": true}},
        {"label": "cat", "points": [[1, 1], [5, 1]], "shape_type": "circle", "a": 1}], "b": {"c": []}}"#;
    let (report, all) = read(Format::Labelme, &[("images/a.json", file)]).await;
    let lost: Vec<_> = report.lost.iter().map(|lost| lost.what.as_str()).collect();
    assert_eq!(lost, ["a of shapes", "b of files", "circles", "groups of shapes"]);
    let [boxed, outline, label] = &named(&all, "a.jpg").annotations[..] else { panic!() };
    assert_eq!((boxed.bbox.x, boxed.bbox.w), (1.0, 8.0));
    assert!(matches!(outline.shape, Some(Shape::Polygons(_))) && outline.flags.occluded);
    assert_eq!(outline.attributes["wet"], "true");
    assert_eq!(label.shape, Some(Shape::Image));
}

#[tokio::test]
async fn label_studio_says_percents_around_corners() {
    let tasks = r#"[{"id": 1, "data": {"image": "/data/upload/1/0a1b2c3d-a.jpg", "site": "x"},
        "annotations": [{"was_cancelled": true, "result": []}, {"result": [
          {"type": "rectanglelabels", "original_width": 64, "original_height": 48,
           "value": {"x": 50, "y": 50, "width": 25, "height": 25, "rotation": 90,
                     "rectanglelabels": ["cat"]}},
          {"type": "choices", "value": {"choices": ["cat"]}},
          {"type": "brushlabels", "value": {"format": "rle", "rle": [1]}}]}]},
        {"data": {"image": "/data/local-files/?d=images/b%2Ejpg"}, "predictions": [{"result": [
          {"type": "polygonlabels", "original_width": 64, "original_height": 48, "score": 0.5,
           "value": {"points": [[0, 0], [50, 0], [50, 100]], "polygonlabels": ["cat"]}}]}]}]"#;
    let (report, all) = read(Format::LabelStudio, &[("project-1.json", tasks)]).await;
    assert_eq!(report.lost[0].what, "brush strokes");
    let first = named(&all, "a.jpg");
    assert_eq!(first.asset.attributes["site"], "x");
    // The box turns around its upper left corner at (32, 24): it then lies to the left of it.
    let bbox = first.annotations[0].bbox;
    assert!(
        (bbox.x + bbox.w / 2.0 - 26.0).abs() < 1e-9 && (bbox.y + bbox.h / 2.0 - 32.0).abs() < 1e-9
    );
    assert_eq!(first.annotations[1].shape, Some(Shape::Image));
    let second = &named(&all, "b.jpg").annotations[0];
    assert_eq!((second.bbox.w, second.score), (32.0, Some(0.5)));
}

#[tokio::test]
async fn label_studio_says_which_answer_counts() {
    let boxed = |x: u32, more: &str| {
        format!(
            r#"{{"type": "rectanglelabels", "original_width": 100, "original_height": 100, {more}
            "value": {{"x": {x}, "y": 1, "width": 5, "height": 5, "rectanglelabels": ["cat"]}}}}"#
        )
    };
    let choice = |id: &str| {
        format!(
            r#"{{"type": "choices", "id": {id}, "from_name": "colour",
            "value": {{"choices": ["red", "dark"]}}}}"#
        )
    };
    let (one, two) = (boxed(1, ""), boxed(2, r#""id": "r2","#));
    let (about, of_none) = (choice(r#""r2""#), choice("7"));
    let tasks = format!(
        r#"[{{"data": {{"image": "a.jpg"}}, "predictions": [1, 2], "annotations": [
          {{"result": [{one}]}}, {{"ground_truth": true, "result": [{about}, {two}, {of_none}]}}]}},
        {{"data": {{"image": "b.jpg"}}, "predictions": [{{"result": [{one}]}}],
          "annotations": [{{"was_cancelled": true, "result": []}}]}}]"#
    );
    let (report, all) = read(Format::LabelStudio, &[("project-1.json", &tasks)]).await;
    let lost: Vec<_> = report.lost.iter().map(|lost| (lost.what.as_str(), lost.count)).collect();
    assert_eq!(lost, [("further answers to a task", 1), ("tasks whose answers are not there", 1)]);
    let [found, red, dark] = &named(&all, "a.jpg").annotations[..] else { panic!("{all:?}") };
    assert_eq!((found.bbox.x, found.attributes["colour"].as_str()), (2.0, "red,dark"));
    assert_eq!((&red.shape, &dark.shape), (&Some(Shape::Image), &Some(Shape::Image)));
    assert!(named(&all, "b.jpg").annotations.is_empty());
}

#[tokio::test]
async fn ark_is_read_as_the_contract_has_it() {
    let files = [
        ("classes.txt", "cat\ndog\n"),
        ("annotations/a.txt", "0, 1, 2, 10, 20, 0.5, 0.25\n0, 0, 0, 0, 0, -1, 0\n"),
        ("train-index.tsv", "/in/assets/00/a.jpg\t/in/annotations/00/a.txt\n"),
    ];
    let (_, all) = read(Format::Ark, &files).await;
    let record = named(&all, "a.jpg");
    assert_eq!(record.asset.attributes[SPLIT], "train");
    let [rotated, plain] = &record.annotations[..] else { panic!() };
    assert_eq!(
        (rotated.bbox.w, rotated.quality, rotated.rotate_angle),
        (10.0, Some(0.5), Some(0.25))
    );
    assert_eq!((plain.bbox.w, plain.quality, plain.rotate_angle), (1.0, None, None));
}

#[tokio::test]
async fn hostile_files_are_named_with_their_place() {
    let classes = ("classes.txt", "cat\n");
    let deep = "[".repeat(100_000);
    for (format, files) in [
        (Format::Labelme, vec![("images/a.json", deep.as_str())]),
        (Format::Labelme, vec![("images/a.json", r#"{"shapes": [{"label": 3}]}"#)]),
        (
            Format::Labelme,
            vec![("images/a.json", r#"{"shapes": [{"label": "cat", "points": [[1]]}]}"#)],
        ),
        (Format::Ark, vec![classes, ("images/a.txt", "0, 1, 2\n")]),
        (Format::Ark, vec![classes, ("images/a.txt", "0, 1, 2, 3, nan, 1, 1\n")]),
        (Format::LabelStudio, vec![("t.json", r#"[{"data": {}, "annotations": 3}]"#)]),
        (Format::LabelStudio, vec![("t.json", r#"[{"data": {"image": "a.jpg"}}, "#)]),
    ] {
        let (report, _) = read(format, &files).await;
        let skip = &report.skipped[0];
        assert_eq!(skip.kind, SkipReason::BadAnnotation, "{skip:?}");
        assert!(skip.reason.contains("line 1"), "{skip:?}");
    }
    let shape = |shape: &str| format!(r#"{{"shapes": [{{"label": "cat", {shape}}}]}}"#);
    let region = |kind: &str, value: &str| {
        format!(
            r#"[{{"data": {{"image": "a.jpg"}}, "annotations": [{{"result": [{{"type": "{kind}",
            "original_width": 64, "original_height": 48, "value": {{{value}}}}}]}}]}}]"#
        )
    };
    let two = shape(r#""points": [[1, 1], [2, 2]]"#);
    let flat = shape(r#""points": [[1, 1], [1, 9]], "shape_type": "rectangle""#);
    let huge = shape(r#""points": [[1e308, 1], [-1e308, 9]], "shape_type": "rectangle""#);
    let bare = region("rectanglelabels", r#""x": 1, "rectanglelabels": ["cat"]"#);
    let nameless = region("rectanglelabels", r#""x": 1, "y": 1, "width": 1, "height": 1"#);
    let negative = region(
        "rectanglelabels",
        r#""x": 1, "y": 1, "width": -1, "height": 1, "rectanglelabels": ["cat"]"#,
    );
    for (format, files) in [
        (Format::Labelme, vec![("images/a.json", two.as_str())]),
        (Format::Labelme, vec![("images/a.json", &flat)]),
        (Format::Labelme, vec![("images/a.json", &huge)]),
        (Format::LabelStudio, vec![("t.json", &bare)]),
        (Format::LabelStudio, vec![("t.json", &nameless)]),
        (Format::LabelStudio, vec![("t.json", &negative)]),
        (Format::Ark, vec![classes, ("images/a.txt", "9, 1, 2, 3, 4, 1, 1\n")]),
        (Format::Ark, vec![classes, ("images/a.txt", "0, 9, 2, 3, 4, 1, 0\n")]),
        (Format::Ark, vec![classes, ("images/a.txt", "-1, 1, 2, 3, 4, 1, 0\n")]),
    ] {
        let (report, _) = read(format, &files).await;
        assert_eq!((report.annotations, report.dropped.len()), (0, 1), "{files:?}: {report:?}");
    }
}
