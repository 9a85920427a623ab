use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;
use ymir_core::{
    Error, ErrorKind, ExecutorInfo, ExecutorRef, Layout, LogPosition, Name, Result, Run, RunEnd,
    RunHandle, RunRequest, RunState, RuntimeCapabilities, TmiRuntime,
};

use super::input::Input;
use super::log::HostLog;
use super::run::{EndedRun, HostRun, Running};
use super::runs::{self, Known};
use super::{HostExecutor, HostTask};
use crate::runtime::blocking;
use crate::runtime::folder::{RecordedRequest, RunFolder, absolute};
use crate::runtime::process::{Liveness, ProcessId};

/// Runs functions of the host program as executors: `host:<name>`, for those that were registered
/// under a name.
///
/// A function gets what the contract's files say as values, and YMIR writes what it gives back as
/// the contract's results, so that everything else is as with a program. It runs in this process:
/// there is no sandbox, and memory and environment are the program's own.
///
/// A function ends with its process, and its run is lost then, unless it had ended before: its log
/// and how it ended are kept in `<dir>/run`. Other runtimes in the same process can follow it.
#[derive(Debug, Default)]
pub struct HostRuntime {
    /// The functions of a name, the newest last.
    executors: RwLock<BTreeMap<Name, Vec<Registered>>>,
}

/// A function, with the digest that it had when it was registered.
#[derive(Debug)]
struct Registered {
    digest: String,
    executor: Arc<dyn HostExecutor>,
}

/// How many functions that were replaced are kept for the tasks that were submitted with them.
const REPLACED: usize = 64;

impl HostRuntime {
    /// The name that executors name it by.
    pub const NAME: &str = "host";

