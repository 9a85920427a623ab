//! The check of a store, and the deletion of what no version reaches.

use std::fs;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use futures::FutureExt;
use tempfile::TempDir;
use ymir_assets::GitAssetStore;
use ymir_core::{
    Asset, AssetStore, Base, BlobId, BlobSource, Branch, BranchKind, CommitRequest, Edits,
    ErrorKind, Expect, FsckOptions, GarbageOptions, Manifest, MediaType, Model, ModelFile, Name,
    Record, Stage, Transfer, Version,
};
use ymir_testkit::generate::records::SyntheticRecords;

const ALL: FsckOptions = FsckOptions { blobs: true };
const NOW: GarbageOptions = GarbageOptions { dry_run: false, grace: Duration::ZERO };

async fn commit(store: &GitAssetStore, name: &str, edits: Edits, manifest: Manifest) -> Version {
    let kind = if manifest.model.is_some() { BranchKind::Model } else { BranchKind::Dataset };
    let request = CommitRequest {
        branch: Branch::new(kind, Name::new(name).unwrap()),
        base: Base::Empty,
        edits,
        expect: Expect::Any,
        manifest,
        message: "A test".into(),
    };
    store.commit(request).await.unwrap()
}

async fn put(store: &GitAssetStore, bytes: &[u8]) -> BlobId {
    store.put_blobs(vec![BlobSource::Bytes(bytes.to_vec())]).await.unwrap()[0].id
}

fn record(id: BlobId, byte_size: u64) -> Record {
    let asset = Asset {
        id,
        width: 4,
        height: 4,
        channels: 3,
        byte_size,
        media_type: MediaType::Png,
        file_name: "a.png".into(),
        attributes: Default::default(),
    };
    Record { asset, annotations: Vec::new() }
}

/// A store with one dataset, a model, and a blob that nobody needs.
struct Fixture {
    dir: TempDir,
    store: GitAssetStore,
    image: BlobId,
    weights: BlobId,
    unused: BlobId,
}

async fn fixture() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let store = GitAssetStore::init(dir.path()).unwrap();
    let image = put(&store, b"image").await;
    let weights = put(&store, b"weights").await;
    let unused = put(&store, b"unused").await;
    let old = put(&store, b"of an old version").await;
    for edits in [vec![record(old, 17)], vec![record(image, 5)]] {
        commit(&store, "data", Edits::put(edits), Manifest::default()).await;
    }
    let file = ModelFile { path: "w".into(), blob: weights, size: 7 };
    let stage = Stage { name: "s".into(), files: vec![file], ..Stage::default() };
    let model = Model { stages: vec![stage], best_stage: "s".into(), ..Model::default() };
    let manifest = Manifest { model: Some(model), ..Manifest::default() };
    commit(&store, "model", Edits::none(), manifest).await;
    Fixture { dir, store, image, weights, unused }
}

impl Fixture {
    fn blob(&self, id: &BlobId) -> PathBuf {
        let digits = id.to_string();
        self.dir.path().join("blobs").join(&digits[..2]).join(&digits[2..])
    }
}

#[tokio::test]
async fn a_sound_store_has_no_problems() {
    let fixture = fixture().await;
    let report = fixture.store.fsck(ALL).await.unwrap();
    assert_eq!(report.problems, []);
    assert_eq!((report.versions, report.assets, report.blobs), (3, 2, 3));
    assert_eq!(report.blob_bytes, 5 + 7 + 17);
}

#[tokio::test]
async fn lost_and_changed_blobs_are_named() {
    let fixture = fixture().await;
    fs::remove_file(fixture.blob(&fixture.image)).unwrap();
    let path = fixture.blob(&fixture.weights);
    fs::remove_file(&path).unwrap();
    fs::write(&path, b"weighty").unwrap();
    let quick = fixture.store.fsck(FsckOptions::default()).await.unwrap();
    assert_eq!(quick.problems.len(), 1, "{quick:?}");
    assert!(quick.problems[0].subject.contains(&fixture.image.to_string()));
    let whole = fixture.store.fsck(ALL).await.unwrap();
    let subjects: Vec<_> = whole.problems.iter().map(|p| p.subject.as_str()).collect();
    assert_eq!(subjects.len(), 2);
    assert!(subjects.contains(&format!("blob {}", fixture.weights).as_str()), "{subjects:?}");
}

