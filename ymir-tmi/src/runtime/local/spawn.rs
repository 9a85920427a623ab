use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, WaitId, WaitIdOptions};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{ChildStderr, ChildStdout};
use ymir_core::{Error, ErrorKind, LogSource, Result, RunRequest};

use super::process::{self, ProcessId};
use super::record::RunRecord;
use super::run::{LocalRun, Shared};
use crate::runtime::lines::{self, LineCutter, LogWriter};

/// How long output may still come when the program has ended and its group is killed: a process
/// that left the group can hold the pipe open.
const LAST_OUTPUT: Duration = Duration::from_secs(2);

/// Starts a program in a prepared task directory, and notes it there.
pub(super) fn spawn(
    request: &RunRequest,
    program: &Path,
    environment: &BTreeMap<OsString, OsString>,
) -> Result<Child> {
    let mut record = RunRecord {
        workspace: request.workspace.clone(),
        task: request.task.clone(),
        host: ProcessId::own(),
        executor: None,
    };
    // Written before the start too, so that there is no moment in which nothing tells of it.
    record.write(&request.dir)?;
    let started = start(program, &request.dir, environment).map_err(|error| {
        RunRecord::remove(&request.dir);
        let message = match error.kind() {
            io::ErrorKind::PermissionDenied => "the program cannot be run; make it executable",
            _ => "the program cannot be run",
        };
        let kind = match error.kind() {
            io::ErrorKind::OutOfMemory | io::ErrorKind::WouldBlock => ErrorKind::ResourceExhausted,
            io::ErrorKind::NotFound => ErrorKind::NotFound,
            _ => ErrorKind::InvalidInput,
        };
        Error::new(kind, message).with("program", program.display()).caused_by(error)
    });
    let mut child = started?;
    record.executor = Some(ProcessId::of(child.id() as i32));
    if let Err(error) = record.write(&request.dir) {
        process::signal_group(child.id() as i32, rustix::process::Signal::KILL);
        let _ = child.wait();
        RunRecord::remove(&request.dir);
        return Err(error);
    }
    Ok(child)
}

fn start(
    program: &Path,
    dir: &Path,
    environment: &BTreeMap<OsString, OsString>,
) -> io::Result<Child> {
    let mut command = Command::new(program);
    command.current_dir(dir).env_clear().envs(environment).process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut tries = 0;
    loop {
        match command.spawn() {
            // A program that was written a moment ago may still be open for writing in a child
            // that another thread is just forking.
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy && tries < 50 => {
                tries += 1;
                std::thread::sleep(Duration::from_millis(10));
            }
            result => return result,
        }
    }
}

/// Follows a child that was started: its output, its memory, its end.
pub(super) fn follow(mut child: Child, request: &RunRequest) -> Result<LocalRun> {
    let group = child.id() as i32;
    let shared = Shared::new(group);
    let (writer, logs) = lines::channel();
    // From here on a dropped run kills what was started.
    let run = LocalRun { shared: shared.clone(), logs };
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    watch_end(child, request, shared.clone())?;
    let fail = |error| {
        Error::new(ErrorKind::Unexpected, "the output of a program cannot be read").caused_by(error)
    };
    if let Some(stdout) = stdout {
        let stdout = ChildStdout::from_std(stdout).map_err(fail)?;
        tokio::spawn(read(stdout, LogSource::Stdout, writer.clone(), shared.clone()));
    }
    if let Some(stderr) = stderr {
        let stderr = ChildStderr::from_std(stderr).map_err(fail)?;
        tokio::spawn(read(stderr, LogSource::Stderr, writer, shared.clone()));
    }
    if request.grant.memory > 0 {
        tokio::spawn(super::memory::watch(shared, group, request.grant.memory));
    }
    Ok(run)
}

/// Waits for the end on a thread of its own: it may take days, and a runtime that shuts down waits
/// for its blocking threads.
fn watch_end(mut child: Child, request: &RunRequest, shared: Arc<Shared>) -> Result<()> {
    let dir = request.dir.clone();
    let kills = process::out_of_memory_kills();
    let watching = shared.clone();
    let watch = move || {
        if let Some(pid) = Pid::from_raw(child.id() as i32) {
            // Without reaping: until then the group's number is its own.
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            while matches!(
                rustix::process::waitid(WaitId::Pid(pid), options),
                Err(rustix::io::Errno::INTR)
            ) {}
        }
        watching.close_group();
        let status = child.wait();
        RunRecord::remove(&dir);
        let killed = kills.is_some_and(|before| process::out_of_memory_kills() > Some(before));
        match status {
            Ok(status) => watching.finish(status.code(), status.signal(), killed),
            Err(_) => watching.finish(None, None, false),
        }
    };
    let thread = std::thread::Builder::new().name("ymir-run".to_owned()).spawn(watch);
    thread.map(drop).map_err(|error| {
        shared.kill();
        Error::new(ErrorKind::ResourceExhausted, "no thread can be started to follow a run")
            .caused_by(error)
    })
}

async fn read(
    mut from: impl AsyncRead + Unpin,
    source: LogSource,
    writer: LogWriter,
    shared: Arc<Shared>,
) {
    let mut cutter = LineCutter::new(source, writer);
    let ended = async {
        shared.ended().await;
        tokio::time::sleep(LAST_OUTPUT).await;
    };
    tokio::pin!(ended);
    let mut bytes = vec![0; 16 << 10];
    loop {
        let count = tokio::select! {
            biased;
            count = from.read(&mut bytes) => count.unwrap_or(0),
            () = &mut ended => 0,
        };
        if count == 0 {
            break;
        }
        cutter.push(&bytes[..count]).await;
    }
    cutter.finish().await;
}
