use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use ymir::{
    MirClassOutcome, MirOptions, MirReport, Progress, Result, Transfer, UnknownClasses, Workspace,
};

use super::import::list;
use crate::context::Context;
use crate::exit::Ending;

/// Where the parts of a repository of the original are.
#[derive(Debug, Args)]
pub(super) struct Places {
    /// The folder of the original's images, by SHA-1; by default `ymir-assets` near the repository
    #[arg(long, value_name = "DIR", requires = "mir")]
    media: Option<PathBuf>,
    /// The folder of the original's model packages; by default `ymir-models` near the repository
    #[arg(long, value_name = "DIR", requires = "mir")]
    models: Option<PathBuf>,
    /// The original's class table; by default `.mir/labels.yaml` in the repository
    #[arg(long, value_name = "FILE", requires = "mir")]
    labels: Option<PathBuf>,
    /// Put before the names of all datasets and models of the original
    #[arg(long, value_name = "TEXT", requires = "mir", default_value = "")]
    prefix: String,
}

impl Places {
    pub(super) fn options(
        &self,
        transfer: Transfer,
        unknown_classes: Option<UnknownClasses>,
    ) -> MirOptions {
        let defaults = MirOptions::default();
        MirOptions {
            media: self.media.clone(),
            models: self.models.clone(),
            labels: self.labels.clone(),
            prefix: self.prefix.clone(),
            transfer,
            unknown_classes: unknown_classes.unwrap_or(defaults.unknown_classes),
        }
    }
}

pub(super) async fn run(
    context: &Context,
    workspace: &Workspace,
    repository: &Path,
    options: &MirOptions,
) -> Result<Ending> {
    let bar = context.out.bar("import");
    let progress = |progress: Progress| {
        let Progress { done, total } = progress;
        bar.set(done as f64 / total.max(1) as f64, &format!("{done} of {total} images"));
    };
    let report = workspace.import_mir(repository, options).on_progress(progress).await?;
    drop(bar);
    context.out.result(&json!(report), || text(&report))?;
    Ok(Ending::Done)
}

fn text(report: &MirReport) -> String {
    let made = report.made();
    let mut text = format!(
        "{} datasets with {} versions: {made} new, {} imported before; {} images read\n",
        report.datasets.len(),
        report.versions.len(),
        report.versions.len() - made,
        report.images,
    );
    for version in &report.versions {
        let beside = if version.predictions.is_some() { " with predictions" } else { "" };
        let new = if version.is_new { "" } else { ", imported before" };
        text.push_str(&format!("  {} from {}{beside}{new}\n", version.version, version.name));
    }
    let renamed = report.datasets.iter().filter(|dataset| dataset.branch != dataset.name);
    let renamed = renamed.map(|dataset| format!("{} is {}", dataset.branch, dataset.name));
    list(&mut text, "branches have another name here", renamed.collect());
    let classes = |outcome| {
        let classes = report.classes.iter().filter(move |class| class.outcome == outcome);
        classes.map(|class| class.name.clone()).collect::<Vec<_>>()
    };
    for (outcome, what) in [
        (MirClassOutcome::Added, "added"),
        (MirClassOutcome::Mapped, "known"),
        (MirClassOutcome::Kept, "kept outside the table"),
        (MirClassOutcome::Ignored, "left out"),
    ] {
        let names = classes(outcome);
        if !names.is_empty() {
            text.push_str(&format!("  classes {what}: {}\n", names.join(", ")));
        }
    }
    let refused = report.classes.iter().filter(|class| !class.refused_aliases.is_empty());
    let refused = refused.map(|c| format!("{}: {}", c.name, c.refused_aliases.join(", ")));
    list(&mut text, "classes have aliases that mean another class here", refused.collect());
    let models = report.models.iter().map(|model| match (&model.version, &model.reason) {
        (Some(version), _) => format!("model {version} from {}", model.name),
        (None, reason) => format!("{}: {}", model.name, reason.as_deref().unwrap_or_default()),
    });
    list(&mut text, "models", models.collect());
    let skipped = report.skipped.iter().map(|s| format!("{}: {}", s.name, s.reason));
    list(&mut text, "branches or versions were not taken", skipped.collect());
    let left_out = report.left_out.iter();
    let left_out =
        left_out.map(|image| format!("{} ({}): {}", image.sha1, image.file_name, image.reason));
    list(&mut text, "images were left out", left_out.collect());
    let lost = report.not_carried.iter();
    let lost = lost.map(|lost| format!("{}: {} {}", lost.name, lost.count, lost.what));
    list(&mut text, "things were not carried over", lost.collect());
    crate::output::clean(&text)
}
