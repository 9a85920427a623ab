//! The executor contract, the runtimes and the scheduler.

#[macro_use]
mod common;
mod contract_prepare;
mod contract_results;
mod docker_runtime;
mod gpu;
mod host_runtime;
mod local_runtime;
mod run_unit;
mod scheduler;
mod scheduler_policy;
