//! What stock git, and damage to what it keeps, may do to a repository: nothing is taken for
//! something else, and nothing is taken for garbage.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use ymir_assets::GitAssetStore;
use ymir_core::{
    AssetStore, Base, BlobSource, Branch, BranchKind, CommitRequest, Edits, ErrorKind, Expect,
    FsckOptions, FsckReport, GarbageOptions, Manifest, Selector, Version,
};
use ymir_testkit::generate::records::SyntheticRecords;

const RECORDS: SyntheticRecords = SyntheticRecords { assets: 3, boxes: 2, classes: 2, seed: 5 };
const NOW: GarbageOptions = GarbageOptions { dry_run: false, grace: std::time::Duration::ZERO };

/// A store with a dataset of three records, whose blobs are there, and one blob that nobody has.
struct Place {
    dir: TempDir,
    store: GitAssetStore,
    version: Version,
}

impl Place {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = GitAssetStore::init(dir.path()).unwrap();
        store.add_classes(&RECORDS.new_classes()).await.unwrap();
        let mut records = RECORDS.iter().collect::<Vec<_>>();
        for (i, record) in records.iter_mut().enumerate() {
            let bytes = format!("image {i}").into_bytes();
            record.asset.byte_size = bytes.len() as u64;
            record.asset.id = store.put_blobs(vec![BlobSource::Bytes(bytes)]).await.unwrap()[0].id;
        }
        let version = commit(&store, Edits::put(records)).await.unwrap();
        Self { dir, store, version }
    }

    fn repo(&self) -> PathBuf {
        self.dir.path().join("repo.git")
    }

    fn git(&self, arguments: &[impl AsRef<OsStr>]) -> String {
        git(&self.repo(), arguments)
    }

    /// Opens the store anew, as what was read is kept.
    fn fresh(&self) -> GitAssetStore {
        GitAssetStore::open(self.dir.path()).unwrap()
    }

    async fn fsck(&self) -> ymir_core::Result<FsckReport> {
        self.fresh().fsck(FsckOptions { blobs: true }).await
    }

    async fn told(&self) -> String {
        let problems = self.fsck().await.unwrap().problems;
        problems.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join("\n")
    }

    /// Deletes what no version has, and returns how many blobs are left.
    async fn blobs_after_collection(&self) -> usize {
        let _ = self.fresh().collect_garbage(NOW).await;
        let folders = fs::read_dir(self.dir.path().join("blobs")).unwrap();
        let folders = folders.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
        folders.map(|folder| fs::read_dir(folder).unwrap().count()).sum()
    }
}

async fn commit(store: &GitAssetStore, edits: Edits) -> ymir_core::Result<Version> {
    let request = CommitRequest {
        branch: Branch::dataset("train").unwrap(),
        base: Base::Tip,
        edits,
        expect: Expect::Any,
        manifest: Manifest::default(),
        message: "A test".into(),
    };
    store.commit(request).await
}

fn git(dir: &Path, arguments: &[impl AsRef<OsStr>]) -> String {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=A", "-c", "user.email=a@localhost"]);
    let output = command.args(arguments).current_dir(dir).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

#[tokio::test]
async fn a_version_of_a_workspace_with_other_classes_is_refused() {
    let place = Place::new().await;
    let other = tempfile::tempdir().unwrap();
    let store = GitAssetStore::init(other.path()).unwrap();
    let strange = SyntheticRecords { seed: 6, ..RECORDS };
    let mut entries = strange.new_classes();
    entries.iter_mut().for_each(|entry| entry.name.push('!'));
    store.add_classes(&entries).await.unwrap();
    let from = place.repo();
    let refs = "refs/heads/datasets/train:refs/heads/datasets/train";
    git(&other.path().join("repo.git"), &["fetch", "-q", from.to_str().unwrap(), refs]);

    let read = store.resolve(&Branch::dataset("train").unwrap(), &Selector::Latest).await;
    let error = read.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupted);
    assert!(error.to_string().contains("ymir copy"), "{error}");
    let refused = commit(&store, strange.edits()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Corrupted);
    let report = store.fsck(FsckOptions::default()).await.unwrap();
    assert!(report.problems.iter().any(|problem| problem.message.contains("classes")));

    // The same where the table itself is lost.
    place.git(&["update-ref", "-d", "refs/heads/classes"]);
    assert!(place.told().await.contains("refs/heads/classes"));
    assert!(place.fresh().manifest(&place.version.id).await.is_err());
    assert_eq!(place.blobs_after_collection().await, 3);
}