/// Returns the packs of a store.
fn packs(root: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(root.join("repo.git/objects/pack")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|e| e == "pack")).collect()
}

/// Returns the objects of a store, as stock git reads them.
fn objects(root: &Path) -> Vec<u8> {
    let mut git = Command::new("git");
    git.arg("--git-dir").arg(root.join("repo.git"));
    git.args(["cat-file", "--batch", "--batch-all-objects"]).output().unwrap().stdout
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_byte_anywhere_in_a_pack_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let records = SyntheticRecords { assets: 300, boxes: 1, classes: 2, seed: 1 };
    let store = GitAssetStore::init(dir.path()).unwrap();
    store.add_classes(&records.new_classes()).await.unwrap();
    commit(&store, "data", records.edits(), Manifest::default()).await;
    let clean = |problem: &ymir_core::Problem| problem.subject.starts_with("blob ");
    assert!(store.fsck(ALL).await.unwrap().problems.iter().all(clean));
    let sound = objects(dir.path());
    let mut found = 0;
    for pack in packs(dir.path()) {
        let bytes = fs::read(&pack).unwrap();
        fs::set_permissions(&pack, fs::Permissions::from_mode(0o644)).unwrap();
        // In place: whoever has the pack mapped sees it too.
        let file = fs::File::options().write(true).open(&pack).unwrap();
        // Past the header and before the checksum, in which no object is.
        for place in (12..bytes.len() - 20).step_by(bytes.len() / 40 + 1) {
            file.write_at(&[bytes[place] ^ 0x10], place as u64).unwrap();
            let fresh = GitAssetStore::open(dir.path()).unwrap();
            let report = fresh.fsck(FsckOptions::default()).await.unwrap();
            let named = report.problems.iter().filter(|p| !clean(p)).count();
            assert!(named > 0, "byte {place} of {}", pack.display());
            match fresh.collect_garbage(NOW).await {
                Err(refused) => assert_eq!(refused.kind(), ErrorKind::Corrupted),
                // The last bytes of a compressed object can change without changing it.
                Ok(_) => assert_eq!(objects(dir.path()), sound, "byte {place}"),
            }
            file.write_at(&[bytes[place]], place as u64).unwrap();
            found += 1;
        }
    }
    assert!(found > 40);
    assert!(store.fsck(ALL).await.unwrap().problems.iter().all(clean));
}

#[tokio::test]
async fn garbage_is_deleted_and_nothing_else() {
    let fixture = fixture().await;
    let young = fixture.store.collect_garbage(GarbageOptions::default()).await.unwrap();
    assert_eq!((young.blobs, young.kept_young, young.in_use), (0, 1, 3));
    let dry = GarbageOptions { dry_run: true, ..NOW };
    let told = fixture.store.collect_garbage(dry).await.unwrap();
    assert_eq!((told.blobs, told.bytes), (1, 6));
    assert!(fixture.blob(&fixture.unused).exists());
    let done = fixture.store.collect_garbage(NOW).await.unwrap();
    assert_eq!(done, told);
    assert!(!fixture.blob(&fixture.unused).exists());
    assert_eq!(fixture.store.fsck(ALL).await.unwrap().problems, []);
    let again = fixture.store.collect_garbage(NOW).await.unwrap();
    assert_eq!((again.blobs, again.in_use), (0, 3));
}

