use std::path::PathBuf;
use std::sync::Arc;

use crate::gpu::{DeviceSource, NoDevices};

/// Which task directories stay when their tasks have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Keep {
    /// Of a task that ended well all but `in/`, which can be made again from its inputs; of a
    /// failed or terminated one everything.
    #[default]
    Failed,
    /// Everything.
    All,
    /// Nothing.
    None,
}

/// How a [`LocalScheduler`](super::LocalScheduler) is opened.
#[derive(Debug, Clone)]
pub struct SchedulerOptions {
    /// The SQLite file with the state of the tasks. Made where there is none. Beside it lie its
    /// `-wal` and `-shm`, the file `<database>.lock` and the directory `<database>-owners`.
    pub database: PathBuf,
    /// The directory of the task directories: `<tasks_dir>/<task id>/`.
    pub tasks_dir: PathBuf,
    /// The directory of the GPU leases, the same for all programs of this host that are to share
    /// its GPUs. Not touched unless GPUs are asked for.
    pub lease_dir: PathBuf,
    /// Where the GPUs of this host are read from.
    pub devices: Arc<dyn DeviceSource>,
    /// CPU slots that tasks of this scheduler can hold at once; 0 for as many as the host has.
    pub cpus: u32,
    /// Memory in bytes that tasks of this scheduler can hold at once; 0 for as much as the host
    /// has, or no bound where it does not say.
    pub memory: u64,
    /// How many tasks prepare their directories at once; 0 counts as 1.
    pub prepare: u32,
    /// Which task directories stay.
    pub keep: Keep,
    /// About how many events are kept. Older ones are removed, but for the last state of each task.
    pub keep_events: u64,
    /// About how many bytes of events are kept; see `keep_events`.
    pub keep_bytes: u64,
}

impl SchedulerOptions {
    /// Returns the default options: all CPUs and memory, no GPUs, four tasks preparing at once, the
    /// last 100,000 events in at most 256 MiB.
    pub fn new(
        database: impl Into<PathBuf>,
        tasks_dir: impl Into<PathBuf>,
        lease_dir: impl Into<PathBuf>,
    ) -> Self {
        Self {
            database: database.into(),
            tasks_dir: tasks_dir.into(),
            lease_dir: lease_dir.into(),
            devices: Arc::new(NoDevices),
            cpus: 0,
            memory: 0,
            prepare: 4,
            keep: Keep::default(),
            keep_events: 100_000,
            keep_bytes: 256 << 20,
        }
    }
}
