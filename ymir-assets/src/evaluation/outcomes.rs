use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use ymir_core::{
    Annotation, AssetId, AssetStore, ClassId, Error, FindOptions, Matcher, OUTCOME, Page, Query,
    Record, Records, Result, VersionId,
};

use super::collect::{Detection, Truth};
use super::matching::{Outcome, Scratch};

/// How it is decided what a prediction is: hit or not.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OutcomeOptions {
    /// The intersection over union, in (0, 1], from which on a prediction is a hit.
    pub iou_threshold: f64,
    /// Predictions with a lower score, 0 to 1, are taken as not made; every one counts by default.
    pub min_score: Option<f64>,
    /// Whether objects marked difficult are neither to be found nor wrong to find.
    pub ignore_difficult: bool,
}

impl Default for OutcomeOptions {
    /// An intersection over union of 0.5, and every prediction.
    fn default() -> Self {
        Self { iou_threshold: 0.5, min_score: None, ignore_difficult: false }
    }
}

impl OutcomeOptions {
    fn check(&self) -> Result<()> {
        if !(self.iou_threshold > 0.0 && self.iou_threshold <= 1.0) {
            return Err(Error::invalid("an IoU threshold must be above 0 and at most 1")
                .with("field", "iou_threshold")
                .with("value", self.iou_threshold));
        }
        if let Some(wrong) = self.min_score.filter(|score| !(0.0..=1.0).contains(score)) {
            return Err(Error::invalid("a score must be from 0 to 1")
                .with("field", "min_score")
                .with("value", wrong));
        }
        Ok(())
    }
}

/// Returns the predictions on one image and the objects that they missed, each with what it is in
/// its attribute [`OUTCOME`]: `tp` for a hit, `fp` for a prediction without an object, `fn` for an
/// object without a prediction, `ignored` for a prediction of an object that is not to be found (a
/// crowd).
///
/// They are matched as in [`evaluate`](super::evaluate): by class, the prediction with the highest
/// score first. Annotations outside the class table have no outcome and are left out.
pub fn mark_outcomes(
    ground_truth: &[Annotation],
    predictions: &[Annotation],
    options: &OutcomeOptions,
) -> Vec<Annotation> {
    let is_made = |annotation: &Annotation| {
        options.min_score.is_none_or(|least| annotation.score.unwrap_or(1.0) >= least)
    };
    let mut marked = Vec::new();
    let mut scratch = Scratch::default();
    for class in classes(ground_truth.iter().chain(predictions)) {
        let is_of = |annotation: &&Annotation| annotation.class.id() == Some(class);
        let objects: Vec<_> = ground_truth.iter().filter(is_of).collect();
        let found: Vec<_> = predictions.iter().filter(is_of).filter(|a| is_made(a)).collect();
        let truth = |object: &&Annotation| Truth::new(0, object, options.ignore_difficult);
        let truths: Vec<_> = objects.iter().map(truth).collect();
        let detections: Vec<_> = found.iter().map(|found| Detection::new(0, found)).collect();
        let (outcomes, left) = scratch.mark_image(&truths, &detections, options.iou_threshold);
        for (annotation, outcome) in found.into_iter().zip(outcomes) {
            let name = match outcome {
                Outcome::Hit => "tp",
                Outcome::Miss => "fp",
                Outcome::Ignored => "ignored",
            };
            marked.push(with_outcome(annotation, name));
        }
        let missed = objects.into_iter().zip(left).filter(|(_, left)| *left);
        marked.extend(missed.map(|(object, _)| with_outcome(object, "fn")));
    }
    marked
}

fn classes<'a>(annotations: impl Iterator<Item = &'a Annotation>) -> BTreeSet<ClassId> {
    annotations.filter_map(|annotation| annotation.class.id()).collect()
}

fn with_outcome(annotation: &Annotation, outcome: &str) -> Annotation {
    let mut marked = annotation.clone();
    marked.attributes.insert(OUTCOME.to_owned(), outcome.to_owned());
    marked
}

