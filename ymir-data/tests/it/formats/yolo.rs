//! YOLO: the layouts of others, and what hostile files do.

use std::path::{Path, PathBuf};

use ymir_core::{
    Annotation, BBox, Base, Class, ClassId, CommitRequest, Edits, ErrorKind, Expect, Manifest,
    Mask, ObjectType, Record, Shape, Visibility,
};
use ymir_formats::{Format, SPLIT, SkipReason};

use super::made::{branch, export, import, stored};
use crate::common::{add_class, commit, folder, put, records, store};
use ymir_testkit::fixture::pictures::jpeg;

fn of<'a>(all: &'a [Record], name: &str) -> &'a Record {
    all.iter().find(|record| record.asset.file_name == name).unwrap()
}

fn split(record: &Record) -> &str {
    record.asset.attributes.get(SPLIT).map_or("", String::as_str)
}

#[tokio::test]
async fn splits_are_folders_or_lists() {
    let (store, source) = (store(), folder());
    add_class(&store, "cat").await;
    for (n, path) in ["images/train/a", "images/val/b", "images/c"].into_iter().enumerate() {
        put(&source, &format!("{path}.jpg"), jpeg(n));
        let label = path.replace("images", "labels");
        put(&source, &format!("{label}.txt"), "0 0.5 0.5 0.25 0.5\n\n0 0.5 0.5 0.5 0.5 0.75\n");
    }
    let yaml = "path: ../elsewhere\ntrain: ../images/train\nval: [images/val]\ntest: test.txt\nnc: 1\nnames: ['cat']\n";
    put(&source, "data.yaml", yaml);
    put(&source, "test.txt", "./images/c.jpg\n/abs/images/train/a.jpg\n");
    let report = import(&store, &source, Format::Yolo).await.unwrap();
    let all = records(&store, &report.version.id).await;
    assert_eq!(split(of(&all, "a.jpg")), "train,test");
    assert_eq!(split(of(&all, "b.jpg")), "val");
    assert_eq!(split(of(&all, "c.jpg")), "test");
    let objects = &of(&all, "a.jpg").annotations;
    assert_eq!((objects[0].bbox.x, objects[0].bbox.w), (24.0, 16.0));
    assert_eq!((objects[0].score, objects[1].score), (None, Some(0.75)));
}

#[tokio::test]
async fn rows_are_boxes_outlines_corners_or_poses() {
    let quad = "0 0.25 0.25 0.75 0.25 0.75 0.75 0.25 0.75\n";
    let triangle = "0 0.25 0.25 0.75 0.25 0.75 0.75\n";
    let pose = "0 0.5 0.5 0.5 0.5 0.5 0.5 2 0 0 0\n";
    for (rows, extra, outlines, rotated, points) in [
        (quad.to_owned(), "", false, true, 0),
        (quad.to_owned(), "task: segment\n", true, false, 0),
        (format!("{quad}{triangle}"), "", true, false, 0),
        (pose.to_owned(), "kpt_shape: [2, 3]\n", false, false, 2),
    ] {
        let (store, source) = (store(), folder());
        add_class(&store, "cat").await;
        put(&source, "images/a.jpg", jpeg(1));
        put(&source, "labels/a.txt", rows);
        put(&source, "data.yaml", format!("{extra}names:\n  0: cat\n"));
        let report = import(&store, &source, Format::Yolo).await.unwrap();
        let all = records(&store, &report.version.id).await;
        let first = &all[0].annotations[0];
        assert_eq!(matches!(first.shape, Some(Shape::Polygons(_))), outlines, "{extra}");
        assert!(!rotated || first.shape.is_none());
        assert_eq!(first.keypoints.len(), points);
        assert_eq!((first.bbox.x, first.bbox.h), (16.0, 24.0));
        if points > 0 {
            assert_eq!(first.keypoints[0].visibility, Visibility::Visible);
            assert_eq!((first.keypoints[0].x, first.keypoints[0].y), (32.0, 24.0));
        }
    }
}

#[tokio::test]
async fn darknet_names_its_classes_in_a_file() {
    let (store, source) = (store(), folder());
    put(&source, "obj_train_data/a.jpg", jpeg(1));
    put(&source, "obj_train_data/a.txt", "1 0.5 0.5 0.5 0.5\n");
    put(&source, "obj.names", "cat\ndog\n");
    put(&source, "obj.data", "classes = 2\ntrain = data/train.txt\nnames = data/obj.names\n");
    put(&source, "train.txt", "data/obj_train_data/a.jpg\n");
    let report = import(&store, &source, Format::Darknet).await.unwrap();
    assert_eq!(report.unknown_classes[0].name, "dog");
    let all = records(&store, &report.version.id).await;
    assert_eq!(split(&all[0]), "train");
}

