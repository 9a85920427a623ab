use std::time::{Duration, Instant};

use futures::TryStreamExt;
use ymir::{AssetId, AssetStore, ClassId, Columns, PageOptions, Result, ScanOptions};
use ymir_benches::harness::Run;
use ymir_benches::measure::peak_memory;
use ymir_benches::report::Row;

use super::{CLASS, open, records, tip};

/// A prime, so that its multiples come in no order of the records.
const STRIDE: u64 = 7919;

pub(super) fn cold_page(run: &Run) -> Result<()> {
    page(run, None, "open, page of 100 at the middle, cold process")
}

pub(super) fn cold_class_page(run: &Run) -> Result<()> {
    page(run, Some(CLASS), "open, page of 100 of one class, cold process")
}

fn page(run: &Run, class: Option<ClassId>, what: &str) -> Result<()> {
    let page = run.time(what, || {
        let store = open(run)?;
        let tip = tip(run, &store)?;
        let options = PageOptions { offset: run.size / 3, limit: 100, class };
        run.runtime.block_on(store.page(&tip.id, options))
    })?;
    assert!(!page.records.is_empty());
    Ok(())
}

pub(super) fn cold_lookup(run: &Run) -> Result<()> {
    let wanted = id(run, run.size / 2);
    let found = run.time("open, lookup of one asset, cold process", || {
        let store = open(run)?;
        let tip = tip(run, &store)?;
        run.runtime.block_on(store.get(&tip.id, &[wanted]))
    })?;
    assert!(found[0].is_some());
    Ok(())
}

pub(super) fn cold_statistics(run: &Run) -> Result<()> {
    let manifest = run.time("open, statistics, cold process", || {
        let store = open(run)?;
        let tip = tip(run, &store)?;
        run.runtime.block_on(store.manifest(&tip.id))
    })?;
    assert!(manifest.summary.assets >= run.size);
    Ok(())
}

pub(super) fn warm_pages(run: &Run) -> Result<()> {
    let store = open(run)?;
    let version = tip(run, &store)?.id;
    for (class, what) in
        [(None, "page of 100, warm"), (Some(CLASS), "page of 100 of one class, warm")]
    {
        let page = |n: u64| {
            let offset = n * STRIDE * 100 % (run.size / 3).max(1);
            let options = PageOptions { offset, limit: 100, class };
            run.runtime.block_on(store.page(&version, options))
        };
        let mut times = Vec::new();
        for n in 0..4000 {
            let start = Instant::now();
            page(n)?;
            times.push(start.elapsed());
        }
        // The first half fills the cache.
        run.row(Row::new(what, times.split_off(2000)));
    }
    run.row(Row::new("  peak memory of paging", Vec::new()).memory(peak_memory()));
    Ok(())
}

pub(super) fn warm_lookups(run: &Run) -> Result<()> {
    let store = open(run)?;
    let version = tip(run, &store)?.id;
    let lookup = |n: u64| -> Result<Duration> {
        let wanted = [id(run, n * STRIDE % run.size.min(5000))];
        let start = Instant::now();
        let found = run.runtime.block_on(store.get(&version, &wanted))?;
        assert!(found[0].is_some());
        Ok(start.elapsed())
    };
    (0..5000).try_for_each(|n| lookup(n).map(drop))?;
    let times = (0..20_000).map(lookup).collect::<Result<_>>()?;
    run.row(Row::new("lookup of one asset, warm", times));
    let times = (0..1000).map(|_| {
        let start = Instant::now();
        run.runtime.block_on(store.manifest(&version))?;
        Ok(start.elapsed())
    });
    run.row(Row::new("statistics, warm", times.collect::<Result<_>>()?));
    Ok(())
}

pub(super) fn ids(run: &Run) -> Result<()> {
    let store = open(run)?;
    let version = tip(run, &store)?.id;
    let ids = || run.runtime.block_on(store.asset_ids(&version, Some(CLASS)));
    run.time("ids of one class, cold", ids)?;
    let mut times = Vec::new();
    for _ in 0..10 {
        let start = Instant::now();
        ids()?;
        times.push(start.elapsed());
    }
    run.row(Row::new("ids of one class, warm", times));
    Ok(())
}

/// Measures scans of the whole version, whose memory is to be the same for any size but for the
/// cache.
pub(super) fn scan(run: &Run) -> Result<()> {
    for (what, columns) in [("assets", Columns::ASSETS), ("boxes", Columns::BOXES)] {
        let store = open(run)?;
        let version = tip(run, &store)?.id;
        let options = ScanOptions { columns, ..ScanOptions::default() };
        let count = async {
            let mut scan = store.scan(&version, options);
            let mut records = 0;
            while let Some(batch) = scan.try_next().await? {
                records += batch.records.len() as u64;
            }
            Ok(records)
        };
        let records = run.time(&format!("scan of all, {what}"), || run.runtime.block_on(count))?;
        assert!(records >= run.size);
    }
    Ok(())
}

/// Returns the id of the n-th record that was committed.
pub(super) fn id(run: &Run, n: u64) -> AssetId {
    records(run).record(n).asset.id
}
