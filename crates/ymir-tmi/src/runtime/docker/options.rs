use std::path::PathBuf;
use std::time::Duration;

/// How the Docker Engine is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DockerOptions {
    /// The engine's Unix socket; without one, the platform's usual place. Podman's compatible
    /// socket does too.
    pub socket: Option<PathBuf>,
    /// How long the engine may take to answer one request.
    pub timeout: Duration,
}

impl Default for DockerOptions {
    /// The usual socket, two minutes.
    fn default() -> Self {
        Self { socket: None, timeout: Duration::from_secs(120) }
    }
}
