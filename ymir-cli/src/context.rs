use std::path::PathBuf;

use ymir::{Error, Result, Workspace, WorkspaceOptions};

use crate::args::Global;
use crate::interrupt::Interrupt;
use crate::output::Output;

/// What every command works with.
#[derive(Debug)]
pub(crate) struct Context {
    /// Where results and progress go.
    pub(crate) out: Output,
    /// Whether the user asked to stop.
    pub(crate) interrupt: Interrupt,
    workspace: Option<PathBuf>,
    host_dir: Option<PathBuf>,
}

impl Context {
    pub(crate) fn new(global: &Global, out: Output, interrupt: Interrupt) -> Self {
        let (workspace, host_dir) = (global.workspace.clone(), global.host_dir.clone());
        Self { out, interrupt, workspace, host_dir }
    }

    /// Returns the workspace that was named, if one was.
    pub(crate) fn named_workspace(&self) -> Option<&PathBuf> {
        self.workspace.as_ref()
    }

    /// Opens the workspace that was named, or the nearest one from the current directory upwards.
    /// Tasks are observed and not carried on.
    pub(crate) async fn open(&self) -> Result<Workspace> {
        self.open_with(WorkspaceOptions { observe_tasks: true, ..self.options() }).await
    }

    /// Opens the workspace as [`Context::open`] does, to run tasks in it: those that have no living
    /// owner are carried on too.
    pub(crate) async fn open_for_tasks(&self) -> Result<Workspace> {
        self.open_with(self.options()).await
    }

    /// Returns the options that workspaces are opened with.
    pub(crate) fn options(&self) -> WorkspaceOptions {
        WorkspaceOptions { host_dir: self.host_dir.clone(), ..WorkspaceOptions::default() }
    }

    async fn open_with(&self, options: WorkspaceOptions) -> Result<Workspace> {
        let path = match &self.workspace {
            Some(path) => path.clone(),
            None => nearest()?,
        };
        let workspace = Workspace::open_with(path, options).await?;
        workspace.warnings().iter().for_each(|warning| self.out.note(warning));
        Ok(workspace)
    }
}

fn nearest() -> Result<PathBuf> {
    let here = current_dir()?;
    Workspace::find(&here).ok_or_else(|| {
        Error::not_found(
            "no workspace in this directory or above it; `ymir init` makes one, `--workspace DIR` names one",
        )
        .with("path", here.display())
    })
}

/// Returns the current directory.
pub(crate) fn current_dir() -> Result<PathBuf> {
    std::env::current_dir()
        .map_err(|e| Error::io("cannot tell the current directory", ".".as_ref(), e))
}
