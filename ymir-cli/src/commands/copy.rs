use std::path::PathBuf;

use clap::Args;
use ymir::{CopyOptions, Result, Transfer, UnknownClasses, Workspace, WorkspaceOptions};

use super::made;
use crate::args::Kind;
use crate::context::Context;
use crate::exit::Ending;

/// The arguments of `ymir copy`.
#[derive(Debug, Args)]
pub(crate) struct Copy {
    /// The version: name, name@v3, name@latest or name@<commit>
    version: String,
    /// The workspace that it is copied to
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// The dataset there that gets the new version; by default one of the same name
    #[arg(long, value_name = "DATASET")]
    into: Option<String>,
    /// What the version is of
    #[arg(long, default_value = "dataset")]
    kind: Kind,
    /// What to do with classes that the other workspace does not know: stop, ignore, add or keep
    #[arg(long, default_value = "add", value_name = "HOW")]
    unknown_classes: UnknownClasses,
    /// Copies the image files in place of linking them
    #[arg(long)]
    copy_files: bool,
    /// Leaves the image files out
    #[arg(long, conflicts_with = "copy_files")]
    without_files: bool,
}

impl Copy {
    pub(crate) async fn run(self, context: &Context) -> Result<Ending> {
        let workspace = context.open().await?;
        let version = workspace.resolve(self.kind.into(), &self.version).await?;
        let source = workspace.dataset_by_id(&version.id).await?;
        let options = WorkspaceOptions { observe_tasks: true, ..Default::default() };
        let other = Workspace::open_with(&self.to, options).await?;
        let options = CopyOptions {
            transfer: if self.copy_files { Transfer::Copy } else { Transfer::HardLink },
            unknown_classes: self.unknown_classes,
            without_files: self.without_files,
        };
        let into = self.into.unwrap_or_else(|| version.branch.name.to_string());
        let bar = context.out.bar("copy");
        let work = async {
            let made =
                source.copy_to(&other, &into, &options).on_progress(made::on_bar(&bar)).await?;
            Ok(vec![made.version().clone()])
        };
        made::operation(context, &other, work).await?;
        Ok(Ending::Done)
    }
}
