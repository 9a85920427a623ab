use std::path::PathBuf;

use clap::Args;
use ymir::{
    CopyOptions, Fetched, Name, Result, Transfer, UnknownClasses, Workspace, WorkspaceOptions,
};

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
    #[arg(long, value_name = "DIR", required_unless_present = "fetched")]
    to: Option<PathBuf>,
    /// Copies a version into this workspace that git fetched from another one, as the remote of this
    /// name: `git fetch REPOSITORY '+refs/heads/*:refs/remotes/NAME/*'`
    #[arg(long, value_name = "NAME", conflicts_with = "to")]
    fetched: Option<String>,
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
        let options = self.options();
        let bar = context.out.bar("copy");
        if let Some(remote) = self.fetched {
            let into = self.into.map(Name::new).transpose()?;
            let (kind, version) = (self.kind.into(), self.version);
            let fetched = Fetched { remote, kind, version, into };
            let work = async {
                let copy = workspace.copy_fetched(&fetched, &options);
                let made = copy.on_progress(made::on_bar(&bar)).await?;
                Ok(vec![made.version().clone()])
            };
            made::operation(context, &workspace, work).await?;
            return Ok(Ending::Done);
        }
        let version = workspace.resolve(self.kind.into(), &self.version).await?;
        let source = workspace.dataset_by_id(&version.id).await?;
        let observe = WorkspaceOptions { observe_tasks: true, ..context.options() };
        let other = Workspace::open_with(self.to.unwrap_or_default(), observe).await?;
        let into = self.into.unwrap_or_else(|| version.branch.name.to_string());
        let work = async {
            let made =
                source.copy_to(&other, &into, &options).on_progress(made::on_bar(&bar)).await?;
            Ok(vec![made.version().clone()])
        };
        made::operation(context, &other, work).await?;
        Ok(Ending::Done)
    }

    fn options(&self) -> CopyOptions {
        CopyOptions {
            transfer: if self.copy_files { Transfer::Copy } else { Transfer::HardLink },
            unknown_classes: self.unknown_classes,
            without_files: self.without_files,
        }
    }
}
