use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use ymir::{BranchKind, LabelOptions, LabelStatus, LabelerSpec, Name, Result, Workspace};

use super::made;
use crate::context::Context;
use crate::exit::Ending;
use crate::versions;

/// The arguments of `ymir label`.
#[derive(Debug, Args)]
pub(crate) struct Label {
    /// The dataset whose assets are labeled
    dataset: String,
    /// The classes that the labeler may use
    #[arg(long, required = true, value_delimiter = ',', value_name = "NAME,…")]
    classes: Vec<String>,
    /// The dataset that what comes back is committed to
    #[arg(long, value_name = "DATASET")]
    into: Name,
    #[command(flatten)]
    labeler: Labeler,
    /// What a model said about the assets, for the labeler to correct
    #[arg(long, value_name = "PREDICTIONS")]
    pre_annotations: Option<String>,
    /// Instructions for the people who label
    #[arg(long, value_name = "TEXT", default_value = "Draw a tight box around every object.")]
    instructions: String,
    /// Waits until the labeler is done; this is the default
    #[arg(long, conflicts_with = "no_wait")]
    wait: bool,
    /// Ends with exit code 10 if the labeler is not done yet
    #[arg(long)]
    no_wait: bool,
    /// Takes the job back; what was labeled is lost
    #[arg(long, conflicts_with_all = ["wait", "no_wait"])]
    cancel: bool,
}

/// Who labels.
#[derive(Debug, Clone, Args)]
#[group(multiple = false)]
pub(crate) struct Labeler {
    /// Answers from this annotated dataset, for experiments
    #[arg(long, value_name = "DATASET")]
    pub(crate) oracle: Option<String>,
    /// Exchanges images and annotations through this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
}

impl Labeler {
    /// Returns the labeler, if one was named.
    pub(crate) async fn spec(&self, workspace: &Workspace) -> Result<Option<LabelerSpec>> {
        if let Some(oracle) = &self.oracle {
            let truth = versions::dataset(workspace, oracle).await?;
            return Ok(Some(LabelerSpec::Oracle { truth }));
        }
        let Some(folder) = &self.folder else { return Ok(None) };
        let path = std::path::absolute(folder)
            .map_err(|e| ymir::Error::io("cannot use the folder for labels", folder, e))?;
        Ok(Some(LabelerSpec::Folder { path }))
    }
}

impl Label {
    pub(crate) async fn run(self, context: &Context) -> Result<Ending> {
        let workspace = context.open().await?;
        let labeler = self.labeler.spec(&workspace).await?.ok_or_else(|| {
            ymir::Error::invalid(
                "who labels? name an annotated dataset by --oracle or a folder by --folder",
            )
        })?;
        let pre_annotations = match &self.pre_annotations {
            Some(spec) => Some(workspace.resolve(BranchKind::Prediction, spec).await?.id),
            None => None,
        };
        let options = LabelOptions {
            labeler,
            dataset: versions::dataset(&workspace, &self.dataset).await?,
            pre_annotations,
            classes: self.classes,
            instructions: self.instructions,
            labeled: self.into,
        };
        if self.cancel {
            workspace.cancel_label_job(&options).await?;
            context.out.result(&json!({ "cancelled": true }), || "cancelled\n".to_owned())?;
            return Ok(Ending::Done);
        }
        let job = workspace.create_label_job(&options).await?;
        let mut status = workspace.label_status(&options).await?;
        if !status.finished && self.no_wait {
            let value = json!({
                "waiting": true, "job": job, "labeled": status.labeled, "total": status.total,
            });
            context.out.result(&value, || waiting(&status, self.labeler.folder.as_deref()))?;
            return Ok(Ending::WaitingForLabels);
        }
        let bar = context.out.bar("label");
        let mut pause = Duration::from_millis(50);
        while !status.finished {
            bar.set(status.labeled as f64 / status.total.max(1) as f64, "waits for labels");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(2));
            status = workspace.label_status(&options).await?;
        }
        drop(bar);
        let version = workspace.collect_labels(&options).await?;
        made::labeled(context, &workspace, version, &status).await?;
        Ok(Ending::Done)
    }
}

/// Returns what is said where labels are missing.
pub(super) fn waiting(status: &LabelStatus, folder: Option<&std::path::Path>) -> String {
    let place = folder.map(|folder| format!(" in {}", folder.display())).unwrap_or_default();
    format!(
        "waiting for labels{place}: {} of {} assets are labeled; run the command again when they are done\n",
        status.labeled, status.total
    )
}
