//! Processor time, memory and disk, as Linux tells them.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

/// Returns the processor time of this process and of those that it started and waited for, so far;
/// 0 where the system does not tell. It is exact to some hundredths of a second.
pub fn processor_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
    // User and system time, own and of children, in the hundredths of a second that Linux shows.
    let ticks: u64 = fields.skip(11).take(4).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// Returns the most memory that this process had, in bytes; 0 where the system does not tell.
pub fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok());
    kib.unwrap_or(0u64) * 1024
}

/// Returns how many bytes the files below a folder have. A file that has another name as well, as a
/// hard link, takes no space of its own.
///
/// # Errors
///
/// Those of reading the folders.
pub fn folder_size(folder: &Path) -> io::Result<u64> {
    fs::read_dir(folder)?
        .map(|entry| {
            let entry = entry?;
            let data = entry.metadata()?;
            match data.is_dir() {
                true => folder_size(&entry.path()),
                false if data.nlink() > 1 => Ok(0),
                false => Ok(data.len()),
            }
        })
        .sum()
}
