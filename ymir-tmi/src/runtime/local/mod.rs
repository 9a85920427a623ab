mod environment;
mod follow;
mod leftover;
mod look;
mod options;
mod program;
mod runtime;
mod start;

pub use options::LocalOptions;
pub use runtime::LocalRuntime;
