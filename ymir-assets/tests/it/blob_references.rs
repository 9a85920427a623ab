//! Blobs whose files stay where they are.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;
use ymir_assets::GitAssetStore;
use ymir_core::{
    Asset, AssetStore, Base, BlobId, BlobSource, Branch, BranchKind, CommitRequest, Edits,
    ErrorKind, Expect, FsckOptions, GarbageOptions, Manifest, MediaType, Name, Record, Transfer,
};

const BYTES: &[u8] = b"the bytes";

struct Fixture {
    _dir: TempDir,
    store: GitAssetStore,
    /// The file that the store refers to.
    source: PathBuf,
    id: BlobId,
    out: PathBuf,
}

async fn fixture() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    let store = GitAssetStore::init(&root.join("store")).unwrap();
    let source = root.join("a.jpg");
    fs::write(&source, BYTES).unwrap();
    let id = put(&store, refer(&source)).await;
    Fixture { store, source, id, out: root.join("out.jpg"), _dir: dir }
}

fn refer(path: &Path) -> BlobSource {
    BlobSource::File(path.to_owned(), Transfer::Reference)
}

async fn put(store: &GitAssetStore, source: BlobSource) -> BlobId {
    store.put_blobs(vec![source]).await.unwrap()[0].id
}

impl Fixture {
    /// Writes the source anew, with a time at which it has not been written before.
    fn rewrite(&self, bytes: &[u8], seconds: u64) {
        fs::write(&self.source, bytes).unwrap();
        let time = SystemTime::now() + Duration::from_secs(seconds);
        File::options().write(true).open(&self.source).unwrap().set_modified(time).unwrap();
    }

    async fn commit(&self) {
        let asset = Asset {
            id: self.id,
            width: 4,
            height: 4,
            channels: 3,
            byte_size: BYTES.len() as u64,
            media_type: MediaType::Jpeg,
            file_name: "a.jpg".into(),
            attributes: Default::default(),
        };
        let request = CommitRequest {
            branch: Branch::new(BranchKind::Dataset, Name::new("data").unwrap()),
            base: Base::Empty,
            edits: Edits::put(vec![Record { asset, annotations: Vec::new() }]),
            expect: Expect::Any,
            manifest: Manifest::default(),
            message: "A test".into(),
        };
        self.store.commit(request).await.unwrap();
    }

    async fn problems(&self, blobs: bool) -> Vec<String> {
        let report = self.store.fsck(FsckOptions { blobs }).await.unwrap();
        report.problems.into_iter().map(|problem| problem.message).collect()
    }

    /// Asserts that every way to the bytes fails with this kind of error, which names the file.
    async fn assert_unreadable(&self, kind: ErrorKind) {
        let out = [(self.id, self.out.clone())];
        for error in [
            self.store.read_blob(&self.id).await.unwrap_err(),
            self.store.blob_file(&self.id).await.unwrap_err(),
            self.store.export_blobs(&out, Transfer::Copy).await.unwrap_err(),
            self.store.export_blobs(&out, Transfer::HardLink).await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.to_string().contains(self.source.to_str().unwrap()), "{error}");
        }
        assert!(!self.out.exists());
    }
}

#[tokio::test]
async fn the_file_stays_where_it_is() {
    let fixture = fixture().await;
    assert_eq!(fixture.store.blob_file(&fixture.id).await.unwrap(), fixture.source);
    assert_eq!(fixture.store.read_blob(&fixture.id).await.unwrap(), BYTES);
    let inode = |path: &Path| fs::metadata(path).unwrap().ino();
    for (transfer, same) in
        [(Transfer::Copy, false), (Transfer::HardLink, true), (Transfer::Reference, true)]
    {
        let out = [(fixture.id, fixture.out.clone())];
        fixture.store.export_blobs(&out, transfer).await.unwrap();
        assert_eq!(fs::read(&fixture.out).unwrap(), BYTES);
        assert_eq!(inode(&fixture.out) == inode(&fixture.source), same, "{transfer:?}");
        let is_link = fs::symlink_metadata(&fixture.out).unwrap().is_symlink();
        assert_eq!(is_link, transfer == Transfer::Reference);
        fs::remove_file(&fixture.out).unwrap();
    }
    assert_eq!(fs::read_dir(fixture.source.with_file_name("store/blobs/tmp")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_file_that_is_gone_is_named_and_can_come_back() {
    let fixture = fixture().await;
    fixture.commit().await;
    assert_eq!(fixture.problems(true).await, [""; 0]);
    let moved = fixture.source.with_file_name("moved.jpg");
    fs::rename(&fixture.source, &moved).unwrap();
    fixture.assert_unreadable(ErrorKind::NotFound).await;
    let problems = fixture.problems(false).await;
    assert!(problems.len() == 1 && problems[0].contains("a.jpg"), "{problems:?}");

    assert_eq!(put(&fixture.store, refer(&moved)).await, fixture.id);
    assert_eq!(fixture.store.blob_file(&fixture.id).await.unwrap(), moved);
    assert_eq!(fixture.problems(true).await, [""; 0]);
}

#[tokio::test]
async fn a_file_that_was_changed_is_named() {
    let fixture = fixture().await;
    fixture.commit().await;
    // As many bytes as before.
    fixture.rewrite(b"the bytez", 10);
    fixture.assert_unreadable(ErrorKind::Corrupted).await;
    let problems = fixture.problems(false).await;
    assert!(problems.len() == 1 && problems[0].contains("a.jpg"), "{problems:?}");
    // Written anew with what was there.
    fixture.rewrite(BYTES, 20);
    assert_eq!(fixture.store.blob_file(&fixture.id).await.unwrap(), fixture.source);
    assert_eq!(fixture.problems(true).await, [""; 0]);
}

#[tokio::test]
async fn a_copy_takes_the_place_of_a_reference() {
    let sources: [fn(&Fixture) -> BlobSource; 3] = [
        |fixture| BlobSource::File(fixture.source.clone(), Transfer::Copy),
        |fixture| BlobSource::File(fixture.source.clone(), Transfer::HardLink),
        |_| BlobSource::Bytes(BYTES.to_vec()),
    ];
    for source in sources {
        let fixture = fixture().await;
        assert_eq!(put(&fixture.store, source(&fixture)).await, fixture.id);
        // What the store has itself does not become a reference again.
        put(&fixture.store, refer(&fixture.source)).await;
        fs::remove_file(&fixture.source).unwrap();
        assert_eq!(fixture.store.read_blob(&fixture.id).await.unwrap(), BYTES);
    }
}

#[tokio::test]
async fn garbage_collection_leaves_the_file_alone() {
    let fixture = fixture().await;
    let collect = |grace, dry_run| {
        fixture.store.collect_garbage(GarbageOptions { dry_run, grace: Duration::from_secs(grace) })
    };
    let old = SystemTime::now() - Duration::from_secs(3600);
    File::options().write(true).open(&fixture.source).unwrap().set_modified(old).unwrap();
    put(&fixture.store, refer(&fixture.source)).await;
    // It counts from when it was put in, however old the file is.
    assert_eq!(collect(60, true).await.unwrap().kept_young, 1);
    let report = collect(0, false).await.unwrap();
    assert_eq!((report.blobs, report.bytes), (1, 0));
    assert_eq!(fixture.store.read_blob(&fixture.id).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(fs::read(&fixture.source).unwrap(), BYTES);
}
