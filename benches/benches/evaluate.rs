//! Measures COCO's evaluation of boxes: 7 objects and 15 detections per image, 80 classes.
//!
//! `cargo bench -p ymir-benches --bench evaluate -- [IMAGES]... [--in FOLDER] [--out FILE]`

use std::sync::Arc;

use ymir::evaluation::{EvaluationOptions, evaluate_versions};
use ymir::{AssetStore, GitAssetStore, Result};
use ymir_benches::detections;
use ymir_benches::harness::{self, Phase, Run};

const PHASES: [Phase; 2] = [
    Phase { name: "commit", work: commit, up_to: u64::MAX },
    Phase { name: "evaluate", work: evaluate, up_to: u64::MAX },
];

fn main() {
    harness::main("evaluate", env!("CARGO_TARGET_TMPDIR"), &PHASES);
}

fn commit(run: &Run) -> Result<()> {
    let store = GitAssetStore::init(&run.root)?;
    run.runtime.block_on(detections::commit(&store, run.size))
}

fn evaluate(run: &Run) -> Result<()> {
    let store: Arc<dyn AssetStore> = Arc::new(GitAssetStore::open(&run.root)?);
    let (truth, found) = run.runtime.block_on(detections::latest(&store))?;
    let options = EvaluationOptions::default();
    let evaluation = run.time("evaluation, reading included", || {
        run.runtime.block_on(evaluate_versions(&store, &truth, &found, &options))
    })?;
    assert!(evaluation.numbers().iter().all(Option::is_some));
    Ok(())
}
