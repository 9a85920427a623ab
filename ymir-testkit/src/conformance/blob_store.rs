//! The conformance suite of [`BlobStore`]: one function per sentence of its documentation that the
//! suite of the asset store, which works through one, does not run already.
//!
//! Each takes an empty store and panics where the store does not keep to the documentation.
//! [`blob_store_tests!`](crate::blob_store_tests) turns all of them into tests.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ymir_core::{BlobId, BlobSource, BlobStore, ErrorKind, GarbageOptions};

const NO_GRACE: GarbageOptions = GarbageOptions { dry_run: false, grace: Duration::ZERO };

/// Makes a test of each function of the suite.
///
/// The argument names a function `fn() -> Arc<dyn BlobStore>` that returns an empty store. The
/// calling crate needs `tokio` with the features `macros` and `rt-multi-thread`.
#[macro_export]
macro_rules! blob_store_tests {
    ($make:path) => {
        $crate::blob_store_tests! { $make:
            sizes_are_told_without_reading
            parts_of_a_blob_are_read
            blobs_are_listed_in_order
            blobs_are_checked
            unused_blobs_are_swept
        }
    };
    ($make:path: $($test:ident)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            $crate::conformance::blob_store::$test($make()).await;
        }
    )*};
}

async fn put(store: &dyn BlobStore, contents: &[&[u8]]) -> Vec<BlobId> {
    let sources = contents.iter().map(|bytes| BlobSource::Bytes(bytes.to_vec())).collect();
    let infos = store.put(sources).await.expect("blobs can be put in");
    infos.into_iter().map(|info| info.id).collect()
}

/// The sizes of blobs are told in the order asked, `None` for one that is not there.
pub async fn sizes_are_told_without_reading(store: Arc<dyn BlobStore>) {
    let ids = put(&*store, &[b"four", b""]).await;
    let wanted = [ids[1], BlobId::of(b"gone"), ids[0], ids[1]];
    assert_eq!(store.sizes(&wanted).await.unwrap(), [Some(0), None, Some(4), Some(0)]);
    assert_eq!(store.sizes(&[]).await.unwrap(), []);
}

/// A part of a blob is read, up to its end.
pub async fn parts_of_a_blob_are_read(store: Arc<dyn BlobStore>) {
    let id = put(&*store, &[b"0123456789"]).await[0];
    for (range, expected) in [
        (0..10, "0123456789"),
        (3..5, "34"),
        (8..100, "89"),
        (4..4, ""),
        (10..12, ""),
        (50..u64::MAX, ""),
    ] {
        let bytes = store.read_range(&id, range.clone()).await.unwrap();
        assert_eq!(bytes, expected.as_bytes(), "{range:?}");
    }
    let error = store.read_range(&BlobId::of(b"gone"), 0..1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

/// All blobs are listed in the order of their ids, page by page.
pub async fn blobs_are_listed_in_order(store: Arc<dyn BlobStore>) {
    if !store.capabilities().sweep {
        let error = store.list(None, 1).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        return;
    }
    assert_eq!(store.list(None, 10).await.unwrap(), []);
    let contents: Vec<Vec<u8>> = (0..50_u8).map(|n| vec![n; usize::from(n)]).collect();
    let contents: Vec<&[u8]> = contents.iter().map(Vec::as_slice).collect();
    let mut expected = put(&*store, &contents).await;
    expected.sort_unstable();
    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let page = store.list(after, 7).await.unwrap();
        assert!(page.len() <= 7);
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        listed.extend(page);
    }
    assert_eq!(listed.iter().map(|info| info.id).collect::<Vec<_>>(), expected);
    let sizes = store.sizes(&expected).await.unwrap();
    assert!(listed.iter().zip(sizes).all(|(info, size)| Some(info.size) == size));
}

/// What is missing or has another size is told; it is no error.
pub async fn blobs_are_checked(store: Arc<dyn BlobStore>) {
    let id = put(&*store, &[b"whole"]).await[0];
    let gone = BlobId::of(b"gone");
    for hashes in [false, true] {
        assert!(store.check(&[(id, 5)], hashes).await.unwrap().is_empty());
        let found = store.check(&[(id, 6), (gone, 1), (id, 5)], hashes).await.unwrap();
        let found: Vec<_> = found.iter().map(|(id, error)| (*id, error.kind())).collect();
        assert_eq!(found, [(id, ErrorKind::Corrupted), (gone, ErrorKind::NotFound)]);
    }
}

/// What is not in use and not young is deleted.
pub async fn unused_blobs_are_swept(store: Arc<dyn BlobStore>) {
    let ids = put(&*store, &[b"used", b"unused"]).await;
    let used = HashMap::from([(ids[0], 4)]);
    if !store.capabilities().sweep {
        let error = store.sweep(used, NO_GRACE).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        return;
    }
    let kept = store.sweep(used.clone(), GarbageOptions::default()).await.unwrap();
    assert_eq!((kept.blobs, kept.kept_young, kept.in_use), (0, 1, 1));
    let dry = GarbageOptions { dry_run: true, ..NO_GRACE };
    assert_eq!(store.sweep(used.clone(), dry).await.unwrap().blobs, 1);
    assert_eq!(store.sizes(&ids).await.unwrap(), [Some(4), Some(6)]);
    let swept = store.sweep(used, NO_GRACE).await.unwrap();
    assert_eq!((swept.blobs, swept.bytes, swept.in_use), (1, 6, 1));
    assert_eq!(store.sizes(&ids).await.unwrap(), [Some(4), None]);
}
