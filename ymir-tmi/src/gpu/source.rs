use std::fmt;

use ymir_core::Result;

use super::Device;

/// Says which GPUs this host has. Calls may block for some milliseconds.
pub trait DeviceSource: Send + Sync + fmt::Debug {
    /// Returns all devices as they are now, the busy ones too, each once.
    ///
    /// # Errors
    ///
    /// `Unavailable` if the driver does not answer. A host without GPUs or driver has no devices;
    /// that is no error.
    fn devices(&self) -> Result<Vec<Device>>;
}

/// A host without GPUs.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoDevices;

impl DeviceSource for NoDevices {
    fn devices(&self) -> Result<Vec<Device>> {
        Ok(Vec::new())
    }
}

/// A fixed list of GPUs, for tests and for hosts whose devices are not to be probed.
#[derive(Debug, Clone, Default)]
pub struct FixedDevices(Vec<Device>);

impl FixedDevices {
    /// Returns a source that always gives these devices.
    pub fn new(devices: Vec<Device>) -> Self {
        Self(devices)
    }
}

impl DeviceSource for FixedDevices {
    fn devices(&self) -> Result<Vec<Device>> {
        Ok(self.0.clone())
    }
}
