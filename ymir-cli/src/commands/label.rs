use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde_json::json;
use ymir::{BranchKind, LabelOptions, LabelStatus, LabelerSpec, Name, Result, Workspace};

use super::made;
use crate::context::Context;
use crate::exit::Ending;
use crate::output::Table;
use crate::versions;

/// The arguments of `ymir label`.
#[derive(Debug, Args)]
pub(crate) struct Label {
    /// The dataset whose assets are labeled
    #[arg(required_unless_present = "list")]
    dataset: Option<String>,
    /// The classes that the labeler may use
    #[arg(long, required_unless_present = "list", value_delimiter = ',', value_name = "NAME,…")]
    classes: Vec<String>,
    /// The dataset that the labels are committed to
    #[arg(long, required_unless_present = "list", value_name = "DATASET")]
    into: Option<Name>,
    #[command(flatten)]
    labeler: Labeler,
    /// Predictions on the assets, for the labeler to correct
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
    /// Cancels the job of these options; what was labeled is lost
    #[arg(long, conflicts_with_all = ["wait", "no_wait"])]
    cancel: bool,
    /// Lists the labeling jobs that were started
    #[arg(long, conflicts_with_all = ["dataset", "classes", "into", "cancel", "wait", "no_wait"])]
    list: bool,
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
        if self.list {
            return list(context, &workspace).await;
        }
        let options = self.options(&workspace).await?;
        if self.cancel {
            workspace.label_job(options.job_id()?.as_str()).await?.cancel().await?;
            context.out.result(&json!({ "cancelled": true }), || "cancelled\n".to_owned())?;
            return Ok(Ending::Done);
        }
        let job = workspace.start_label(&options).await?;
        let mut status = job.status().await?;
        if !status.finished && self.no_wait {
            let value = json!({
                "waiting": true, "job": job.id(), "place": job.place(),
                "labeled": status.labeled, "total": status.total,
            });
            context.out.result(&value, || waiting(&status, job.place().map(Path::new)))?;
            return Ok(Ending::WaitingForLabels);
        }
        let bar = context.out.bar("label");
        let mut pause = Duration::from_millis(50);
        while !status.finished {
            bar.set(status.labeled as f64 / status.total.max(1) as f64, "waits for labels");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(2));
            status = job.status().await?;
        }
        drop(bar);
        let version = job.collect().await?;
        made::labeled(context, &workspace, version, &status).await?;
        Ok(Ending::Done)
    }

    async fn options(&self, workspace: &Workspace) -> Result<LabelOptions> {
        let labeler = self.labeler.spec(workspace).await?.ok_or_else(|| {
            ymir::Error::invalid(
                "who labels? name an annotated dataset by --oracle or a folder by --folder",
            )
        })?;
        let pre_annotations = match &self.pre_annotations {
            Some(spec) => Some(workspace.resolve(BranchKind::Prediction, spec).await?.id),
            None => None,
        };
        let missing = || ymir::Error::invalid("name a dataset, --classes and --into");
        Ok(LabelOptions {
            labeler,
            dataset: versions::dataset(workspace, self.dataset.as_ref().ok_or_else(missing)?)
                .await?,
            pre_annotations,
            classes: self.classes.clone(),
            instructions: self.instructions.clone(),
            labeled: self.into.clone().ok_or_else(missing)?,
        })
    }
}

/// Lists the jobs that were started, with how far each is.
async fn list(context: &Context, workspace: &Workspace) -> Result<Ending> {
    let mut table = Table::new(&["job", "into", ">labeled", "state", "place"]);
    for job in workspace.label_jobs().await? {
        let (info, status) = (job.info(), job.status().await);
        let state = match &status {
            _ if info.collected.is_some() => "collected",
            _ if !info.ready => "being created",
            Ok(status) if status.finished => "finished",
            Ok(_) => "open",
            Err(error) => error.message(),
        };
        let counts = status.as_ref().map(|s| format!("{}/{}", s.labeled, s.total));
        let place = info.place.clone().unwrap_or_default();
        let cells = [info.id.to_string(), info.labeled.to_string(), counts.unwrap_or_default()];
        table.row(cells.into_iter().chain([state.to_owned(), place]));
        let value = json!({ "job": info, "status": status.as_ref().ok(), "state": state });
        context.out.result(&value, String::new)?;
    }
    context
        .out
        .text(|| if table.is_empty() { "no labeling jobs\n".to_owned() } else { table.render() })?;
    Ok(Ending::Done)
}

/// Returns what is said where labels are missing.
pub(super) fn waiting(status: &LabelStatus, folder: Option<&Path>) -> String {
    let place = folder.map(|folder| format!(" in {}", folder.display())).unwrap_or_default();
    format!(
        "waiting for labels{place}: {} of {} assets are labeled; run the command again when they are done\n",
        status.labeled, status.total
    )
}
