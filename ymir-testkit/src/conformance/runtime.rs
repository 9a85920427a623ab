//! What every [`TmiRuntime`](ymir_core::TmiRuntime) must do, as functions that panic where it does not.

mod lifecycle;
mod logs;
mod records;
mod suite;

pub use lifecycle::*;
pub use logs::*;
pub use records::*;
pub use suite::{RuntimeSuite, ScriptExecutors};