#[tokio::test]
async fn hostile_labels_do_no_harm() {
    let names = "names: [cat]\n";
    let (to, source) = (store(), folder());
    put(&source, "a.jpg", jpeg(1));
    put(&source, "b.jpg", jpeg(2));
    put(&source, "a.txt", b"0 0.5 \xff\n");
    put(&source, "b.txt", "");
    put(&source, "data.yaml", names);
    let report = import(&to, &source, Format::Yolo).await.unwrap();
    let skip = &report.skipped[0];
    assert_eq!((skip.path.as_str(), skip.kind), ("a.txt", SkipReason::BadAnnotation));
    assert!(skip.reason.contains("line 1"), "{}", skip.reason);
    // A row that is none takes no other with it.
    put(&source, "a.txt", "0 a b c d\n\n0 0.5 0.5 0.5 0.5\n0 0.5 NaN 1 1\n0 inf 0.5 1 1\n");
    let report = import(&to, &source, Format::Yolo).await.unwrap();
    assert_eq!((report.imported, report.annotations), (2, 1));
    let dropped: Vec<_> = report.dropped.iter().map(|dropped| dropped.object).collect();
    assert_eq!(dropped, [1, 3, 4]);
    assert!(report.dropped[1].reason.contains("line 4"), "{:?}", report.dropped);
    for row in [
        "0",
        "0 1 2 3",
        "7 0.5 0.5 0.5 0.5",
        "-1 0.5 0.5 0.5 0.5",
        "0.5 0.5 0.5 0.5 0.5",
        "1e300 0.5 0.5 0.5 0.5",
        "0 0.5 0.5 -0.5 0.5",
        "0 9e307 9e307 9e307 9e307",
        "0 5 5 0.1 0.1",
        "0 1 1 1 1 1 1",
    ] {
        let (store, source) = (store(), folder());
        put(&source, "a.jpg", jpeg(1));
        put(&source, "a.txt", row);
        put(&source, "data.yaml", names);
        let report = import(&store, &source, Format::Yolo).await.unwrap();
        assert_eq!((report.annotations, report.dropped.len()), (0, 1), "{row}: {report:?}");
    }
    for yaml in [
        "a: b\n",
        "names: 3\n",
        "names: {x: y}\n",
        "names: {99999999999: y}\n",
        "names: [[]]\n",
        "- a\n",
        "names: [cat]\nkpt_shape: [1, 9]\n",
        "names: *x\n",
        "\u{0}",
    ] {
        let (store, source) = (store(), folder());
        put(&source, "a.jpg", jpeg(1));
        put(&source, "data.yaml", yaml);
        let error = import(&store, &source, Format::Yolo).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{yaml}");
        assert!(error.to_string().contains("data.yaml"), "{error}");
    }
    // A split outside the source names nothing in it.
    let (store, source) = (store(), folder());
    put(&source, "a.jpg", jpeg(1));
    put(&source, "data.yaml", "names: [cat]\ntrain: /etc/passwd\nval: ../../../etc/hosts.txt\n");
    let report = import(&store, &source, Format::Yolo).await.unwrap();
    let kinds: Vec<_> = report.skipped.iter().map(|skip| skip.kind).collect();
    assert_eq!(kinds, [SkipReason::NotThere; 2]);
    assert_eq!(report.imported, 1);
}

/// Exports one image of 64 x 48 pixels, and returns the files of the export and what was lost.
async fn exported(
    object_type: ObjectType,
    split: &str,
    annotations: Vec<Annotation>,
) -> (PathBuf, Vec<(String, u64)>) {
    let store = store();
    add_class(&store, "cat").await;
    let mut record = stored(&store, 1, annotations).await;
    record.asset.attributes.insert(SPLIT.to_owned(), split.to_owned());
    let request = CommitRequest {
        branch: branch("there"),
        base: Base::Empty,
        edits: Edits::put(vec![record]),
        expect: Expect::Any,
        manifest: Manifest { object_type, ..Manifest::default() },
        message: "Test".to_owned(),
    };
    let version = store.commit(request).await.unwrap();
    let out = folder();
    let report = export(&store, &version.id, &out, Format::Yolo).await.unwrap();
    let lost = report.lost.into_iter().map(|lost| (lost.what, lost.count)).collect();
    (out, lost)
}

