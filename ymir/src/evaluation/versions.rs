use std::sync::Arc;

use ymir_core::{AssetStore, ClassId, Records, Result, VersionId};
use ymir_eval::{Collector, Evaluation, EvaluationOptions, evaluate_collected};
use ymir_formats::support::blocking;

/// Returns how well a version's annotations, as predictions, meet those of a ground-truth version.
///
/// Every image of the ground truth counts, also where nothing was predicted; predictions on other
/// images are counted in [`Evaluation::predictions_outside`] and else ignored. The classes are
/// those that occur in either version; annotations outside the class table
/// ([`Class::Name`](ymir_core::Class::Name)) are ignored. Reads both versions once, page by page:
/// only boxes, classes and scores are kept in memory.
///
/// # Errors
///
/// `NotFound` if a version does not exist; `InvalidInput` as [`EvaluationOptions::check`].
pub async fn evaluate_versions(
    store: &Arc<dyn AssetStore>,
    ground_truth: &VersionId,
    predictions: &VersionId,
    options: &EvaluationOptions,
) -> Result<Evaluation> {
    options.check()?;
    let truth_summary = store.manifest(ground_truth).await?.summary;
    let found_summary = store.manifest(predictions).await?.summary;
    let classes = truth_summary.classes.keys().chain(found_summary.classes.keys());
    let classes: Vec<ClassId> = classes.copied().collect();

    let mut collector = Collector::new(&classes, options.ignore_difficult);
    let mut outside = 0;
    let mut truths = Records::all(store.as_ref(), *ground_truth);
    let mut found = Records::all(store.as_ref(), *predictions);
    while let Some(truth) = truths.next().await? {
        let id = truth.asset.id;
        while let Some(early) = found.next_if(|record| record.asset.id < id).await? {
            outside += early.annotations.len() as u64;
        }
        let here = found.next_if(|record| record.asset.id == id).await?;
        let here = here.map(|record| record.annotations).unwrap_or_default();
        collector.add(&truth.annotations, &here);
    }
    while let Some(late) = found.next().await? {
        outside += late.annotations.len() as u64;
    }

    let options = options.clone();
    let mut evaluation = blocking(move || Ok(evaluate_collected(collector, &options))).await?;
    evaluation.predictions_outside = outside;
    Ok(evaluation)
}
