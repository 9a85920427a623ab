//! What is handed out, what is taken back, and what becomes of people's work.

use std::path::Path;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use ymir_core::{
    Annotation, BBox, Class, ClassId, ErrorKind, LabelBackend, LabelJobRequest, LabelStatus,
    Transfer,
};
use ymir_labeling::FolderBackend;
use ymir_testkit::conformance::label_backend::{Fixture, Labeling, create};

use super::common::{Folder, collected, folder, handle, status};

/// Makes a job in a folder.
pub(crate) async fn created(fixture: &Fixture) -> (Folder, FolderBackend, LabelJobRequest) {
    let (folder, job) = (folder(fixture), fixture.job("job_1"));
    let backend = FolderBackend::new(&folder.root);
    create(&backend, &job).await.unwrap();
    (folder, backend, job)
}

/// Makes a file look as if it had been written this long ago.
pub(crate) fn age(path: &Path, age: Duration) {
    let file = std::fs::File::options().append(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - age).unwrap();
}

fn entries(path: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.unwrap().file_name().to_string_lossy().into_owned()
    };
    let mut names: Vec<_> = std::fs::read_dir(path).unwrap().map(name).collect();
    names.sort();
    names
}

#[tokio::test]
async fn the_folder_has_all_that_people_need() {
    let fixture = Fixture::new().await;
    let (folder, _, job) = created(&fixture).await;
    let place = folder.job(&job);
    assert_eq!(entries(&folder.root), [".lock", "job_1"]);
    assert_eq!(entries(&place), ["README.txt", "annotations.json", "images", "job.json"]);

    let readme = std::fs::read_to_string(place.join("README.txt")).unwrap();
    for text in ["犬と猫", "Leave out reflections.", "  Dog\n", "  cat\n", "annotated.json"] {
        assert!(readme.contains(text), "{text:?} is not in:\n{readme}");
    }

    let coco = folder.handed_out(&job);
    let names: Vec<_> = coco["categories"].as_array().unwrap().iter().map(|c| &c["name"]).collect();
    assert_eq!(names, ["Dog", "cat"]);
    let images = coco["images"].as_array().unwrap();
    assert_eq!(images.len(), job.items.len());
    assert_eq!(entries(&place.join("images")).len(), images.len());
    for (item, image) in job.items.iter().zip(images) {
        let name = image["file_name"].as_str().unwrap();
        let bytes = std::fs::read(place.join("images").join(name)).unwrap();
        assert_eq!(ymir_core::AssetId::of(&bytes), item.asset.id);
        assert_eq!((&image["width"], &image["height"]), (&json!(item.asset.width), &json!(30)));
        assert!(name.ends_with(".png") && name.len() <= 100 && !name.starts_with('.'), "{name}");
    }
    let guess = &coco["annotations"][1];
    assert_eq!(guess["bbox"], json!([1.0, 1.0, 9.0, 9.0]));
    assert_eq!((&guess["score"], &guess["area"]), (&json!(0.5), &json!(81.0)));
    assert_eq!((&guess["image_id"], &guess["category_id"]), (&json!(2), &json!(2)));
}

