//! Reading for training.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use ymir_core::{AssetId, AssetStore, BlobSource, Branch, ErrorKind, Version, VersionId};
use ymir_data::loader::{Batch, Image, Images, Loader, LoaderOptions};
use ymir_testkit::double::{Fault, FaultyAssetStore, MemoryAssetStore, StoreMethod, When};

use crate::common::{add_class, boxed, commit, ids, record, store_tests};

type Store = Arc<dyn AssetStore>;

async fn dataset(store: &Store, assets: usize) -> Version {
    add_class(store, "cat").await;
    let records = (0..assets).map(|n| record(n, vec![boxed(0, n as f64)])).collect();
    commit(store, &Branch::dataset("all").unwrap(), records).await
}

fn options() -> LoaderOptions {
    LoaderOptions { images: Images::None, ..LoaderOptions::default() }
}

async fn batches(store: &Store, version: &VersionId, options: LoaderOptions) -> Vec<Batch> {
    let loader = Loader::new(store, version, options).await.unwrap();
    let expected = loader.remaining();
    let batches: Vec<_> = loader.map(Result::unwrap).collect().await;
    assert_eq!(batches.len() as u64, expected);
    let numbers = batches.iter().map(|batch| batch.index);
    assert!(numbers.eq(options.start..options.start + expected));
    batches
}

fn order(batches: &[Batch]) -> Vec<AssetId> {
    batches.iter().flat_map(|batch| &batch.assets).map(|asset| asset.record.asset.id).collect()
}

async fn each_asset_is_read_once_an_epoch(store: Store) {
    // Windows are of 16,384 assets, blocks of 256.
    for assets in [0, 1, 255, 256, 257, 1000, 16_384, 20_001] {
        let version = dataset(&store, assets).await.id;
        let expected = ids(&store, &version).await;
        for batch in [1000, 7] {
            let read = batches(&store, &version, LoaderOptions { batch, ..options() }).await;
            let sizes: Vec<_> = read.iter().map(|batch| batch.assets.len()).collect();
            let full = sizes.len().saturating_sub(1);
            assert!(sizes[..full].iter().all(|size| *size == batch));
            let mut found = order(&read);
            assert!(assets < 300 || found != expected, "it is not in order");
            found.sort_unstable();
            assert!(found == expected, "{assets} {batch}");
        }
        let in_order = LoaderOptions { shuffle: false, ..options() };
        assert!(order(&batches(&store, &version, in_order).await) == expected);
    }
}

async fn the_order_depends_on_seed_and_epoch_alone(store: Store) {
    let version = dataset(&store, 1500).await.id;
    let read = async |seed, epoch, batch| {
        order(&batches(&store, &version, LoaderOptions { seed, epoch, batch, ..options() }).await)
    };
    let first = read(1, 0, 32).await;
    assert_eq!(read(1, 0, 32).await, first);
    assert_eq!(read(1, 0, 500).await, first);
    let others = [read(1, 1, 32).await, read(2, 0, 32).await, read(0, 1, 32).await];
    let different: BTreeSet<_> = others.iter().chain([&first]).collect();
    assert_eq!(different.len(), 4);
    // Neighbours by id are neighbours no more.
    let sorted = ids(&store, &version).await;
    let place = |id: &AssetId| sorted.binary_search(id).unwrap() as i64;
    let close = first.windows(2).filter(|w| (place(&w[0]) - place(&w[1])).abs() == 1).count();
    assert!(close < 20, "{close}");
}

async fn shards_are_disjoint_and_complete(store: Store) {
    let version = dataset(&store, 17_003).await.id;
    let whole = order(&batches(&store, &version, options()).await);
    for shards in [1, 3, 8] {
        let mut parts = Vec::new();
        for shard in 0..shards {
            let options = LoaderOptions { shard, shards, batch: 50, ..options() };
            parts.push(order(&batches(&store, &version, options).await));
        }
        // Dealt one after the other, they give the order of one reader.
        let dealt = (0..whole.len()).map(|i| parts[i % shards as usize][i / shards as usize]);
        assert!(dealt.eq(whole.iter().copied()), "{shards}");
        let mut counts = BTreeSet::new();
        for shard in 0..shards {
            let options = LoaderOptions { shard, shards, drop_last: true, batch: 50, ..options() };
            let read = batches(&store, &version, options).await;
            assert!(read.iter().all(|batch| batch.assets.len() == 50));
            counts.insert(read.len());
        }
        assert_eq!(counts.len(), 1, "each shard has as many batches");
    }
    // More shards than assets.
    let few = dataset(&store, 3).await.id;
    let read = batches(&store, &few, LoaderOptions { shard: 5, shards: 7, ..options() }).await;
    assert_eq!(read, []);
}

async fn reading_goes_on_where_it_ended(store: Store) {
    let version = dataset(&store, 17_003).await.id;
    let whole = LoaderOptions { batch: 40, shard: 1, shards: 3, ..options() };
    let read = batches(&store, &version, whole).await;
    let last = read.len() as u64;
    for start in [1, 2, 100, 130, 141, last - 1, last, last + 10] {
        let mut loader =
            Loader::new(&store, &version, LoaderOptions { start, ..whole }).await.unwrap();
        assert_eq!(loader.remaining(), last.saturating_sub(start));
        let next = loader.next().await.transpose().unwrap();
        assert_eq!(next.as_ref(), read.get(start as usize));
    }
}

