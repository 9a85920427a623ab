use std::time::Duration;

use clap::Args;
use serde_json::json;
use ymir::{GarbageOptions, Result};

use crate::context::Context;
use crate::exit::Ending;

/// The arguments of `ymir gc`.
#[derive(Debug, Args)]
pub(crate) struct Gc {
    /// Deletes nothing, only tells what would be
    #[arg(long)]
    dry_run: bool,
    /// Keeps files that were put in during the last hours: a version with them may still be made. 0
    /// only while nothing imports
    #[arg(long, default_value_t = 24.0, value_name = "HOURS")]
    grace: f64,
    /// Removes the directories of tasks that ended more than so many days ago, too
    #[arg(long, value_name = "DAYS", conflicts_with = "dry_run")]
    tasks: Option<f64>,
}

impl Gc {
    pub(crate) async fn run(self, context: &Context) -> Result<Ending> {
        let grace = seconds("grace", self.grace * 3600.0)?;
        let age = self.tasks.map(|days| seconds("tasks", days * 86_400.0)).transpose()?;
        let workspace = context.open().await?;
        let options = GarbageOptions { dry_run: self.dry_run, grace };
        let report = workspace.collect_garbage(options).await?;
        context.out.result(&json!(report), || {
            let what = if self.dry_run { "would be deleted" } else { "deleted" };
            format!(
                "{} files of {} bytes that no version has {what}; {} are too young, {} in use\n",
                report.blobs, report.bytes, report.kept_young, report.in_use
            )
        })?;
        if let Some(age) = age {
            let cleaned = workspace.clean_tasks(Some(age)).await?;
            for left in &cleaned.left {
                context.out.note(&format!("{}: {}", left.path.display(), left.reason));
            }
            context.out.result(&json!(cleaned), || {
                format!("the directories of {} tasks are removed\n", cleaned.removed.len())
            })?;
        }
        Ok(Ending::Done)
    }
}

fn seconds(field: &str, seconds: f64) -> Result<Duration> {
    Duration::try_from_secs_f64(seconds).map_err(|error| {
        let error = ymir::Error::invalid("a time must be 0 or more").caused_by(error);
        error.with("field", field)
    })
}
