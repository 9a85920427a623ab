use clap::Args;
use serde_json::json;
use ymir::evaluation::OutcomeOptions;
use ymir::{BranchKind, FindOptions, Query, Result};

use super::made;
use super::show::{record_object, records};
use crate::context::Context;
use crate::exit::Ending;
use crate::versions;

/// The arguments of `ymir outcomes`.
#[derive(Debug, Args)]
pub(crate) struct Outcomes {
    /// The dataset with the ground truth
    ground_truth: String,
    /// The prediction set
    predictions: String,
    /// Which images: `outcome:fn and class:WBC` (missed), `outcome:fp` (false alarms), `outcome:tp`
    query: Query,
    /// From which intersection over union on a prediction is a hit
    #[arg(long, default_value_t = 0.5, value_name = "0..1")]
    iou: f64,
    /// Takes predictions with a lower score as not made
    #[arg(long, value_name = "0..1")]
    min_score: Option<f64>,
    /// Lists at most this many records
    #[arg(long, default_value_t = 20, value_name = "N")]
    limit: usize,
    /// Makes a dataset of the images, with their ground truth
    #[arg(long, value_name = "DATASET")]
    into: Option<String>,
}

impl Outcomes {
    pub(crate) async fn run(self, context: &Context) -> Result<Ending> {
        let workspace = context.open().await?;
        let truth = versions::dataset(&workspace, &self.ground_truth).await?;
        let predictions = workspace.resolve(BranchKind::Prediction, &self.predictions).await?.id;
        let options = OutcomeOptions {
            iou_threshold: self.iou,
            min_score: self.min_score,
            ..Default::default()
        };
        let outcomes = workspace.outcomes(&truth, &predictions, options).await?;
        if let Some(into) = &self.into {
            let source = workspace.dataset_by_id(&truth).await?;
            let ids = outcomes.ids(&self.query, FindOptions::default()).await?;
            let work = async { Ok(vec![source.select(&ids, into).await?.version().clone()]) };
            made::operation(context, &workspace, work).await?;
            return Ok(Ending::Done);
        }
        let first = FindOptions { limit: self.limit, ..Default::default() };
        let page = outcomes.page(&self.query, first).await?;
        let classes = workspace.classes().await?;
        let value = json!({
            "total": page.total,
            "records": page.records.iter().map(|r| record_object(r, &classes)).collect::<Vec<_>>(),
        });
        context.out.result(&value, || records(&page, &classes, 0))?;
        Ok(Ending::Done)
    }
}
