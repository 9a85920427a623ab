use clap::Args;
use ymir::{Dataset, Result};

use super::made;
use crate::context::Context;
use crate::exit::Ending;

/// The arguments of `ymir intersect` and `ymir exclude`.
#[derive(Debug, Args)]
pub(crate) struct SetOperation {
    /// The version whose records are taken
    version: String,
    /// The versions that it is held against
    #[arg(required = true)]
    others: Vec<String>,
    /// The dataset that gets the new version
    #[arg(long, value_name = "DATASET")]
    into: String,
}

impl SetOperation {
    pub(crate) async fn intersect(self, context: &Context) -> Result<Ending> {
        let bar = context.out.bar("intersect");
        let intersect = async |source: Dataset, others: &[Dataset], into: &str| {
            source.intersect(others, into).on_progress(made::on_bar(&bar)).await
        };
        self.run(context, intersect).await
    }

    pub(crate) async fn exclude(self, context: &Context) -> Result<Ending> {
        let exclude = async |source: Dataset, others: &[Dataset], into: &str| {
            source.exclude(others, into).await
        };
        self.run(context, exclude).await
    }

    async fn run(
        self,
        context: &Context,
        make: impl AsyncFnOnce(Dataset, &[Dataset], &str) -> Result<Dataset>,
    ) -> Result<Ending> {
        let workspace = context.open().await?;
        let source = workspace.dataset(&self.version).await?;
        let mut others = Vec::new();
        for other in &self.others {
            others.push(workspace.dataset(other).await?);
        }
        let work = async { Ok(vec![make(source, &others, &self.into).await?.version().clone()]) };
        made::operation(context, &workspace, work).await?;
        Ok(Ending::Done)
    }
}
