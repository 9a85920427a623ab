mod memory;
mod options;
mod process;
mod program;
mod record;
mod run;
mod spawn;

pub use options::LocalOptions;
pub use program::LocalRuntime;
