//! The scheduler: queues tasks, grants resources, records what happens, tells who listens.
//!
//! What a task is and how far it came is recorded in an SQLite file of its workspace (`tasks`,
//! written by the one thread of `journal`). What the tasks of a host hold and wait for is recorded in
//! the ledger of the host (`host`), in the order of `policy`. A task is carried through its steps by
//! `drive`, and its units by `units`; a process that dies leaves its tasks to `adopt`.

mod adopt;
mod api;
mod blocking;
mod clean;
mod database;
mod directory;
mod drive;
mod events;
mod follow;
mod host;
mod journal;
mod live;
mod local;
mod options;
mod outbox;
mod owner;
pub mod policy;
mod reporter;
mod spread;
mod tasks;
mod units;

pub use clean::{CleanReport, UnremovedFile};
pub use host::{HostLease, HostOptions, LeaseState};
pub use local::LocalScheduler;
pub use options::{Keep, Retention, SchedulerOptions};
