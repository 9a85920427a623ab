use std::fs;

use ymir_core::{AssetStore, BlobId, BlobSource, ErrorKind};
use ymir_testkit::S3Server;

use super::server::{Fixture, open, options, put};

#[tokio::test(flavor = "multi_thread")]
async fn an_object_with_other_bytes_is_noticed() {
    let Some(fixture) = Fixture::new() else { return };
    let id = put(&fixture.store, b"the bytes").await;
    fs::write(fixture.object(&id), b"the bytez").unwrap();
    let (_dir, cold) = fixture.cold();
    let error = cold.read_blob(&id).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupted);
    assert!(error.to_string().contains(&id.to_string()), "{error}");
    assert_eq!(cold.blob_file(&id).await.unwrap_err().kind(), ErrorKind::Corrupted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_gone_is_unavailable() {
    let Some(server) = S3Server::start() else { return };
    let dir = tempfile::tempdir().unwrap();
    ymir_assets::GitAssetStore::init(dir.path()).unwrap();
    let store = open(dir.path(), &options(&server, "gone"));
    let id = put(&store, b"bytes").await;
    drop(server);
    // What is cached can be read all the same.
    assert_eq!(store.read_blob(&id).await.unwrap(), b"bytes");
    for error in [
        store.read_blob(&BlobId::of(b"other")).await.unwrap_err(),
        store.put_blobs(vec![BlobSource::Bytes(b"new".to_vec())]).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        assert!(error.is_retryable());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_are_unauthorized() {
    let Some(fixture) = Fixture::with(|options| {
        options.credentials.as_mut().unwrap().secret_access_key = "wrong".into();
    }) else {
        return;
    };
    let error = fixture.store.read_blob(&BlobId::of(b"x")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
    assert!(!format!("{:?}", fixture.options).contains("wrong"));
}