/// The only label file of an export, by rows.
fn rows(out: &Path) -> Vec<Vec<f64>> {
    let folder = out.join("labels/train");
    let file = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    let row = |row: &str| row.split(' ').map(|number| number.parse().unwrap()).collect();
    std::fs::read_to_string(file).unwrap().lines().map(row).collect()
}

fn object(bbox: BBox, shape: Option<Shape>) -> Annotation {
    Annotation { shape, ..Annotation::new(Class::Id(ClassId(0)), bbox) }
}

/// Ultralytics drops images whose rows are of both kinds, or reach out of them.
#[tokio::test]
async fn in_a_dataset_of_outlines_every_row_is_one() {
    // Columns 2 and 3 of the rows 1 to 3, without the middle of the second; and a pixel elsewhere.
    let pixels = [(2, 1), (2, 2), (2, 3), (3, 1), (3, 3), (9, 9)];
    let mut counts = vec![0];
    let places: Vec<u32> = pixels.iter().map(|(x, y)| x * 48 + y).collect();
    let mut end = 0;
    for place in places {
        counts.extend([place - end, 1]);
        end = place + 1;
    }
    counts.remove(0);
    counts.push(64 * 48 - end);
    let merged = merge(counts);
    let mask = Mask::new(64, 48, merged).unwrap();
    let out_of_image = vec![[-9.0, 12.0], [16.0, 12.0], [16.0, 60.0], [-9.0, 60.0]];
    let objects = vec![
        object(BBox::new(16.0, 12.0, 32.0, 24.0), None),
        object(mask.bbox().unwrap(), Some(Shape::Mask(mask))),
        object(BBox::new(0.0, 12.0, 16.0, 36.0), Some(Shape::Polygons(vec![out_of_image]))),
    ];
    let (out, lost) = exported(ObjectType::InstanceSegmentation, "train", objects).await;
    let pixels = |row: &[f64]| -> Vec<[f64; 2]> {
        let pair = |pair: &[f64]| [(pair[0] * 64.0).round(), (pair[1] * 48.0).round()];
        row[1..].chunks(2).map(pair).collect()
    };
    let rows = rows(&out);
    assert_eq!(pixels(&rows[0]), [[16., 12.], [48., 12.], [48., 36.], [16., 36.]]);
    let around = [[2., 1.], [4., 1.], [4., 2.], [3., 2.], [3., 3.], [4., 3.], [4., 4.], [2., 4.]];
    assert_eq!(pixels(&rows[1]), around);
    assert_eq!(pixels(&rows[2]).len(), 4);
    assert!(pixels(&rows[2]).iter().all(|[x, y]| [0., 16.].contains(x) && [12., 48.].contains(y)));
    let lost: Vec<_> = lost.iter().map(|(what, count)| (what.as_str(), *count)).collect();
    let wanted = [
        ("boxes, written as outlines of four corners", 1),
        ("further parts and holes of masks", 1),
        ("masks, written as outlines", 1),
        ("outlines that reach out of their image, cut at its edge", 1),
    ];
    assert_eq!(lost, wanted);
}

/// Joins runs with none between them.
fn merge(counts: Vec<u32>) -> Vec<u32> {
    let mut merged: Vec<u32> = Vec::new();
    let mut is_joined = false;
    for (i, count) in counts.into_iter().enumerate() {
        if i > 0 && count == 0 {
            is_joined = true;
        } else if is_joined {
            *merged.last_mut().unwrap() += count;
            is_joined = false;
        } else {
            merged.push(count);
        }
    }
    merged
}

#[tokio::test]
async fn a_description_has_what_trainers_want() {
    for (split, wanted) in [
        ("train", ["train: train.txt", "val: train.txt"]),
        ("val", ["train: val.txt", "val: val.txt"]),
        ("test", ["train: test.txt", "val: test.txt"]),
        ("", ["train: all.txt", "val: all.txt"]),
    ] {
        let boxed = vec![object(BBox::new(1.0, 2.0, 3.0, 4.0), None)];
        let (out, _) = exported(ObjectType::Detection, split, boxed).await;
        let text = std::fs::read_to_string(out.join("data.yaml")).unwrap();
        let text = text.replace('"', "");
        assert!(wanted.iter().all(|line| text.lines().any(|l| l == *line)), "{split}: {text}");
        assert!(!text.contains("path:"), "{text}");
    }
}

