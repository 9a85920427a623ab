//! The scheduler: queues tasks, grants resources, records what happens, tells who listens.

mod api;
mod blocking;
mod database;
mod directory;
mod drive;
mod events;
mod host;
mod ledger;
mod live;
mod local;
mod options;
mod outbox;
mod owner;
pub mod policy;
mod pool;
mod reporter;
mod tasks;

pub use local::LocalScheduler;
pub use options::{Keep, SchedulerOptions};
