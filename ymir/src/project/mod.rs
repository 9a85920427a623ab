//! Projects: the loop over its steps, kept in the workspace so that any process can go on with it.

mod candidates;
mod handle;
mod run;
mod steps;

pub use handle::ProjectHandle;
pub use run::{Advance, LoopEvent, OnLoopEvent, StepOptions, Turn};
