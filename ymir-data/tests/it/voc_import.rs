//! Import of Pascal VOC folders and of plain folders of images.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use image::ImageFormat;
use ymir_core::Progress;
use ymir_core::{
    AssetId, BBox, Branch, BranchKind, Class, ClassId, ErrorKind, MediaType, Name, TaskKind,
    Transfer, UnknownClasses,
};
use ymir_data::{ImportOptions, UnknownClass, import_dataset};
use ymir_formats::{Format, SkipReason};
use ymir_testkit::double::{Fault, FaultyAssetStore, StoreMethod, When};

use crate::common::voc::{
    ADD, Store, branch, import, imported, nothing_is_committed, reasons, voc,
};
use crate::common::{add_class_with, folder, put, records, store, store_tests};
use ymir_testkit::fixture::pictures::{jpeg, object, picture, xml};

async fn a_folder_becomes_a_version(store: Store) {
    let source = voc(3);
    let seen = Mutex::new(Vec::new());
    let note = |progress| seen.lock().unwrap().push(progress);
    let report =
        import_dataset(&store, &source, Format::Voc, &branch(), &ADD, &note).await.unwrap();
    assert_eq!((report.imported, report.annotations, report.negatives), (3, 3, 0));
    assert_eq!(report.added_classes, ["cat"]);
    assert_eq!((&report.skipped[..], &report.dropped[..], report.clipped), (&[][..], &[][..], 0));
    assert_eq!((report.version.number, &report.version.branch), (1, &branch()));

    let (read, id) = (records(&store, &report.version.id).await, AssetId::of(&jpeg(1)));
    assert_eq!(read.len(), 3);
    let record = read.iter().find(|record| record.asset.id == id).unwrap();
    let asset = &record.asset;
    assert_eq!((asset.width, asset.height, asset.channels), (64, 48, 3));
    assert_eq!((asset.file_name.as_str(), asset.media_type), ("1.jpg", MediaType::Jpeg));
    assert_eq!(asset.byte_size, jpeg(1).len() as u64);
    assert_eq!(record.annotations[0].bbox, BBox::new(10.0, 11.0, 10.0, 20.0));
    assert_eq!(record.annotations[0].class, Class::Id(ClassId(0)));
    assert_eq!(store.read_blob(&id).await.unwrap(), jpeg(1));

    let manifest = store.manifest(&report.version.id).await.unwrap();
    assert_eq!((manifest.task.kind, manifest.task.fingerprint.as_str()), (TaskKind::Import, ""));
    assert_eq!(manifest.task.parameters["format"], "\"voc\"");
    let seen = seen.into_inner().unwrap();
    assert_eq!(seen.first(), Some(&Progress { done: 0, total: 3 }));
    assert_eq!(seen.last(), Some(&Progress { done: 3, total: 3 }));
}

async fn hard_links_and_copies_give_the_same(store: Store) {
    let source = voc(5);
    let copied = import(&store, &source, &ADD).await.unwrap();
    let options = ImportOptions { transfer: Transfer::HardLink, ..ADD };
    let linked = import(&store, &source, &options).await.unwrap();
    assert_eq!(copied.version.content, linked.version.content);
    assert_eq!(linked.version.number, 2);
}

