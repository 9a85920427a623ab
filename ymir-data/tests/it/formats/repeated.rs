//! Images, documents and masks that are met more than once.

use image::{GrayImage, ImageFormat, Luma};
use ymir_formats::{Format, SPLIT, SkipReason};

use super::made::import;
use crate::common::{add_class, folder, put, records, store};
use ymir_testkit::fixture::pictures::{encode, jpeg};

#[tokio::test]
async fn an_image_of_two_documents_has_the_objects_and_splits_of_both() {
    let (store, source) = (store(), folder());
    add_class(&store, "cat").await;
    put(&source, "a.jpg", jpeg(1));
    let document = |x: u32, attributes: &str| {
        format!(
            r#"{{"images": [{{"id": 1, "file_name": "a.jpg", "attributes": {attributes}}}],
            "categories": [{{"id": 1, "name": "cat"}}], "annotations": [
            {{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}},
            {{"image_id": 1, "category_id": 1, "bbox": [{x}, 2, 3, 4]}}]}}"#
        )
    };
    put(&source, "annotations/instances_train.json", document(900, r#"{"site": "x"}"#));
    put(&source, "annotations/instances_val.json", document(5, r#"{"site": "y"}"#));
    let report = import(&store, &source, Format::Coco).await.unwrap();
    assert_eq!((report.imported, report.annotations), (1, 2));
    let dropped: Vec<_> = report.dropped.iter().map(|drop| (&*drop.path, drop.object)).collect();
    assert_eq!(dropped, [("annotations/instances_train.json", 2)]);
    let all = records(&store, &report.version.id).await;
    assert_eq!(all[0].asset.attributes[SPLIT], "train,val");
    assert_eq!(all[0].asset.attributes["site"], "y");
}

#[tokio::test]
async fn the_last_split_that_tasks_tell_counts() {
    let (store, source) = (store(), folder());
    put(&source, "a.jpg", jpeg(1));
    let tasks = r#"[{"data": {"image": "a.jpg", "split": "train"}, "annotations": []},
        {"data": {"image": "a.jpg", "split": "val"}, "annotations": []}]"#;
    put(&source, "tasks.json", tasks);
    let report = import(&store, &source, Format::LabelStudio).await.unwrap();
    let all = records(&store, &report.version.id).await;
    assert_eq!(all[0].asset.attributes[SPLIT], "val");
}

/// Each split is added to those before it; only the last of these texts, of 40 kB, is kept.
#[tokio::test]
async fn an_image_may_be_in_many_splits() {
    let (store, source) = (store(), folder());
    put(&source, "a.jpg", jpeg(1));
    let images =
        (0..5000).map(|n| format!(r#"<image name="a.jpg" subset="s{n:05}"></image>"#) + "\n");
    let document = format!("<annotations>{}</annotations>", images.collect::<String>());
    put(&source, "annotations.xml", document);
    let report = import(&store, &source, Format::Cvat).await.unwrap();
    let all = records(&store, &report.version.id).await;
    let splits: Vec<_> = all[0].asset.attributes[SPLIT].split(',').collect();
    assert_eq!(splits.len(), 5000);
    assert!(splits.is_sorted());
}

#[tokio::test]
async fn of_two_masks_of_a_name_one_is_taken_and_the_other_named() {
    let (store, source) = (store(), folder());
    let mask = encode(GrayImage::from_pixel(64, 48, Luma([1])).into(), ImageFormat::Png);
    put(&source, "images/a.jpg", jpeg(1));
    put(&source, "masks/a.PNG", &mask);
    put(&source, "masks/a.png", &mask);
    put(&source, "labelmap.txt", "background\ncat\n");
    let report = import(&store, &source, Format::Masks).await.unwrap();
    assert_eq!(report.imported, 1);
    let skipped: Vec<_> = report.skipped.iter().map(|skip| (&*skip.path, skip.kind)).collect();
    assert_eq!(skipped, [("masks/a.PNG", SkipReason::NoImage)]);
    assert!(report.skipped[0].reason.contains("no other mask"), "{report:?}");
}
