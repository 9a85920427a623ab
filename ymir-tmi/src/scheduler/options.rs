use std::path::PathBuf;
use std::time::Duration;

use ymir_core::WorkspaceId;

use super::host::HostOptions;

/// What stays of a task's directory when the task has ended.
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

/// Which directories of ended tasks stay, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retention {
    /// What stays when a task ends.
    pub keep: Keep,
    /// After how long the rest goes too; never by default.
    pub max_age: Option<Duration>,
    /// How many tasks' directories stay, the newest; all by default.
    pub max_count: Option<usize>,
}

/// How a [`LocalScheduler`](super::LocalScheduler) is opened.
#[derive(Debug, Clone)]
pub struct SchedulerOptions {
    /// The workspace, which the leases on this host name.
    pub workspace: WorkspaceId,
    /// Its directory. When it is gone, so are its claims on the host.
    pub root: PathBuf,
    /// The SQLite file with the state of the tasks, `<root>/state/tasks.sqlite` by default. Made
    /// where there is none. Beside it lie its `-wal` and `-shm`, the file `<database>.lock` and the
    /// directory `<database>-owners`.
    pub database: PathBuf,
    /// The directory of the task directories, `<root>/tasks` by default: `<tasks_dir>/<task id>/`.
    pub tasks_dir: PathBuf,
    /// The host whose resources its tasks are granted.
    pub host: HostOptions,
    /// How many tasks prepare their directories at once; 0 counts as 1.
    pub prepare: u32,
    /// Which directories of ended tasks stay.
    pub retention: Retention,
    /// About how many events are kept. Older ones are removed, but for the last state of each task.
    pub keep_events: u64,
    /// About how many bytes of events are kept; see `keep_events`.
    pub keep_bytes: u64,
}

impl SchedulerOptions {
    /// Returns the default options of a workspace: all CPUs and memory, no GPUs, four tasks preparing
    /// at once, the last 100,000 events in at most 256 MiB.
    pub fn new(workspace: WorkspaceId, root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        Self {
            workspace,
            database: root.join("state/tasks.sqlite"),
            tasks_dir: root.join("tasks"),
            root,
            host: HostOptions::default(),
            prepare: 4,
            retention: Retention::default(),
            keep_events: 100_000,
            keep_bytes: 256 << 20,
        }
    }
}
