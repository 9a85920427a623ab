//! A byte that changed anywhere in a store is found by `fsck`, and no read gives anything but what
//! was written.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use ymir_assets::GitAssetStore;
use ymir_core::{
    AssetStore, Base, BlobSource, Branch, BranchKind, CommitRequest, Edits, ErrorKind, Expect,
    FsckOptions, Manifest, Model, ModelFile, Name, PageOptions, Record, Result, Stage,
};
use ymir_testkit::generate::records::SyntheticRecords;

const RECORDS: SyntheticRecords = SyntheticRecords { assets: 300, boxes: 2, classes: 2, seed: 1 };

async fn commit(store: &GitAssetStore, kind: BranchKind, edits: Edits, manifest: Manifest) {
    let request = CommitRequest {
        branch: Branch::new(kind, Name::new("a").unwrap()),
        base: Base::Tip,
        edits,
        expect: Expect::Any,
        manifest,
        message: "A test".into(),
    };
    store.commit(request).await.unwrap();
}

/// Makes a store with a branch of each kind, two versions of a dataset, images and a model file.
async fn filled(root: &Path) {
    let store = GitAssetStore::init(root).unwrap();
    store.add_classes(&RECORDS.new_classes()).await.unwrap();
    let mut records: Vec<Record> = RECORDS.iter().collect();
    for (n, record) in records.iter_mut().enumerate() {
        let image = BlobSource::Bytes(format!("image {n}").into_bytes());
        let info = store.put_blobs(vec![image]).await.unwrap()[0];
        (record.asset.id, record.asset.byte_size) = (info.id, info.size);
    }
    let some = Edits::put(records[..3].to_vec());
    commit(&store, BranchKind::Dataset, Edits::put(records), Manifest::default()).await;
    commit(&store, BranchKind::Dataset, Edits::put(vec![]), Manifest::default()).await;
    commit(&store, BranchKind::Prediction, some, Manifest::default()).await;
    let blob = store.put_blobs(vec![BlobSource::Bytes(b"weights".to_vec())]).await.unwrap()[0];
    let file = ModelFile { path: "w".into(), blob: blob.id, size: blob.size };
    let stage = Stage { name: "s".into(), files: vec![file], ..Stage::default() };
    let model = Model { stages: vec![stage], best_stage: "s".into(), ..Model::default() };
    let manifest = Manifest { model: Some(model), ..Manifest::default() };
    commit(&store, BranchKind::Model, Edits::none(), manifest).await;
    let manifest = Manifest { project: Some("{\"a\": 1}".into()), ..Manifest::default() };
    commit(&store, BranchKind::Project, Edits::none(), manifest).await;
}

/// Reads everything in a store.
async fn read(root: &Path) -> Result<String> {
    let store = GitAssetStore::open(root)?;
    let mut all = format!("{:?}", store.classes().await?.entries());
    for kind in BranchKind::ALL {
        let name = Name::new("a")?;
        for version in store.log(&Branch::new(kind, name), Default::default()).await? {
            let manifest = store.manifest(&version.id).await?;
            let options = PageOptions { limit: usize::MAX, ..PageOptions::default() };
            let page = store.page(&version.id, options).await?;
            for record in &page.records {
                store.read_blob(&record.asset.id).await?;
            }
            for file in manifest.model.iter().flat_map(|m| &m.stages).flat_map(|s| &s.files) {
                store.read_blob(&file.blob).await?;
            }
            let Manifest { classes, summary, model, project, .. } = manifest;
            let classes = classes.entries();
            all += &format!("{version:?} {classes:?} {summary:?} {model:?} {project:?} {page:?}");
        }
    }
    Ok(all)
}

fn files(below: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(below).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Flips a bit in some bytes of a file, one after the other. Each must be found; a read gives the
/// truth, or fails and names what is damaged.
async fn flip(root: &Path, file: &Path, truth: &str, refused: &mut usize) {
    let bytes = fs::read(file).unwrap();
    let mode = fs::metadata(file).unwrap().permissions();
    let write = |bytes: &[u8]| {
        // Another file: a store that has the old one mapped is none of this test's.
        fs::remove_file(file).unwrap();
        fs::write(file, bytes).unwrap();
        fs::set_permissions(file, mode.clone()).unwrap();
    };
    for place in (0..bytes.len()).step_by(bytes.len() / 30 + 1) {
        let mut flipped = bytes.clone();
        flipped[place] ^= 0x10;
        write(&flipped);
        let what = format!("byte {place} of {}", file.display());
        match GitAssetStore::open(root) {
            Ok(store) => {
                let report = store.fsck(FsckOptions { blobs: true }).await.unwrap();
                assert!(!report.problems.is_empty(), "fsck: {what}");
            }
            // What is in the index of a pack is looked at first of all.
            Err(error) => assert_eq!(error.kind(), ErrorKind::Corrupted, "{what}: {error:?}"),
        }
        match read(root).await {
            Ok(found) => assert!(found == truth, "read: {what}"),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Corrupted, "{what}: {error:?}");
                let named = error.context().iter().map(|(key, _)| key.as_str());
                let named: Vec<_> = named.collect();
                let names = ["object", "blob", "ref", "path", "version", "branch"];
                assert!(named.iter().any(|key| names.contains(key)), "{what}: {error:?}");
                *refused += 1;
            }
        }
    }
    write(&bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_byte_is_found_and_never_read() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    filled(root).await;
    let truth = read(root).await.unwrap();
    let mut subjects = files(&root.join("repo.git/objects/pack"));
    subjects.extend(files(&root.join("repo.git/refs")));
    let blobs = files(&root.join("blobs"));
    subjects.extend(blobs.into_iter().filter(|path| !path.ends_with("lock")).step_by(40));
    let mut refused = 0;
    for file in &subjects {
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o400, 0o400);
        flip(root, file, &truth, &mut refused).await;
    }
    assert!(refused > 100, "{refused} reads were refused");
    let store = GitAssetStore::open(root).unwrap();
    assert_eq!(store.fsck(FsckOptions { blobs: true }).await.unwrap().problems, []);
    assert!(read(root).await.unwrap() == truth);
}
