use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use std::os::unix::process::CommandExt;

use ymir_core::{Error, ErrorKind, Result, RunHandle};

use super::look::SUPERVISOR;
use super::program::{check_startable, program};
use crate::runtime::folder::RunFolder;
use crate::runtime::process::ProcessId;

/// The shell script that runs the program; it lies in the run's folder.
pub(super) const SCRIPT: &str = include_str!("supervisor.sh");
pub(super) const SCRIPT_NAME: &str = "supervisor";

/// How long the supervisor may take to come up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Starts a created run, unless that was done before.
pub(super) fn start(handle: &RunHandle) -> Result<()> {
    let folder = RunFolder::of(&handle.dir);
    let Some(request) = folder.request(handle)? else {
        let message = "there is no such run; it was removed, or its directory was";
        return Err(Error::not_found(message).with("path", folder.path().display()));
    };
    if folder.text(SUPERVISOR)?.is_some() {
        return Ok(());
    }
    let program = program(&request.executor.reference)?;
    check_startable(&program)?;
    let child = spawn(&folder, &handle.dir, &program).map_err(|error| {
        let message = "no process can be started for the run; end others, or raise the limit of \
                       processes (`ulimit -u`)";
        Error::new(ErrorKind::ResourceExhausted, message).caused_by(error)
    })?;
    come_up(&folder, child)
}

fn spawn(folder: &RunFolder, dir: &Path, program: &Path) -> std::io::Result<Child> {
    let setsid =
        ["/usr/bin/setsid", "/bin/setsid"].into_iter().find(|path| Path::new(path).exists());
    let mut command = match setsid {
        // A session of its own: no terminal reaches it.
        Some(setsid) => {
            let mut command = Command::new(setsid);
            command.arg("/bin/sh");
            command
        }
        None => {
            let mut command = Command::new("/bin/sh");
            command.process_group(0);
            command
        }
    };
    command.arg(folder.path().join(SCRIPT_NAME)).arg(setsid.unwrap_or_default()).arg(program);
    command.current_dir(dir).env_clear();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
}

/// Waits until the supervisor has recorded itself. A thread waits for its end, so that no zombie
/// stays while this process lives.
fn come_up(folder: &RunFolder, mut child: Child) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let recorded = folder.text(SUPERVISOR)?.as_deref().and_then(ProcessId::parse).is_some();
        let ended = child.try_wait().ok().flatten();
        if recorded {
            if ended.is_none() {
                // Without a thread it is a zombie until this process ends; nothing is lost.
                let reap = std::thread::Builder::new().name("ymir-run".to_owned());
                let _ = reap.spawn(move || child.wait());
            }
            return Ok(());
        }
        if ended.is_some() || Instant::now() > deadline {
            let message = "the shell that runs the program did not come up; is the disk full?";
            let error = Error::new(ErrorKind::Unexpected, message);
            return Err(error.with("path", folder.path().display()));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}
