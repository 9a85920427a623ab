//! What every [`TmiRuntime`](ymir_core::TmiRuntime) must do, as functions that panic where it does not.

mod lifecycle;
mod logs;
mod suite;

pub use lifecycle::*;
pub use logs::*;
pub use suite::{RuntimeSuite, ScriptExecutors};
