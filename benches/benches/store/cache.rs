use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::Builder;
use ymir::testkit::generate::rng::SplitMix64;
use ymir::{
    AssetId, AssetStore, Cache, ClockCache, GitAssetStore, Result, StoreOptions, VersionId,
};
use ymir_benches::harness::Run;
use ymir_benches::report::Row;

use super::read::id;
use super::tip;

/// Lookups per thread.
const LOOKUPS: u64 = 5000;
/// Reads per thread of the cache alone.
const READS: u64 = 1_000_000;
/// About so many records a leaf has, and so many bytes it takes decoded.
const LEAF: u64 = 128;
const VALUE: usize = 32 << 10;

/// Measures what the cache of decoded records does: lookups that it answers, that it cannot answer
/// because it may hold nothing, and that make it drop something.
pub(super) fn cache(run: &Run) -> Result<()> {
    let threads = thread::available_parallelism().map_or(2, usize::from);
    for (what, cache_bytes, spread) in [
        ("hit", StoreOptions::default().cache_bytes, run.size.min(LOOKUPS)),
        ("miss, its leaf decoded", 0, run.size),
        ("cache of an eighth, evicting", run.size as usize * 64, run.size),
    ] {
        #[allow(clippy::needless_update, reason = "the feature s3 has more options")]
        let store = GitAssetStore::open_with(
            &run.root,
            StoreOptions { cache_bytes, ..StoreOptions::default() },
        )?;
        let version = tip(run, &store)?.id;
        let wanted = |from: u64| -> Vec<AssetId> {
            (from..from + LOOKUPS).map(|n| id(run, n * 7919 % spread)).collect()
        };
        let all = wanted(0);
        lookups(&store, &version, &all)?;
        for count in [1, threads] {
            let parts: Vec<_> = (0..count as u64).map(|n| wanted(n * LOOKUPS)).collect();
            let start = Instant::now();
            let times = in_threads(&store, &version, &parts)?;
            let each = start.elapsed() / (count as u32 * LOOKUPS as u32);
            run.row(Row::new(format!("lookup, {what}, {count} threads"), times));
            run.row(Row::new("  one per so much time, all threads", vec![each]));
        }
    }
    alone(run);
    Ok(())
}

/// Measures the cache of decoded objects by itself: what share of reads it answers where a few
/// values are read far more often than others, what they cost, and that it keeps to its bound.
fn alone(run: &Run) {
    let keys = (run.size / LEAF).max(1024);
    for (what, share) in [("all of it fits", 1), ("an eighth of it fits", 8)] {
        let capacity = keys as usize / share * VALUE;
        for threads in [1, 8] {
            let cache = ClockCache::new(capacity);
            let before = Instant::now();
            let hits: Vec<u64> = thread::scope(|scope| {
                let work = |n: u64| read_through(&cache, keys, n);
                let threads: Vec<_> = (0..threads).map(|n| scope.spawn(move || work(n))).collect();
                threads.into_iter().map(|t| t.join().expect("a read does not panic")).collect()
            });
            let each = before.elapsed() / (threads as u32 * READS as u32);
            assert!(cache.bytes() <= capacity, "{cache:?}");
            let rate = hits.iter().sum::<u64>() * 100 / (threads * READS);
            let what = format!("cache alone, {what}, {threads} threads, {rate} % hits");
            run.row(Row::new(what, vec![each]));
        }
    }
}

/// Reads values, and puts in what is not there; returns how many were.
fn read_through(cache: &dyn Cache<u64, Arc<Vec<u8>>>, keys: u64, thread: u64) -> u64 {
    let mut random = SplitMix64::new(thread);
    let mut hits = 0;
    for _ in 0..READS {
        // The product of two numbers: small keys come far more often than large ones.
        let key = random.below(keys) * random.below(keys) / keys;
        match cache.get(&key) {
            Some(_) => hits += 1,
            None => cache.insert(key, Arc::new(Vec::new()), VALUE),
        }
    }
    hits
}

fn in_threads(
    store: &GitAssetStore,
    version: &VersionId,
    parts: &[Vec<AssetId>],
) -> Result<Vec<Duration>> {
    thread::scope(|scope| {
        let threads: Vec<_> =
            parts.iter().map(|ids| scope.spawn(move || lookups(store, version, ids))).collect();
        let mut times = Vec::new();
        for thread in threads {
            times.extend(thread.join().expect("a lookup does not panic")?);
        }
        Ok(times)
    })
}

fn lookups(store: &GitAssetStore, version: &VersionId, ids: &[AssetId]) -> Result<Vec<Duration>> {
    let runtime = Builder::new_current_thread().build().expect("a runtime can be made");
    let lookup = |id: &AssetId| {
        let start = Instant::now();
        let found = runtime.block_on(store.get(version, std::slice::from_ref(id)))?;
        assert!(found[0].is_some());
        Ok(start.elapsed())
    };
    ids.iter().map(lookup).collect()
}
