use clap::Args;
use ymir::{Name, Result, TmiKind, TrainOptions};

use crate::args::Run;
use crate::context::Context;
use crate::exit::Ending;
use crate::versions;

/// The arguments of `ymir train`.
#[derive(Debug, Args)]
pub(crate) struct Train {
    /// The dataset to learn from
    #[arg(long, value_name = "DATASET")]
    training: String,
    /// The dataset that the executor scores itself on
    #[arg(long, value_name = "DATASET")]
    validation: String,
    /// The classes to learn, in the order of the model's outputs
    #[arg(long, required = true, value_delimiter = ',', value_name = "NAME,…")]
    classes: Vec<String>,
    /// The name of the model
    #[arg(long, value_name = "MODEL")]
    into: Name,
    /// The model to start from
    #[arg(long, value_name = "MODEL")]
    from: Option<String>,
    /// Its stage, if not its best one
    #[arg(long, requires = "from")]
    stage: Option<String>,
    #[command(flatten)]
    run: Run,
}

impl Train {
    pub(crate) async fn run(self, context: &Context) -> Result<Ending> {
        let workspace = context.open_for_tasks().await?;
        let pretrained = match &self.from {
            Some(model) => Some(versions::model(&workspace, model).await?),
            None => None,
        };
        let options = TrainOptions {
            task: self.run.options(&workspace, &[TmiKind::Training]).await?,
            classes: self.classes,
            training: versions::dataset(&workspace, &self.training).await?,
            validation: versions::dataset(&workspace, &self.validation).await?,
            pretrained,
            stage: self.stage,
            model: self.into,
        };
        let task = workspace.start_train(&options).await?;
        self.run.finish(context, &workspace, "train", &task.untyped()).await
    }
}
