//! Files that people's tools got wrong: each is refused with the file, the field and the reason.

use std::time::Duration;

use serde_json::{Value, json};
use ymir_core::ErrorKind;
use ymir_testkit::conformance::label_backend::Fixture;

use super::common::{collected, status};
use super::exchange::{age, created};

/// Returns a small valid file with one image of the job.
fn valid(file_name: &Value) -> Value {
    json!({
        "images": [{"id": 1, "file_name": file_name, "width": 40, "height": 30}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}],
    })
}

#[tokio::test]
async fn each_fault_is_named_with_its_place() {
    let fixture = Fixture::new().await;
    let (folder, backend, job) = created(&fixture).await;
    let valid = valid(&folder.handed_out(&job)["images"][0]["file_name"]);
    folder.write(&job, valid.to_string());
    assert_eq!(collected(&backend, &job).await.unwrap().len(), 1);

    let second = |list: &str, entry: Value| {
        let entries = json!([valid[list][0], entry]);
        (format!("/{list}"), entries)
    };
    let faults = [
        ("", json!([]), "(the whole)"),
        ("/images", Value::Null, "expected the list of images"),
        ("/annotations", Value::Null, "expected the list of annotations"),
        ("/images", json!({}), "expected the list of images"),
        ("/images/0", json!(1), "field: images[0]"),
        ("/images/0/file_name", json!(7), "field: images[0]"),
        ("/images/0/file_name", json!("cat7.png"), "file_name: cat7.png"),
        ("/images/0/file_name", json!(""), "field: images[0]"),
        ("/images/0/id", json!([]), "field: images[0]"),
        ("/images/0/width", json!(80), "field: images[0]"),
        ("/images/0/height", json!("x"), "field: images[0]"),
        ("/categories", json!([]), "its category_id"),
        ("/categories/0/name", json!(" "), "field: categories[0]"),
        ("/categories/0/name", json!("a\nb"), "field: categories[0]"),
        ("/categories/0/id", Value::Null, "field: categories[0]"),
        ("/annotations/0/image_id", json!(2), "its image_id"),
        ("/annotations/0/category_id", json!("x"), "its category_id"),
        ("/annotations/0/bbox", Value::Null, "it has no bbox"),
        ("/annotations/0/bbox", json!([1, 2, 3]), "field: annotations[0]"),
        ("/annotations/0/bbox", json!([1, 2, 3, "x"]), "its bbox is no list of numbers"),
        ("/annotations/0/bbox", json!([1, 2, 3, null]), "its bbox is no list of numbers"),
        ("/annotations/0/bbox", json!([1, 2, 0, 4]), "no bbox with a size"),
        ("/annotations/0/bbox", json!([5, 2, -3, 4]), "no bbox with a size"),
        ("/annotations/0/bbox", json!([1e308, 2, 1e308, 4]), "its box is outside the image"),
        ("/annotations/0/bbox", json!([40, 2, 3, 4]), "its box is outside the image"),
        ("/annotations/0/bbox", json!([-9, 2, 3, 4]), "its box is outside the image"),
        ("/annotations/0/iscrowd", json!("x"), "its iscrowd is no number"),
        ("/annotations/0/attributes", json!(7), "its attributes are no object"),
        ("/annotations/0/segmentation", json!([[1, 2]]), "its segmentation"),
    ]
    .map(|(place, value, says)| (place.to_owned(), value, says));
    let (images, same_image) = second("images", json!({"id": 1.0, "file_name": "other"}));
    let (categories, same_category) = second("categories", json!({"id": "1", "name": "dog"}));
    let name = &folder.handed_out(&job)["images"][1]["file_name"];
    let mut clash = same_image.clone();
    clash[1]["file_name"] = name.clone();
    let more = [
        (images.clone(), same_image, "file_name: other"),
        (images, clash, "two images have this id"),
        (categories, same_category, "two categories have this id"),
    ];
    for (place, value, says) in faults.into_iter().chain(more) {
        let mut coco = valid.clone();
        match coco.pointer_mut(&place) {
            Some(field) => *field = value,
            None => {
                let (parent, key) = place.rsplit_once('/').unwrap();
                coco.pointer_mut(parent).unwrap()[key] = value;
            }
        }
        folder.write(&job, coco.to_string());
        let error = collected(&backend, &job).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{coco}");
        let text = error.to_string();
        assert!(text.contains(says) && text.contains("annotated.json"), "{text}: lacks {says:?}");
    }
    for list in ["images", "annotations"] {
        let mut coco = valid.clone();
        coco.as_object_mut().unwrap().remove(list);
        folder.write(&job, coco.to_string());
        let error = collected(&backend, &job).await.unwrap_err();
        assert!(error.to_string().contains(&format!("`{list}` is missing")), "{error}");
    }
}

#[tokio::test]
async fn what_is_not_json_is_refused_with_its_position() {
    let fixture = Fixture::new().await;
    let (folder, backend, job) = created(&fixture).await;
    let deep = "[".repeat(100_000);
    let wrong: [&[u8]; 6] = [
        b"{\"images\": [NaN]}",
        b"<annotations/>",
        b"\xff\xfe{\0}\0",
        b"{\"images\": [{\"id\": 1e999}]}",
        deep.as_bytes(),
        b"{} {}",
    ];
    for bytes in wrong {
        folder.write(&job, bytes);
        age(&folder.job(&job).join("annotated.json"), Duration::from_secs(3600));
        for error in [
            collected(&backend, &job).await.unwrap_err(),
            status(&backend, &job).await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().contains("line: 1, column: "), "{error}");
        }
    }
}

#[tokio::test]
async fn something_else_than_a_file_is_refused() {
    let fixture = Fixture::new().await;
    let (folder, backend, job) = created(&fixture).await;
    std::fs::create_dir(folder.job(&job).join("annotated.json")).unwrap();
    let error = collected(&backend, &job).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn a_huge_file_is_refused_without_being_read() {
    let fixture = Fixture::new().await;
    let (folder, backend, job) = created(&fixture).await;
    let file = std::fs::File::create(folder.job(&job).join("annotated.json")).unwrap();
    file.set_len(1 << 40).unwrap();
    let error = collected(&backend, &job).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("128 MiB"), "{error}");
}
