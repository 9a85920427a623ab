//! Editing a dataset, on the store in a directory and on the double.

use std::sync::Arc;

use ymir_core::{
    Annotation, AssetStore, BBox, BlobSource, Branch, Class, ErrorKind, Record, Shape, TaskKind,
    UnknownClasses, Version,
};
use ymir_data::operations::{DatasetEdit, EditOptions, edit};

use crate::common::{add_class, boxed, commit, id, ids, record, records, store_tests};

type Store = Arc<dyn AssetStore>;

fn branch() -> Branch {
    Branch::dataset("pool").unwrap()
}

async fn pool(store: &Store, count: usize) -> Version {
    add_class(store, "cat").await;
    let records = (0..count).map(|n| record(n, vec![boxed(0, n as f64)])).collect();
    commit(store, &branch(), records).await
}

fn named(name: &str) -> Annotation {
    Annotation::new(Class::Name(name.to_owned()), BBox::new(1.0, 1.0, 2.0, 2.0))
}

fn expecting(version: &Version) -> EditOptions {
    EditOptions { expect: Some(version.id), ..EditOptions::default() }
}

async fn log(store: &Store) -> usize {
    store.log(&branch(), Default::default()).await.map_or(0, |log| log.len())
}

async fn only_what_is_different_changes(store: Store) {
    let first = pool(&store, 600).await;
    let attributes = [("time".to_owned(), Some("night".to_owned()))].into();
    let edits = vec![
        DatasetEdit::Remove(id(3)),
        DatasetEdit::SetAttributes { asset: id(4), attributes },
        DatasetEdit::AddAnnotations { asset: id(5), annotations: vec![named("CAT")] },
        // Nothing is left of these.
        DatasetEdit::AddAnnotations { asset: id(6), annotations: vec![named("cat")] },
        DatasetEdit::SetAnnotations { asset: id(6), annotations: vec![boxed(0, 6.0)] },
        DatasetEdit::SetAttributes { asset: id(7), attributes: [("none".to_owned(), None)].into() },
    ];
    let message = Some("By hand".to_owned());
    let options = EditOptions { message, ..expecting(&first) };
    let report = edit(&store, &branch(), edits.clone(), &options).await.unwrap();
    assert_eq!((report.added, report.changed, report.removed), (0, 2, 1));
    assert_eq!((report.annotations_added, report.annotations_removed), (1, 1));
    assert!(!report.unchanged);
    assert_eq!(report.version.message, "By hand");
    let manifest = store.manifest(&report.version.id).await.unwrap();
    assert_eq!(manifest.summary.assets, 599);
    assert_eq!(manifest.task.kind, TaskKind::Edit);
    assert_eq!(manifest.task.input("dataset"), Some(first.id));
    let changes = store.diff(&first.id, &report.version.id, Default::default()).await.unwrap();
    assert_eq!(changes.len(), 3);

    let error = edit(&store, &branch(), edits[1..].to_vec(), &options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    let again = vec![edits[1].clone()];
    let same = edit(&store, &branch(), again, &EditOptions::default()).await.unwrap();
    assert!(same.unchanged);
    assert_eq!((same.version.id, log(&store).await), (report.version.id, 2));
}

async fn annotations_are_meant_by_their_place(store: Store) {
    let first = pool(&store, 1).await;
    let annotations = vec![named("cat"), boxed(0, 3.0), boxed(0, 4.0)];
    let edits = vec![
        DatasetEdit::SetAnnotations { asset: id(0), annotations },
        DatasetEdit::RemoveAnnotations { asset: id(0), indices: vec![0, 2] },
        DatasetEdit::ReplaceAnnotation { asset: id(0), index: 0, annotation: boxed(0, 9.0) },
    ];
    let error = edit(&store, &branch(), edits.clone(), &EditOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("edit: 1"), "{error}");
    let report = edit(&store, &branch(), edits, &expecting(&first)).await.unwrap();
    let all = records(&store, &report.version.id).await;
    assert_eq!(all[0].annotations, [boxed(0, 9.0)]);
    let indices = vec![1];
    let beyond = vec![DatasetEdit::RemoveAnnotations { asset: id(0), indices }];
    let options = expecting(&report.version);
    let error = edit(&store, &branch(), beyond, &options).await.unwrap_err();
    assert!(error.to_string().contains("annotations: 1"), "{error}");
}

async fn what_cannot_be_is_refused_whole(store: Store) {
    pool(&store, 3).await;
    let add =
        |annotation| DatasetEdit::AddAnnotations { asset: id(1), annotations: vec![annotation] };
    let at = |x, y, w, h| Annotation { bbox: BBox::new(x, y, w, h), ..boxed(0, 1.0) };
    let cases = [
        (DatasetEdit::Remove(id(9)), ErrorKind::NotFound, "does not have this asset"),
        (add(named("dog")), ErrorKind::InvalidInput, "dog"),
        (add(at(-1.0, 0.0, 5.0, 5.0)), ErrorKind::InvalidInput, "outside the image"),
        (add(at(0.0, 0.0, 1e6, 5.0)), ErrorKind::InvalidInput, "outside the image"),
        (add(at(0.0, 0.0, 0.0, 5.0)), ErrorKind::InvalidInput, "no area"),
        (add(at(f64::NAN, 0.0, 1.0, 5.0)), ErrorKind::InvalidInput, "finite"),
        (add(boxed(0, 1.0).with_score(0.5)), ErrorKind::InvalidInput, "score"),
        (
            DatasetEdit::Put(record(77, vec![])),
            ErrorKind::NotFound,
            "does not have the image of this asset",
        ),
    ];
    for (case, kind, says) in cases {
        let edits = vec![DatasetEdit::Remove(id(2)), case];
        let error = edit(&store, &branch(), edits, &EditOptions::default()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(says), "{error} does not say {says}");
    }
    let error = edit(&store, &branch(), Vec::new(), &EditOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(log(&store).await, 1);
}

async fn unknown_classes_are_added_kept_or_ignored(store: Store) {
    pool(&store, 1).await;
    let edits =
        |name| vec![DatasetEdit::AddAnnotations { asset: id(0), annotations: vec![named(name)] }];
    let with = |unknown_classes| EditOptions { unknown_classes, ..EditOptions::default() };
    let ignored =
        edit(&store, &branch(), edits("dog"), &with(UnknownClasses::Ignore)).await.unwrap();
    assert!(ignored.unchanged && ignored.annotations_ignored == 1);
    let kept = edit(&store, &branch(), edits("dog"), &with(UnknownClasses::Keep)).await.unwrap();
    assert_eq!((kept.annotations_added, kept.classes_added.len()), (1, 0));
    let added = edit(&store, &branch(), edits("emu"), &with(UnknownClasses::Add)).await.unwrap();
    assert_eq!(added.classes_added, ["emu"]);
    let emu = store.classes().await.unwrap().require("emu").unwrap();
    let all = records(&store, &added.version.id).await;
    assert_eq!(all[0].annotations[2].class, Class::Id(emu));
}

async fn records_and_images_are_put_in(store: Store) {
    add_class(&store, "cat").await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("new one.png");
    image::RgbImage::new(40, 30).save(&file).unwrap();
    let whole = Annotation { shape: Some(Shape::Image), ..named("cat") };
    let put = DatasetEdit::PutImage {
        file,
        attributes: [("site".to_owned(), "roof".to_owned())].into(),
        annotations: vec![whole],
    };
    let options = EditOptions { create: true, ..EditOptions::default() };
    let error =
        edit(&store, &branch(), vec![put.clone()], &EditOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let report = edit(&store, &branch(), vec![put], &options).await.unwrap();
    assert_eq!((report.added, report.version.number), (1, 1));
    let all = records(&store, &report.version.id).await;
    let Record { asset, annotations } = &all[0];
    assert_eq!((asset.width, asset.height, asset.file_name.as_str()), (40, 30, "new one.png"));
    assert_eq!(annotations[0].bbox, BBox::new(0.0, 0.0, 40.0, 30.0));
    assert!(store.read_blob(&asset.id).await.is_ok());

    let blob = store.put_blobs(vec![BlobSource::Bytes(b"image".to_vec())]).await.unwrap()[0];
    let mut other = record(1, vec![boxed(0, 1.0)]);
    other.asset.id = blob.id;
    let report = edit(&store, &branch(), vec![DatasetEdit::Put(other)], &options).await.unwrap();
    assert_eq!((report.added, ids(&store, &report.version.id).await.len()), (1, 2));
}

async fn no_edit_of_several_at_once_is_lost(store: Store) {
    pool(&store, 40).await;
    let edits = (0..8).map(|worker| {
        let store = store.clone();
        tokio::spawn(async move {
            for n in 0..5 {
                let edits = vec![DatasetEdit::Remove(id(worker * 5 + n))];
                edit(&store, &branch(), edits, &EditOptions::default()).await.unwrap();
            }
        })
    });
    for done in futures::future::join_all(edits).await {
        done.unwrap();
    }
    assert_eq!(log(&store).await, 41);
    let last = store.log(&branch(), Default::default()).await.unwrap()[0].id;
    assert!(ids(&store, &last).await.is_empty());
}

store_tests! {
    only_what_is_different_changes,
    annotations_are_meant_by_their_place,
    what_cannot_be_is_refused_whole,
    unknown_classes_are_added_kept_or_ignored,
    records_and_images_are_put_in,
    no_edit_of_several_at_once_is_lost,
}
