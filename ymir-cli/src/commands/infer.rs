use clap::Args;
use ymir::{InferOptions, Name, Result, TaskOptions, TmiKind, UnknownClasses};

use crate::args::Run;
use crate::context::Context;
use crate::exit::Ending;
use crate::versions;

/// The arguments of `ymir infer`.
#[derive(Debug, Args)]
pub(crate) struct Infer {
    /// The dataset to look at
    #[arg(long, value_name = "DATASET")]
    dataset: String,
    /// The model
    #[arg(long, value_name = "MODEL")]
    model: String,
    /// Its stage, if not its best one
    #[arg(long)]
    stage: Option<String>,
    /// The name of the prediction set
    #[arg(long, value_name = "PREDICTIONS")]
    into: Name,
    /// What to do with predictions of classes that the workspace does not know: stop, ignore, add
    /// or keep
    #[arg(long, default_value = "stop", value_name = "HOW")]
    unknown_classes: UnknownClasses,
    #[command(flatten)]
    run: Run,
}

impl Infer {
    pub(crate) async fn run(self, context: &Context) -> Result<Ending> {
        let workspace = context.open_for_tasks().await?;
        let task = self.run.options(&workspace, &[TmiKind::Inference]).await?;
        let options = InferOptions {
            task: TaskOptions { unknown_classes: self.unknown_classes, ..task },
            dataset: versions::dataset(&workspace, &self.dataset).await?,
            model: versions::model(&workspace, &self.model).await?,
            stage: self.stage,
            predictions: self.into,
        };
        let task = workspace.start_infer(&options).await?;
        self.run.finish(context, &workspace, "infer", &task.untyped()).await
    }
}
