//! Measures the dataset store on synthetic records: 5 boxes each, of 10 classes.
//!
//! `cargo bench -p ymir-benches --bench store -- [ASSETS]... [--in FOLDER] [--out FILE]`

mod cache;
mod history;
mod operate;
mod read;
mod write;

use ymir::testkit::generate::records::SyntheticRecords;
use ymir::{
    AssetStore, Base, Branch, ClassId, CommitRequest, Edits, Expect, GitAssetStore, Manifest,
    Result, Selector, Version,
};
use ymir_benches::harness::{self, Phase, Run};
use ymir_benches::measure::folder_size;

const MILLION: u64 = 1_000_000;

/// The class that is asked for.
const CLASS: ClassId = ClassId(3);

const PHASES: [Phase; 15] = [
    Phase { name: "commit", work: write::commit_all, up_to: u64::MAX },
    Phase { name: "page", work: read::cold_page, up_to: u64::MAX },
    Phase { name: "class-page", work: read::cold_class_page, up_to: u64::MAX },
    Phase { name: "lookup", work: read::cold_lookup, up_to: u64::MAX },
    Phase { name: "statistics", work: read::cold_statistics, up_to: u64::MAX },
    Phase { name: "one", work: write::commit_one, up_to: u64::MAX },
    Phase { name: "pages", work: read::warm_pages, up_to: u64::MAX },
    Phase { name: "lookups", work: read::warm_lookups, up_to: u64::MAX },
    Phase { name: "ids", work: read::ids, up_to: MILLION },
    Phase { name: "scan", work: read::scan, up_to: u64::MAX },
    Phase { name: "cache", work: cache::cache, up_to: MILLION },
    Phase { name: "history", work: history::history, up_to: MILLION },
    Phase { name: "change", work: write::change, up_to: MILLION },
    Phase { name: "query", work: operate::query, up_to: MILLION },
    Phase { name: "operate", work: operate::operate, up_to: MILLION },
];

fn main() {
    harness::main("store", env!("CARGO_TARGET_TMPDIR"), &PHASES);
}

fn records(run: &Run) -> SyntheticRecords {
    SyntheticRecords { assets: run.size, boxes: 5, classes: 10, seed: 1 }
}

fn branch() -> Branch {
    Branch::dataset("bench").expect("a valid name")
}

fn open(run: &Run) -> Result<GitAssetStore> {
    GitAssetStore::open(&run.root)
}

fn tip(run: &Run, store: &GitAssetStore) -> Result<Version> {
    run.runtime.block_on(store.resolve(&branch(), &Selector::Latest))
}

fn commit(
    run: &Run,
    store: &GitAssetStore,
    (branch, base): (Branch, Base),
    edits: Edits,
) -> Result<Version> {
    let (expect, manifest) = (Expect::Any, Manifest::default());
    let message = "Measure".to_owned();
    let request = CommitRequest { branch, base, edits, expect, manifest, message };
    run.runtime.block_on(store.commit(request))
}

/// Returns how large the repository is, in bytes.
fn size(run: &Run) -> u64 {
    folder_size(&run.root.join("repo.git")).expect("the repository can be read")
}
