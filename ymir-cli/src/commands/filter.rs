use clap::Args;
use ymir::{Query, Result};

use super::made;
use crate::args::Kind;
use crate::context::Context;
use crate::exit::Ending;

/// The arguments of `ymir filter`.
#[derive(Debug, Args)]
pub(crate) struct Filter {
    /// The version: name, name@v3, name@latest or name@<commit>
    version: String,
    /// What the assets must be: `class:WBC and area<0.01 and camera=3`, `not class:RBC`
    query: Query,
    /// The dataset that gets the new version
    #[arg(long, value_name = "DATASET")]
    into: String,
    /// What the version is of
    #[arg(long, default_value = "dataset")]
    kind: Kind,
}

impl Filter {
    pub(crate) async fn run(self, context: &Context) -> Result<Ending> {
        let workspace = context.open().await?;
        let version = workspace.resolve(self.kind.into(), &self.version).await?;
        let source = workspace.dataset_by_id(&version.id).await?;
        let bar = context.out.bar("filter");
        let work = async {
            let made =
                source.filter(&self.query, &self.into).on_progress(made::on_bar(&bar)).await?;
            Ok(vec![made.version().clone()])
        };
        made::operation(context, &workspace, work).await?;
        Ok(Ending::Done)
    }
}
