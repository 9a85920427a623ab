use std::fs;

/// Returns the CPUs that this process may use, at least 1.
pub(in crate::scheduler) fn cpus() -> u32 {
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    u32::try_from(cpus).unwrap_or(u32::MAX)
}

/// Returns the memory in bytes that this process may use, the bound of its control group included;
/// `u64::MAX` where the host does not say.
pub(in crate::scheduler) fn memory() -> u64 {
    let physical = fs::read_to_string("/proc/meminfo").ok().and_then(|text| mem_total(&text));
    let group = fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    let group = group.and_then(|text| text.trim().parse().ok());
    physical.unwrap_or(u64::MAX).min(group.unwrap_or(u64::MAX))
}

fn mem_total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}
