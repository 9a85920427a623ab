use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use futures::StreamExt;
use futures::stream::BoxStream;
use ymir_core::{
    Resources, Result, Scheduler, TaskEvent, TaskEventKind, TaskId, TaskKind, TaskSpec, TaskState,
    TaskStep, WorkspaceId,
};
use ymir_testkit::conformance::scheduler::{CPUS, GPUS};
use ymir_testkit::double::{ScriptedDriver, ScriptedWork};
use ymir_tmi::gpu::{Device, DeviceId, FixedDevices};
use ymir_tmi::scheduler::{HostOptions, LocalScheduler, SchedulerOptions};

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

/// Returns the options of a host with the suite's slots and GPUs, and all files in a directory; the
/// file `host_is` in it names another host directory.
pub(crate) fn options(dir: &Path) -> SchedulerOptions {
    let workspace = WorkspaceId::new("w").expect("a valid id");
    SchedulerOptions {
        database: dir.join("tasks.db"),
        host: HostOptions {
            dir: std::fs::read_to_string(dir.join("host_is"))
                .map_or_else(|_| dir.join("host"), Into::into),
            devices: Arc::new(FixedDevices::new(devices(GPUS))),
            cpus: CPUS,
            memory: 1 << 30,
        },
        ..SchedulerOptions::new(workspace, dir)
    }
}

/// A scheduler that serves, with its driver.
#[derive(Debug, Clone)]
pub(crate) struct Serving {
    scheduler: LocalScheduler,
    pub(crate) driver: Arc<ScriptedDriver>,
    pub(crate) adopted: Vec<TaskId>,
}

impl Deref for Serving {
    type Target = LocalScheduler;

    fn deref(&self) -> &LocalScheduler {
        &self.scheduler
    }
}

pub(crate) async fn open(dir: &Path) -> Serving {
    open_with(options(dir), ScriptedDriver::new()).await
}

pub(crate) async fn open_with(options: SchedulerOptions, driver: ScriptedDriver) -> Serving {
    let scheduler = LocalScheduler::open(options).expect("opened");
    let driver = Arc::new(driver);
    let adopted = scheduler.serve(driver.clone()).await.expect("it serves");
    Serving { scheduler, driver, adopted }
}

pub(crate) fn tested(dir: &Path) -> Arc<dyn Scheduler> {
    Arc::new(LocalScheduler::open(options(dir)).expect("opened"))
}

pub(crate) fn id(text: &str) -> TaskId {
    TaskId::new(text).expect("a valid id")
}

pub(crate) fn spec(name: &str, resources: Resources) -> TaskSpec {
    TaskSpec { resources, ..TaskSpec::new(id(name), TaskKind::Train) }
}

/// Submits work that asks for one CPU slot.
pub(crate) async fn submit(
    scheduler: &Serving,
    name: &str,
    work: ScriptedWork,
) -> Arc<ScriptedWork> {
    let resources = Resources { cpus: 1, ..Resources::default() };
    submit_for(scheduler, name, resources, work).await
}

pub(crate) async fn submit_for(
    scheduler: &Serving,
    name: &str,
    resources: Resources,
    work: ScriptedWork,
) -> Arc<ScriptedWork> {
    let work = scheduler.driver.add(&id(name), work);
    scheduler.submit(spec(name, resources)).await.expect("submitted");
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
