use std::path::Path;
use std::sync::Arc;

use futures::StreamExt;
use futures::stream::BoxStream;
use ymir_core::{
    Resources, Result, Scheduler, TaskEvent, TaskEventKind, TaskId, TaskKind, TaskRequest,
    TaskState, TaskStep,
};
use ymir_testkit::conformance::scheduler::{CPUS, GPUS};
use ymir_testkit::double::ScriptedWork;
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

/// Submits work that asks for one CPU slot.
pub(crate) async fn submit(
    scheduler: &LocalScheduler,
    name: &str,
    work: ScriptedWork,
) -> Arc<ScriptedWork> {
    let work = Arc::new(work);
    let resources = Resources { cpus: 1, ..Resources::default() };
    scheduler.submit(request(name, resources), work.clone()).await.expect("submitted");
    work
}

/// Returns work that stays in its run.
pub(crate) fn holding() -> ScriptedWork {
    ScriptedWork::new().holding(TaskStep::Run)
}

/// Waits for the end of a task and returns its state.
pub(crate) async fn ended(scheduler: &LocalScheduler, name: &str) -> TaskState {
    scheduler.wait(&id(name)).await.expect("the task is known").state
}

/// Returns the next events of a stream, up to the final state of a task.
pub(crate) async fn until_end(
    events: &mut BoxStream<'static, Result<TaskEvent>>,
    name: &str,
) -> Vec<TaskEvent> {
    let mut found = Vec::new();
    while let Some(event) = events.next().await {
        found.push(event.expect("an event"));
        let event = &found[found.len() - 1];
        let last = matches!(event.kind, TaskEventKind::State(state) if state.is_final());
        if last && event.task == id(name) {
            return found;
        }
    }
    panic!("the events ended before {name} did");
}
