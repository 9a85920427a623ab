use std::fs::{self, File};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use ymir_core::{
    Asset, AssetStore, Base, BlobId, BlobSource, Branch, CommitRequest, Edits, ErrorKind, Expect,
    FsckOptions, GarbageOptions, Manifest, MediaType, Record,
};

use super::server::{Fixture, put};

const ALL: FsckOptions = FsckOptions { blobs: true };

async fn commit(fixture: &Fixture, id: BlobId, byte_size: u64) {
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
    let request = CommitRequest {
        branch: Branch::dataset("data").unwrap(),
        base: Base::Empty,
        edits: Edits::put(vec![Record { asset, annotations: Vec::new() }]),
        expect: Expect::Any,
        manifest: Manifest::default(),
        message: "A test".into(),
    };
    fixture.store.commit(request).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_finds_what_is_missing_or_wrong() {
    let Some(fixture) = Fixture::new() else { return };
    let id = put(&fixture.store, b"the bytes").await;
    commit(&fixture, id, 9).await;
    assert_eq!(fixture.store.fsck(ALL).await.unwrap().problems, []);
    fs::write(fixture.object(&id), b"the bytez").unwrap();
    assert_eq!(fixture.store.fsck(FsckOptions::default()).await.unwrap().problems, []);
    let problems = fixture.store.fsck(ALL).await.unwrap().problems;
    assert!(problems.len() == 1 && problems[0].subject.contains(&id.to_string()), "{problems:?}");
    for damage in [|path| fs::write(path, b"short"), fs::remove_file] {
        damage(fixture.object(&id)).unwrap();
        assert_eq!(fixture.store.fsck(FsckOptions::default()).await.unwrap().problems.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_goes_once_it_is_old() {
    let Some(fixture) = Fixture::new() else { return };
    let used = put(&fixture.store, b"used").await;
    commit(&fixture, used, 4).await;
    let unused = put(&fixture.store, b"unused").await;
    let collect = async |dry_run| {
        let options = GarbageOptions { dry_run, grace: Duration::from_secs(60) };
        let report = fixture.store.collect_garbage(options).await.unwrap();
        (report.blobs, report.bytes, report.kept_young, report.in_use)
    };
    assert_eq!(collect(false).await, (0, 0, 1, 1));
    let old = SystemTime::now() - Duration::from_secs(3600);
    for id in [&used, &unused] {
        let object = File::options().write(true).open(fixture.object(id)).unwrap();
        object.set_modified(old).unwrap();
    }
    assert_eq!(collect(true).await, (1, 6, 0, 1));
    assert_eq!(fixture.store.read_blob(&unused).await.unwrap(), b"unused");
    // Put in again it is young again.
    put(&fixture.store, b"unused").await;
    assert_eq!(collect(false).await, (0, 0, 1, 1));

    let now = GarbageOptions { dry_run: false, grace: Duration::ZERO };
    let report = fixture.store.collect_garbage(now).await.unwrap();
    assert_eq!((report.blobs, report.in_use), (1, 1));
    let error = fixture.store.read_blob(&unused).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(fixture.store.read_blob(&used).await.unwrap(), b"used");
    assert_eq!(fixture.store.fsck(ALL).await.unwrap().problems, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_that_fails_ends_what_it_had_begun() {
    let Some(fixture) = Fixture::new() else { return };
    let sources = (0..60_u64).map(|i| BlobSource::Bytes(i.to_le_bytes().to_vec()));
    let infos = fixture.store.put_blobs(sources.collect()).await.unwrap();
    // The place that one of them is moved to first is taken.
    let broken = infos[0].id;
    let aside = fixture.object(&broken).ancestors().nth(2).unwrap().join("aside");
    fs::create_dir(&aside).unwrap();
    fs::write(aside.join(broken.to_string()), "in the way").unwrap();
    let now = GarbageOptions { dry_run: false, grace: Duration::ZERO };
    let error = fixture.store.collect_garbage(now).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(fixture.object(&broken).exists());
    for entry in fs::read_dir(&aside).unwrap().flatten().filter(|entry| entry.path().is_dir()) {
        assert_eq!(fs::read_dir(entry.path()).unwrap().count(), 0, "{entry:?} is half deleted");
    }

    fs::remove_file(aside.join(broken.to_string())).unwrap();
    fixture.store.collect_garbage(now).await.unwrap();
    assert!(infos.iter().all(|info| !fixture.object(&info.id).exists()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_broken_off_collection_left_is_put_back_if_needed() {
    let Some(fixture) = Fixture::new() else { return };
    let (used, unused) = (put(&fixture.store, b"used").await, put(&fixture.store, b"unused").await);
    commit(&fixture, used, 4).await;
    let folder = fixture.object(&used).ancestors().nth(2).unwrap().join("aside");
    fs::create_dir(&folder).unwrap();
    for id in [&used, &unused] {
        let aside = folder.join(id.to_string()).join("broken-off");
        fs::create_dir_all(aside.parent().unwrap()).unwrap();
        fs::rename(fixture.object(id), &aside).unwrap();
        let old = SystemTime::now() - Duration::from_secs(2 * 3600);
        File::options().write(true).open(&aside).unwrap().set_modified(old).unwrap();
    }
    let (_dir, cold) = fixture.cold();
    assert_eq!(cold.read_blob(&used).await.unwrap(), b"used", "it is found where it was left");
    fixture.store.collect_garbage(GarbageOptions::default()).await.unwrap();
    assert_eq!(fixture.store.fsck(ALL).await.unwrap().problems, []);
    let files = |path: &Path| fs::read_dir(path).unwrap().flatten().count();
    let left =
        fs::read_dir(&folder).unwrap().flatten().map(|entry| files(&entry.path())).sum::<usize>();
    assert_eq!(left, 0);
    assert!(!fixture.object(&unused).exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writers_lose_nothing_to_a_collection_beside_them() {
    let Some(fixture) = Fixture::new() else { return };
    let done = AtomicBool::new(false);
    let bytes = |round: u64| format!("shared {}", round % 4).into_bytes();
    let collect = async {
        let options = GarbageOptions { dry_run: false, grace: Duration::from_secs(60) };
        let mut deleted = 0;
        while !done.load(Ordering::Relaxed) {
            deleted += fixture.store.collect_garbage(options).await.unwrap().blobs;
        }
        deleted
    };
    let write = async {
        for round in 0..40 {
            let id = BlobId::of(&bytes(round));
            // As if it had been put in long ago, and so garbage up to this moment.
            if let Ok(object) = File::options().write(true).open(fixture.object(&id)) {
                let _ = fs::remove_file(fixture.mark(&id));
                let old = SystemTime::now() - Duration::from_secs(3600);
                object.set_modified(old).unwrap();
            }
            assert_eq!(put(&fixture.store, &bytes(round)).await, id);
            let (_dir, cold) = fixture.cold();
            // One that is being deleted is put back in a moment.
            let mut read = Err(ymir_core::Error::not_found("not read yet"));
            for _ in 0..500 {
                tokio::time::sleep(Duration::from_millis(20)).await;
                read = cold.read_blob(&id).await;
                if read.is_ok() {
                    break;
                }
            }
            assert_eq!(read.unwrap(), bytes(round));
        }
        done.store(true, Ordering::Relaxed);
    };
    futures::join!(collect, write);
}
