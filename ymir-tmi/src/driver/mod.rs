//! The driver that carries tasks of executors through their steps: it prepares the directory,
//! starts or follows the run, reads the results and commits them.
//!
//! Between two steps everything lies in the task's directory: `prepared.json` (what the lineage
//! needs), `in` and `out` (the contract's files), `run.json` (the handle of the run) and `run.log`
//! (its log, while it runs).

mod collect;
mod commit;
mod end;
mod executor_driver;
mod follow;
mod kept_log;
mod prepare;
mod run_record;
mod scoring;
mod spec;

pub use executor_driver::{ExecutorDriver, Runtimes};
pub use follow::{STOP_GRACE, run_unit};
pub use spec::{CLASSES, COUNT, STAGE, TmiTask, UNKNOWN_CLASSES, role};
