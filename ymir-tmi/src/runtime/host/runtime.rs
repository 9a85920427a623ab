use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;
use ymir_core::{
    Error, ErrorKind, ExecutorInfo, ExecutorRef, Layout, Name, Result, Run, RunRequest, TaskId,
    TmiRuntime, WorkspaceId,
};

use super::input::Input;
use super::run::HostRun;
use super::{HostExecutor, HostTask};
use crate::runtime::lines;

/// Runs functions of the host program as executors: `host:<name>`, for those that were registered
/// under a name.
///
/// A function gets what the contract's files say as values, and YMIR writes what it gives back as
/// the contract's results, so that everything else is as with a program. It runs in this process:
/// there is no sandbox, and memory and environment are the program's own.
#[derive(Debug, Default)]
pub struct HostRuntime {
    executors: RwLock<BTreeMap<Name, Arc<dyn HostExecutor>>>,
}

impl HostRuntime {
    /// The name that executors name it by.
    pub const NAME: &str = "host";

    /// Makes a function known under a name, in place of one that has it. Tasks that run go on with
    /// theirs.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it can do nothing, or has no digest.
    pub fn register(&self, name: Name, executor: Arc<dyn HostExecutor>) -> Result<ExecutorRef> {
        let info = executor.info();
        if info.templates.is_empty() {
            let message = "an executor must be able to train, to mine or to infer";
            return Err(Error::invalid(message).with("executor", &name));
        }
        if info.digest.is_empty() {
            let message = "an executor needs a digest: the identity of what it does";
            return Err(Error::invalid(message).with("executor", &name));
        }
        let target = name.to_string();
        self.executors.write().unwrap_or_else(PoisonError::into_inner).insert(name, executor);
        Ok(ExecutorRef { runtime: Self::NAME.to_owned(), target })
    }

    fn find(&self, executor: &ExecutorRef) -> Result<Arc<dyn HostExecutor>> {
        if executor.runtime != Self::NAME {
            let message = "this is no executor of the host program";
            return Err(Error::invalid(message).with("executor", executor));
        }
        let executors = self.executors.read().unwrap_or_else(PoisonError::into_inner);
        let found = Name::new(&executor.target).ok().and_then(|name| executors.get(&name).cloned());
        found.ok_or_else(|| {
            let known: Vec<_> = executors.keys().map(Name::as_str).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            let message = format!(
                "no executor of this name is registered by this program; register it. There are: \
                 {known}"
            );
            Error::not_found(message).with("executor", executor)
        })
    }
}

#[async_trait]
impl TmiRuntime for HostRuntime {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn layout(&self, _executor: &ExecutorRef, dir: &Path) -> Layout {
        let dir = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
        let input = dir.join("in");
        Layout { output: dir.join("out"), manifest: input.join("manifest.yaml"), input }
    }

    async fn inspect(&self, executor: &ExecutorRef) -> Result<ExecutorInfo> {
        let mut info = self.find(executor)?.info();
        for template in info.templates.values_mut() {
            template.insert("export_format".to_owned(), "ymir:raw".into());
        }
        Ok(info)
    }

    async fn start(&self, request: RunRequest) -> Result<Box<dyn Run>> {
        let executor = self.find(&request.executor)?;
        let layout = self.layout(&request.executor, &request.dir);
        let input = tokio::task::spawn_blocking(move || Input::read(&layout.input)).await;
        let input = input.map_err(|error| {
            Error::new(ErrorKind::Unexpected, "reading the task broke off").caused_by(error)
        })??;
        let (log, logs) = lines::channel();
        let stop = CancellationToken::new();
        let dir = std::path::absolute(&request.dir)
            .map_err(|error| Error::io("cannot find the task directory", &request.dir, error))?;
        let gpus = request.grant.gpus;
        let task = HostTask::new(request.task, dir, gpus, input, stop.clone(), log);
        Ok(Box::new(HostRun::start(executor, task, stop, logs)))
    }

    /// A function ends with its process: there is nothing left behind.
    async fn end_left_behind(&self, _: &WorkspaceId, _: &TaskId, _: &Path) -> Result<()> {
        Ok(())
    }
}
