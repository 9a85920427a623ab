use clap::Args;
use ymir::{BranchKind, Query, Result};

use super::{dataset, model, project};
use crate::args::Kind;
use crate::context::Context;
use crate::exit::Ending;
use crate::versions;

/// The arguments of `ymir show`.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The version: name, name@v3, name@latest or name@<commit>
    version: String,
    /// What is meant by the name; by default the dataset, else the project, model or prediction
    /// set of the name
    #[arg(long)]
    kind: Option<Kind>,
    /// Lists this many records too
    #[arg(long, default_value_t = 0, value_name = "N")]
    limit: usize,
    /// Passes over this many records
    #[arg(long, default_value_t = 0, value_name = "N", requires = "limit")]
    offset: u64,
    /// Lists records with this class only
    #[arg(long, value_name = "NAME", requires = "limit")]
    class: Option<String>,
    /// Counts the assets that a query is true of, and lists only their records:
    /// `class:coin and area<0.01`
    #[arg(long = "where", value_name = "QUERY", conflicts_with = "class")]
    query: Option<Query>,
}

impl Show {
    pub(crate) async fn run(self, context: &Context) -> Result<Ending> {
        let workspace = context.open().await?;
        let version = versions::find(&workspace, self.kind.map(Into::into), &self.version).await?;
        match version.branch.kind {
            BranchKind::Dataset | BranchKind::Prediction => {
                let Self { limit, offset, class, query, .. } = self;
                let page = dataset::PageArgs { limit, offset, class, query };
                dataset::show(context, &workspace, &version, &page).await?;
            }
            BranchKind::Model => model::show(context, &workspace, &version).await?,
            BranchKind::Project => project::show(context, &workspace, &version).await?,
        }
        Ok(Ending::Done)
    }
}
