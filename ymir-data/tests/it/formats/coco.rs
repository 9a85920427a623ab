//! COCO: what documents of others say, and what hostile ones do.

use ymir_core::{Annotation, BBox, Class, ClassId, ErrorKind, Mask, Shape, Visibility};
use ymir_formats::{Format, SPLIT, SkipReason};

use super::made::{import, stored, trip};
use crate::common::{add_class, folder, put, records, store};
use ymir_testkit::fixture::pictures::jpeg;

#[tokio::test]
async fn documents_of_several_splits_are_read() {
    let (store, source) = (store(), folder());
    add_class(&store, "cat").await;
    put(&source, "train2017/1.jpg", jpeg(1));
    put(&source, "val2017/1.jpg", jpeg(2));
    put(&source, "val2017/lone.jpg", jpeg(3));
    let document = |annotations: &str| {
        format!(
            r#"{{"info": {{"x": [1]}}, "licenses": [], "annotations": [{annotations}],
            "images": [{{"id": 7, "file_name": "1.jpg", "width": 64, "height": 48, "license": 3}}],
            "categories": [{{"id": 90, "name": "cat", "supercategory": "animal"}}]}}"#
        )
    };
    let plain = r#"{"id": 1, "image_id": 7, "category_id": 90, "iscrowd": 1,
        "segmentation": {"size": [48, 64], "counts": [48, 10, 3014]}, "bbox": [1, 0, 1, 10],
        "keypoints": [1, 2, 2, 0, 0, 0], "num_keypoints": 1, "area": 10, "weather": "rain"}"#;
    let rest = r#"{"image_id": 7, "category_id": 90, "bbox": [1, 2, 3, 4], "score": 0.5,
        "segmentation": [[1, 2, 4, 2, 4, 6]], "attributes": {"occluded": true, "rotation": 0.0}},
        {"image_id": 7, "category_id": 91, "bbox": [1, 2, 3, 4]},
        {"image_id": 8, "category_id": 90, "bbox": [1, 2, 3, 4]},
        {"image_id": 7, "category_id": 90, "bbox": [1, 2, 0, 4]}"#;
    put(&source, "annotations/instances_train2017.json", document(plain));
    put(&source, "annotations/instances_val2017.json", document(rest));
    put(&source, "annotations/person_keypoints_val2017.json", document(rest));
    put(&source, "annotations/other.json", r#"{"a": 1}"#);

    let report = import(&store, &source, Format::Coco).await.unwrap();
    assert_eq!(report.imported, 3);
    assert_eq!(report.annotations, 2);
    let kinds: Vec<_> = report.skipped.iter().map(|skip| skip.kind).collect();
    assert_eq!(kinds, [SkipReason::Ambiguous]);
    let dropped: Vec<_> = report.dropped.iter().map(|drop| drop.object).collect();
    assert_eq!(dropped, [2, 3, 4]);
    let lost: Vec<_> = report.lost.iter().map(|lost| (lost.what.as_str(), lost.count)).collect();
    let wanted = [
        ("info of documents", 2),
        ("license of images", 2),
        ("licenses of documents", 2),
        ("supercategories", 2),
        ("weather of annotations", 1),
    ];
    assert_eq!(lost, wanted);

    let all = records(&store, &report.version.id).await;
    let of = |split: &str| {
        let mut all = all.iter();
        let is = |value: Option<&String>| value.map_or("", String::as_str) == split;
        all.find(|record| is(record.asset.attributes.get(SPLIT))).unwrap()
    };
    assert!(of("").annotations.is_empty());
    let [crowd] = &of("train2017").annotations[..] else { panic!() };
    let mask = Mask::new(64, 48, vec![48, 10, 3014]).unwrap();
    assert_eq!(crowd.shape, Some(Shape::Mask(mask)));
    assert!(crowd.flags.crowd);
    let visibilities: Vec<_> = crowd.keypoints.iter().map(|point| point.visibility).collect();
    assert_eq!(visibilities, [Visibility::Visible, Visibility::Absent]);
    let [outlined] = &of("val2017").annotations[..] else { panic!() };
    let ring = vec![[1.0, 2.0], [4.0, 2.0], [4.0, 6.0]];
    assert_eq!(outlined.shape, Some(Shape::Polygons(vec![ring])));
    assert_eq!((outlined.score, outlined.flags.occluded), (Some(0.5), true));
}

