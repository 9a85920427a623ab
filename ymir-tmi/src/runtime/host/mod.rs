//! Functions of the program that YMIR lives in, as executors.

mod executor;
mod input;
mod log;
mod results;
mod run;
mod runs;
mod runtime;
mod task;

pub use executor::HostExecutor;
pub use results::{HostDetection, HostStage};
pub use runtime::HostRuntime;
pub use task::HostTask;
