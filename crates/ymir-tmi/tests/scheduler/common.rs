use std::path::Path;
use std::sync::Arc;

use ymir_core::{Resources, Scheduler, TaskId, TaskKind, TaskRequest};
use ymir_testkit::conformance::scheduler::{CPUS, GPUS};
use ymir_tmi::gpu::{Device, DeviceId, FixedDevices};
use ymir_tmi::scheduler::{LocalScheduler, SchedulerOptions};

/// Returns so many idle GPUs.
pub(crate) fn devices(count: u32) -> Vec<Device> {
    let device = |index| Device {
        id: DeviceId::new(format!("GPU-{index}")).expect("a valid id"),
        index,
        name: "test".to_owned(),
        memory_total: 1 << 30,
        memory_used: 0,
        numa_node: None,
        busy: false,
    };
    (0..count).map(device).collect()
}

/// Returns the options of a host with the suite's slots and GPUs, and all files in a directory.
pub(crate) fn options(dir: &Path) -> SchedulerOptions {
    SchedulerOptions {
        devices: Arc::new(FixedDevices::new(devices(GPUS))),
        cpus: CPUS,
        memory: 1 << 30,
        ..SchedulerOptions::new(dir.join("tasks.db"), dir.join("tasks"), dir.join("leases"))
    }
}

pub(crate) fn open(dir: &Path) -> LocalScheduler {
    LocalScheduler::open(options(dir)).expect("opened")
}

pub(crate) fn tested(dir: &Path) -> Arc<dyn Scheduler> {
    Arc::new(open(dir))
}

pub(crate) fn id(text: &str) -> TaskId {
    TaskId::new(text).expect("a valid id")
}

pub(crate) fn request(name: &str, resources: Resources) -> TaskRequest {
    TaskRequest { id: id(name), kind: TaskKind::Train, resources, priority: 0 }
}
