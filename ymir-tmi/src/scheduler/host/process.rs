//! How processes are told apart: by number, start and boot of the host. Where `/proc` is missing,
//! the number alone has to do.

use std::fs;

use rustix::process::{Pid, test_kill_process};

/// Names a process of this host, also after its number was given to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::scheduler) struct ProcessId {
    pub(in crate::scheduler) pid: u32,
    /// When it started, in clock ticks since the boot.
    pub(in crate::scheduler) start: Option<u64>,
}

impl ProcessId {
    /// Returns this process.
    pub(in crate::scheduler) fn own() -> Self {
        let pid = std::process::id();
        Self { pid, start: start_of(pid) }
    }

    /// Returns whether it runs.
    pub(in crate::scheduler) fn is_alive(&self) -> bool {
        match (self.start, start_of(self.pid)) {
            (Some(start), Some(now)) => start == now,
            (Some(_), None) if fs::exists("/proc/self").unwrap_or(false) => false,
            _ => i32::try_from(self.pid)
                .ok()
                .and_then(Pid::from_raw)
                .is_some_and(|pid| test_kill_process(pid) != Err(rustix::io::Errno::SRCH)),
        }
    }
}

/// Returns the 22nd field of `/proc/<pid>/stat`; the second, a name in brackets, can hold anything.
fn start_of(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

/// Returns a name for the time since the host was started, made of letters and digits; the same for
/// ever where the host does not say.
pub(in crate::scheduler) fn boot() -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let plain: String = id.chars().filter(char::is_ascii_alphanumeric).collect();
    if plain.is_empty() { "any".to_owned() } else { plain }
}