/// The objects of an image come back in their order, however they are spread over a document that
/// is larger than what an import keeps in memory.
#[tokio::test]
async fn objects_in_any_order_are_put_together() {
    const IMAGES: usize = 300;
    const EACH: usize = 700;
    let (store, source) = (store(), folder());
    let mut document = String::from(r#"{"annotations": ["#);
    for n in 0..IMAGES * EACH {
        // Each image has its turn in every round, at another place.
        let (round, image) = (n / IMAGES, (n % IMAGES) * 7 % IMAGES);
        let (x, y) = (round % 50, (round + image) % 40);
        document.push_str(&format!(
            r#"{{"image_id": "i{image}", "category_id": {}, "bbox": [{x}, {y}, 5, 6]}},"#,
            image % 3
        ));
    }
    document.pop();
    document.push_str(r#"], "images": ["#);
    for image in 0..IMAGES {
        put(&source, &format!("{image}.jpg"), jpeg(image));
        document.push_str(&format!(r#"{{"id": "i{image}", "file_name": "{image}.jpg"}},"#));
    }
    document.pop();
    document.push_str(r#"], "categories": ["#);
    document
        .push_str(r#"{"id": 2, "name": "c"}, {"id": 0, "name": "a"}, {"id": 1, "name": "b"}]}"#);
    put(&source, "instances.json", document);

    let report = import(&store, &source, Format::Coco).await.unwrap();
    assert_eq!((report.imported, report.annotations), (300, 210_000));
    assert_eq!((report.dropped.len(), report.clipped), (0, 0));
    for record in records(&store, &report.version.id).await {
        let image: usize = record.asset.file_name.strip_suffix(".jpg").unwrap().parse().unwrap();
        let wanted = (0..EACH).map(|round| {
            let bbox = BBox::new((round % 50) as f64, ((round + image) % 40) as f64, 5.0, 6.0);
            Annotation::new(Class::Name(["a", "b", "c"][image % 3].to_owned()), bbox)
        });
        assert!(record.annotations.iter().cloned().eq(wanted), "{image}");
    }
}

#[tokio::test]
async fn what_coco_cannot_say_is_named() {
    let store = store();
    add_class(&store, "cat").await;
    let label = Annotation::of_image(Class::Id(ClassId(0)), 64, 48);
    let record = stored(&store, 1, vec![label]).await;
    let (there, _, found) = trip(&store, vec![record], Format::Coco).await;
    let lost: Vec<_> = there.lost.iter().map(|lost| (lost.what.as_str(), lost.count)).collect();
    assert_eq!(lost, [("labels of images as such", 1)]);
    assert_eq!(found[0].annotations[0].bbox, BBox::new(0.0, 0.0, 64.0, 48.0));
}

/// An object that two documents tell is one; two alike of one document are two.
#[tokio::test]
async fn what_several_documents_tell_alike_counts_once() {
    let (store, source) = (store(), folder());
    add_class(&store, "cat").await;
    put(&source, "1.jpg", jpeg(1));
    let document = |boxes: &[&str]| {
        let one = |b: &&str| format!(r#"{{"image_id": 1, "category_id": 1, "bbox": [{b}]}}"#);
        let all: Vec<_> = boxes.iter().map(one).collect();
        format!(
            r#"{{"images": [{{"id": 1, "file_name": "1.jpg"}}], "annotations": [{}],
            "categories": [{{"id": 1, "name": "cat"}}]}}"#,
            all.join(",")
        )
    };
    put(&source, "all.json", document(&["1, 2, 3, 4", "5, 6, 7, 8", "5, 6, 7, 8"]));
    put(&source, "train.json", document(&["1, 2, 3, 4", "5, 6, 7, 8", "9, 9, 9, 9"]));
    let report = import(&store, &source, Format::Coco).await.unwrap();
    assert_eq!((report.imported, report.annotations), (1, 4));
    let lost: Vec<_> = report.lost.iter().map(|lost| (lost.what.as_str(), lost.count)).collect();
    assert_eq!(lost, [("repeated objects of several documents", 2)]);
}

/// Numbers in quotes, fractions for whole numbers, empty lists for objects: they are what they mean.
#[tokio::test]
async fn documents_are_taken_as_programs_write_them() {
    let (store, source) = (store(), folder());
    add_class(&store, "cat").await;
    for n in 1..4 {
        put(&source, &format!("{n}.jpg"), jpeg(n));
    }
    let document = r#"{"images": [
        {"id": 1.0, "file_name": "1.jpg", "width": 64.0, "height": "48", "attributes": []},
        {"id": "two", "file_name": "2.jpg", "width": null, "attributes": 7},
        {"file_name": "3.jpg"}],
        "categories": [{"id": 1.0, "name": "cat"}],
        "annotations": [
        {"image_id": 1, "category_id": 1, "bbox": ["1", 2, 3.0, 4], "iscrowd": "0", "score": "0.5"},
        {"image_id": 1, "category_id": 1, "segmentation": [1, 2, 4, 2, 4, 6], "iscrowd": false},
        {"image_id": "two", "category_id": 1, "bbox": [1, 2, 3, 4], "segmentation": {}, "score": null,
         "iscrowd": true, "attributes": null}]}"#;
    put(&source, "instances.json", format!("\u{feff}{document}"));
    let report = import(&store, &source, Format::Coco).await.unwrap();
    assert_eq!((report.imported, report.annotations, report.dropped), (3, 3, vec![]));
    assert_eq!(
        (report.size_mismatches.len(), report.skipped.len()),
        (0, 1),
        "{:?}",
        report.skipped
    );
    assert!(report.lost.iter().any(|lost| lost.what == "attributes that are no object"));
    let records = records(&store, &report.version.id).await;
    let of = |name| &records.iter().find(|r| r.asset.file_name == name).unwrap().annotations;
    let (one, two) = (of("1.jpg"), of("2.jpg"));
    assert_eq!((one[0].bbox, one[0].score), (BBox::new(1.0, 2.0, 3.0, 4.0), Some(0.5)));
    assert!(matches!(&one[1].shape, Some(Shape::Polygons(rings)) if rings[0].len() == 3));
    assert!(!one[0].flags.crowd && two[0].flags.crowd && two[0].score.is_none());
}

/// Each is refused or passed over with its place, and never a panic.
#[tokio::test]
async fn hostile_documents_do_no_harm() {
    let deep = format!(r#"{{"images": {}"#, "[".repeat(100_000));
    let image = r#""images": [{"id": 1, "file_name": "1.jpg"}]"#;
    let path = r#"{"images": [{"id": 1, "file_name": "../../../etc/1.jpg"}]}"#;
    let of = |annotation: &str| {
        let classes = r#""categories": [{"id": 1, "name": "cat"}]"#;
        format!(r#"{{{image}, {classes}, "annotations": [{annotation}]}}"#)
    };
    let cases = [
        (deep, "images[0]"),
        (r#"{"images": [{"id": 1, "file_name": 3}]}"#.to_owned(), "images[0]"),
        (r#"{"images": {}}"#.to_owned(), "line 1"),
        (of(r#"{"image_id": 1}"#)[..60].to_owned(), "line 1"),
    ];
    for (document, place) in cases {
        let (store, source) = (store(), folder());
        put(&source, "1.jpg", jpeg(1));
        put(&source, "instances.json", document);
        let report = import(&store, &source, Format::Coco).await.unwrap();
        let skip = &report.skipped[0];
        assert_eq!((skip.path.as_str(), skip.kind), ("instances.json", SkipReason::BadAnnotation));
        assert!(skip.reason.contains(place) && skip.reason.contains("column"), "{}", skip.reason);
    }
    let objects = [
        r#"{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3]}"#,
        r#"{"image_id": 1, "category_id": 1, "bbox": "x"}"#,
        r#"{"image_id": 1, "category_id": 1, "bbox": [1, null, 3, 4]}"#,
        r#"{"image_id": [], "category_id": 1, "bbox": [1, 2, 3, 4]}"#,
        r#"{"category_id": 1, "bbox": [1, 2, 3, 4]}"#,
        r#"{"image_id": 1, "category_id": {}, "bbox": [1, 2, 3, 4]}"#,
        r#"{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": "high"}"#,
        r#"{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "iscrowd": []}"#,
        r#"{"image_id": 1, "category_id": 1, "segmentation": "x", "bbox": [1, 2, 3, 4]}"#,
        r#"{"image_id": 1, "category_id": 1, "segmentation": [1, [2]], "bbox": [1, 2, 3, 4]}"#,
        r#"{"image_id": 1, "category_id": 1, "segmentation": {"size": [1]}}"#,
        r#"{"image_id": 1, "category_id": 1, "segmentation": {"size": [-1, 2], "counts": ""}}"#,
        r#"{"image_id": 1, "category_id": 1, "bbox": [1, 2, -3, 4]}"#,
        r#"{"image_id": 1, "category_id": 1, "bbox": [1e308, 2, 1e308, 4]}"#,
        r#"{"image_id": 1, "category_id": 1, "segmentation": [[1, 2, 3, 4, 5]]}"#,
        r#"{"image_id": 1, "category_id": 1, "segmentation": {"size": [48, 64], "counts": "~~~"}}"#,
        r#"{"image_id": 1, "category_id": 1, "segmentation": {"size": [4294967295, 4294967295], "counts": [4294967295]}}"#,
        r#"{"image_id": 1, "category_id": 1, "segmentation": {"size": [2, 2], "counts": [0, 4]}}"#,
        r#"{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "keypoints": [1, 2]}"#,
        r#"{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "keypoints": [1, 2, 3]}"#,
    ];
    for object in objects {
        let (store, source) = (store(), folder());
        put(&source, "1.jpg", jpeg(1));
        put(&source, "instances.json", of(object));
        let report = import(&store, &source, Format::Coco).await.unwrap();
        assert_eq!((report.annotations, report.dropped.len()), (0, 1), "{object}: {report:?}");
    }
    // A path out of the source is but a name in it.
    let (store, source) = (store(), folder());
    put(&source, "1.jpg", jpeg(1));
    put(&source, "instances.json", path);
    assert_eq!(import(&store, &source, Format::Coco).await.unwrap().imported, 1);
    put(&source, "instances.json", path.replace("1.jpg", ".."));
    std::fs::remove_file(source.join("1.jpg")).unwrap();
    let error = import(&store, &source, Format::Coco).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

/// Python writes what JSON does not know; each costs its annotation, and texts stay as they are.
#[tokio::test]
async fn numbers_that_are_none_do_not_end_the_document() {
    let odd = [
        (r#""bbox": [1, NaN, 3, 4]"#, "bbox"),
        (r#""bbox": [-Infinity, 2, 3, 4]"#, "bbox"),
        (r#""bbox": [1, 2, 3, 4], "score": NaN"#, "score"),
        (r#""bbox": [1, 2, 3, 4], "score": -Infinity"#, "score"),
        (r#""bbox": [1, 2, 3, 4], "score": Infinity"#, "score"),
    ];
    for (field, named) in odd {
        let (store, source) = (store(), folder());
        put(&source, "1.jpg", jpeg(1));
        let kept = r#"{"image_id": 1, "category_id": 1, "bbox": [5, 6, 7, 8],
            "attributes": {"note": "NaN, \" -Infinity"}}"#;
        let document = format!(
            r#"{{"images": [{{"id": 1, "file_name": "1.jpg"}}], "annotations": [{{"image_id": 1,
            "category_id": 1, {field}}}, {kept}], "categories": [{{"id": 1, "name": "cat"}}]}}"#
        );
        put(&source, "instances.json", document);
        let report = import(&store, &source, Format::Coco).await.unwrap();
        assert_eq!((report.annotations, report.dropped.len()), (1, 1), "{field}: {report:?}");
        assert!(report.dropped[0].reason.contains(named), "{field}: {report:?}");
        let all = records(&store, &report.version.id).await;
        assert_eq!(all[0].annotations[0].attributes["note"], "NaN, \" -Infinity");
    }
}
