use clap::Args;
use ymir::Result;

use super::made;
use crate::context::Context;
use crate::exit::Ending;

/// The arguments of `ymir sample`.
#[derive(Debug, Args)]
pub(crate) struct Sample {
    /// The version: name, name@v3, name@latest or name@<commit>
    version: String,
    #[command(flatten)]
    size: Size,
    /// What the choice starts from
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The dataset that gets the new version
    #[arg(long, value_name = "DATASET")]
    into: String,
}

/// How much is taken.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Size {
    /// So many assets
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// This share of them, 0 to 1
    #[arg(long, value_name = "SHARE")]
    rate: Option<f64>,
}

impl Sample {
    pub(crate) async fn run(self, context: &Context) -> Result<Ending> {
        let workspace = context.open().await?;
        let source = workspace.dataset(&self.version).await?;
        let (seed, into) = (self.seed, &self.into);
        let work = async {
            let made = match (self.size.count, self.size.rate) {
                (Some(count), _) => source.sample(count, seed, into).await?,
                (None, rate) => source.sample_rate(rate.unwrap_or_default(), seed, into).await?,
            };
            Ok(vec![made.version().clone()])
        };
        made::operation(context, &workspace, work).await?;
        Ok(Ending::Done)
    }
}
