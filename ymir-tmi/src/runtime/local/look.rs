//! Where a run stands, as its folder and the system's processes tell.

use std::path::Path;

use rustix::process::Signal;
use ymir_core::{Error, ErrorKind, Result, RunEnd, RunHandle, RunState};

use super::environment::{ENV_FILE, env_file};
use crate::runtime::end;
use crate::runtime::folder::{Mark, RunFolder};
use crate::runtime::process::{self, Liveness, ProcessId};

/// The identities that the supervisor writes: its own, and the program's.
pub(super) const SUPERVISOR: &str = "supervisor.id";
pub(super) const PROGRAM: &str = "program.id";

const EXIT: &str = "exit";

/// Returns where a run stands.
pub(super) fn state(handle: &RunHandle) -> Result<RunState> {
    let folder = RunFolder::of(&handle.dir);
    if folder.request(handle)?.is_none() {
        return Ok(RunState::Lost);
    }
    state_of(&handle.dir)
}

/// Returns where the run in a directory stands, whichever it is.
pub(super) fn state_of(dir: &Path) -> Result<RunState> {
    let folder = RunFolder::of(dir);
    if let Some(end) = recorded_end(&folder)? {
        return Ok(RunState::Ended(end));
    }
    let Some(supervisor) = folder.text(SUPERVISOR)? else { return Ok(RunState::Created) };
    // One that is not whole is being written.
    let Some(supervisor) = ProcessId::parse(&supervisor) else { return Ok(RunState::Running) };
    match supervisor.liveness() {
        Liveness::Alive => return Ok(RunState::Running),
        Liveness::Elsewhere => return Err(elsewhere(&supervisor)),
        Liveness::Dead => {}
    }
    // It may have recorded the end meanwhile.
    if let Some(end) = recorded_end(&folder)? {
        return Ok(RunState::Ended(end));
    }
    match processes(dir)?.is_empty() {
        true => Ok(RunState::Lost),
        false => Ok(RunState::Running),
    }
}

fn elsewhere(process: &ProcessId) -> Error {
    let message = "the run was started on another host or in another container; ask there";
    Error::new(ErrorKind::Unavailable, message).with("host", &process.host)
}

fn recorded_end(folder: &RunFolder) -> Result<Option<RunEnd>> {
    let Some(text) = folder.text(EXIT)? else { return Ok(None) };
    let mut numbers = text.split_whitespace().map(str::parse::<i64>);
    let (Some(Ok(status)), Some(Ok(kills))) = (numbers.next(), numbers.next()) else {
        return Ok(None);
    };
    let stopped = folder.is_marked(Mark::Stop);
    let killed = end::signal(Some(status)) == Some(i64::from(Signal::KILL.as_raw()));
    let by_kernel = killed && !stopped && kills > 0;
    let out_of_memory = by_kernel || folder.is_marked(Mark::Memory);
    Ok(Some(end::end(Some(status), out_of_memory, stopped)))
}

/// Returns the identity of the run's program, if it was started.
pub(super) fn program(dir: &Path) -> Result<Option<ProcessId>> {
    let text = RunFolder::of(dir).text(PROGRAM)?;
    Ok(text.as_deref().and_then(ProcessId::parse))
}

/// Returns the program's process and those of its group. The number of a group whose leader has
/// ended can be another's by now: then only those count that were started for this run.
pub(super) fn processes(dir: &Path) -> Result<Vec<i32>> {
    let Some(program) = program(dir)? else { return Ok(Vec::new()) };
    match program.liveness() {
        Liveness::Elsewhere => Err(elsewhere(&program)),
        Liveness::Alive => {
            let mut processes = process::members(program.pid);
            if !processes.contains(&program.pid) {
                processes.push(program.pid);
            }
            Ok(processes)
        }
        Liveness::Dead => {
            let members = process::members(program.pid);
            Ok(members.into_iter().filter(|pid| belongs(*pid, dir)).collect())
        }
    }
}

/// Returns whether a process was started for the run of a directory.
pub(super) fn belongs(pid: i32, dir: &Path) -> bool {
    let file = env_file(dir);
    process::variable(pid, ENV_FILE)
        .is_some_and(|value| value == file.as_os_str().as_encoded_bytes())
}

/// Signals the program and its group, if they run.
pub(super) fn signal(dir: &Path, signal: Signal) -> Result<()> {
    let Some(program) = program(dir)? else { return Ok(()) };
    match program.is_alive() {
        true => process::signal_group(program.pid, signal),
        false => processes(dir)?.into_iter().for_each(|pid| process::signal(pid, signal)),
    }
    Ok(())
}
