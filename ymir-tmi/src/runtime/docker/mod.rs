mod container;
mod engine;
mod image;
mod labels;
mod log;
mod options;
mod run;
mod service;
mod state;

pub use options::DockerOptions;
pub use service::DockerRuntime;
