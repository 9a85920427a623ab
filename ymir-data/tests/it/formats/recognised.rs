//! Annotations are never passed over without a word.

use std::path::Path;

use image::{GrayImage, ImageFormat, Luma};
use ymir_core::{Class, ErrorKind};
use ymir_formats::{Format, SPLIT, SkipReason};

use super::made::import;
use crate::common::{folder, put, records, store};
use ymir_testkit::fixture::pictures::{encode, jpeg};

const ROW: &str = "0 0.5 0.5 0.5 0.5\n";

fn mask(value: u8) -> Vec<u8> {
    encode(GrayImage::from_pixel(64, 48, Luma([value])).into(), ImageFormat::Png)
}

/// Refuses a source with two images and these files, for one of them.
async fn refused(files: &[(&str, Vec<u8>)], named: &str) {
    let source = folder();
    put(&source, "images/train/a.jpg", jpeg(1));
    put(&source, "images/train/b.jpg", jpeg(2));
    for (path, content) in files {
        put(&source, path, content);
    }
    let error = import(&store(), &source, Format::Auto).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    assert!(error.to_string().contains(named), "{named}: {error}");
    assert!(error.to_string().contains("name the format"), "{error}");
    assert_eq!(Format::detect(&source).unwrap_err().to_string(), error.to_string());
    let report = import(&store(), &source, Format::Images).await.unwrap();
    assert_eq!((report.imported, report.skipped.len()), (2 + pictures(files), 0));
}

/// Masks are pictures too, for who asks for pictures.
fn pictures(files: &[(&str, Vec<u8>)]) -> u64 {
    files.iter().filter(|(path, _)| path.ends_with(".png")).count() as u64
}

#[tokio::test]
async fn annotations_of_no_known_format_are_refused() {
    let coco = "\u{feff}{\"images\": [{\"id\": 1, \"file_name\": \"a.jpg\"}]}";
    let utf16: Vec<u8> = coco.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let min = "[{\"image\": \"/data/upload/1/abc-a.jpg\", \"label\": [{\"x\": 10}]}]";
    for (path, content) in [
        ("labels/train/a.txt", ROW.as_bytes()),
        ("a.txt", ROW.as_bytes()),
        ("boxes/a.jpg.json", b"{}"),
        ("coco.json", &utf16),
        ("tasks.json", min.as_bytes()),
        ("metadata.csv", b"file_name,label\na.jpg,cat\n"),
        ("annotations/boxes.csv", b"ImageID,XMin\na,0\n"),
    ] {
        refused(&[(path, content.to_vec())], path).await;
    }
    refused(&[("train/masks/a.png", mask(1))], "train/masks/a.png").await;
}

#[tokio::test]
async fn other_files_are_named_in_the_report() {
    let (store, source) = (store(), folder());
    put(&source, "cat/1.jpg", jpeg(1));
    put(&source, "README.txt", "cats");
    put(&source, "names.json", "{\"0\": \"cat\"}");
    let report = import(&store, &source, Format::Auto).await.unwrap();
    assert_eq!((report.imported, report.annotations), (1, 1));
    let [skip] = &report.skipped[..] else { panic!("{:?}", report.skipped) };
    assert_eq!((skip.path.as_str(), skip.kind), ("names.json", SkipReason::NoImage));
    let report = import(&store, &source, Format::Folders).await.unwrap();
    assert_eq!(report.skipped, []);
}

#[test]
fn folders_named_after_their_content_are_no_classes() {
    for (path, format) in [
        ("images/train/a.jpg", Format::Images),
        ("train/images/a.jpg", Format::Images),
        ("masks/a.jpg", Format::Images),
        ("Annotations/a.jpg", Format::Images),
        ("train/a.jpg", Format::Folders),
        ("train/cat/a.jpg", Format::Folders),
        ("mask/a.jpg", Format::Folders),
    ] {
        let source = folder();
        put(&source, path, jpeg(1));
        assert_eq!(Format::detect(&source).unwrap(), format, "{path}");
    }
}

#[tokio::test]
async fn yolo_is_known_by_any_description() {
    let yaml = "path: .\ntrain: images/train\nnames: {\"0\": cat}\n";
    for (path, content) in
        [("coco8.yaml", yaml), ("classes.txt", "cat\n"), ("labels/classes.txt", "cat\n")]
    {
        let (store, source) = (store(), folder());
        put(&source, "images/train/a.jpg", jpeg(1));
        put(&source, "labels/train/a.txt", ROW);
        put(&source, path, content);
        assert_eq!(Format::detect(&source).unwrap(), Format::Yolo, "{path}");
        let report = import(&store, &source, Format::Auto).await.unwrap();
        assert_eq!(report.skipped, [], "{path}");
        let all = records(&store, &report.version.id).await;
        assert_eq!(all[0].asset.attributes[SPLIT], "train", "{path}");
        assert_eq!(all[0].annotations[0].class, Class::Name("cat".to_owned()), "{path}");
    }
    // A YAML file of something else says nothing of labels.
    let source = folder();
    put(&source, "a.jpg", jpeg(1));
    put(&source, "config.yaml", "train: {epochs: 3}\n");
    assert_eq!(Format::detect(&source).unwrap(), Format::Images);
}

#[tokio::test]
async fn labelme_is_known_with_flags_of_null_and_groups_of_text() {
    let shape = |group: &str| {
        format!(
            "{{\"label\": \"cat\", \"points\": [[30, 40], [10, 20]], \"group_id\": {group}, \
             \"shape_type\": \"rectangle\"}}"
        )
    };
    for (flags, group, lost) in [("null", "null", 0), ("{}", "\"1\"", 1), ("{}", "2", 1)] {
        let (store, source) = (store(), folder());
        put(&source, "a.jpg", jpeg(1));
        let shape = shape(group);
        put(&source, "a.json", format!("{{\"flags\": {flags}, \"shapes\": [{shape}]}}"));
        let report = import(&store, &source, Format::Auto).await.unwrap();
        assert_eq!((report.annotations, report.lost.len()), (1, lost), "{report:?}");
    }
}

fn labelled(source: &Path, list: Option<(&str, &str)>) {
    put(source, "images/a.jpg", jpeg(1));
    put(source, "masks/train/a.png", mask(1));
    put(source, "images/train/a.jpg", jpeg(2));
    list.into_iter().for_each(|(path, text)| put(source, path, text));
}

#[tokio::test]
async fn masks_have_the_classes_of_their_own_list() {
    let source = folder();
    labelled(&source, None);
    assert_eq!(Format::detect(&source).unwrap(), Format::Masks);
    let error = import(&store(), &source, Format::Auto).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("labelmap.txt"), "{error}");
    labelled(&source, Some(("labelmap.txt", "background\ncat\n")));
    let report = import(&store(), &source, Format::Auto).await.unwrap();
    assert_eq!(report.unknown_classes[0].name, "cat");
    // Pascal VOC's own folders have Pascal VOC's own classes.
    let source = folder();
    put(&source, "JPEGImages/a.jpg", jpeg(1));
    put(&source, "SegmentationClass/a.png", mask(1));
    let report = import(&store(), &source, Format::Auto).await.unwrap();
    assert_eq!(report.unknown_classes[0].name, "aeroplane");
}