async fn unknown_classes_stop_an_import_before_it_begins(store: Store) {
    add_class_with(&store, "cat", &["kitten"]).await;
    let source = folder();
    put(&source, "a.jpg", jpeg(1));
    let objects = [("Dog", 1), ("dog", 2), (" KITTEN ", 3), ("bird", 4)];
    let objects: String = objects.iter().map(|(name, x)| object(name, *x, 1, 20, 20)).collect();
    put(&source, "a.xml", xml("a.jpg", &objects));
    let error = import(&store, &source, &ImportOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("Dog (1), bird (1), dog (1)"), "{error}");
    nothing_is_committed(&store).await;
    assert_eq!(
        store.read_blob(&AssetId::of(&jpeg(1))).await.unwrap_err().kind(),
        ErrorKind::NotFound
    );

    let unknown = |name: &str, count| UnknownClass { name: name.to_owned(), count };
    let options = ImportOptions { unknown_classes: UnknownClasses::Ignore, ..ADD };
    let report = import(&store, &source, &options).await.unwrap();
    let all = [unknown("Dog", 1), unknown("bird", 1), unknown("dog", 1)];
    assert_eq!(report.unknown_classes, all);
    let told: Vec<_> = report.case_matches.iter().map(ToString::to_string).collect();
    assert_eq!(told, [r#""KITTEN" was taken as the class "cat""#]);
    assert_eq!((report.annotations, report.ignored_annotations), (1, 3));
    assert_eq!(store.classes().await.unwrap().len(), 1);

    let options = ImportOptions { unknown_classes: UnknownClasses::Keep, ..ADD };
    let report = import(&store, &source, &options).await.unwrap();
    let record = &records(&store, &report.version.id).await[0];
    let classes: Vec<_> = record.annotations.iter().map(|a| a.class.clone()).collect();
    let kept = |name: &str| Class::Name(name.to_owned());
    assert_eq!(classes, [kept("Dog"), kept("dog"), Class::Id(ClassId(0)), kept("bird")]);
    assert_eq!((report.annotations, report.ignored_annotations), (4, 0));

    let report = import(&store, &source, &ADD).await.unwrap();
    assert_eq!(report.added_classes, ["Dog", "bird", "dog"]);
    let table = store.classes().await.unwrap();
    let names: Vec<_> = table.entries().iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["cat", "Dog", "bird", "dog"]);
    let record = &records(&store, &report.version.id).await[0];
    let classes: Vec<_> = record.annotations.iter().filter_map(|a| a.class.id()).collect();
    assert_eq!(classes, [1, 3, 0, 2].map(ClassId));
}

async fn duplicates_are_one_asset(store: Store) {
    let source = folder();
    for (name, x) in [("a", 1), ("b", 1), ("c", 2), ("d/a", 3)] {
        let n = if name == "d/a" { 9 } else { 1 };
        put(&source, &format!("{name}.jpg"), jpeg(n));
        put(&source, &format!("{name}.xml"), xml("", &object("cat", x, 1, 20, 20)));
    }
    let (report, read) = imported(&store, &source).await;
    assert_eq!((report.imported, read.len()), (2, 2));
    let found: Vec<_> = report
        .duplicates
        .iter()
        .map(|d| (d.path.as_str(), d.first.as_str(), d.annotations_differ))
        .collect();
    assert_eq!(found, [("b.jpg", "a.jpg", false), ("c.jpg", "a.jpg", true)]);
    let record = read.iter().find(|record| record.asset.id == AssetId::of(&jpeg(1))).unwrap();
    assert_eq!((record.asset.file_name.as_str(), record.annotations[0].bbox.x), ("a.jpg", 1.0));
    // The same base name in another folder is another image.
    let record = read.iter().find(|record| record.asset.id == AssetId::of(&jpeg(9))).unwrap();
    assert_eq!((record.asset.file_name.as_str(), record.annotations[0].bbox.x), ("a.jpg", 3.0));
}

async fn what_cannot_be_used_is_named_and_the_rest_taken(store: Store) {
    let source = voc(2);
    let cat = xml("", &object("cat", 1, 1, 5, 5));
    for name in ["zero", "cut", "text", "gif", "broken", "root", "half", "bomb"] {
        put(&source, &format!("Annotations/{name}.xml"), &cat);
        put(
            &source,
            &format!("JPEGImages/{name}.jpg"),
            jpeg(name.len() + name.as_bytes()[0] as usize),
        );
    }
    let whole = jpeg(77);
    put(&source, "JPEGImages/zero.jpg", "");
    put(&source, "JPEGImages/cut.jpg", &whole[..whole.len() / 2]);
    put(&source, "JPEGImages/text.jpg", "not an image");
    put(&source, "JPEGImages/gif.jpg", "GIF89a");
    put(&source, "Annotations/broken.xml", "<annotation>\n<object>\n</wrong>\n</annotation>");
    put(&source, "Annotations/root.xml", "<html></html>");
    put(&source, "Annotations/half.xml", "<annotation><object><name>cat</name>");
    let bomb = "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;\">]>\n<annotation><filename>&b;</filename></annotation>";
    put(&source, "Annotations/bomb.xml", bomb);
    put(&source, "JPEGImages/alone.jpg", jpeg(50));
    put(&source, "Annotations/orphan.xml", &cat);
    let (report, _) = imported(&store, &source).await;
    assert_eq!(
        reasons(&report),
        [
            ("Annotations/bomb.xml", SkipReason::BadAnnotation),
            ("Annotations/broken.xml", SkipReason::BadAnnotation),
            ("Annotations/half.xml", SkipReason::BadAnnotation),
            ("Annotations/orphan.xml", SkipReason::NoImage),
            ("Annotations/root.xml", SkipReason::BadAnnotation),
            ("JPEGImages/alone.jpg", SkipReason::NoAnnotation),
            ("JPEGImages/cut.jpg", SkipReason::BadImage),
            ("JPEGImages/gif.jpg", SkipReason::BadImage),
            ("JPEGImages/text.jpg", SkipReason::BadImage),
            ("JPEGImages/zero.jpg", SkipReason::BadImage),
        ]
    );
    assert_eq!(report.imported, 2);
    let reason =
        |path: &str| &report.skipped.iter().find(|s| s.path.contains(path)).unwrap().reason;
    assert!(reason("broken").starts_with("line 3:"), "{}", reason("broken"));
    assert!(reason("bomb").contains("&b;"), "{}", reason("bomb"));
    assert!(reason("root").contains("<html>"), "{}", reason("root"));
}

async fn without_annotations_there_is_nothing_on_an_image(store: Store) {
    let source = voc(1);
    put(&source, "JPEGImages/alone.jpg", jpeg(50));
    let options = ImportOptions { without_annotations: true, ..ADD };
    let report = import(&store, &source, &options).await.unwrap();
    assert_eq!((report.imported, report.negatives, report.skipped.len()), (2, 1, 0));
}

async fn images_and_files_find_each_other(store: Store) {
    let source = folder();
    let cat = |x| object("cat", x, 1, 20, 20);
    // Names with spaces and other letters, by their stem, in folders of their own.
    put(&source, "images/train/ein Bild ä.jpg", jpeg(1));
    put(&source, "labels/ein Bild ä.xml", xml("", &cat(1)));
    // Two images of one stem: <filename> tells.
    put(&source, "both/x.jpg", jpeg(2));
    put(&source, "both/x.png", picture(3, ImageFormat::Png));
    put(&source, "both/x.xml", xml("x.png", &cat(3)));
    // One stem in two folders, one file elsewhere: <folder> tells.
    put(&source, "left/y.jpg", jpeg(4));
    put(&source, "right/y.jpg", jpeg(5));
    let content = xml("y.jpg", &cat(5)).replace("JPEGImages", "right");
    put(&source, "labels/y.xml", content);
    // No stem in common: <filename>, here with somebody's path.
    put(&source, "left/z.jpg", jpeg(6));
    put(&source, "labels/annotation_17.xml", xml("C:\\data\\z.jpg", &cat(6)));
    // The whole file name as the stem.
    put(&source, "left/w.jpg", jpeg(7));
    put(&source, "left/w.jpg.xml", xml("", &cat(7)));
    // It could be either.
    put(&source, "left/v.jpg", jpeg(8));
    put(&source, "right/v.jpg", jpeg(9));
    put(&source, "labels/v.xml", xml("v.jpg", &cat(8)));
    // A file that is the image's own goes before one of the same name elsewhere.
    put(&source, "p/u.xml", xml("u.jpg", &cat(33)));
    put(&source, "q/u.jpg", jpeg(10));
    put(&source, "q/u.xml", xml("u.jpg", &cat(10)));
    let (report, read) = imported(&store, &source).await;
    for (n, bytes) in [
        (1, jpeg(1)),
        (3, picture(3, ImageFormat::Png)),
        (5, jpeg(5)),
        (6, jpeg(6)),
        (7, jpeg(7)),
        (10, jpeg(10)),
    ] {
        let record = read.iter().find(|record| record.asset.id == AssetId::of(&bytes)).unwrap();
        assert_eq!(record.annotations[0].bbox.x, f64::from(n), "{}", record.asset.file_name);
    }
    assert_eq!(
        reasons(&report),
        [
            ("both/x.jpg", SkipReason::NoAnnotation),
            ("labels/v.xml", SkipReason::Ambiguous),
            ("left/v.jpg", SkipReason::NoAnnotation),
            ("left/y.jpg", SkipReason::NoAnnotation),
            ("p/u.xml", SkipReason::Ambiguous),
            ("right/v.jpg", SkipReason::NoAnnotation),
        ]
    );
}

async fn a_list_limits_an_import(store: Store) {
    let source = voc(6);
    put(&source, "JPEGImages/img 1.jpg", jpeg(100));
    put(&source, "Annotations/img 1.xml", xml("", ""));
    put(&source, "JPEGImages/img.jpg", jpeg(101));
    put(&source, "Annotations/img.xml", xml("", ""));
    let lists = "ImageSets/Main";
    put(&source, &format!("{lists}/train.txt"), "\u{feff}0\r\n2\r\n\r\nmissing\r\nimg 1\r\n2\r\n");
    put(&source, &format!("{lists}/cat_train.txt"), "1  1\n3 -1\nimg  0\n");
    put(&source, &format!("{lists}/empty.txt"), "\n");
    let elsewhere = folder();
    put(&elsewhere, "list.txt", "./JPEGImages/4.jpg\n5.jpg\n");
    let named = async |list: &Path| {
        let options = ImportOptions { list: Some(list.to_owned()), ..ADD };
        let report = import(&store, &source, &options).await?;
        let records = records(&store, &report.version.id).await;
        let mut names: Vec<_> = records.into_iter().map(|record| record.asset.file_name).collect();
        names.sort();
        Ok::<_, ymir_core::Error>((names, report))
    };
    let (names, report) = named(Path::new("train")).await.unwrap();
    assert_eq!(names, ["0.jpg", "2.jpg", "img 1.jpg"]);
    assert_eq!(reasons(&report), [("missing", SkipReason::NotThere)]);
    let (names, report) = named(Path::new("cat_train.txt")).await.unwrap();
    assert_eq!(names, ["1.jpg", "3.jpg", "img.jpg"]);
    assert_eq!(reasons(&report), []);
    let (names, _) = named(&elsewhere.join("list.txt")).await.unwrap();
    assert_eq!(names, ["4.jpg", "5.jpg"]);
    let (names, _) = named(Path::new("ImageSets/Main/train.txt")).await.unwrap();
    assert_eq!(names.len(), 3);
    let error = named(Path::new("empty")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let error = named(Path::new("test")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("cat_train, empty, train"), "{error}");
}

/// As in videos, where each folder has images of the same names.
async fn lists_tell_folders_apart(store: Store) {
    let source = folder();
    for n in 0..6 {
        let place = format!("{}/0.{}", n / 2, n % 2);
        put(&source, &format!("JPEGImages/{place}.jpg"), jpeg(n));
        put(&source, &format!("Annotations/{place}.xml"), xml("", ""));
    }
    put(&source, "JPEGImages/a.b\\c", jpeg(6));
    put(&source, "Annotations/a.xml", xml("", ""));
    let named = async |lines: &str| {
        put(&source, "list.txt", lines);
        let options = ImportOptions { list: Some("list.txt".into()), ..ADD };
        let report = import(&store, &source, &options).await.unwrap();
        let records = records(&store, &report.version.id).await;
        let mut numbers: Vec<_> = (0..7)
            .filter(|n| records.iter().any(|record| record.asset.id == AssetId::of(&jpeg(*n))))
            .collect();
        numbers.extend(reasons(&report).iter().map(|_| 100));
        numbers
    };
    assert_eq!(named("1/0.0.jpg\n2/0.1\nJPEGImages/0/0.1.jpg\n").await, [1, 2, 5]);
    assert_eq!(named("0.1\n1\\0.0\n3/0.1\n").await, [1, 2, 3, 5, 100]);
    assert_eq!(named("a\n").await, [6]);
    assert_eq!(named("a.b\\c\n").await, [6]);
}

async fn several_voc_folders_are_one_source(store: Store) {
    let source = folder();
    for (year, n) in [("VOC2007", 0), ("VOC2012", 10)] {
        for i in 0..3 {
            put(&source, &format!("{year}/JPEGImages/{i}.jpg"), jpeg(n + i));
            put(&source, &format!("{year}/Annotations/{i}.xml"), xml("", ""));
            put(
                &source,
                &format!("{year}/SegmentationClass/{i}.png"),
                picture(n + i, ImageFormat::Png),
            );
        }
        put(&source, &format!("{year}/ImageSets/Main/val.txt"), format!("{}\n", n / 10));
    }
    let (report, _) = imported(&store, &source).await;
    assert_eq!((report.imported, report.skipped.len()), (6, 0));
    let options = ImportOptions { list: Some("val".into()), ..ADD };
    let report = import(&store, &source, &options).await.unwrap();
    let names: Vec<_> = records(&store, &report.version.id).await;
    let mut ids: Vec<_> = names.iter().map(|record| record.asset.id).collect();
    let mut expected = vec![AssetId::of(&jpeg(0)), AssetId::of(&jpeg(11))];
    ids.sort();
    expected.sort();
    assert_eq!(ids, expected);
}

async fn a_source_without_images_is_an_error(store: Store) {
    let source = folder();
    let error = import(&store, &source, &ADD).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    put(&source, "a.jpg", "");
    put(&source, "a.xml", xml("", &object("cat", 1, 1, 2, 2)));
    let error = import(&store, &source, &ADD).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("a.jpg: the image file is empty"), "{error}");
    assert!(store.classes().await.unwrap().is_empty());
    let error = import(&store, &source.join("none"), &ADD).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let error = import(&store, &source.join("a.jpg"), &ADD).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let model = Branch::new(BranchKind::Model, Name::new("m").unwrap());
    let error =
        import_dataset(&store, &voc(1), Format::Voc, &model, &ADD, &|_| ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    nothing_is_committed(&store).await;
}

async fn images_alone_are_imported_without_annotations(store: Store) {
    let source = voc(2);
    put(&source, "more/deep/é x.webp", picture(9, ImageFormat::WebP));
    put(&source, "more/broken.png", "");
    put(&source, "notes.txt", "no image");
    put(&source, ".hidden/x.jpg", jpeg(30));
    let options = ImportOptions::default();
    let report = import_dataset(&store, &source, Format::Images, &branch(), &options, &|_| ())
        .await
        .unwrap();
    assert_eq!((report.imported, report.annotations, report.negatives), (3, 0, 3));
    assert_eq!(reasons(&report), [("more/broken.png", SkipReason::BadImage)]);
}

async fn an_import_stands_alone_or_is_added(store: Store) {
    import(&store, &voc(2), &ADD).await.unwrap();
    let more = folder();
    put(&more, "1.jpg", jpeg(1));
    put(&more, "1.xml", xml("", ""));
    put(&more, "9.jpg", jpeg(9));
    put(&more, "9.xml", xml("", ""));
    let options = ImportOptions { append: true, ..ADD };
    let report = import(&store, &more, &options).await.unwrap();
    let all = records(&store, &report.version.id).await;
    assert_eq!((report.imported, all.len()), (2, 3));
    let kept: usize = all.iter().map(|record| record.annotations.len()).sum();
    assert_eq!(kept, 1);
    let alone = import(&store, &more, &ADD).await.unwrap();
    assert_eq!(records(&store, &alone.version.id).await.len(), 2);
}

async fn an_import_that_is_dropped_commits_nothing(store: Store) {
    let source = voc(40);
    let target = branch();
    for wait in 0..25 {
        let wait = std::time::Duration::from_micros(wait * 150);
        let work = import_dataset(&store, &source, Format::Voc, &target, &ADD, &|_| ());
        let _ = tokio::time::timeout(wait, work).await;
    }
    // Whatever was committed in time is whole.
    for version in store.log(&target, Default::default()).await.unwrap_or_default() {
        assert_eq!(records(&store, &version.id).await.len(), 40);
    }
}

store_tests![
    a_folder_becomes_a_version,
    hard_links_and_copies_give_the_same,
    unknown_classes_stop_an_import_before_it_begins,
    duplicates_are_one_asset,
    what_cannot_be_used_is_named_and_the_rest_taken,
    without_annotations_there_is_nothing_on_an_image,
    images_and_files_find_each_other,
    a_list_limits_an_import,
    lists_tell_folders_apart,
    several_voc_folders_are_one_source,
    a_source_without_images_is_an_error,
    images_alone_are_imported_without_annotations,
    an_import_stands_alone_or_is_added,
    an_import_that_is_dropped_commits_nothing,
];

#[tokio::test]
async fn a_failing_store_leaves_no_version_and_no_class() {
    for method in [StoreMethod::Classes, StoreMethod::PutBlobs, StoreMethod::EditClasses] {
        let memory = store();
        let (kind, when) = (ErrorKind::ResourceExhausted, When::Before);
        let fault = Fault { method, call: 1, kind, when };
        let faulty: Store = Arc::new(FaultyAssetStore::new(memory.clone(), vec![fault]));
        let error = import(&faulty, &voc(3), &ADD).await.unwrap_err();
        assert_eq!(error.kind(), kind);
        nothing_is_committed(&memory).await;
        assert!(memory.classes().await.unwrap().is_empty());
    }
}

/// The folder with real data that the tests may use, if there is one.
#[tokio::test]
async fn real_data_is_imported() {
    let Some(source) = std::env::var_os("YMIR_TEST_VOC").map(PathBuf::from) else { return };
    let store = crate::common::git_store();
    let (report, _) = imported(&store, &source).await;
    assert!(report.imported > 0 && report.annotations > 0);
}

#[cfg(unix)]
#[tokio::test]
async fn links_are_followed_and_loops_are_named() {
    use std::os::unix::fs::symlink;
    let (elsewhere, source) = (voc(3), folder());
    symlink(elsewhere.join("JPEGImages"), source.join("JPEGImages")).unwrap();
    symlink(elsewhere.join("Annotations"), source.join("Annotations")).unwrap();
    symlink("..", elsewhere.join("JPEGImages/loop")).unwrap();
    symlink("0.jpg", elsewhere.join("JPEGImages/link.jpg")).unwrap();
    symlink("nowhere", elsewhere.join("JPEGImages/dangling.jpg")).unwrap();
    put(&elsewhere, "Annotations/link.xml", xml("", &object("cat", 10, 11, 19, 30)));
    let store = crate::common::git_store();
    let options = ImportOptions { transfer: Transfer::HardLink, ..ADD };
    let report = import(&store, &source, &options).await.unwrap();
    assert_eq!(report.imported, 3);
    assert_eq!(report.duplicates.len(), 1);
    let unreadable = report.skipped.iter().filter(|skip| skip.kind == SkipReason::Unreadable);
    assert!(unreadable.count() >= 1, "{:?}", report.skipped);
    assert_eq!(store.read_blob(&AssetId::of(&jpeg(0))).await.unwrap(), jpeg(0));
}
