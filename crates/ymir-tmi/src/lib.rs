//! YMIR's executor contract, runtimes, scheduler and GPU allocator.

pub mod contract;
pub mod gpu;
mod run;
mod runtime;
mod scheduler;
