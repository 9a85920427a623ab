use std::path::PathBuf;
use std::sync::Arc;

use crate::gpu::{DeviceSource, NoDevices};

/// The host whose resources tasks are granted.
#[derive(Debug, Clone)]
pub struct HostOptions {
    /// The directory in which all programs of the host agree who holds what, `/tmp/ymir-host` by
    /// default. Programs share the host's resources if they name the same directory.
    ///
    /// `user-<uid>/`, private to each user, holds the ledger of CPU slots and memory; `gpu/`, open to
    /// all, the leases of GPUs. It is made with mode 1777 where it is missing; its owner and root
    /// could take GPUs from others, so on a host that is shared let root make it at boot.
    pub dir: PathBuf,
    /// Where the GPUs are read from.
    pub devices: Arc<dyn DeviceSource>,
    /// The CPU slots that the tasks of this user can hold at once; 0 for as many as the host has.
    pub cpus: u32,
    /// The memory in bytes that the tasks of this user can hold at once; 0 for as much as the host
    /// has, or no bound where it does not say.
    pub memory: u64,
}

impl Default for HostOptions {
    /// All CPUs and memory, no GPUs.
    fn default() -> Self {
        Self { dir: "/tmp/ymir-host".into(), devices: Arc::new(NoDevices), cpus: 0, memory: 0 }
    }
}
