use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ymir_core::{
    AssetId, AssetStore, Columns, Layout, LogLine, LogSource, Records, Result, ScanOptions,
    TaskContext, TaskKind, TaskReporter, TaskSpec, TmiKind, TmiRuntime,
};

use super::prepare::blocking;
use super::scoring;
use super::spec::{COUNT, TmiTask};
use crate::contract::{self, InferenceResult, ResultLimits, SampleSet, TrainingResult};

/// What an executor made, read and checked.
#[derive(Debug)]
pub(super) enum Results {
    Trained(TrainingResult),
    Inferred(InferenceResult),
    Mined {
        /// The chosen assets with their scores, highest first.
        chosen: Vec<(AssetId, f64)>,
        predictions: InferenceResult,
    },
}

/// Where the results of a unit are.
#[derive(Debug)]
struct Unit {
    dir: PathBuf,
    layout: Layout,
}

/// Reads and checks what the executor of a task wrote.
pub(super) async fn read(
    store: &Arc<dyn AssetStore>,
    runtime: &dyn TmiRuntime,
    task: &TaskContext,
) -> Result<Results> {
    let tmi = TmiTask::of(&task.spec)?;
    let kinds = tmi.kinds()?;
    let known = candidates(store.as_ref(), &tmi).await?;
    let unit = |dir: PathBuf| Unit { layout: runtime.layout(&tmi.executor.reference, &dir), dir };
    let units: Vec<_> = tmi.unit_dirs(&task.dir).into_iter().map(unit).collect();
    let (kind, reporter) = (task.spec.kind, task.reporter.clone());
    let count = task.spec.setting(COUNT)?.unwrap_or(u64::MAX);
    let limits = limits(&task.spec);
    blocking(move || match kind {
        TaskKind::Train => contract::read_training(&units[0].dir, &limits).map(Results::Trained),
        TaskKind::Mine => mined(&units, &kinds, &known, count, reporter.as_ref()),
        _ => predictions(&units, &known, reporter.as_ref()).map(Results::Inferred),
    })
    .await
}

/// Returns the assets that the executor was given to mine or infer.
async fn candidates(store: &dyn AssetStore, tmi: &TmiTask<'_>) -> Result<HashSet<AssetId>> {
    let mut known = HashSet::new();
    for (set, version) in tmi.sources() {
        if set == SampleSet::Candidates {
            let options = ScanOptions { columns: Columns::ASSETS, ..ScanOptions::default() };
            let mut records = Records::new(store.scan(&version, options));
            while let Some(page) = records.next_page().await? {
                known.extend(page.iter().map(|record| record.asset.id));
            }
        }
    }
    Ok(known)
}

fn mined(
    units: &[Unit],
    kinds: &[TmiKind],
    known: &HashSet<AssetId>,
    count: u64,
    reporter: &dyn TaskReporter,
) -> Result<Results> {
    let predictions = match kinds.contains(&TmiKind::Inference) {
        true => predictions(units, known, reporter)?,
        false => InferenceResult::default(),
    };
    let mut chosen = match kinds.contains(&TmiKind::Mining) {
        true => {
            let mut scored = Vec::new();
            for unit in units {
                scored.extend(contract::read_mining(&unit.dir, &unit.layout, &|id| {
                    known.contains(id)
                })?);
            }
            if units.len() > 1 {
                sort(&mut scored);
            }
            scored
        }
        false => rank(known, &predictions),
    };
    chosen.truncate(usize::try_from(count).unwrap_or(usize::MAX));
    Ok(Results::Mined { chosen, predictions })
}

/// Scores the candidates by the predictions on them.
fn rank(known: &HashSet<AssetId>, predictions: &InferenceResult) -> Vec<(AssetId, f64)> {
    let score =
        |id: &AssetId| predictions.annotations.get(id).map_or(0.0, |found| scoring::score(found));
    let mut ranked: Vec<_> = known.iter().map(|id| (*id, score(id))).collect();
    sort(&mut ranked);
    ranked
}

/// Sorts by score, highest first; equal scores in the order of the ids.
fn sort(scored: &mut [(AssetId, f64)]) {
    scored.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
}

/// Reads what an executor predicted, and logs what is left out.
fn predictions(
    units: &[Unit],
    known: &HashSet<AssetId>,
    reporter: &dyn TaskReporter,
) -> Result<InferenceResult> {
    let mut all = InferenceResult::default();
    for unit in units {
        let result = contract::read_inference(&unit.dir, &|id| known.contains(id))?;
        all.without_score += result.without_score;
        all.invalid += result.invalid;
        all.annotations.extend(result.annotations);
    }
    let dropped = all.without_score + all.invalid;
    if dropped > 0 {
        let text = format!("{dropped} boxes without a usable score or size are left out");
        reporter.log(LogLine { source: LogSource::Ymir, text }, None);
    }
    Ok(all)
}

fn limits(spec: &TaskSpec) -> ResultLimits {
    ResultLimits { model_bytes: spec.limits.model_bytes }
}

/// Returns what can be used of what an executor wrote that did not end well.
pub(super) fn salvage(spec: &TaskSpec, task_dir: &Path) -> Option<String> {
    if spec.kind != TaskKind::Train {
        return None;
    }
    let partial = contract::read_partial_training(task_dir, &limits(spec))?;
    let names: Vec<_> = partial.stages.iter().map(|stage| stage.name.as_str()).collect();
    let folder = task_dir.join("out/models");
    let names = names.join(", ");
    Some(format!("the stages written so far are kept in {}: {names}", folder.display()))
}
