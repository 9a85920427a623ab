//! What the system knows about processes: `/proc` where it is mounted, `ps` elsewhere.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal};
use serde::{Deserialize, Serialize};

/// A process, distinct from a later one with the same number by its start time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ProcessId {
    pub(super) pid: i32,
    /// When it started, as the system counts; empty if it had ended.
    pub(super) start: String,
    /// The boot of the host, which numbers and starts count from.
    pub(super) boot: String,
    /// The name of the host or container.
    pub(super) host: String,
}

/// What can be said of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Liveness {
    Alive,
    Dead,
    /// It belongs to another host or container, whose processes are not visible here.
    Elsewhere,
}

impl ProcessId {
    /// Returns the identity of this process.
    pub(super) fn own() -> Self {
        let pid = rustix::process::getpid().as_raw_nonzero().get();
        let start = stat(pid).map(|stat| stat.start).unwrap_or_default();
        Self { pid, start, boot: boot(), host: host() }
    }

    /// Reads an identity of four lines, as the supervisor writes it; nothing if it is not whole.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let pid = lines.next()?.trim().parse().ok()?;
        let mut next = || lines.next().map(|line| line.trim().to_owned());
        Some(Self { pid, start: next()?, boot: next()?, host: next()? })
    }

    /// Returns whether the very same process still runs. A zombie does not.
    pub(super) fn liveness(&self) -> Liveness {
        if self.host != host() {
            return Liveness::Elsewhere;
        }
        let alive = |stat: Stat| stat.start == self.start && !matches!(stat.state, 'Z' | 'X');
        match self.boot == boot() && stat(self.pid).is_some_and(alive) {
            true => Liveness::Alive,
            false => Liveness::Dead,
        }
    }

    pub(super) fn is_alive(&self) -> bool {
        self.liveness() == Liveness::Alive
    }
}

fn boot() -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok();
    let id = id.or_else(|| output("sysctl", &["-n", "kern.bootsessionuuid"]));
    id.unwrap_or_default().trim().to_owned()
}

fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().trim().to_owned()
}

/// Returns whether the environment and the arguments of processes can be read.
pub(super) fn is_transparent() -> bool {
    Path::new("/proc/self/environ").exists()
}

/// What matters here of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) state: char,
    pub(super) group: i32,
    pub(super) start: String,
}

/// Returns what is known of a process; nothing if there is none.
pub(super) fn stat(pid: i32) -> Option<Stat> {
    match fs::read(format!("/proc/{pid}/stat")) {
        Ok(text) => stat_of_proc(&String::from_utf8_lossy(&text)),
        Err(_) if Path::new("/proc/self/stat").exists() => None,
        Err(_) => {
            let pid = pid.to_string();
            stat_of_ps(&output("ps", &["-o", "stat=,pgid=,lstart=", "-p", &pid])?)
        }
    }
}

fn stat_of_proc(text: &str) -> Option<Stat> {
    // The name, in parentheses, may hold anything, parentheses included.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    Some(Stat {
        state: fields.first()?.chars().next()?,
        group: fields.get(2)?.parse().ok()?,
        start: (*fields.get(19)?).to_owned(),
    })
}

fn stat_of_ps(text: &str) -> Option<Stat> {
    let mut fields = text.split_whitespace();
    let (state, group) = (fields.next()?.chars().next()?, fields.next()?.parse().ok()?);
    Some(Stat { state, group, start: fields.collect::<Vec<_>>().join(" ") })
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    command.args(arguments).env("LC_ALL", "C").stdin(Stdio::null()).stderr(Stdio::null());
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Returns the numbers of all processes.
pub(super) fn all() -> Vec<i32> {
    if let Ok(entries) = fs::read_dir("/proc") {
        return entries
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .collect();
    }
    let numbers = output("ps", &["-A", "-o", "pid="]).unwrap_or_default();
    numbers.split_whitespace().filter_map(|number| number.parse().ok()).collect()
}

/// Returns the living processes of a group.
pub(super) fn members(group: i32) -> Vec<i32> {
    let member = |pid: &i32| {
        stat(*pid).is_some_and(|stat| stat.group == group && !matches!(stat.state, 'Z' | 'X'))
    };
    all().into_iter().filter(member).collect()
}

/// Returns the value that an environment variable had when a process was started.
pub(super) fn variable(pid: i32, name: &str) -> Option<Vec<u8>> {
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let entries = environment.split(|byte| *byte == 0);
    let value =
        |entry: &[u8]| entry.strip_prefix(name.as_bytes())?.strip_prefix(b"=").map(<[u8]>::to_vec);
    entries.into_iter().find_map(value)
}

/// Returns the arguments of a process, its program first.
pub(super) fn arguments(pid: i32) -> Vec<Vec<u8>> {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect()
}

/// Returns whether a process is this user's.
pub(super) fn is_own(pid: i32) -> bool {
    use std::os::unix::fs::MetadataExt;
    let user = rustix::process::geteuid().as_raw();
    fs::metadata(format!("/proc/{pid}")).is_ok_and(|metadata| metadata.uid() == user)
}

/// Returns the resident memory of a process in bytes; with `shared`, shared pages in part only,
/// where the system tells.
pub(super) fn resident(pid: i32, shared: bool) -> u64 {
    let own = || shared.then(|| kibibytes(pid, "smaps_rollup", "Pss:")).flatten();
    let kibibytes = own().or_else(|| kibibytes(pid, "status", "VmRSS:"));
    let portable = || output("ps", &["-o", "rss=", "-p", &pid.to_string()])?.trim().parse().ok();
    let kibibytes = match Path::new("/proc/self/status").exists() {
        true => kibibytes,
        false => portable(),
    };
    kibibytes.unwrap_or(0_u64) * 1024
}

fn kibibytes(pid: i32, file: &str, field: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/{file}")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Signals a process group, or the process alone where it leads none yet. One that is gone is no
/// error.
pub(super) fn signal_group(group: i32, signal: Signal) {
    if let Some(group) = Pid::from_raw(group).filter(|group| *group != Pid::INIT)
        && rustix::process::kill_process_group(group, signal).is_err()
    {
        let _ = rustix::process::kill_process(group, signal);
    }
}

/// Signals one process.
pub(super) fn signal(pid: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid) {
        let _ = rustix::process::kill_process(pid, signal);
    }
}
