use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::Builder;
use ymir::{AssetId, AssetStore, GitAssetStore, Result, StoreOptions, VersionId};
use ymir_benches::harness::Run;
use ymir_benches::report::Row;

use super::read::id;
use super::tip;

/// Lookups per thread.
const LOOKUPS: u64 = 5000;

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
    Ok(())
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