/// A box that is far out of its image after its rotation would cost Ultralytics the image.
#[tokio::test]
async fn rotated_boxes_too_large_for_their_image_are_cut() {
    let mut long = object(BBox::new(1.0, 20.0, 60.0, 8.0), None);
    long.rotate_angle = Some(std::f64::consts::FRAC_PI_2);
    let (out, lost) = exported(ObjectType::Detection, "train", vec![long]).await;
    assert!(rows(&out)[0][1..].iter().all(|number| (0.0..=1.0).contains(number)));
    assert_eq!(lost[0].1, 1);
}

/// Ultralytics forgets the rotations of a dataset in which the rows of some images are boxes.
#[tokio::test]
async fn a_rotated_box_makes_corners_of_all() {
    let store = store();
    add_class(&store, "cat").await;
    let upright = object(BBox::new(16.0, 12.0, 32.0, 24.0), None);
    let rotated = Annotation { rotate_angle: Some(0.5), ..upright.clone() };
    let mut all = Vec::new();
    for (n, boxes) in
        [vec![rotated, upright.clone()], vec![upright.clone()], vec![]].into_iter().enumerate()
    {
        all.push(stored(&store, n, boxes).await);
    }
    let version = commit(&store, &branch("there"), all).await;
    let out = folder();
    export(&store, &version.id, &out, Format::Yolo).await.unwrap();
    assert!(std::fs::read_to_string(out.join("data.yaml")).unwrap().contains("task: obb"));
    let files = std::fs::read_dir(out.join("labels")).unwrap();
    let texts = files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
    let rows: Vec<usize> =
        texts.flat_map(|t| t.lines().map(|l| l.split(' ').count()).collect::<Vec<_>>()).collect();
    assert_eq!(rows, [9, 9, 9]);
    let back = import(&store, &out, Format::Yolo).await.unwrap();
    for record in records(&store, &back.version.id).await {
        for found in record.annotations.iter().filter(|found| found.rotate_angle.is_none()) {
            let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
            assert!(near(found.bbox.x, upright.bbox.x) && near(found.bbox.h, upright.bbox.h));
        }
    }
}

#[tokio::test]
async fn outlines_are_cut_at_the_edge_of_the_image() {
    let (store, source) = (store(), folder());
    add_class(&store, "cat").await;
    put(&source, "images/a.jpg", jpeg(1));
    // The first is a triangle whose tip is out on the left; the second is out altogether.
    put(&source, "labels/a.txt", "0 -0.5 0.5 0.5 0 0.5 1\n0 1.5 1.5 2 1.5 2 2\n");
    put(&source, "data.yaml", "task: segment\nnames: [cat]\n");
    let report = import(&store, &source, Format::Yolo).await.unwrap();
    assert_eq!((report.annotations, report.clipped, report.dropped.len()), (1, 1, 1));
    let all = records(&store, &report.version.id).await;
    let cut = &all[0].annotations[0];
    let Some(Shape::Polygons(rings)) = &cut.shape else { panic!() };
    let ring = [[0.0, 36.0], [0.0, 12.0], [32.0, 0.0], [32.0, 48.0]];
    assert_eq!(rings[..], [ring.to_vec()]);
    assert_eq!(cut.bbox, BBox::new(0.0, 0.0, 32.0, 48.0));
}

#[tokio::test]
async fn places_of_splits_are_found_or_named() {
    for (yaml, found, missing) in [
        ("path: sub\ntrain: images/train\nval: images/val\n", "train", "images/val"),
        ("train: /home/u/ds/sub/images/train\nval: C:\\ds\\val\n", "train", "C:\\ds\\val"),
        ("train: D:\\ds\\sub\\images\\train\nval: sub/images/*\n", "train", "sub/images/*"),
        ("path: /abs/sub\nval: sub/images/train\ntest: images\n", "val", "images"),
        ("train: sub/images\nval: lists/val.txt\nlicence: CC BY\n", "train", "lists/val.txt"),
    ] {
        let (store, source) = (store(), folder());
        put(&source, "sub/images/train/a.jpg", jpeg(1));
        put(&source, "sub/labels/train/a.txt", "0 0.5 0.5 0.25 0.5\n");
        put(&source, "data.yaml", format!("names: [cat]\n{yaml}"));
        let report = import(&store, &source, Format::Yolo).await.unwrap();
        let all = records(&store, &report.version.id).await;
        assert_eq!(split(&all[0]), found, "{yaml}");
        assert_eq!(report.annotations, 1);
        let skipped: Vec<_> = report.skipped.iter().map(|s| (s.path.as_str(), s.kind)).collect();
        assert_eq!(skipped, [(missing, SkipReason::NotThere)], "{yaml}");
    }
}
