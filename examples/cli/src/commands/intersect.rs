use clap::Args;
use ymir::Result;

use super::made;
use crate::context::Context;
use crate::exit::Ending;

/// The arguments of `ymir intersect`.
#[derive(Debug, Args)]
pub(crate) struct Intersect {
    /// The version whose records are taken
    version: String,
    /// The versions that must have the assets too
    #[arg(required = true)]
    others: Vec<String>,
    /// The dataset that gets the new version
    #[arg(long, value_name = "DATASET")]
    into: String,
}

impl Intersect {
    pub(crate) async fn run(self, context: &Context) -> Result<Ending> {
        let workspace = context.open().await?;
        let source = workspace.dataset(&self.version).await?;
        let mut others = Vec::new();
        for other in &self.others {
            others.push(workspace.dataset(other).await?);
        }
        let bar = context.out.bar("intersect");
        let work = async {
            let made = source.intersect(&others, &self.into, &made::on_bar(&bar)).await?;
            Ok(vec![made.version().clone()])
        };
        made::operation(context, &workspace, work).await?;
        Ok(Ending::Done)
    }
}
