//! Export to Pascal VOC, and back again.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::ImageFormat;
use proptest::prelude::*;
use ymir_core::{
    Annotation, Asset, AssetStore, Attributes, BBox, BlobSource, Branch, BranchKind, Class,
    ClassId, ErrorKind, Flags, Name, Record, Result, Transfer, UnknownClasses, Version, VersionId,
};
use ymir_data::{ExportOptions, ExportReport, ImportOptions, export_dataset, import_dataset};
use ymir_formats::{Format, inspect_image};
use ymir_testkit::double::{Fault, FaultyAssetStore, StoreMethod, When};

use crate::common::{add_class, boxed, commit, folder, records, store, store_tests};
use ymir_testkit::fixture::pictures::{jpeg, picture};

type Store = Arc<dyn AssetStore>;

fn branch() -> Branch {
    Branch::dataset("pets").unwrap()
}

/// Puts an image into the store and returns a record of it under a name.
async fn stored(store: &Store, file: Vec<u8>, name: &str) -> Record {
    let info = inspect_image(&file).unwrap();
    let blobs = store.put_blobs(vec![BlobSource::Bytes(file)]).await.unwrap();
    let asset = Asset {
        id: blobs[0].id,
        width: info.width,
        height: info.height,
        channels: info.channels,
        byte_size: blobs[0].size,
        media_type: info.media_type,
        file_name: name.to_owned(),
        attributes: Attributes::new(),
    };
    Record { asset, annotations: Vec::new() }
}

async fn export(store: &Store, version: &Version, destination: &Path) -> Result<ExportReport> {
    export_dataset(store, &version.id, destination, Format::Voc, &ExportOptions::default(), &|_| ())
        .await
}

async fn import_again(store: &Store, source: &Path) -> Version {
    let options = ImportOptions { unknown_classes: UnknownClasses::Keep, ..Default::default() };
    let back = Branch::dataset("back").unwrap();
    let report =
        import_dataset(store, source, Format::Voc, &back, &options, &|_| ()).await.unwrap();
    assert_eq!(
        (report.skipped.len(), report.dropped.len(), report.clipped),
        (0, 0, 0),
        "{report:?}"
    );
    report.version
}

