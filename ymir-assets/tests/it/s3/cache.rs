use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use futures::future::join_all;
use ymir_core::{AssetStore, BlobId, BlobSource, Transfer};

use super::server::{Fixture, open, put};

const LIMIT: u64 = 64 << 10;

/// Returns how many bytes the blobs in a cache have.
fn cached(root: &Path) -> u64 {
    let files = walkdir::WalkDir::new(root.join("blob-cache")).into_iter();
    files
        .map(|entry| entry.unwrap().metadata().unwrap())
        .filter(|d| d.is_file())
        .map(|d| d.len())
        .sum()
}

fn bytes(n: u8) -> Vec<u8> {
    vec![n; 5000]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cache_stays_within_its_limit() {
    let Some(fixture) = Fixture::with(|options| options.cache_bytes = LIMIT) else { return };
    let mut ids = Vec::new();
    for n in 0..40 {
        ids.push(put(&fixture.store, &bytes(n)).await);
        let size = cached(fixture.dir.path());
        assert!(size <= LIMIT, "{size} after {n}");
    }
    for (n, id) in ids.iter().enumerate() {
        assert_eq!(fixture.store.read_blob(id).await.unwrap(), bytes(n as u8));
        let size = cached(fixture.dir.path());
        assert!(size <= LIMIT, "{size} after {n}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_the_cache_is_not_fetched_again() {
    let Some(fixture) = Fixture::new() else { return };
    let id = put(&fixture.store, b"bytes").await;
    let (_dir, cold) = fixture.cold();
    let file = cold.blob_file(&id).await.unwrap();
    fs::remove_file(fixture.object(&id)).unwrap();
    assert_eq!(cold.blob_file(&id).await.unwrap(), file);
    assert_eq!(cold.read_blob(&id).await.unwrap(), b"bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_links_what_is_cached() {
    let Some(fixture) = Fixture::new() else { return };
    let id = put(&fixture.store, b"bytes").await;
    let (dir, cold) = fixture.cold();
    let out = dir.path().join("out.jpg");
    cold.export_blobs(&[(id, out.clone())], Transfer::HardLink).await.unwrap();
    let file = cold.blob_file(&id).await.unwrap();
    assert_eq!(fs::metadata(&out).unwrap().ino(), fs::metadata(file).unwrap().ino());
    // A link into the cache would not outlive it.
    let referred = dir.path().join("referred.jpg");
    cold.export_blobs(&[(id, referred.clone())], Transfer::Reference).await.unwrap();
    assert!(fs::symlink_metadata(&referred).unwrap().is_file());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spoilt_file_of_the_cache_is_fetched_again() {
    let Some(fixture) = Fixture::new() else { return };
    let id = put(&fixture.store, b"bytes").await;
    let file = fixture.store.blob_file(&id).await.unwrap();
    fs::remove_file(&file).unwrap();
    fs::write(&file, b"bytez").unwrap();
    assert_eq!(fixture.store.read_blob(&id).await.unwrap(), b"bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn handles_that_share_a_cache_do_not_disturb_each_other() {
    let Some(fixture) = Fixture::with(|options| options.cache_bytes = LIMIT) else { return };
    let sources = (0..40).map(|n| BlobSource::Bytes(bytes(n))).collect();
    let infos = fixture.store.put_blobs(sources).await.unwrap();
    let handles = (0..4).map(|_| open(fixture.dir.path(), &fixture.options));
    let read = |store: ymir_assets::GitAssetStore| {
        let ids: Vec<BlobId> = infos.iter().map(|info| info.id).collect();
        tokio::spawn(async move {
            for (n, id) in ids.iter().enumerate() {
                assert_eq!(store.read_blob(id).await.unwrap(), bytes(n as u8));
            }
        })
    };
    for reader in join_all(handles.map(read)).await {
        reader.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_is_sent_in_parts() {
    let Some(fixture) = Fixture::new() else { return };
    let large: Vec<u8> = (0..40_u32 << 20).map(|n| (n >> 12) as u8).collect();
    let source = fixture.dir.path().join("weights");
    fs::write(&source, &large).unwrap();
    let source = BlobSource::File(source, Transfer::Copy);
    let info = fixture.store.put_blobs(vec![source]).await.unwrap()[0];
    assert_eq!(fs::metadata(fixture.object(&info.id)).unwrap().len(), large.len() as u64);
    let (_dir, cold) = fixture.cold();
    assert!(cold.read_blob(&info.id).await.unwrap() == large);
}