#[tokio::test]
async fn what_a_killed_process_was_writing_is_garbage() {
    let fixture = fixture().await;
    let temporary = fixture.dir.path().join("blobs/tmp");
    fs::write(temporary.join("blob-x1y2z3"), b"half").unwrap();
    fs::hard_link(fixture.blob(&fixture.unused), temporary.join("link-x1y2z3")).unwrap();
    fs::write(temporary.join("notes.txt"), b"of somebody else").unwrap();
    let dry = GarbageOptions { dry_run: true, ..GarbageOptions::default() };
    for options in [dry, GarbageOptions::default()] {
        let report = fixture.store.collect_garbage(options).await.unwrap();
        assert_eq!((report.blobs, report.bytes, report.kept_young), (2, 4, 1));
    }
    let left: Vec<_> = fs::read_dir(&temporary).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["notes.txt"]);
    assert!(fixture.blob(&fixture.unused).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stops_waiting_for_blobs_leaves_none() {
    let fixture = fixture().await;
    let bytes = |n: u32| BlobSource::Bytes(format!("blob {n}").into_bytes());
    let sources: Vec<_> = (0..5000).map(bytes).collect();
    assert!(fixture.store.put_blobs(sources).now_or_never().is_none());
    // The next one to put blobs in is let in beside it, who collects garbage only after it.
    fixture.store.put_blobs(vec![bytes(9999)]).await.unwrap();
    let report = fixture.store.collect_garbage(GarbageOptions::default()).await.unwrap();
    assert_eq!(report.kept_young, 2);
    assert_eq!(fs::read_dir(fixture.dir.path().join("blobs/tmp")).unwrap().count(), 0);
}

#[tokio::test]
async fn what_is_put_in_again_is_young_again() {
    let fixture = fixture().await;
    tokio::time::sleep(Duration::from_millis(2100)).await;
    let grace = GarbageOptions { grace: Duration::from_secs(2), dry_run: true };
    assert_eq!(fixture.store.collect_garbage(grace).await.unwrap().blobs, 1);
    let file = fixture.dir.path().join("again");
    fs::write(&file, b"unused").unwrap();
    for transfer in [Transfer::Copy, Transfer::HardLink] {
        let source = BlobSource::File(file.clone(), transfer);
        assert_eq!(fixture.store.put_blobs(vec![source]).await.unwrap()[0].id, fixture.unused);
        let report = fixture.store.collect_garbage(grace).await.unwrap();
        assert_eq!((report.blobs, report.kept_young), (0, 1));
    }
}

#[tokio::test]
async fn branches_of_others_in_the_repository_do_no_harm() {
    let fixture = fixture().await;
    let git = |args: &[&str]| {
        let output = Command::new("git")
            .arg("-C")
            .arg(fixture.dir.path().join("repo.git"))
            .args(["-c", "user.name=a", "-c", "user.email=a@b"])
            .args(args)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let tree = git(&["mktree"]);
    let commit = git(&["commit-tree", &tree, "-m", "notes"]);
    git(&["update-ref", "refs/notes/commits", &commit]);
    git(&["update-ref", "refs/remotes/origin/datasets/data", "refs/heads/datasets/data~1"]);
    git(&["pack-refs", "--all"]);
    assert_eq!(fixture.store.fsck(ALL).await.unwrap().problems, []);
    // What only another ref reaches is kept as well.
    git(&["update-ref", "-d", "refs/heads/datasets/data"]);
    let report = fixture.store.collect_garbage(NOW).await.unwrap();
    assert_eq!((report.in_use, report.blobs), (2, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writers_lose_nothing_to_a_collection_beside_them() {
    let dir = tempfile::tempdir().unwrap();
    let store = GitAssetStore::init(dir.path()).unwrap();
    let done = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let collector = tokio::spawn({
        let (store, done) = (store.clone(), done.clone());
        async move {
            let mut runs = 0;
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                // Shorter than any import takes to commit would not be safe; this is long enough.
                let grace = Duration::from_secs(5);
                store.collect_garbage(GarbageOptions { grace, dry_run: false }).await.unwrap();
                runs += 1;
            }
            runs
        }
    });
    let source = dir.path().join("source");
    let writers = (0..4).map(|writer| {
        let (store, source) = (store.clone(), source.clone());
        tokio::spawn(async move {
            for round in 0..25_u64 {
                let bytes = format!("{writer} {}", round % 7).into_bytes();
                let file = source.with_extension(format!("{writer}.{round}"));
                fs::write(&file, &bytes).unwrap();
                let source = BlobSource::File(file, Transfer::HardLink);
                let info = store.put_blobs(vec![source]).await.unwrap()[0];
                let edits = Edits::put(vec![record(info.id, info.size)]);
                commit(&store, &format!("w{writer}"), edits, Manifest::default()).await;
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    done.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(collector.await.unwrap() > 0);
    assert_eq!(store.fsck(ALL).await.unwrap().problems, []);
}
