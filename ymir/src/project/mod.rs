//! Projects: the loop over its steps, kept in the workspace so that any process can go on with it.

mod candidates;
mod handle;
mod obtain;
mod run;
mod steps;

pub use handle::ProjectHandle;
use run::OnLoopEvent;
pub use run::{Advance, LoopEvent, StepOptions, Turn};
