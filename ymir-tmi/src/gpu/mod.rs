//! GPUs: which there are, which are free, and who holds them.
//!
//! [`DeviceSource`] says what this host has, [`allocate`] chooses among it (a pure function), and
//! [`LeaseDir`] makes the choice exclusive among all processes of the host.

mod allocate;
mod device;
mod lease;
#[cfg(feature = "nvidia")]
mod nvml;
mod source;

pub use allocate::{allocate, available};
pub use device::{Device, DeviceId};
pub use lease::{DeviceLease, LeaseDir};
#[cfg(feature = "nvidia")]
pub use nvml::NvmlDevices;
pub use source::{DeviceSource, FixedDevices, NoDevices};
