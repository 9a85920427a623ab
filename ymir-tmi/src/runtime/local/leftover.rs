//! Runs of this user that exist on the host, whatever became of their workspaces, and their end.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use ymir_core::{Error, ErrorKind, Result, RunHandle, RunListing, Timestamp};

use super::environment::ENV_FILE;
use super::look;
use super::start::SCRIPT_NAME;
use crate::runtime::folder::{Mark, RunFolder};
use crate::runtime::process;

/// How long a killed run may take to be gone.
const PATIENCE: Duration = Duration::from_secs(30);

/// Ends the run of a directory if it is not over, with all processes that were started for it, and
/// removes what is kept of it.
pub(super) fn remove(dir: &Path) -> Result<()> {
    let folder = RunFolder::of(dir);
    let deadline = Instant::now() + PATIENCE;
    loop {
        // Asked for first: what cannot be ended from here is not touched.
        let state = look::state_of(dir)?;
        let processes: Vec<i32> = processes(dir);
        let supervised = is_supervised(dir);
        if processes.is_empty() && !supervised && state != ymir_core::RunState::Running {
            return folder.remove();
        }
        if folder.path().exists() {
            folder.mark(Mark::Stop)?;
        }
        look::signal(dir, Signal::KILL)?;
        processes.into_iter().for_each(|pid| process::signal(pid, Signal::KILL));
        if Instant::now() > deadline {
            let message = "the processes of a run do not end though they were killed; see what \
                           they wait for (`ps`)";
            return Err(Error::new(ErrorKind::Unavailable, message).with("path", dir.display()));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Returns the processes that were started for the run of a directory.
fn processes(dir: &Path) -> Vec<i32> {
    let mut processes = process::all();
    processes.retain(|pid| is_running(*pid) && process::is_own(*pid) && look::belongs(*pid, dir));
    processes
}

fn is_running(pid: i32) -> bool {
    process::stat(pid).is_some_and(|stat| !matches!(stat.state, 'Z' | 'X'))
}

fn is_supervised(dir: &Path) -> bool {
    process::all().into_iter().any(|pid| supervised(pid).as_deref() == Some(dir))
}

/// Returns the directory whose run a process supervises.
fn supervised(pid: i32) -> Option<PathBuf> {
    let arguments = process::arguments(pid);
    let script = Path::new(OsStr::from_bytes(arguments.get(1)?));
    let is_shell = arguments.first()?.as_slice() == b"/bin/sh";
    let run = script.parent().filter(|_| is_shell && script.ends_with(SCRIPT_NAME))?;
    (run.ends_with("run") && process::is_own(pid) && is_running(pid))
        .then(|| run.parent().map(Path::to_owned))
        .flatten()
}

/// Returns the directory for whose run a process was started.
fn started_for(pid: i32) -> Option<PathBuf> {
    let file = process::variable(pid, ENV_FILE)?;
    let file = Path::new(OsStr::from_bytes(&file));
    let dir = file.parent().filter(|_| file.ends_with("in/env.yaml"))?.parent()?;
    let known = RunFolder::of(dir).recorded().ok().flatten().is_some();
    (known && process::is_own(pid) && is_running(pid)).then(|| dir.to_owned())
}

/// Returns the directories whose runs have processes.
fn directories() -> BTreeSet<PathBuf> {
    let pids = process::all().into_iter();
    pids.filter_map(|pid| supervised(pid).or_else(|| started_for(pid))).collect()
}

/// Returns the runs of this user that have processes on this host.
pub(super) fn list() -> Vec<RunListing> {
    directories().into_iter().map(|dir| listing(&dir)).collect()
}

fn listing(dir: &Path) -> RunListing {
    let folder = RunFolder::of(dir);
    let handle: Option<RunHandle> = folder
        .recorded()
        .ok()
        .flatten()
        .map(|request| request.handle(dir, serde_json::Value::Null));
    let created =
        std::fs::metadata(folder.path().join(SCRIPT_NAME)).and_then(|file| file.modified());
    RunListing {
        name: format!("local program of {}", dir.display()),
        handle,
        dir: Some(dir.to_owned()),
        id: dir.display().to_string(),
        running: true,
        created: created.ok().and_then(|time| Timestamp::try_from(time).ok()),
    }
}

/// Ends a run that was listed.
pub(super) fn end(id: &str) -> Result<()> {
    let dir = Path::new(id);
    let known = directories().contains(dir) || RunFolder::of(dir).recorded()?.is_some();
    if !dir.is_absolute() || !known {
        let message = "there is no local run of this id; list the runs again";
        return Err(Error::invalid(message).with("run", id));
    }
    remove(dir)
}
