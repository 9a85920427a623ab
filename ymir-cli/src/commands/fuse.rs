use clap::Args;
use ymir::{FuseRequest, MergeStrategy, Query, Result};

use super::made;
use crate::context::Context;
use crate::exit::Ending;

/// The arguments of `ymir fuse`.
#[derive(Debug, Args)]
pub(crate) struct Fuse {
    /// The versions that are joined
    #[arg(required = true)]
    sources: Vec<String>,
    /// The dataset that gets the new version
    #[arg(long, value_name = "DATASET")]
    into: String,
    /// What to do with assets that several have with different annotations: stop, ours (the first
    /// counts) or theirs (the last counts)
    #[arg(long, default_value = "stop", value_name = "HOW")]
    strategy: MergeStrategy,
    /// A version whose assets are left out; may be repeated
    #[arg(long = "exclude", value_name = "VERSION")]
    excluded: Vec<String>,
    /// Only records that this query is true of
    #[arg(long = "where", value_name = "QUERY", default_value = "all")]
    query: Query,
    /// Only so many, chosen by chance
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// Only this share, 0 to 1, chosen by chance
    #[arg(long, value_name = "SHARE", conflicts_with = "count")]
    rate: Option<f64>,
    /// What the choice starts from
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

impl Fuse {
    pub(crate) async fn run(self, context: &Context) -> Result<Ending> {
        let workspace = context.open().await?;
        let Self { sources, into, strategy, excluded, query, count, rate, seed } = self;
        let request = FuseRequest { sources, into, strategy, excluded, query, count, rate, seed };
        let options = request.resolve(&workspace).await?;
        let bar = context.out.bar("fuse");
        let work = async {
            let made =
                workspace.fuse(&options, &request.into).on_progress(made::on_bar(&bar)).await?;
            Ok(vec![made.version().clone()])
        };
        made::operation(context, &workspace, work).await?;
        Ok(Ending::Done)
    }
}
