use std::time::Instant;

use ymir::{
    AssetStore, Base, Branch, CommitRequest, Edits, Expect, GitAssetStore, LogOptions, Manifest,
    Result, Selector, TaskRecord,
};
use ymir_benches::harness::Run;
use ymir_benches::report::Row;

use super::open;

/// How many versions the branches have in which one is looked for.
const VERSIONS: [u64; 2] = [10, 2000];
const REPEATS: usize = 20;

/// Looks something up, and returns whether it is there.
type Lookup<'a> = dyn Fn(&GitAssetStore) -> Result<bool> + 'a;

/// Measures what it costs to look up the oldest version of a branch, by handles that have read
/// nothing yet.
pub(super) fn history(run: &Run) -> Result<()> {
    for versions in VERSIONS {
        let branch = Branch::dataset(&format!("history-{versions}"))?;
        let store = open(run)?;
        for n in 0..versions {
            run.runtime.block_on(store.commit(made(&branch, n)))?;
        }
        let newest = LogOptions { before: None, limit: 10 };
        let rows: [(&str, &Lookup<'_>); 3] = [
            ("by its fingerprint", &|store| {
                let found = store.find_by_fingerprint(&branch, "work 0");
                Ok(run.runtime.block_on(found)?.is_some())
            }),
            ("by its number", &|store| {
                let found = store.resolve(&branch, &Selector::Number(1));
                Ok(run.runtime.block_on(found)?.number == 1)
            }),
            ("(the newest 10)", &|store| {
                let log = store.log(&branch, newest);
                Ok(run.runtime.block_on(log)?.len() == 10)
            }),
        ];
        for (what, look) in rows {
            let (mut times, mut reads) = (Vec::new(), 0);
            for _ in 0..REPEATS {
                let store = open(run)?;
                let start = Instant::now();
                assert!(look(&store)?);
                times.push(start.elapsed());
                reads = store.stats().objects_read;
            }
            let what = format!("oldest of {versions} versions {what}, {reads} objects read");
            run.row(Row::new(what, times));
        }
    }
    Ok(())
}

fn made(branch: &Branch, n: u64) -> CommitRequest {
    let task = TaskRecord { fingerprint: format!("work {n}"), ..TaskRecord::default() };
    CommitRequest {
        branch: branch.clone(),
        base: Base::Tip,
        edits: Edits::none(),
        expect: Expect::Any,
        manifest: Manifest { task, ..Manifest::default() },
        message: format!("Measure {n}"),
    }
}
