use clap::Args;
use serde_json::json;
use ymir::{FsckOptions, FsckReport, Result};

use crate::context::Context;
use crate::exit::Ending;

/// The arguments of `ymir fsck`.
#[derive(Debug, Args)]
pub(crate) struct Fsck {
    /// Also reads every image and model file and checks its hash
    #[arg(long)]
    blobs: bool,
}

impl Fsck {
    pub(crate) async fn run(self, context: &Context) -> Result<Ending> {
        let workspace = context.open().await?;
        let report = workspace.fsck(FsckOptions { blobs: self.blobs }).await?;
        context.out.result(&json!(report), || text(&report))?;
        Ok(if report.problems.is_empty() { Ending::Done } else { Ending::Damaged })
    }
}

fn text(report: &FsckReport) -> String {
    let FsckReport { versions, nodes, assets, blobs, problems, .. } = report;
    let mut text = format!("{versions} versions, {nodes} nodes, {assets} assets, {blobs} blobs: ");
    if problems.is_empty() {
        text.push_str("all is well\n");
    } else {
        text.push_str(&format!("{} problems\n", problems.len()));
    }
    for problem in problems {
        text.push_str(&format!("  {}: {}\n", problem.subject, problem.message));
        if let Some(version) = &problem.version {
            text.push_str(&format!("    version {version}\n"));
        }
    }
    text
}
