//! The memory bound of a local run: the sum over its process group, looked at in short intervals.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use super::process;
use super::run::Shared;

/// How often memory is looked at.
const INTERVAL: Duration = Duration::from_millis(100);

/// Kills the run when its processes together hold more than `bound` bytes.
pub(super) async fn watch(shared: Arc<Shared>, group: i32, bound: u64) {
    loop {
        tokio::time::sleep(INTERVAL).await;
        if shared.has_ended() {
            return;
        }
        let held = tokio::task::spawn_blocking(move || held(group, bound)).await.unwrap_or(0);
        if held > bound {
            shared.kill_for_memory();
            return;
        }
    }
}

/// Returns how many bytes a process group holds. Shared pages are counted once where the plain sum
/// is over the bound; below it, the exact figure does not matter.
fn held(group: i32, bound: u64) -> u64 {
    let member = |pid: &i32| process::stat(*pid).is_some_and(|stat| stat.group == group);
    let members: Vec<i32> = process::all().into_iter().filter(member).collect();
    let plain = members.iter().filter_map(|pid| kibibytes(*pid, "status", "VmRSS:")).sum::<u64>();
    if plain * 1024 <= bound {
        return plain * 1024;
    }
    let share = |pid: &i32| {
        kibibytes(*pid, "smaps_rollup", "Pss:").or_else(|| kibibytes(*pid, "status", "VmRSS:"))
    };
    members.iter().filter_map(share).sum::<u64>() * 1024
}

fn kibibytes(pid: i32, file: &str, field: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/{file}")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    line.split_whitespace().next()?.parse().ok()
}
