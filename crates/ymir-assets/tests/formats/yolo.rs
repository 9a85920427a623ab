//! YOLO: the layouts of others, and what hostile files do.

use ymir_assets::formats::{Format, SPLIT, SkipReason};
use ymir_core::{ErrorKind, Record, Shape, Visibility};

use crate::common::pictures::jpeg;
use crate::common::{add_class, folder, put, records, store};
use crate::made::import;

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
    for (label, place) in [
        (&b"0 a b c d\n"[..], "line 1"),
        (b"0 0.5 0.5 0.5 0.5\n0 0.5 0.5 NaN 0.5\n", "line 2"),
        (b"0 0.5 0.5 inf 0.5\n", "line 1"),
        (b"0 0.5 \xff\n", "line 1"),
    ] {
        let (store, source) = (store(), folder());
        put(&source, "a.jpg", jpeg(1));
        put(&source, "b.jpg", jpeg(2));
        put(&source, "a.txt", label);
        put(&source, "b.txt", "");
        put(&source, "data.yaml", names);
        let report = import(&store, &source, Format::Yolo).await.unwrap();
        let skip = &report.skipped[0];
        assert_eq!((skip.path.as_str(), skip.kind), ("a.txt", SkipReason::BadAnnotation));
        assert!(skip.reason.contains(place), "{}", skip.reason);
    }
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
    assert_eq!(kinds, [SkipReason::NotThere]);
    assert_eq!(report.imported, 1);
}