#[tokio::test]
async fn pre_annotations_are_handed_out_in_the_image_and_in_the_classes_of_the_job() {
    let fixture = Fixture::new().await;
    let (folder, mut job) = (folder(&fixture), fixture.job("job_1"));
    let guess = |class, bbox| Annotation::new(class, bbox).with_score(0.25);
    let (inside, named) = (BBox::new(1.0, 2.0, 3.0, 4.0), |name: &str| Class::Name(name.into()));
    job.items.truncate(1);
    job.items[0].pre_annotations = vec![
        guess(named("HOUND"), BBox::new(-5.0, 20.0, 10.0, 100.0)),
        guess(named("wolf"), inside),
        guess(Class::Id(ClassId(1)), BBox::new(400.0, 0.0, 5.0, 5.0)),
        guess(Class::Id(ClassId(1)), BBox::new(f64::NAN, 0.0, 5.0, 5.0)),
    ];
    create(&FolderBackend::new(&folder.root), &job).await.unwrap();
    let coco = folder.handed_out(&job);
    let handed_out = coco["annotations"].as_array().unwrap();
    assert_eq!(handed_out.len(), 1);
    assert_eq!(handed_out[0]["bbox"], json!([0.0, 20.0, 5.0, 10.0]));
    assert_eq!(handed_out[0]["category_id"], 1);

    job.items[0].pre_annotations = vec![guess(Class::Id(ClassId(9)), inside)];
    job.id = fixture.job("job_2").id;
    let error = create(&FolderBackend::new(&folder.root), &job).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn tools_may_change_names_ids_and_categories() {
    let fixture = Fixture::new().await;
    let (folder, backend, job) = created(&fixture).await;
    let mut answers = fixture.answers(&job);
    answers.retain(|labeled| labeled.annotations.len() == 1);
    answers.truncate(1);
    let coco = folder.coco(&job, &answers);
    let name = coco["images"][0]["file_name"].as_str().unwrap().trim_start_matches("images/");
    let names = [
        format!("C:\\data\\batch 1\\{name}"),
        format!("../docroot/{name}"),
        format!("images/9ceaca45__{name}"),
        format!("/data/upload/1/9ceaca45-{}", name.replace(' ', "%20")),
        name.replace(".png", ".JPEG").to_uppercase(),
        name.replace(".png", "_AbC1234.png"),
    ];
    for name in names {
        for id in [json!(0), json!("a7"), json!(3.0)] {
            let mut coco = coco.clone();
            // The same number may be spelt in several ways.
            let other = if id == json!(3.0) { json!(3) } else { id.clone() };
            coco["images"][0] = json!({"id": id, "file_name": name, "width": null});
            coco["annotations"][0]["image_id"] = other.clone();
            coco["annotations"][0]["category_id"] = id.clone();
            coco["categories"][0]["id"] = other;
            // Some tools list an image once per annotator, and begin a file with a mark.
            let twice = coco["images"][0].clone();
            coco["images"].as_array_mut().unwrap().push(twice);
            folder.write(&job, format!("\u{feff}{coco}"));
            assert_eq!(collected(&backend, &job).await.unwrap(), answers, "{name} {id}");
        }
    }
}

#[tokio::test]
async fn marks_attributes_crowds_and_polygons_are_read() {
    let fixture = Fixture::new().await;
    let (folder, backend, job) = created(&fixture).await;
    let name = folder.handed_out(&job)["images"][0]["file_name"].clone();
    let coco = json!({
        "images": [{"id": 1, "file_name": name}],
        "categories": [{"id": 1, "name": " hound "}, {"id": 2, "name": "wolf"}],
        "annotations": [
            {"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "iscrowd": 1, "score": 0.4,
             "attributes": {"occluded": true, "rotation": 90.0, "color": "red", "age": 3}},
            {"image_id": 1, "category_id": 2, "bbox": [], "segmentation": [[5, 6, 9, 6.5, 7, 8]]},
            {"image_id": 1, "category_id": 1, "bbox": [-2, 25, 10.5, 10]},
        ],
    });
    folder.write(&job, coco.to_string());
    let found = collected(&backend, &job).await.unwrap();
    let [crowd, polygon, clipped] = &found[0].annotations[..] else { panic!("{found:?}") };
    assert_eq!(crowd.class, Class::Id(ClassId(0)));
    assert!(crowd.flags.crowd && crowd.flags.occluded && !crowd.flags.difficult);
    assert!((crowd.rotate_angle.unwrap() - std::f64::consts::FRAC_PI_2).abs() < 1e-12);
    let attributes: Vec<_> =
        crowd.attributes.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(attributes, [("age", "3"), ("color", "red")]);
    assert_eq!(crowd.score, None);
    assert_eq!(polygon.class, Class::Name("wolf".into()));
    assert_eq!(polygon.bbox, BBox::new(5.0, 6.0, 4.0, 2.0));
    assert_eq!(clipped.bbox, BBox::new(0.0, 25.0, 8.5, 5.0));
}

#[tokio::test]
async fn nothing_is_labeled_before_the_file_is_there_and_a_part_can_be_given_back() {
    let fixture = Fixture::new().await;
    let (folder, backend, job) = created(&fixture).await;
    let total = job.items.len() as u64;
    let found = status(&backend, &job).await.unwrap();
    assert_eq!(found, LabelStatus { total, ..LabelStatus::default() });
    assert!(collected(&backend, &job).await.unwrap().is_empty());
    let part = &fixture.answers(&job)[..2];
    folder.label(&job, part).await;
    let found = status(&backend, &job).await.unwrap();
    assert_eq!(found, LabelStatus { total, labeled: 2, skipped: total - 2, finished: true });
    assert_eq!(collected(&backend, &job).await.unwrap(), part);
}

#[tokio::test]
async fn a_half_written_file_is_waited_for_and_then_reported() {
    let fixture = Fixture::new().await;
    let (folder, backend, job) = created(&fixture).await;
    let whole = folder.coco(&job, &fixture.answers(&job)).to_string();
    let path = folder.job(&job).join("annotated.json");
    for length in [0, 1, whole.len() / 2, whole.len() - 1] {
        folder.write(&job, &whole[..length]);
        let found = status(&backend, &job).await.unwrap();
        assert_eq!((found.labeled, found.finished), (0, false), "{length} bytes");
        let error = collected(&backend, &job).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        age(&path, Duration::from_secs(3600));
        let late = status(&backend, &job).await.unwrap_err();
        assert_eq!(late.to_string(), error.to_string());
        assert!(late.to_string().contains("annotated.json"), "{late}");
    }
    folder.write(&job, &whole);
    assert!(status(&backend, &job).await.unwrap().finished);
}

#[tokio::test]
async fn what_a_killed_process_left_is_cleared_and_finished() {
    let fixture = Fixture::new().await;
    let (folder, job) = (folder(&fixture), fixture.job("job_1"));
    let partial = folder.root.join(".job_1.partial");
    std::fs::create_dir_all(partial.join("images")).unwrap();
    std::fs::write(partial.join("images/half.png"), b"half").unwrap();
    let backend = FolderBackend::new(&folder.root);
    assert_eq!(status(&backend, &job).await.unwrap_err().kind(), ErrorKind::NotFound);
    create(&backend, &job).await.unwrap();
    assert_eq!(entries(&folder.root), [".lock", "job_1"]);
    assert_eq!(entries(&folder.job(&job).join("images")).len(), job.items.len());
}

#[tokio::test]
async fn creating_at_once_makes_one_job() {
    let fixture = Fixture::new().await;
    crate::create_at_once(&fixture, &folder(&fixture)).await;
}

#[tokio::test]
async fn the_handle_says_where_the_folder_is() {
    let fixture = Fixture::new().await;
    let (folder, job) = (folder(&fixture), fixture.job("job_1"));
    let handle = create(&FolderBackend::new(&folder.root), &job).await.unwrap();
    assert_eq!(handle.place, Some(folder.job(&job).display().to_string()));
}

#[tokio::test]
async fn a_failed_creation_leaves_nothing() {
    let fixture = Fixture::new().await;
    let (folder, job) = (folder(&fixture), fixture.job("job_1"));
    std::fs::remove_file(fixture.file(&job.items[3].asset.id)).unwrap();
    let error = create(&FolderBackend::new(&folder.root), &job).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(entries(&folder.root), [".lock"]);
}

#[tokio::test]
async fn cancelling_never_deletes_what_people_did() {
    let fixture = Fixture::new().await;
    let (folder, backend, job) = created(&fixture).await;
    backend.cancel(&handle(&job)).await.unwrap();
    assert_eq!(entries(&folder.root), [".lock"], "an untouched job goes");

    let place = folder.job(&job);
    type Work = fn(&Path);
    let works: [(Work, &str); 3] = [
        (|place| std::fs::write(place.join("annotated.json"), b"{").unwrap(), "annotated.json"),
        (|place| std::fs::write(place.join("my notes.txt"), b"...").unwrap(), "my notes.txt"),
        (
            |place| std::fs::write(place.join("annotations.json"), b"{}").unwrap(),
            "annotations.json",
        ),
    ];
    for (work, name) in works {
        create(&backend, &job).await.unwrap();
        work(&place);
        backend.cancel(&handle(&job)).await.unwrap();
        assert!(!place.exists());
        let kept = entries(&folder.root).into_iter().filter(|n| n.starts_with("job_1.cancelled"));
        let found = kept.filter(|kept| folder.root.join(kept).join(name).exists()).count();
        assert!(found > 0, "{name} was lost");
    }
    let kept = ["job_1.cancelled", "job_1.cancelled.2", "job_1.cancelled.3"];
    assert_eq!(entries(&folder.root)[1..], kept);
}

#[tokio::test]
async fn a_foreign_or_damaged_folder_is_not_taken_for_a_job() {
    let fixture = Fixture::new().await;
    let (folder, job) = (folder(&fixture), fixture.job("job_1"));
    let backend = FolderBackend::new(&folder.root);
    std::fs::create_dir_all(folder.job(&job)).unwrap();
    std::fs::write(folder.job(&job).join("mine"), b"mine").unwrap();
    let damages =
        [None, Some("{"), Some(r#"{"format":2,"classes":[],"images":[],"handed_out":""}"#)];
    for damage in damages {
        if let Some(text) = damage {
            std::fs::write(folder.job(&job).join("job.json"), text).unwrap();
        }
        let error = create(&backend, &job).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupted);
        assert_eq!(status(&backend, &job).await.unwrap_err().kind(), ErrorKind::Corrupted);
    }
    backend.cancel(&handle(&job)).await.unwrap();
    assert_eq!(std::fs::read(folder.root.join("job_1.cancelled/mine")).unwrap(), b"mine");
}

#[cfg(unix)]
#[tokio::test]
async fn images_are_copied_unless_links_are_asked_for() {
    use std::os::unix::fs::MetadataExt;
    let fixture = Fixture::new().await;
    let (folder, job) = (folder(&fixture), fixture.job("job_1"));
    for (transfer, links) in [(Transfer::Copy, 1), (Transfer::HardLink, 2)] {
        let backend = FolderBackend::new(&folder.root).with_transfer(transfer);
        create(&backend, &job).await.unwrap();
        for item in &job.items {
            assert_eq!(std::fs::metadata(fixture.file(&item.asset.id)).unwrap().nlink(), links);
        }
        backend.cancel(&handle(&job)).await.unwrap();
    }
}

#[tokio::test]
async fn images_that_look_alike_by_name_are_told_apart() {
    let fixture = Fixture::new().await;
    let (folder, _, job) = created(&fixture).await;
    let coco: Value = folder.handed_out(&job);
    let images = coco["images"].as_array().unwrap();
    let lower = images.iter().map(|image| image["file_name"].as_str().unwrap().to_lowercase());
    let unique: std::collections::BTreeSet<_> = lower.collect();
    assert_eq!(unique.len(), job.items.len());
    assert!(unique.iter().any(|name| name.starts_with("图片")), "{unique:?}");
    assert!(unique.iter().any(|name| name.starts_with("image_")), "{unique:?}");
    assert!(unique.iter().all(|name| !name.contains(['/', '\\', '\n', '%'])), "{unique:?}");
}