#[tokio::test]
async fn an_annotated_tag_keeps_what_it_is_of() {
    let place = Place::new().await;
    place.git(&["tag", "-a", "-m", "release", "v1", "datasets/train"]);
    place.git(&["tag", "-a", "-m", "of it", "again", "v1"]);
    place.git(&["update-ref", "-d", "refs/heads/datasets/train"]);
    place.git(&["update-ref", "-d", "refs/tags/v1"]);
    let report = place.fsck().await.unwrap();
    assert_eq!((report.problems, report.versions), (vec![], 1));
    assert_eq!(place.blobs_after_collection().await, 3);
}

#[tokio::test]
async fn a_ref_at_something_that_is_missing_stops_the_collection() {
    let place = Place::new().await;
    let strange = place.repo().join("refs/remotes/origin/train");
    fs::create_dir_all(strange.parent().unwrap()).unwrap();
    fs::write(&strange, format!("{}\n", "1".repeat(40))).unwrap();
    place.git(&["update-ref", "-d", "refs/heads/datasets/train"]);
    assert!(place.told().await.contains("missing"));
    assert_eq!(place.blobs_after_collection().await, 3);
    // What is there and no version is none of ours, and does no harm.
    let tree = place.git(&["rev-parse", &format!("{}:assets", place.version.id)]);
    fs::write(&strange, tree).unwrap();
    assert_eq!(place.told().await, "");
}

#[tokio::test]
async fn no_flipped_bit_of_the_packed_refs_loses_a_dataset() {
    let place = Place::new().await;
    place.git(&["pack-refs", "--all"]);
    let path = place.repo().join("packed-refs");
    let sound = fs::read(&path).unwrap();
    for bit in 0..sound.len() * 8 {
        let mut flipped = sound.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, &flipped).unwrap();
        let Ok(report) = place.fsck().await else { continue };
        let names = place.fresh().branches(BranchKind::Dataset).await.unwrap();
        let whole = report.versions == 1 && names.iter().any(|name| name.as_str() == "train");
        let shown = String::from_utf8_lossy(&flipped);
        assert!(whole || !report.problems.is_empty(), "bit {bit}: {shown}");
        assert_eq!(place.blobs_after_collection().await, 3, "bit {bit}: {shown}");
    }
    fs::write(&path, &sound[..sound.len() - 3]).unwrap();
    assert_eq!(place.fsck().await.unwrap_err().kind(), ErrorKind::Corrupted);
}

#[tokio::test]
async fn refs_may_have_names_that_are_no_text() {
    let place = Place::new().await;
    let name = OsStr::from_bytes(b"refs/tags/x\xe9");
    place.git(&[OsStr::new("update-ref"), name, OsStr::new("datasets/train")]);
    place.git(&["update-ref", "-d", "refs/heads/datasets/train"]);
    for packed in [false, true] {
        if packed {
            place.git(&["pack-refs", "--all"]);
        }
        let report = place.fsck().await.unwrap();
        assert_eq!((report.problems, report.versions), (vec![], 1));
        assert_eq!(place.blobs_after_collection().await, 3);
    }
}

#[tokio::test]
async fn a_broken_ref_is_restored_as_the_error_says() {
    let place = Place::new().await;
    let path = place.repo().join("refs/heads/datasets/train");
    fs::write(&path, "zz\n").unwrap();
    let error = place.fresh().resolve(&place.version.branch, &Selector::Latest).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupted);
    assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    fs::remove_file(&path).unwrap();
    let found = place.git(&["fsck", "--no-reflogs", "--lost-found"]);
    let id = place.version.id.to_string();
    assert!(found.contains(&id), "{found}");
    place.git(&["update-ref", "refs/heads/datasets/train", &id]);
    assert_eq!(place.told().await, "");
}

#[tokio::test]
async fn packs_are_joined_beside_an_index_of_several() {
    let place = Place::new().await;
    place.git(&["multi-pack-index", "write"]);
    let more = SyntheticRecords { assets: 40, ..RECORDS };
    for record in more.iter() {
        commit(&place.store, Edits::put(vec![record])).await.unwrap();
    }
    let packs = fs::read_dir(place.repo().join("objects/pack")).unwrap();
    let packs = packs.filter(|e| e.as_ref().unwrap().path().extension() == Some("pack".as_ref()));
    assert!(packs.count() < 20, "they were joined");
    assert_eq!(place.git(&["fsck", "--full", "--strict"]), "");
}
