use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use ymir_core::{AssetStore, BlobId, BlobSource, ErrorKind, FsckOptions, GarbageOptions, Transfer};

use super::fixture::assert_kind;

/// Blobs come back whole, in the order given, under the SHA-256 of their bytes.
pub async fn blobs_come_back_in_order(store: Arc<dyn AssetStore>) {
    let dir = tempfile::tempdir().unwrap();
    let (copied, linked) = (dir.path().join("a b.jpg"), dir.path().join("ü.png"));
    let referred = dir.path().join("c.bmp");
    fs::write(&referred, b"referred").unwrap();
    fs::write(&copied, b"copied").unwrap();
    fs::write(&linked, b"linked").unwrap();
    let sources = vec![
        BlobSource::File(linked, Transfer::HardLink),
        BlobSource::Bytes(Vec::new()),
        BlobSource::File(referred, Transfer::Reference),
        BlobSource::File(copied.clone(), Transfer::Copy),
        BlobSource::Bytes(b"copied".to_vec()),
    ];
    let infos = store.put_blobs(sources).await.unwrap();
    let expected: [&[u8]; 5] = [b"linked", b"", b"referred", b"copied", b"copied"];
    assert_eq!(infos.len(), expected.len());
    for (info, bytes) in infos.iter().zip(expected) {
        assert_eq!((info.id, info.size), (BlobId::of(bytes), bytes.len() as u64));
        assert_eq!(store.read_blob(&info.id).await.unwrap(), bytes);
    }
    fs::write(&copied, b"changed afterwards").unwrap();
    assert_eq!(store.read_blob(&BlobId::of(b"copied")).await.unwrap(), b"copied");
    assert_eq!(store.put_blobs(Vec::new()).await.unwrap(), []);
}

/// A blob that is there already is returned as if it were new.
pub async fn blobs_can_be_put_again(store: Arc<dyn AssetStore>) {
    let put = async || store.put_blobs(vec![BlobSource::Bytes(b"same".to_vec())]).await.unwrap();
    assert_eq!(put().await, put().await);
    assert_eq!(store.read_blob(&BlobId::of(b"same")).await.unwrap(), b"same");
}

/// A missing source file is `NotFound`.
pub async fn a_missing_source_is_not_found(store: Arc<dyn AssetStore>) {
    let dir = tempfile::tempdir().unwrap();
    for transfer in [Transfer::Copy, Transfer::HardLink, Transfer::Reference] {
        let source = BlobSource::File(dir.path().join("gone.jpg"), transfer);
        let error = assert_kind(store.put_blobs(vec![source]).await, ErrorKind::NotFound);
        assert!(error.to_string().contains("gone.jpg"), "{error}");
    }
}

/// A blob that is not there is `NotFound`, for each method.
pub async fn a_missing_blob_is_not_found(store: Arc<dyn AssetStore>) {
    let (dir, id) = (tempfile::tempdir().unwrap(), BlobId::of(b"never put in"));
    let path = dir.path().join("out");
    assert_kind(store.read_blob(&id).await, ErrorKind::NotFound);
    for transfer in [Transfer::Copy, Transfer::HardLink, Transfer::Reference] {
        let exported = store.export_blobs(&[(id, path.clone())], transfer).await;
        assert_kind(exported, ErrorKind::NotFound);
    }
    assert!(!path.exists());
    let error = store.blob_file(&id).await.expect_err("there is no such blob");
    assert!(matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Unsupported), "{error:?}");
}

/// Exported blobs are files with the right bytes.
pub async fn blobs_are_exported_as_files(store: Arc<dyn AssetStore>) {
    let dir = tempfile::tempdir().unwrap();
    let contents: [&[u8]; 3] = [b"one", b"two", b""];
    let sources = contents.iter().map(|bytes| BlobSource::Bytes(bytes.to_vec())).collect();
    let infos = store.put_blobs(sources).await.unwrap();
    for transfer in [Transfer::Copy, Transfer::HardLink, Transfer::Reference] {
        let path = |n: usize| dir.path().join(format!("{transfer:?} {n}.jpg"));
        let blobs: Vec<(BlobId, PathBuf)> =
            infos.iter().enumerate().map(|(n, info)| (info.id, path(n))).collect();
        store.export_blobs(&blobs, transfer).await.unwrap();
        for (n, bytes) in contents.iter().enumerate() {
            assert_eq!(fs::read(path(n)).unwrap(), *bytes);
        }
    }
    if let Ok(file) = store.blob_file(&infos[0].id).await {
        assert_eq!(fs::read(file).unwrap(), b"one");
    }
}

/// What the capabilities grant works, and what they deny is `Unsupported`.
pub async fn capabilities_tell_what_works(store: Arc<dyn AssetStore>) {
    let capabilities = store.capabilities();
    assert_eq!(capabilities, store.capabilities());
    let id = store.put_blobs(vec![BlobSource::Bytes(b"one".to_vec())]).await.unwrap()[0].id;
    assert_eq!(store.blobs().read(&id).await.unwrap(), b"one");
    let done = [
        (capabilities.fsck, store.fsck(FsckOptions::default()).await.err()),
        (capabilities.garbage, store.collect_garbage(GarbageOptions::default()).await.err()),
        (capabilities.blob_files, store.blob_file(&id).await.err()),
    ];
    for (n, (granted, error)) in done.into_iter().enumerate() {
        let kind = error.map(|error| error.kind());
        assert_eq!(kind, (!granted).then_some(ErrorKind::Unsupported), "capability {n}");
    }
    assert_eq!(store.blobs().capabilities().files, capabilities.blob_files);
}

/// An export never writes over what is there.
pub async fn an_export_does_not_overwrite(store: Arc<dyn AssetStore>) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("taken");
    fs::write(&path, b"mine").unwrap();
    let id = store.put_blobs(vec![BlobSource::Bytes(b"one".to_vec())]).await.unwrap()[0].id;
    for transfer in [Transfer::Copy, Transfer::HardLink, Transfer::Reference] {
        let exported = store.export_blobs(&[(id, path.clone())], transfer).await;
        assert_kind(exported, ErrorKind::AlreadyExists);
    }
    assert_eq!(fs::read(&path).unwrap(), b"mine");
}
