//! What the kernel tells about processes.

use std::fs;

use rustix::process::{Pid, Signal};
use serde::{Deserialize, Serialize};

/// A process, told from a later one with the same number by its start time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ProcessId {
    pub(super) pid: i32,
    /// The start in clock ticks since boot; 0 where the system does not tell.
    pub(super) start: u64,
    /// The boot that the start counts from.
    pub(super) boot: String,
}

impl ProcessId {
    /// Returns the identity of a process that runs now.
    pub(super) fn of(pid: i32) -> Self {
        let start = stat(pid).map_or(0, |stat| stat.start);
        Self { pid, start, boot: boot() }
    }

    /// Returns the identity of this process.
    pub(super) fn own() -> Self {
        Self::of(rustix::process::getpid().as_raw_nonzero().get())
    }

    /// Returns whether the very same process still runs. A zombie does not.
    pub(super) fn is_alive(&self) -> bool {
        let alive = |stat: Stat| stat.start == self.start && !matches!(stat.state, 'Z' | 'X');
        self.start != 0 && self.boot == boot() && stat(self.pid).is_some_and(alive)
    }
}

fn boot() -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    id.trim().to_owned()
}

/// The parts of `/proc/<pid>/stat` that matter here.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stat {
    pub(super) state: char,
    pub(super) group: i32,
    pub(super) start: u64,
}

/// Returns what is known of a process; nothing if there is none.
pub(super) fn stat(pid: i32) -> Option<Stat> {
    let text = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let text = String::from_utf8_lossy(&text);
    // The name, in parentheses, may hold anything, parentheses included.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    Some(Stat {
        state: fields.first()?.chars().next()?,
        group: fields.get(2)?.parse().ok()?,
        start: fields.get(19)?.parse().ok()?,
    })
}

/// Returns the numbers of all processes.
pub(super) fn all() -> Vec<i32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect()
}

/// Returns whether a process was started with this environment variable, `NAME=value`.
pub(super) fn has_variable(pid: i32, variable: &[u8]) -> bool {
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|entry| entry == variable)
}

/// Signals a process group; a group that is gone is no error.
pub(super) fn signal_group(group: i32, signal: Signal) {
    if let Some(group) = Pid::from_raw(group).filter(|group| *group != Pid::INIT) {
        let _ = rustix::process::kill_process_group(group, signal);
    }
}

/// Returns how often the kernel has killed for lack of memory since boot.
pub(super) fn out_of_memory_kills() -> Option<u64> {
    let text = fs::read_to_string("/proc/vmstat").ok()?;
    text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}
