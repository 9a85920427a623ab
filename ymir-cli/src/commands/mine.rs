use clap::Args;
use ymir::{MineOptions, Name, Result, TmiKind};

use crate::args::Run;
use crate::context::Context;
use crate::exit::Ending;
use crate::versions;

/// The arguments of `ymir mine`.
#[derive(Debug, Args)]
pub(crate) struct Mine {
    /// The dataset to choose from
    #[arg(long, value_name = "DATASET")]
    candidates: String,
    /// The model whose gain is looked for
    #[arg(long, value_name = "MODEL")]
    model: String,
    /// Its stage, if not its best one
    #[arg(long)]
    stage: Option<String>,
    /// How many assets to choose at most
    #[arg(long, value_name = "N")]
    count: u64,
    /// The dataset of the chosen assets, which come without annotations
    #[arg(long, value_name = "DATASET")]
    into: Name,
    /// The prediction set of what the model says about the chosen assets, if it is wanted
    #[arg(long, value_name = "PREDICTIONS")]
    predictions: Option<Name>,
    #[command(flatten)]
    run: Run,
}

impl Mine {
    pub(crate) async fn run(self, context: &Context) -> Result<Ending> {
        let workspace = context.open_for_tasks().await?;
        let options = MineOptions {
            task: self.run.options(&workspace, &[TmiKind::Mining, TmiKind::Inference]).await?,
            candidates: versions::dataset(&workspace, &self.candidates).await?,
            model: versions::model(&workspace, &self.model).await?,
            stage: self.stage,
            count: self.count,
            selected: self.into,
            predictions: self.predictions,
        };
        let task = workspace.start_mine(&options).await?;
        self.run.finish(context, &workspace, "mine", &task.untyped()).await
    }
}
