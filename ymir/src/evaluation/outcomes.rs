use std::ops::ControlFlow;
use std::sync::Arc;

use ymir_core::{
    AssetId, AssetStore, FindOptions, Matcher, Page, Query, Record, Records, Result, VersionId,
};
use ymir_eval::{OutcomeOptions, mark_outcomes};

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
