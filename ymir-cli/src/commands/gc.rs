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
}

impl Gc {
    pub(crate) async fn run(self, context: &Context) -> Result<Ending> {
        let grace = Duration::try_from_secs_f64(self.grace * 3600.0).map_err(|e| {
            ymir::Error::invalid("the time of grace must be hours, 0 or more")
                .with("grace", self.grace)
                .caused_by(e)
        })?;
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
        Ok(Ending::Done)
    }
}