async fn options_that_make_no_sense_are_refused(store: Store) {
    let version = dataset(&store, 3).await.id;
    for wrong in [
        LoaderOptions { batch: 0, ..options() },
        LoaderOptions { shards: 0, ..options() },
        LoaderOptions { shard: 2, shards: 2, ..options() },
    ] {
        let error = Loader::new(&store, &version, wrong).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
    let error = Loader::new(&store, &VersionId::new([9; 20]), options()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

store_tests![
    each_asset_is_read_once_an_epoch,
    the_order_depends_on_seed_and_epoch_alone,
    shards_are_disjoint_and_complete,
    reading_goes_on_where_it_ended,
    options_that_make_no_sense_are_refused,
];

/// Returns a dataset whose images have these bytes.
async fn with_images(store: &Store, images: Vec<Vec<u8>>) -> Version {
    let blobs = store.put_blobs(images.into_iter().map(BlobSource::Bytes).collect()).await.unwrap();
    let with_image = |(n, blob): (usize, &ymir_core::BlobInfo)| {
        let mut record = record(n, vec![]);
        record.asset.id = blob.id;
        record
    };
    let records = blobs.iter().enumerate().map(with_image).collect();
    commit(store, &Branch::dataset("all").unwrap(), records).await
}

fn numbered(count: u32) -> Vec<Vec<u8>> {
    (0..count).map(|n| n.to_le_bytes().to_vec()).collect()
}

#[tokio::test]
async fn bytes_are_those_of_the_asset() {
    for store in [crate::common::store(), crate::common::git_store()] {
        let version = with_images(&store, numbered(100)).await.id;
        let read = batches(&store, &version, LoaderOptions::default()).await;
        for asset in read.iter().flat_map(|batch| &batch.assets) {
            let Image::Bytes(bytes) = &asset.image else { panic!("{asset:?}") };
            assert_eq!(AssetId::of(bytes), asset.record.asset.id);
        }
    }
}

/// Waits until nothing is read any more, and returns how much was.
async fn reads(store: &FaultyAssetStore) -> u64 {
    let mut before = store.calls(StoreMethod::ReadBlob);
    loop {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let now = store.calls(StoreMethod::ReadBlob);
        if now == before {
            return now;
        }
        before = now;
    }
}

#[tokio::test]
async fn so_much_is_read_ahead_and_no_more() {
    let memory: Store = Arc::new(MemoryAssetStore::new());
    let version = with_images(&memory, numbered(2000)).await.id;
    let counted = Arc::new(FaultyAssetStore::new(memory, vec![]));
    let store: Store = counted.clone();
    let options = LoaderOptions { batch: 10, read_ahead: 5, ..LoaderOptions::default() };
    let mut loader = Loader::new(&store, &version, options).await.unwrap();
    loader.next().await.unwrap().unwrap();
    // One was taken; two may be on their way.
    let read = reads(&counted).await;
    assert!((60..=80).contains(&read), "{read}");
    loader.next().await.unwrap().unwrap();
    let read = reads(&counted).await;
    assert!((70..=90).contains(&read), "{read}");
    drop(loader);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(reads(&counted).await, read);
}

#[tokio::test]
async fn an_error_ends_the_stream() {
    let memory: Store = Arc::new(MemoryAssetStore::new());
    let version = with_images(&memory, numbered(300)).await.id;
    for (method, call) in [(StoreMethod::ReadBlob, 100), (StoreMethod::Page, 1)] {
        let fault = Fault { method, call, kind: ErrorKind::Corrupted, when: When::Before };
        let store: Store = Arc::new(FaultyAssetStore::new(memory.clone(), vec![fault]));
        let loader = Loader::new(&store, &version, LoaderOptions::default()).await.unwrap();
        let read: Vec<_> = loader.collect().await;
        let (last, others) = read.split_last().unwrap();
        assert_eq!(last.as_ref().unwrap_err().kind(), ErrorKind::Corrupted);
        // How many came before depends on which thread read the hundredth image.
        assert!(others.iter().all(Result::is_ok) && others.len() <= 8);
    }
}

#[cfg(feature = "decode")]
#[tokio::test]
async fn pixels_are_decoded() {
    use ymir_testkit::fixture::pictures::picture_of;
    let store = crate::common::store();
    let version = with_images(&store, vec![picture_of(1, 7, 5, image::ImageFormat::Png)]).await.id;
    let options = LoaderOptions { images: Images::Rgb, ..LoaderOptions::default() };
    let read = batches(&store, &version, options).await;
    let Image::Rgb { width, height, pixels } = &read[0].assets[0].image else { panic!() };
    assert_eq!((*width, *height, pixels.len()), (7, 5, 105));

    let broken = with_images(&store, numbered(1)).await.id;
    let mut loader = Loader::new(&store, &broken, options).await.unwrap();
    let error = loader.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("asset: "), "{error}");
    assert!(loader.next().await.is_none());
}

#[cfg(not(feature = "decode"))]
#[tokio::test]
async fn pixels_need_a_feature() {
    let store = crate::common::store();
    let version = with_images(&store, numbered(1)).await.id;
    let options = LoaderOptions { images: Images::Rgb, ..LoaderOptions::default() };
    let error = Loader::new(&store, &version, options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}