fn listed(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn read(folder: &Path, path: &str) -> String {
    std::fs::read_to_string(folder.join(path)).unwrap()
}

async fn a_version_becomes_a_folder(store: Store) {
    add_class(&store, "black & white cat").await;
    let mut record = stored(&store, jpeg(1), "ein Bild.jpg").await;
    record.annotations.push(boxed(0, 5.0));
    let negative = stored(&store, jpeg(2), "b.jpg").await;
    let version = commit(&store, &branch(), vec![record, negative]).await;
    let out = folder().join("made/by/the export");
    let report = export(&store, &version, &out).await.unwrap();
    assert_eq!((report.images, report.annotations, report.renamed.len()), (2, 1, 0));
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(listed(&out), names(&["JPEGImages", "Annotations", "ImageSets"]));
    assert_eq!(listed(&out.join("JPEGImages")), names(&["ein Bild.jpg", "b.jpg"]));
    assert_eq!(listed(&out.join("Annotations")), names(&["ein Bild.xml", "b.xml"]));
    assert_eq!(std::fs::read(out.join("JPEGImages/b.jpg")).unwrap(), jpeg(2));
    let list = read(&out, "ImageSets/Main/pets.txt");
    assert_eq!(list.lines().collect::<BTreeSet<_>>(), BTreeSet::from(["ein Bild", "b"]));
    let xml = read(&out, "Annotations/ein Bild.xml");
    for part in [
        "<filename>ein Bild.jpg</filename>",
        "<name>black &amp; white cat</name>",
        "<width>64</width>",
        "<depth>3</depth>",
        "<xmin>5</xmin>",
        "<xmax>24</xmax>",
        "<ymax>39</ymax>",
        "<difficult>0</difficult>",
    ] {
        assert!(xml.contains(part), "{part} in {xml}");
    }
    for part in ["confidence", "tags", "original_filename", "<w>"] {
        assert!(!xml.contains(part), "{part} in {xml}");
    }
    assert_eq!(import_again(&store, &out).await.content, version.content);
}

async fn hard_links_and_lists_are_chosen(store: Store) {
    let record = stored(&store, jpeg(1), "a.jpg").await;
    let version = commit(&store, &branch(), vec![record]).await;
    let options =
        ExportOptions { transfer: Transfer::HardLink, list: Some(Name::new("train").unwrap()) };
    let out = folder();
    export_dataset(&store, &version.id, &out, Format::Voc, &options, &|_| ()).await.unwrap();
    assert_eq!(read(&out, "ImageSets/Main/train.txt"), "a\n");
    assert_eq!(std::fs::read(out.join("JPEGImages/a.jpg")).unwrap(), jpeg(1));
}

async fn an_occupied_destination_is_left_alone(store: Store) {
    let record = stored(&store, jpeg(1), "a.jpg").await;
    let version = commit(&store, &branch(), vec![record]).await;
    let out = folder();
    crate::common::put(&out, "precious.txt", "mine");
    // As a killed export leaves it, whose file somebody has replaced since.
    crate::common::put(&out, ".ymir-export-dead/.moved", "1:precious.txt\0");
    let error = export(&store, &version, &out).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert_eq!(listed(&out), BTreeSet::from(["precious.txt".to_owned()]));
    let error = export(&store, &version, &out.join("precious.txt")).await.unwrap_err();
    assert_eq!(read(&out, "precious.txt"), "mine", "{error}");
    let nowhere = VersionId::new([3; 20]);
    let options = ExportOptions::default();
    let made = out.join("new");
    let error =
        export_dataset(&store, &nowhere, &made, Format::Voc, &options, &|_| ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(!made.exists());
}

async fn an_export_that_fails_leaves_nothing(store: Store) {
    let present = stored(&store, jpeg(1), "a.jpg").await;
    // Its image was never put into the store.
    let lost = crate::common::record(1, Vec::new());
    let version = commit(&store, &branch(), vec![present, lost]).await;
    let parent = folder();
    let error = export(&store, &version, &parent.join("x/y")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(listed(&parent).len(), 0);
    std::fs::create_dir(parent.join("there")).unwrap();
    export(&store, &version, &parent.join("there")).await.unwrap_err();
    assert_eq!(listed(&parent.join("there")).len(), 0);
}

/// Names that other programs or people may have put into a record.
const HOSTILE: [&str; 16] = [
    "../../evil.jpg",
    "/etc/passwd",
    "..",
    ".",
    "",
    "a/b.jpg",
    "a\\b.jpg",
    "nul\0.jpg",
    "line\nbreak.jpg",
    ".hidden.jpg",
    "x.xml",
    "x.jpg.exe",
    "con:.png",
    "space .jpg",
    "dot..jpg",
    "\u{202e}gpj.exe",
];

async fn hostile_names_stay_in_their_folder(store: Store) {
    let mut all = Vec::new();
    for (n, name) in HOSTILE.iter().enumerate() {
        all.push(stored(&store, jpeg(n), name).await);
    }
    all.push(stored(&store, jpeg(900), &format!("{}.jpg", "ä".repeat(3000))).await);
    let count = all.len();
    let version = commit(&store, &branch(), all).await;
    let parent = folder();
    let out = parent.join("out");
    let report = export(&store, &version, &out).await.unwrap();
    assert_eq!(report.images, count as u64);
    assert_eq!(listed(&parent).len(), 1);
    assert_eq!(listed(&out.join("JPEGImages")).len(), count);
    assert_eq!(listed(&out.join("Annotations")).len(), count);
    for name in listed(&out.join("JPEGImages")) {
        assert!(name.ends_with(".jpg") || name.ends_with(".png"), "{name:?}");
        assert!(!name.contains(['\n', '\0', '/', '\\']) && !name.starts_with('.'), "{name:?}");
    }
    let back = import_again(&store, &out).await;
    for record in records(&store, &back.id).await {
        let name = record.asset.file_name;
        assert!(!name.is_empty() && !name.contains(['/', '\\']) && name != "..", "{name:?}");
    }
}

async fn names_that_collide_are_told_apart(store: Store) {
    let names = ["a.jpg", "a.png", "A.JPG", "a.jpg", "a.jpg.jpg", "a"];
    let mut all = Vec::new();
    for (n, name) in names.iter().enumerate() {
        all.push(stored(&store, jpeg(n), name).await);
    }
    let version = commit(&store, &branch(), all).await;
    let out = folder();
    let report = export(&store, &version, &out).await.unwrap();
    let stems: BTreeSet<_> =
        listed(&out.join("Annotations")).into_iter().map(|name| name.to_lowercase()).collect();
    assert_eq!(stems.len(), names.len());
    assert!((4..=5).contains(&report.renamed.len()), "{:?}", report.renamed);
    // Their names come back all the same.
    assert_eq!(import_again(&store, &out).await.content, version.content);
}

async fn models_cannot_be_exported(store: Store) {
    let model = Branch::new(BranchKind::Model, Name::new("m").unwrap());
    let version = commit(&store, &model, Vec::new()).await;
    let error = export(&store, &version, &folder().join("x")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

async fn an_empty_version_is_an_empty_folder(store: Store) {
    let version = commit(&store, &branch(), Vec::new()).await;
    let out = folder();
    assert_eq!(export(&store, &version, &out).await.unwrap().images, 0);
    assert_eq!(read(&out, "ImageSets/Main/pets.txt"), "");
}

store_tests![
    a_version_becomes_a_folder,
    hard_links_and_lists_are_chosen,
    an_occupied_destination_is_left_alone,
    an_export_that_fails_leaves_nothing,
    hostile_names_stay_in_their_folder,
    names_that_collide_are_told_apart,
    models_cannot_be_exported,
    an_empty_version_is_an_empty_folder,
];

/// Returns whether an export left nothing, or all that there is to be.
fn settled(out: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(out) else { return true };
    let names: BTreeSet<_> = entries.filter_map(|entry| Some(entry.ok()?.file_name())).collect();
    names.iter().eq(["Annotations", "ImageSets", "JPEGImages"])
}

#[tokio::test]
async fn a_damaged_image_is_not_exported() {
    let store = crate::common::git_store();
    let present = stored(&store, jpeg(1), "a.jpg").await;
    let file = store.blob_file(&present.asset.id).await.unwrap();
    let version = commit(&store, &branch(), vec![present]).await;
    std::fs::remove_file(&file).unwrap();
    std::fs::write(&file, "").unwrap();
    for transfer in [Transfer::Copy, Transfer::HardLink, Transfer::Reference] {
        let options = ExportOptions { transfer, ..ExportOptions::default() };
        let out = folder().join("out");
        let error = export_dataset(&store, &version.id, &out, Format::Voc, &options, &|_| ())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupted, "{transfer:?}");
        assert!(!out.exists());
    }
}

#[tokio::test]
async fn an_export_that_is_dropped_leaves_nothing() {
    let store = crate::common::git_store();
    let mut all = Vec::new();
    for n in 0..60 {
        all.push(stored(&store, jpeg(n), &format!("{n}.jpg")).await);
    }
    let version = commit(&store, &branch(), all).await;
    for wait in 0..20 {
        let out = folder().join("out");
        let wait = std::time::Duration::from_micros(wait * 300);
        let done = tokio::time::timeout(wait, export(&store, &version, &out)).await;
        if let Ok(done) = done {
            done.unwrap();
            assert_eq!(listed(&out.join("JPEGImages")).len(), 60);
            continue;
        }
        // A thread that is still at work may hold the folder for a moment.
        for _ in 0..200 {
            if settled(&out) {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        assert!(settled(&out), "{}", out.display());
    }
}

#[tokio::test]
async fn a_store_that_fails_midway_leaves_nothing() {
    let memory = store();
    let record = stored(&memory, jpeg(1), "a.jpg").await;
    let version = commit(&memory, &branch(), vec![record]).await;
    for method in [StoreMethod::ExportBlobs, StoreMethod::Scan] {
        let (kind, when) = (ErrorKind::ResourceExhausted, When::After);
        let fault = Fault { method, call: 1, kind, when };
        let faulty: Store = Arc::new(FaultyAssetStore::new(memory.clone(), vec![fault]));
        let out: PathBuf = folder().join("out");
        assert_eq!(export(&faulty, &version, &out).await.unwrap_err().kind(), kind);
        assert!(!out.exists());
    }
}

fn text() -> impl Strategy<Value = String> {
    proptest::collection::vec(
        prop_oneof![
            8 => proptest::char::range(' ', '~'),
            1 => Just('\n'), 1 => Just('\r'), 1 => Just('\t'), 1 => Just('\u{85}'),
            1 => Just('\u{2028}'), 1 => Just(']'), 2 => proptest::char::range('¡', '龥'),
        ],
        0..12,
    )
    .prop_map(|characters| characters.into_iter().collect())
}

fn attributes() -> impl Strategy<Value = Attributes> {
    let names = prop_oneof![
        text(),
        "[a-zA-Z_][a-zA-Z0-9_.-]{0,8}",
        Just("pose".to_owned()),
        Just("tag".to_owned()),
        Just("image_quality".to_owned()),
        Just("xmlns".to_owned()),
    ];
    let values = prop_oneof![
        text(),
        Just("Unspecified".to_owned()),
        Just("Left".to_owned()),
        Just("0.5".to_owned()),
        Just("-1".to_owned()),
    ];
    proptest::collection::btree_map(names, values, 0..4)
}

/// Boxes inside 64 × 48: whole ones, and such with all the bits that a fraction can have.
fn bbox() -> impl Strategy<Value = BBox> {
    let whole = (0..63u32, 0..47u32, 1..65u32, 1..49u32).prop_map(|(x, y, w, h)| {
        let (w, h) = (w.min(64 - x), h.min(48 - y));
        BBox::new(x.into(), y.into(), w.into(), h.into())
    });
    let fraction =
        (0.0..1.0f64, 0.0..1.0f64, 0.001..1.0f64, 0.001..1.0f64).prop_map(|(x, y, w, h)| {
            let (x, y) = (x * 63.0, y * 47.0);
            BBox::new(x, y, (63.9 - x) * w, (47.9 - y) * h)
        });
    prop_oneof![whole, fraction]
}

fn annotation() -> impl Strategy<Value = Annotation> {
    let class = prop_oneof![
        (0..2u32).prop_map(|class| Class::Id(ClassId(class))),
        "[A-Z][a-z<&é]{0,6} [0-9]".prop_map(Class::Name),
    ];
    let part = || proptest::option::of(0.0..1.0f64);
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    let angle = proptest::option::of(-3.2..3.2f64);
    (class, bbox(), angle, part(), part(), flags, attributes()).prop_map(
        |(class, bbox, rotate_angle, score, quality, flags, attributes)| {
            let (difficult, truncated, occluded, crowd) = flags;
            let flags = Flags { difficult, truncated, occluded, crowd };
            let annotation = Annotation::new(class, bbox);
            Annotation { rotate_angle, score, quality, flags, attributes, ..annotation }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn an_import_of_an_export_is_the_same(
        images in proptest::collection::vec(
            (attributes(), proptest::collection::vec(annotation(), 0..5), "[a-c ]{1,2}(\\.(jpg|PNG))?"),
            1..6,
        ),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = store();
            add_class(&store, "Ein <Tier>").await;
            add_class(&store, "other").await;
            let mut all = Vec::new();
            for (n, (attributes, annotations, name)) in images.into_iter().enumerate() {
                let format = if n % 2 == 0 { ImageFormat::Jpeg } else { ImageFormat::Png };
                let mut record = stored(&store, picture(n, format), &name).await;
                record.asset.attributes = attributes;
                record.annotations = annotations;
                all.push(record);
            }
            all.sort_by_key(|record| record.asset.id);
            let version = commit(&store, &branch(), all.clone()).await;
            let out = folder();
            export(&store, &version, &out).await.unwrap();
            let back = import_again(&store, &out).await;
            prop_assert_eq!(records(&store, &back.id).await, all);
            prop_assert_eq!(back.content, version.content);
            Ok(())
        })?;
    }
}