    /// Makes a function known under a name, in place of one that has it. Tasks that were submitted
    /// run theirs, as long as it is among the 64 that were replaced last.
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
        let mut executors = self.executors.write().unwrap_or_else(PoisonError::into_inner);
        let known = executors.entry(name).or_default();
        known.retain(|known| known.digest != info.digest);
        known.push(Registered { digest: info.digest, executor });
        let oldest = known.len().saturating_sub(REPLACED + 1);
        known.drain(..oldest);
        Ok(ExecutorRef { runtime: Self::NAME.to_owned(), target })
    }

    /// Returns the function that a name stands for now.
    fn find(&self, executor: &ExecutorRef) -> Result<Arc<dyn HostExecutor>> {
        self.known(executor, |known| Some(known.last()?.executor.clone()))
    }

    /// Returns what is looked for among the functions of a name.
    fn known<T>(
        &self,
        executor: &ExecutorRef,
        look: impl FnOnce(&[Registered]) -> Option<T>,
    ) -> Result<T> {
        if executor.runtime != Self::NAME {
            let message = "this is no executor of the host program";
            return Err(Error::invalid(message).with("executor", executor));
        }
        let executors = self.executors.read().unwrap_or_else(PoisonError::into_inner);
        let name = Name::new(&executor.target).ok();
        let found = name.and_then(|name| executors.get(&name)).and_then(|known| look(known));
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

/// The process that a run was created in, as it is recorded.
const PROCESS: &str = "process";

/// The end of a run, as it is recorded.
const END: &str = "end";

#[async_trait]
impl TmiRuntime for HostRuntime {
    fn name(&self) -> &str {
        Self::NAME
    }

    /// A function ends with its process.
    fn capabilities(&self) -> RuntimeCapabilities {
        RuntimeCapabilities { gpus: true, ..RuntimeCapabilities::default() }
    }

    fn can_run(&self, executor: &ExecutorRef) -> bool {
        self.find(executor).is_ok()
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

    async fn create(&self, mut request: RunRequest) -> Result<RunHandle> {
        let (reference, digest) = (&request.executor.reference, &request.executor.digest);
        let (executor, found) = self.known(reference, |known| {
            let submitted = known.iter().find(|known| known.digest == *digest);
            let chosen = submitted.or(known.last())?;
            Some((chosen.executor.clone(), chosen.digest.clone()))
        })?;
        if found != *digest {
            let message = "the function has changed since the task was submitted; submit the task \
                           again, or register what it was";
            return Err(Error::new(ErrorKind::Conflict, message)
                .with("executor", &request.executor.reference)
                .with("submitted", &request.executor.digest)
                .with("found", found)
                .retryable(false));
        }
        request.dir = absolute(&request.dir)?;
        blocking(move || {
            let folder = RunFolder::of(&request.dir);
            let is_new = folder.recorded()?.is_none();
            let process = serde_json::json!(ProcessId::own()).to_string();
            let created = folder.create(&request, &[(PROCESS, process.as_bytes())])?;
            let process: Option<ProcessId> = folder.json(PROCESS)?;
            let handle = created.handle(&request.dir, serde_json::json!({ "process": process }));
            if is_new {
                runs::put(&handle, Known::Created(executor));
            }
            Ok(handle)
        })
        .await
    }

    async fn start(&self, handle: &RunHandle) -> Result<()> {
        let (folder, sought) = (RunFolder::of(&handle.dir), handle.clone());
        let request = blocking(move || folder.request(&sought)).await?.ok_or_else(missing)?;
        let Some(executor) = runs::claim(handle) else {
            return runs::find(handle).map(drop).ok_or_else(missing);
        };
        match begin(handle, request, executor.clone()).await {
            Ok(running) => {
                runs::put(handle, Known::Started(Arc::new(running)));
                Ok(())
            }
            Err(error) => {
                runs::put(handle, Known::Created(executor));
                Err(error)
            }
        }
    }

    async fn attach(&self, handle: &RunHandle, from: Option<&LogPosition>) -> Result<Box<dyn Run>> {
        let folder = RunFolder::of(&handle.dir);
        if let RunState::Ended(end) = self.state(handle).await? {
            return Ok(Box::new(EndedRun::attach(end, &folder, from)?));
        }
        match runs::find(handle) {
            Some(Known::Started(running)) => Ok(Box::new(HostRun::attach(running, &folder, from)?)),
            _ => Err(missing()),
        }
    }

    async fn state(&self, handle: &RunHandle) -> Result<RunState> {
        let handle = handle.clone();
        blocking(move || state(&handle)).await
    }

    async fn remove(&self, handle: &RunHandle) -> Result<()> {
        let (folder, sought) = (RunFolder::of(&handle.dir), handle.clone());
        if blocking(move || folder.request(&sought)).await?.is_none() {
            return Ok(());
        }
        match runs::find(handle) {
            Some(Known::Started(running)) => running.give_up().await,
            Some(_) => {}
            None if self.state(handle).await? == RunState::Running => {
                let message = "the function runs in another process; stop it there";
                return Err(Error::new(ErrorKind::Unavailable, message).with("task", &handle.task));
            }
            None => {}
        }
        runs::forget(handle);
        let folder = RunFolder::of(&handle.dir);
        blocking(move || folder.remove()).await
    }
}

fn missing() -> Error {
    Error::not_found("this process has no such run; a function runs only where it was started")
}

/// Starts the function of a run.
async fn begin(
    handle: &RunHandle,
    request: RecordedRequest,
    executor: Arc<dyn HostExecutor>,
) -> Result<Running> {
    let folder = RunFolder::of(&handle.dir);
    let (opened, input) = (folder.clone(), handle.dir.join("in"));
    let opened = blocking(move || Ok((Input::read(&input)?, HostLog::open(&opened)?)));
    let (input, log) = opened.await?;
    let stop = CancellationToken::new();
    let gpus = request.grant.gpus;
    let task = HostTask::new(request.task, handle.dir.clone(), gpus, input, stop.clone(), log);
    let record = move |end: RunEnd| {
        let _ = folder.write(END, &serde_json::json!(end).to_string());
    };
    Ok(Running::start(executor, task, stop, record))
}

/// Returns where a run stands, also to other processes than its own.
fn state(handle: &RunHandle) -> Result<RunState> {
    let folder = RunFolder::of(&handle.dir);
    if folder.request(handle)?.is_none() {
        return Ok(RunState::Lost);
    }
    if let Some(end) = folder.json(END)? {
        return Ok(RunState::Ended(end));
    }
    match runs::find(handle) {
        Some(Known::Created(_)) => Ok(RunState::Created),
        Some(Known::Starting) => Ok(RunState::Running),
        Some(Known::Started(running)) => Ok(match running.end() {
            Some(end) => RunState::Ended(end),
            None if running.is_lost() => RunState::Lost,
            None => RunState::Running,
        }),
        None => elsewhere(folder.json(PROCESS)?),
    }
}

/// Returns where a run of another process stands.
fn elsewhere(process: Option<ProcessId>) -> Result<RunState> {
    let Some(process) = process.filter(|process| *process != ProcessId::own()) else {
        return Ok(RunState::Lost);
    };
    match process.liveness() {
        Liveness::Alive => Ok(RunState::Running),
        Liveness::Dead => Ok(RunState::Lost),
        Liveness::Elsewhere => {
            let message = "the function runs on another host or in another container; ask there";
            Err(Error::new(ErrorKind::Unavailable, message).with("host", process.host))
        }
    }
}
