use std::path::PathBuf;
use std::time::Duration;

/// How the Docker Engine is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DockerOptions {
    /// The engine's Unix socket. Podman's compatible one does too.
    pub socket: PathBuf,
    /// How long the engine may take to answer a request; whole seconds.
    pub timeout: Duration,
}

impl Default for DockerOptions {
    /// `/var/run/docker.sock`, two minutes.
    fn default() -> Self {
        Self { socket: "/var/run/docker.sock".into(), timeout: Duration::from_secs(120) }
    }
}
