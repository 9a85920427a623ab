use std::fs::{self, File};
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use ymir::{AssetStore, Base, Branch, DiffOptions, Edits, GitAssetStore, Record, Result};
use ymir_benches::harness::Run;
use ymir_benches::measure::{peak_memory, processor_time};
use ymir_benches::report::Row;

use super::{branch, commit, open, records, size, tip};

/// How many records two versions differ in.
const CHANGES: u64 = 1000;

pub(super) fn commit_all(run: &Run) -> Result<()> {
    let store = GitAssetStore::init(&run.root)?;
    run.runtime.block_on(store.add_classes(&records(run).new_classes()))?;
    let before = size(run);
    let start = Instant::now();
    commit(run, &store, (branch(), Base::Tip), records(run).edits())?;
    let (took, processor) = (start.elapsed(), processor_time());
    let row = Row::new("commit of all, generating included", vec![took]);
    run.row(row.processor(processor).memory(peak_memory()).growth(size(run) - before));
    run.time("  of which generating", || {
        records(run).iter().for_each(|record| drop(black_box(record)));
        Ok(())
    })
}

pub(super) fn commit_one(run: &Run) -> Result<()> {
    let store = open(run)?;
    let (mut times, mut growth) = (Vec::new(), Vec::new());
    for n in 0..200 {
        let record = records(run).record(run.size + n);
        let before = size(run);
        let start = Instant::now();
        commit(run, &store, (branch(), Base::Tip), Edits::put(vec![record]))?;
        times.push(start.elapsed());
        growth.push(size(run).saturating_sub(before));
    }
    run.row(Row::new("cold commit of one", vec![times[0]]).growth(growth[0]));
    growth.sort_unstable();
    let row = Row::new("commit of one", times).growth(growth[growth.len() / 2]);
    run.row(row.processor(processor_time() / 200));
    let syncs = (0..50).map(|_| sync_time(&run.root)).collect();
    run.row(Row::new("  for comparison: a new file and one fsync", syncs));
    Ok(())
}

/// Commits changes and additions to branches of their own, for what is measured after it.
pub(super) fn change(run: &Run) -> Result<()> {
    let store = open(run)?;
    let base = tip(run, &store)?;
    let step = (run.size / CHANGES).max(1);
    let changed = |n: u64| -> Record {
        let mut record = records(run).record(n * step % run.size);
        record.asset.width += 1;
        record
    };
    let edits = Edits::put((0..CHANGES).map(changed).collect());
    let on = |name| (Branch::dataset(name).expect("a valid name"), Base::Version(base.id));
    let to = run.time("commit of 1,000 changes", || commit(run, &store, on("changed"), edits))?;
    run.time("diff of 1,000 changes", || {
        run.runtime.block_on(store.diff(&base.id, &to.id, DiffOptions::default()))
    })?;
    let added = |n: u64| records(run).record(run.size + CHANGES + n);
    let edits = Edits::put((0..CHANGES).map(added).collect());
    run.time("commit of 1,000 additions", || commit(run, &store, on("grown"), edits))?;
    Ok(())
}

/// Returns how long it takes to write a small file and make it durable.
fn sync_time(dir: &Path) -> Duration {
    let start = Instant::now();
    let path = dir.join("sync");
    fs::write(&path, [0; 4096]).expect("writable");
    let file = File::open(&path).expect("written");
    file.sync_all().expect("it can be made durable");
    let time = start.elapsed();
    fs::remove_file(&path).expect("written");
    time
}
