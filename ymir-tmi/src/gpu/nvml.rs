use std::fmt;
use std::sync::{Mutex, PoisonError};

use nvml_wrapper::enums::device::UsedGpuMemory;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::{Device as NvmlDevice, Nvml};
use ymir_core::{Error, ErrorKind, Result};

use super::{Device, DeviceId, DeviceSource};

/// The NVIDIA GPUs of this host, read through NVML.
///
/// The driver's library is loaded when the devices are first asked for; where there is none, or no
/// driver, there are no devices. A device counts as busy if another process computes on it, if more
/// of its memory is in use by others than the threshold, or if it is split into MIG instances.
pub struct NvmlDevices {
    busy_memory: u64,
    nvml: Mutex<Option<Nvml>>,
}

impl NvmlDevices {
    /// The default of the threshold: 1 GiB, above what a display or an idle driver uses.
    pub const BUSY_MEMORY: u64 = 1 << 30;

    /// Returns the source with the default threshold.
    pub fn new() -> Self {
        Self::with_busy_memory(Self::BUSY_MEMORY)
    }

    /// Returns the source with a threshold in bytes: a device of which others use more is busy.
    pub fn with_busy_memory(bytes: u64) -> Self {
        Self { busy_memory: bytes, nvml: Mutex::new(None) }
    }

    fn read(&self, id: DeviceId, device: &NvmlDevice<'_>) -> Result<Device, NvmlError> {
        let memory = optional(device.memory_info())?;
        let (memory_total, memory_used) = memory.map_or((0, 0), |m| (m.total, m.used));
        let (stranger, own_memory) = processes(device)?;
        let split = optional(device.mig_mode())?.is_some_and(|mode| mode.current != 0);
        let others = memory_used.saturating_sub(own_memory);
        Ok(Device {
            id,
            index: device.index()?,
            name: device.name()?,
            memory_total,
            memory_used,
            numa_node: device.pci_info().ok().and_then(|pci| numa_node(&pci.bus_id)),
            busy: split || stranger || others > self.busy_memory,
        })
    }
}

impl Default for NvmlDevices {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for NvmlDevices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NvmlDevices").field("busy_memory", &self.busy_memory).finish()
    }
}

impl DeviceSource for NvmlDevices {
    fn devices(&self) -> Result<Vec<Device>> {
        let mut nvml = self.nvml.lock().unwrap_or_else(PoisonError::into_inner);
        if nvml.is_none() {
            *nvml = load()?;
        }
        let Some(nvml) = nvml.as_ref() else { return Ok(Vec::new()) };
        let count = nvml.device_count().map_err(|error| unavailable(error, None))?;
        (0..count)
            .map(|index| {
                let failed = |error| unavailable(error, Some(index));
                let device = nvml.device_by_index(index).map_err(failed)?;
                let id = DeviceId::new(device.uuid().map_err(failed)?)?;
                self.read(id, &device).map_err(failed)
            })
            .collect()
    }
}

/// Loads the driver's library; `None` if this host has none.
fn load() -> Result<Option<Nvml>> {
    match Nvml::init() {
        Ok(nvml) => Ok(Some(nvml)),
        Err(
            NvmlError::LibloadingError(_) | NvmlError::LibraryNotFound | NvmlError::DriverNotLoaded,
        ) => Ok(None),
        Err(error) => Err(unavailable(error, None)),
    }
}

fn unavailable(error: NvmlError, index: Option<u32>) -> Error {
    let message = "cannot read the GPUs of this host through NVML; see whether `nvidia-smi` works";
    let result = Error::new(ErrorKind::Unavailable, message);
    match index {
        Some(index) => result.with("gpu", index),
        None => result,
    }
    .caused_by(error)
}

/// Returns `None` where this device or driver cannot tell.
fn optional<T>(result: Result<T, NvmlError>) -> Result<Option<T>, NvmlError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(NvmlError::NotSupported | NvmlError::FailedToLoadSymbol(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns whether another process computes on the device, and the memory in bytes that this one
/// uses there.
fn processes(device: &NvmlDevice<'_>) -> Result<(bool, u64), NvmlError> {
    let own = std::process::id();
    let mut stranger = false;
    let mut memory = 0;
    for process in optional(device.running_compute_processes())?.unwrap_or_default() {
        match process.used_gpu_memory {
            _ if process.pid != own => stranger = true,
            UsedGpuMemory::Used(bytes) => memory += bytes,
            UsedGpuMemory::Unavailable => {}
        }
    }
    Ok((stranger, memory))
}

/// Returns the NUMA node of a PCI device, from sysfs; NVML writes the domain with eight digits,
/// sysfs with four.
fn numa_node(bus_id: &str) -> Option<u32> {
    let bus_id = bus_id.to_ascii_lowercase();
    let bus_id = bus_id.strip_prefix("0000").filter(|rest| rest.len() == 12).unwrap_or(&bus_id);
    let path = format!("/sys/bus/pci/devices/{bus_id}/numa_node");
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}
