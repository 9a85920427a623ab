//! What the blob store does with its files, beyond the conformance suite.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use ymir_assets::GitAssetStore;
use ymir_core::{AssetStore, BlobId, BlobSource, ErrorKind, Transfer};

fn store() -> (tempfile::TempDir, GitAssetStore) {
    let dir = tempfile::tempdir().unwrap();
    let store = GitAssetStore::init(&dir.path().join("store")).unwrap();
    (dir, store)
}

async fn put(store: &GitAssetStore, source: BlobSource) -> BlobId {
    store.put_blobs(vec![source]).await.unwrap()[0].id
}

fn temporary_files(dir: &Path) -> usize {
    fs::read_dir(dir.join("store/blobs/tmp")).unwrap().count()
}

#[tokio::test]
async fn copies_are_read_only_and_of_their_own() {
    let (dir, store) = store();
    let source = dir.path().join("a.jpg");
    fs::write(&source, b"bytes").unwrap();
    let id = put(&store, BlobSource::File(source.clone(), Transfer::Copy)).await;
    let file = store.blob_file(&id).await.unwrap();
    let data = fs::metadata(&file).unwrap();
    assert_eq!(data.permissions().mode() & 0o777, 0o444);
    assert_ne!(data.ino(), fs::metadata(&source).unwrap().ino());
    let digits = id.to_string();
    let place = dir.path().join("store/blobs").join(&digits[..2]).join(&digits[2..]);
    assert_eq!(file, place);
    assert_eq!(temporary_files(dir.path()), 0);
}

#[tokio::test]
async fn hard_links_share_the_file() {
    let (dir, store) = store();
    let source = dir.path().join("a.jpg");
    fs::write(&source, b"bytes").unwrap();
    let id = put(&store, BlobSource::File(source.clone(), Transfer::HardLink)).await;
    let blob = fs::metadata(store.blob_file(&id).await.unwrap()).unwrap();
    assert_eq!(blob.ino(), fs::metadata(&source).unwrap().ino());
    assert_eq!(blob.permissions().mode() & 0o200, 0o200, "the user's own file stays writable");
    let exported = dir.path().join("out.jpg");
    store.export_blobs(&[(id, exported.clone())], Transfer::HardLink).await.unwrap();
    assert_eq!(fs::metadata(&exported).unwrap().ino(), blob.ino());
    let copied = dir.path().join("copy.jpg");
    store.export_blobs(&[(id, copied.clone())], Transfer::Copy).await.unwrap();
    let copied = fs::metadata(&copied).unwrap();
    assert_ne!(copied.ino(), blob.ino());
    assert_eq!(copied.permissions().mode() & 0o200, 0o200, "an exported copy is the user's");
    assert_eq!(temporary_files(dir.path()), 0);
}

#[tokio::test]
async fn a_link_to_a_file_stands_for_the_file() {
    let (dir, store) = store();
    fs::write(dir.path().join("a.jpg"), b"bytes").unwrap();
    symlink("a.jpg", dir.path().join("link")).unwrap();
    for transfer in [Transfer::Reference, Transfer::HardLink, Transfer::Copy] {
        let id = put(&store, BlobSource::File(dir.path().join("link"), transfer)).await;
        assert_eq!(store.read_blob(&id).await.unwrap(), b"bytes");
        let file = fs::symlink_metadata(store.blob_file(&id).await.unwrap()).unwrap();
        assert!(file.is_file());
    }
}

#[tokio::test]
async fn a_folder_is_no_blob() {
    let (dir, store) = store();
    for transfer in [Transfer::Copy, Transfer::HardLink, Transfer::Reference] {
        let source = BlobSource::File(dir.path().to_owned(), transfer);
        let error = store.put_blobs(vec![source]).await.unwrap_err();
        assert!(error.to_string().contains("no regular file"), "{error}");
    }
}

#[tokio::test]
async fn a_present_blob_is_not_written_and_a_truncated_one_is_replaced() {
    let (dir, store) = store();
    let bytes = || BlobSource::Bytes(b"the bytes".to_vec());
    let id = put(&store, bytes()).await;
    let file = store.blob_file(&id).await.unwrap();
    let inode = fs::metadata(&file).unwrap().ino();
    let source = dir.path().join("again");
    fs::write(&source, b"the bytes").unwrap();
    for transfer in [Transfer::Copy, Transfer::HardLink, Transfer::Reference] {
        put(&store, BlobSource::File(source.clone(), transfer)).await;
    }
    put(&store, bytes()).await;
    assert_eq!(fs::metadata(&file).unwrap().ino(), inode);
    // As a power cut leaves a file whose name reached the disk before its content.
    fs::remove_file(&file).unwrap();
    fs::write(&file, b"").unwrap();
    assert_eq!(put(&store, bytes()).await, id);
    assert_eq!(store.read_blob(&id).await.unwrap(), b"the bytes");
}

#[tokio::test]
async fn damaged_bytes_are_noticed() {
    let (_dir, store) = store();
    let id = put(&store, BlobSource::Bytes(b"the bytes".to_vec())).await;
    let file = store.blob_file(&id).await.unwrap();
    fs::remove_file(&file).unwrap();
    fs::write(&file, b"the bytez").unwrap();
    let error = store.read_blob(&id).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupted);
    assert!(error.to_string().contains(&id.to_string()), "{error}");
}

#[tokio::test]
async fn a_batch_is_stored_whole() {
    let (dir, store) = store();
    let files: Vec<_> = (0..100).map(|n| dir.path().join(format!("{n}.jpg"))).collect();
    for (n, file) in files.iter().enumerate() {
        // Fifty contents, each twice, and one that does not fit into memory at once.
        fs::write(file, vec![n as u8 % 50; if n == 7 { 9 << 20 } else { n % 50 * 10 }]).unwrap();
    }
    let sources = |transfer| files.iter().map(|f| BlobSource::File(f.clone(), transfer)).collect();
    let infos = store.put_blobs(sources(Transfer::Copy)).await.unwrap();
    for (file, info) in files.iter().zip(&infos) {
        let bytes = fs::read(file).unwrap();
        assert_eq!(info.size, bytes.len() as u64);
        assert_eq!(store.read_blob(&info.id).await.unwrap(), bytes);
    }
    assert_eq!(store.put_blobs(sources(Transfer::HardLink)).await.unwrap(), infos);
    assert_eq!(temporary_files(dir.path()), 0);
}

#[tokio::test]
async fn a_failed_batch_leaves_no_files() {
    let (dir, store) = store();
    let mut sources: Vec<_> = (0..20u8).map(|n| BlobSource::Bytes(vec![n; 100])).collect();
    sources.push(BlobSource::File(dir.path().join("missing"), Transfer::Copy));
    assert_eq!(store.put_blobs(sources).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(temporary_files(dir.path()), 0);
    let error = store.read_blob(&BlobId::of(&[3; 100])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_damaged_blob_is_not_handed_out_as_a_copy() {
    let (dir, store) = store();
    let id = put(&store, BlobSource::Bytes(b"bytes".to_vec())).await;
    let file = store.blob_file(&id).await.unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    for damage in [&b"bites"[..], b"byte", b""] {
        fs::write(&file, damage).unwrap();
        let to = dir.path().join("out");
        let error = store.export_blobs(&[(id, to.clone())], Transfer::Copy).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupted);
        assert!(error.to_string().contains(file.to_str().unwrap()), "{error}");
        assert!(!to.exists());
    }
}
