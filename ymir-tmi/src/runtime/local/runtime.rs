use std::path::Path;

use async_trait::async_trait;
use ymir_core::{
    Error, ErrorKind, ExecutorInfo, ExecutorRef, Layout, LogPosition, Result, Run, RunHandle,
    RunListing, RunRequest, RunState, RuntimeCapabilities, TmiRuntime,
};

use super::follow::LocalRun;
use super::options::LocalOptions;
use super::program::{check_pinned, inspect, manifest_folder, own_manifest_folder, program};
use super::start::{SCRIPT, SCRIPT_NAME};
use super::{environment, leftover, look, start};
use crate::runtime::folder::{RunFolder, absolute};
use crate::runtime::{blocking, process};

/// Runs local programs as executors: `local:/path/to/program`.
///
/// A program is started without arguments, with the task directory as its working directory and as
/// the leader of its own process group, which is what is stopped and killed. Its environment is what
/// [`LocalOptions::inherit`] names, and:
///
/// | variable | value |
/// |---|---|
/// | `YMIR_ENV_FILE` | `<dir>/in/env.yaml` |
/// | `CUDA_VISIBLE_DEVICES` | the UUIDs of the granted GPUs; empty without |
/// | `OMP_NUM_THREADS` | the granted CPU slots, if any |
///
/// and those of the request, which override all but `YMIR_ENV_FILE`.
///
/// A program outlives the process that started it, its terminal and its session. Beside it runs a
/// small shell script that records how it ends; both are known by files in `<dir>/run`:
///
/// | file | content |
/// |---|---|
/// | `request` | what the run was created with |
/// | `environment` | the program's environment, readable by this user alone |
/// | `supervisor` | the script |
/// | `supervisor.id`, `program.id` | number, start time, boot and host of the two processes |
/// | `stdout`, `stderr` | what the program writes, without a bound |
/// | `stop`, `memory` | there if the run was to be stopped, or was killed for its memory |
/// | `exit` | the exit status, and how often the kernel killed for lack of memory meanwhile |
///
/// A shell tells a signal as a status of 128 + its number, and so does [`ymir_core::RunEnd`]. Should
/// the script be killed, the program goes on, but how it ends is not known: the run is lost then.
///
/// There is no sandbox: a program has the caller's rights, and what [`ymir_core::Limits`] forbids is
/// not enforced. The memory of a grant is enforced *while a process follows the run*: what the group
/// holds is looked at ten times a second, and the group is killed when it is over. While nobody
/// follows it, nothing bounds it. A process that leaves the group (by `setsid`) escapes all of this
/// but [`TmiRuntime::remove`].
///
/// What a program says about itself lies in a folder `<program>.img-man` or `img-man` beside it,
/// with the files of an image's `/img-man`. Without such a folder it is taken to do everything, with
/// no default parameters.
#[derive(Debug, Clone, Default)]
pub struct LocalRuntime {
    options: LocalOptions,
}

impl LocalRuntime {
    /// The name that executors name it by.
    pub const NAME: &str = "local";

    /// Returns the runtime.
    pub fn new(options: LocalOptions) -> Self {
        Self { options }
    }
}

#[async_trait]
impl TmiRuntime for LocalRuntime {
    fn name(&self) -> &str {
        Self::NAME
    }

    /// Runs survive and are listed where the system shows the environment of processes; memory is
    /// bounded while a run is followed.
    fn capabilities(&self) -> RuntimeCapabilities {
        RuntimeCapabilities {
            survives: true,
            queues: false,
            isolates: false,
            bounds_memory: true,
            gpus: true,
            lists: process::is_transparent(),
        }
    }

    fn layout(&self, executor: &ExecutorRef, dir: &Path) -> Layout {
        let dir = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
        let program = Path::new(&executor.target);
        let folder = manifest_folder(program).unwrap_or_else(|| own_manifest_folder(program));
        Layout {
            input: dir.join("in"),
            output: dir.join("out"),
            manifest: folder.join("manifest.yaml"),
        }
    }

    async fn inspect(&self, executor: &ExecutorRef) -> Result<ExecutorInfo> {
        let program = program(executor)?;
        blocking(move || inspect(&program)).await
    }

    async fn create(&self, mut request: RunRequest) -> Result<RunHandle> {
        program(&request.executor.reference)?;
        request.dir = absolute(&request.dir)?;
        let environment = environment::script(&self.options, &request)?;
        blocking(move || {
            let files = [("environment", &environment[..]), (SCRIPT_NAME, SCRIPT.as_bytes())];
            let folder = RunFolder::of(&request.dir);
            if folder.recorded()?.is_none() {
                check_pinned(&request.executor)?;
            }
            let created = folder.create(&request, &files)?;
            Ok(created.handle(&request.dir, serde_json::Value::Null))
        })
        .await
    }

    async fn start(&self, handle: &RunHandle) -> Result<()> {
        let handle = handle.clone();
        blocking(move || start::start(&handle)).await
    }

    async fn attach(&self, handle: &RunHandle, from: Option<&LogPosition>) -> Result<Box<dyn Run>> {
        let (folder, sought) = (RunFolder::of(&handle.dir), handle.clone());
        let request = blocking(move || folder.request(&sought)).await?.ok_or_else(|| {
            let message = "there is no trace of the run; its directory was emptied or removed";
            Error::not_found(message).with("path", handle.dir.display())
        })?;
        Ok(Box::new(LocalRun::attach(handle, from, request.grant.memory)?))
    }

    async fn state(&self, handle: &RunHandle) -> Result<RunState> {
        let handle = handle.clone();
        blocking(move || look::state(&handle)).await
    }

    async fn remove(&self, handle: &RunHandle) -> Result<()> {
        let handle = handle.clone();
        blocking(move || match RunFolder::of(&handle.dir).request(&handle)? {
            Some(_) => leftover::remove(&handle.dir),
            None => Ok(()),
        })
        .await
    }

    async fn list_runs(&self) -> Result<Vec<RunListing>> {
        check_lists()?;
        blocking(|| Ok(leftover::list())).await
    }

    async fn end_listed(&self, id: &str) -> Result<()> {
        check_lists()?;
        let id = id.to_owned();
        blocking(move || leftover::end(&id)).await
    }
}

fn check_lists() -> Result<()> {
    if process::is_transparent() {
        return Ok(());
    }
    let message = "this system does not show the environment of processes; find runs with `ps`";
    Err(Error::new(ErrorKind::Unsupported, message))
}
