mod container;
mod engine;
mod image;
mod options;
mod removal;
mod run;
mod service;

pub use options::DockerOptions;
pub use service::DockerRuntime;
