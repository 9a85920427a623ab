mod options;
pub use options::DockerOptions;