/// What became of the predictions on a ground-truth version, to be asked: where are the misses?
///
/// Each asset of the ground truth stands there with what [`mark_outcomes`] returns in place of its
/// annotations, so that a query such as `outcome:fn and class:WBC` finds the images on which a WBC
/// was missed. Nothing is stored; each question reads both versions side by side, once,
/// a page at a time; the search for ids ends as soon as it has those asked for.
#[derive(Debug, Clone)]
pub struct Outcomes {
    store: Arc<dyn AssetStore>,
    ground_truth: VersionId,
    predictions: VersionId,
    options: OutcomeOptions,
}

impl Outcomes {
    /// Returns the outcomes of predictions on a ground-truth version.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a threshold or score that makes no sense.
    pub fn new(
        store: &Arc<dyn AssetStore>,
        ground_truth: VersionId,
        predictions: VersionId,
        options: OutcomeOptions,
    ) -> Result<Self> {
        options.check()?;
        Ok(Self { store: store.clone(), ground_truth, predictions, options })
    }

    /// Returns the ids of the assets that a query is true of, in their order.
    ///
    /// # Errors
    ///
    /// As [`AssetStore::find`].
    pub async fn ids(&self, query: &Query, options: FindOptions) -> Result<Vec<AssetId>> {
        let (mut ids, mut window) = (Vec::new(), Window(options));
        if window.is_full() {
            return Ok(ids);
        }
        self.each(query, |record| {
            if window.takes(&record.asset.id) {
                ids.push(record.asset.id);
            }
            if window.is_full() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .await?;
        Ok(ids)
    }

    /// Returns how many assets a query is true of.
    ///
    /// # Errors
    ///
    /// As [`AssetStore::find`].
    pub async fn count(&self, query: &Query) -> Result<u64> {
        let mut count = 0;
        self.each(query, |_| {
            count += 1;
            ControlFlow::Continue(())
        })
        .await?;
        Ok(count)
    }

    /// Returns the assets that a query is true of, in the order of their ids, with the predictions
    /// and the objects that were missed, and how many there are in all.
    ///
    /// # Errors
    ///
    /// As [`AssetStore::find`].
    pub async fn page(&self, query: &Query, options: FindOptions) -> Result<Page> {
        let (mut page, mut window) = (Page { records: Vec::new(), total: 0 }, Window(options));
        self.each(query, |record| {
            page.total += 1;
            if window.takes(&record.asset.id) {
                page.records.push(record);
            }
            ControlFlow::Continue(())
        })
        .await?;
        Ok(page)
    }

    /// Hands over the assets that a query is true of, in the order of their ids.
    async fn each(
        &self,
        query: &Query,
        mut take: impl FnMut(Record) -> ControlFlow<()>,
    ) -> Result<()> {
        let matcher = Matcher::new(query, &self.store.classes().await?)?;
        let mut truths = Records::all(self.store.as_ref(), self.ground_truth);
        let mut found = Records::all(self.store.as_ref(), self.predictions);
        while let Some(truth) = truths.next().await? {
            let id = truth.asset.id;
            while found.next_if(|record| record.asset.id < id).await?.is_some() {}
            let here = found.next_if(|record| record.asset.id == id).await?;
            let here = here.map(|record| record.annotations).unwrap_or_default();
            let annotations = mark_outcomes(&truth.annotations, &here, &self.options);
            let record = Record { asset: truth.asset, annotations };
            if matcher.matches(&record) && take(record).is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// What is still to be passed over and to be taken of the assets that a query is true of.
struct Window(FindOptions);

impl Window {
    /// Returns whether an asset is to be taken; they are asked for in the order of their ids.
    fn takes(&mut self, id: &AssetId) -> bool {
        let FindOptions { after, offset, limit } = &mut self.0;
        if *limit == 0 || after.is_some_and(|after| *id <= after) {
            return false;
        }
        if *offset > 0 {
            *offset -= 1;
            return false;
        }
        *limit -= 1;
        true
    }

    fn is_full(&self) -> bool {
        self.0.limit == 0
    }
}
