//! The conformance suite of [`Scheduler`]: one function per sentence of its documentation.
//!
//! Each takes a scheduler whose host has [`CPUS`] CPU slots and [`GPUS`] GPUs, and that nobody else
//! uses. [`scheduler_tests!`](crate::scheduler_tests) turns all of them into tests.

mod attempts;
mod resources;

use std::sync::Arc;

use futures::StreamExt;
use futures::future::join_all;
use ymir_core::{
    ErrorKind, Resources, Result, RetryPolicy, Scheduler, Submission, TaskEvent, TaskEventKind,
    TaskId, TaskKind, TaskSpec, TaskState, TaskStatus, TaskStep, VersionId,
};

use crate::double::{ScriptedDriver, ScriptedWork};

pub use attempts::*;
pub use resources::*;

/// The CPU slots of the scheduler under test.
pub const CPUS: u32 = 2;
/// The GPUs of the scheduler under test.
pub const GPUS: u32 = 2;

const STEPS: [TaskStep; 5] =
    [TaskStep::Prepare, TaskStep::Allocate, TaskStep::Run, TaskStep::Collect, TaskStep::Commit];
/// The steps that the work of a task takes part in.
const WORK: [TaskStep; 4] = [TaskStep::Prepare, TaskStep::Run, TaskStep::Collect, TaskStep::Commit];
/// All that the host has.
const ALL: Resources = Resources { gpus: GPUS, cpus: 0, memory: 0 };

/// A scheduler that serves, with its driver.
#[derive(Debug, Clone)]
pub struct Tested {
    scheduler: Arc<dyn Scheduler>,
    driver: Arc<ScriptedDriver>,
}

impl Tested {
    /// Lets a scheduler serve with a driver of the suite.
    pub async fn serve(scheduler: Arc<dyn Scheduler>) -> Self {
        let driver = Arc::new(ScriptedDriver::new());
        let adopted = scheduler.serve(driver.clone()).await.expect("it serves");
        assert_eq!(adopted, [], "a new scheduler has no tasks");
        Self { scheduler, driver }
    }

    async fn submit(&self, spec: TaskSpec, work: ScriptedWork) -> Result<Submission> {
        self.driver.add(&spec.id, work);
        self.scheduler.submit(spec).await
    }
}

impl std::ops::Deref for Tested {
    type Target = dyn Scheduler;

    fn deref(&self) -> &Self::Target {
        &*self.scheduler
    }
}

fn id(text: &str) -> TaskId {
    TaskId::new(text).expect("a valid task id")
}

fn spec(name: &str, resources: Resources) -> TaskSpec {
    TaskSpec { resources, ..TaskSpec::new(id(name), TaskKind::Train) }
}

fn slots(cpus: u32) -> Resources {
    Resources { cpus, ..Resources::default() }
}

async fn submit(
    scheduler: &Tested,
    name: &str,
    resources: Resources,
    work: ScriptedWork,
) -> Arc<ScriptedWork> {
    let work = scheduler.driver.add(&id(name), work);
    let submission = scheduler.scheduler.submit(spec(name, resources)).await.expect("submitted");
    assert_eq!(submission, Submission { task: id(name), joined: false });
    work
}

async fn wait(scheduler: &Tested, name: &str) -> TaskStatus {
    let status = scheduler.wait(&id(name)).await.expect("the task is known");
    assert!(status.state.is_final(), "{status:?}");
    status
}

/// Waits until a task waits for resources.
async fn queued(scheduler: &Tested, name: &str) {
    let task = id(name);
    let mut events = scheduler.events(0);
    while let Some(event) = events.next().await {
        let event = event.expect("an event");
        if event.task == task && event.kind == TaskEventKind::Step(TaskStep::Allocate) {
            return;
        }
    }
    panic!("the events ended before {name} waited for resources");
}

/// Returns the events of a task, up to its end.
async fn events_of(scheduler: &Tested, name: &str) -> Vec<TaskEvent> {
    let task = id(name);
    let mut found = Vec::new();
    let mut events = scheduler.events(0);
    while let Some(event) = events.next().await {
        let event = event.expect("an event");
        if event.task != task {
            continue;
        }
        let last = matches!(event.kind, TaskEventKind::State(state) if state.is_final());
        found.push(event);
        if last {
            return found;
        }
    }
    panic!("the events ended before {name} did");
}

fn assert_failed(status: &TaskStatus, kind: ErrorKind) {
    assert_eq!(status.state, TaskState::Failed, "{status:?}");
    assert_eq!(status.error.as_ref().map(|error| error.kind), Some(kind), "{status:?}");
}

/// The steps run in order: prepare, allocate, run, collect, commit.
pub async fn the_steps_run_in_order(scheduler: Tested) {
    let output = vec![VersionId::new([7; 20])];
    let work = ScriptedWork::new().reporting(&[0.5], 0).giving(output.clone());
    let work = submit(&scheduler, "t", slots(1), work).await;
    let status = wait(&scheduler, "t").await;
    assert_eq!(status.state, TaskState::Done, "{status:?}");
    assert_eq!((status.step, status.progress), (TaskStep::Commit, 1.0));
    assert_eq!((&status.output, &status.error), (&output, &None));
    assert_eq!(status.spec, spec("t", slots(1)));
    let (started, finished) = (status.started.expect("started"), status.finished.expect("ended"));
    assert!(status.created <= started && started <= finished, "{status:?}");
    assert_eq!(work.seen().steps, WORK);
    let kinds: Vec<_> = events_of(&scheduler, "t").await.into_iter().map(|e| e.kind).collect();
    let of_interest =
        |kind: &TaskEventKind| matches!(kind, TaskEventKind::State(_) | TaskEventKind::Step(_));
    let kinds: Vec<_> = kinds.into_iter().filter(of_interest).collect();
    let [prepare, allocate, run, collect, commit] = STEPS.map(TaskEventKind::Step);
    let state = TaskEventKind::State;
    assert_eq!(
        kinds,
        [
            state(TaskState::Pending),
            prepare,
            allocate,
            state(TaskState::Running),
            run,
            collect,
            commit,
            state(TaskState::Done)
        ]
    );
}

/// Each step is recorded before it begins.
pub async fn each_step_is_recorded_before_it_begins(scheduler: Tested) {
    for step in WORK {
        let name = format!("{step:?}");
        let work = submit(&scheduler, &name, slots(1), ScriptedWork::new().holding(step)).await;
        work.entered(step).await;
        let status = scheduler.status(&id(&name)).await.expect("known");
        let running =
            if step == TaskStep::Prepare { TaskState::Pending } else { TaskState::Running };
        assert_eq!((status.step, status.state), (step, running));
        assert_eq!(status.started.is_some(), running == TaskState::Running);
        assert_eq!(status.finished, None);
        work.release();
        assert_eq!(wait(&scheduler, &name).await.state, TaskState::Done);
    }
}

/// A step that fails ends the task, but for `collect`, which also runs after a run that failed.
pub async fn a_step_that_fails_ends_the_task(scheduler: Tested) {
    for (at, step) in WORK.into_iter().enumerate() {
        let name = format!("{step:?}");
        let work = ScriptedWork::new().failing(step, ErrorKind::ExecutorFailed);
        let work = submit(&scheduler, &name, slots(1), work).await;
        let status = wait(&scheduler, &name).await;
        assert_failed(&status, ErrorKind::ExecutorFailed);
        assert!(status.output.is_empty() && status.finished.is_some());
        let (last, seen) = (if step == TaskStep::Run { at + 1 } else { at }, work.seen());
        assert_eq!(seen.steps, WORK[..=last]);
        assert_eq!(status.step, WORK[last]);
    }
}

/// `collect` is told how the run ended.
pub async fn collect_is_told_how_the_run_ended(scheduler: Tested) {
    let work = submit(&scheduler, "good", slots(1), ScriptedWork::new()).await;
    wait(&scheduler, "good").await;
    assert_eq!(work.seen().run, Some(Ok(())));
    let work = ScriptedWork::new().failing(TaskStep::Run, ErrorKind::Timeout);
    let work = submit(&scheduler, "bad", slots(1), work).await;
    wait(&scheduler, "bad").await;
    assert_eq!(work.seen().run, Some(Err(ErrorKind::Timeout)));
    let work =
        submit(&scheduler, "cut", slots(1), ScriptedWork::new().holding(TaskStep::Run)).await;
    work.entered(TaskStep::Run).await;
    scheduler.cancel(&id("cut")).await.expect("cancelled");
    wait(&scheduler, "cut").await;
    assert_eq!(work.seen().run, Some(Err(ErrorKind::Cancelled)));
}

/// Work that panics fails its task, and nothing else.
pub async fn a_panic_fails_the_task_alone(scheduler: Tested) {
    for step in WORK {
        let name = format!("{step:?}");
        submit(&scheduler, &name, ALL, ScriptedWork::new().panicking(step)).await;
        assert_failed(&wait(&scheduler, &name).await, ErrorKind::Unexpected);
    }
    submit(&scheduler, "next", ALL, ScriptedWork::new()).await;
    assert_eq!(wait(&scheduler, "next").await.state, TaskState::Done);
}

/// `submit`: `AlreadyExists` if the id was used before.
pub async fn an_id_is_used_once(scheduler: Tested) {
    let submit = || scheduler.submit(spec("t", slots(1)), ScriptedWork::new());
    let results = join_all((0..8).map(|_| submit())).await;
    let errors: Vec<_> =
        results.into_iter().filter_map(|result| result.err()).map(|e| e.kind()).collect();
    assert_eq!(errors, [ErrorKind::AlreadyExists; 7]);
    wait(&scheduler, "t").await;
    assert_eq!(submit().await.expect_err("used").kind(), ErrorKind::AlreadyExists);
    assert_eq!(scheduler.list().await.expect("listed").len(), 1);
}

/// `submit`: `ResourceExhausted` if the host can never satisfy the request.
pub async fn too_much_is_refused(scheduler: Tested) {
    let too_much = [
        Resources { gpus: GPUS + 1, ..Resources::default() },
        slots(CPUS + 1),
        Resources { memory: u64::MAX, ..slots(1) },
    ];
    for resources in too_much {
        let result = scheduler.submit(spec("t", resources), ScriptedWork::new()).await;
        assert_eq!(result.expect_err("too much").kind(), ErrorKind::ResourceExhausted);
    }
    assert_eq!(scheduler.list().await.expect("listed"), []);
    // It was not recorded.
    submit(&scheduler, "t", ALL, ScriptedWork::new()).await;
    assert_eq!(wait(&scheduler, "t").await.state, TaskState::Done);
}

/// `status`, `cancel` and `wait`: `NotFound` if there is no such task.
pub async fn an_unknown_task_is_not_found(scheduler: Tested) {
    let none = id("none");
    let found = [
        scheduler.status(&none).await.map(drop),
        scheduler.cancel(&none).await,
        scheduler.wait(&none).await.map(drop),
        scheduler.settle(&none).await,
        scheduler.past_events(&none, 0).await.map(drop),
    ];
    for result in found {
        assert_eq!(result.expect_err("none").kind(), ErrorKind::NotFound);
    }
}

/// `list` returns all tasks, newest first.
pub async fn the_newest_is_listed_first(scheduler: Tested) {
    for name in ["a", "b", "c"] {
        submit(&scheduler, name, slots(1), ScriptedWork::new()).await;
    }
    wait(&scheduler, "a").await;
    let work = ScriptedWork::new().failing(TaskStep::Run, ErrorKind::ExecutorFailed);
    submit(&scheduler, "d", slots(1), work).await;
    wait(&scheduler, "d").await;
    let tasks = scheduler.list().await.expect("listed");
    let names: Vec<_> = tasks.iter().map(|task| task.spec.id.as_str()).collect();
    assert_eq!(names, ["d", "c", "b", "a"]);
    assert_failed(&tasks[0], ErrorKind::ExecutorFailed);
}

/// A cancelled task ends as `Terminated`; one that waits does not run.
pub async fn a_waiting_task_is_cancelled(scheduler: Tested) {
    let first = ScriptedWork::new().holding(TaskStep::Run);
    let first = submit(&scheduler, "first", ALL, first).await;
    first.entered(TaskStep::Run).await;
    let second = submit(&scheduler, "second", ALL, ScriptedWork::new()).await;
    queued(&scheduler, "second").await;
    scheduler.cancel(&id("second")).await.expect("cancelled");
    let status = wait(&scheduler, "second").await;
    assert_eq!((status.state, status.step), (TaskState::Terminated, TaskStep::Allocate));
    assert_eq!((status.error, status.started), (None, None));
    assert_eq!(second.seen().steps, [TaskStep::Prepare]);
    first.release();
    assert_eq!(wait(&scheduler, "first").await.state, TaskState::Done);
}

/// A cancelled task ends as `Terminated`, in whichever step it is; it does not commit.
pub async fn a_task_is_cancelled_in_every_step(scheduler: Tested) {
    for step in WORK {
        for deaf in [false, true] {
            let name = format!("{step:?}_{deaf}");
            let mut work = ScriptedWork::new().holding(step);
            if deaf {
                work = work.deaf();
            }
            let work = submit(&scheduler, &name, slots(1), work).await;
            work.entered(step).await;
            scheduler.cancel(&id(&name)).await.expect("cancelled");
            work.release();
            let status = wait(&scheduler, &name).await;
            let late = step == TaskStep::Commit && status.state == TaskState::Done;
            assert!(status.state == TaskState::Terminated || late, "{status:?}");
            let collected = work.seen().steps.contains(&TaskStep::Collect);
            assert_eq!(collected, step != TaskStep::Prepare);
            let committed = work.seen().steps.contains(&TaskStep::Commit);
            assert_eq!(committed, step == TaskStep::Commit);
        }
    }
}

/// A commit that goes well although the task is cancelled makes the task `Done`.
pub async fn a_cancel_can_come_too_late(scheduler: Tested) {
    let work = ScriptedWork::new().holding(TaskStep::Commit).deaf();
    let work = submit(&scheduler, "t", slots(1), work).await;
    work.entered(TaskStep::Commit).await;
    scheduler.cancel(&id("t")).await.expect("cancelled");
    work.release();
    assert_eq!(wait(&scheduler, "t").await.state, TaskState::Done);
}

/// Nothing happens if a task that has ended is cancelled.
pub async fn an_ended_task_is_not_cancelled(scheduler: Tested) {
    submit(&scheduler, "t", slots(1), ScriptedWork::new()).await;
    let before = wait(&scheduler, "t").await;
    scheduler.cancel(&id("t")).await.expect("nothing happens");
    assert_eq!(wait(&scheduler, "t").await, before);
}

/// `wait` returns the last status, to everybody who waits.
pub async fn all_who_wait_are_told(scheduler: Tested) {
    let work = submit(&scheduler, "t", slots(1), ScriptedWork::new().holding(TaskStep::Run)).await;
    let waiting = join_all((0..20).map(|_| wait(&scheduler, "t")));
    let release = async {
        work.entered(TaskStep::Run).await;
        work.release();
    };
    let (found, ()) = futures::join!(waiting, release);
    let last = scheduler.status(&id("t")).await.expect("known");
    assert!(found.iter().all(|status| *status == last));
}

/// Events come in the order of `seq`, those that are kept first, then those to come.
pub async fn events_are_kept_and_followed(scheduler: Tested) {
    submit(&scheduler, "old", slots(1), ScriptedWork::new()).await;
    wait(&scheduler, "old").await;
    let mut events = scheduler.events(0);
    let last = TaskEventKind::State(TaskState::Done);
    let mut all: Vec<TaskEvent> = Vec::new();
    for name in ["old", "new"] {
        if name == "new" {
            submit(&scheduler, "new", slots(1), ScriptedWork::new().reporting(&[0.5], 2)).await;
        }
        loop {
            let event = events.next().await.expect("the stream goes on").expect("an event");
            let end = event.task == id(name) && event.kind == last;
            all.push(event);
            if end {
                break;
            }
        }
    }
    assert!(all[0].seq >= 1 && all.is_sorted_by(|a, b| a.seq < b.seq), "{all:?}");
    for (at, event) in all.iter().enumerate() {
        let rest: Vec<_> = scheduler.events(event.seq).take(all.len() - at - 1).collect().await;
        let rest: Vec<_> = rest.into_iter().map(|event| event.expect("an event")).collect();
        assert_eq!(rest, all[at + 1..]);
    }
}

/// The events of one task are those of the workspace without the others', up to its last state.
pub async fn one_task_is_followed_to_its_end(scheduler: Tested) {
    let held = ScriptedWork::new().holding(TaskStep::Run);
    let held = submit(&scheduler, "other", slots(1), held).await;
    let work = ScriptedWork::new().reporting(&[0.5], 20).holding(TaskStep::Run);
    let work = submit(&scheduler, "t", slots(1), work).await;
    work.entered(TaskStep::Run).await;
    let follow = async |after: u64| -> Vec<TaskEvent> {
        let events: Vec<_> = scheduler.task_events(&id("t"), after).collect().await;
        events.into_iter().map(|event| event.expect("an event")).collect()
    };
    // Begun while the task runs; it ends although the other task goes on.
    let release = async { work.release() };
    let (all, ()) = futures::join!(follow(0), release);
    assert_eq!(all, events_of(&scheduler, "t").await);
    assert_eq!(follow(0).await, all, "a task that has ended");
    for (at, event) in all.iter().enumerate() {
        assert_eq!(follow(event.seq).await, all[at + 1..]);
    }
    held.release();
    wait(&scheduler, "other").await;
    let last = all.last().expect("events").seq;
    assert_eq!(follow(last).await, [], "only others' events come after its last state");
}

/// `task_events`: `NotFound`, as its only item, if there is no such task.
pub async fn an_unknown_task_is_not_followed(scheduler: Tested) {
    let events: Vec<_> = scheduler.task_events(&id("none"), 0).collect().await;
    let kinds: Vec<_> = events.into_iter().map(|event| event.map_err(|e| e.kind())).collect();
    assert_eq!(kinds, [Err(ErrorKind::NotFound)]);
}

/// What a task reports becomes events, its log lines all and in order, its last progress always.
pub async fn reports_become_events(scheduler: Tested) {
    let progress: Vec<_> = (0..=500).map(|n| f64::from(n) / 1000.0).collect();
    let work = ScriptedWork::new().reporting(&progress, 2000);
    let work = work.failing(TaskStep::Collect, ErrorKind::ExecutorFailed);
    submit(&scheduler, "t", slots(1), work).await;
    let events = events_of(&scheduler, "t").await;
    let lines: Vec<_> = events
        .iter()
        .filter_map(|event| match &event.kind {
            TaskEventKind::Log(line) => Some(line.text.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(lines, (0..2000).map(|n| format!("line {n}")).collect::<Vec<_>>());
    let fractions: Vec<_> = events
        .iter()
        .filter_map(|event| match &event.kind {
            TaskEventKind::Progress { fraction, message } => Some((*fraction, message.as_str())),
            _ => None,
        })
        .collect();
    assert!(fractions.is_sorted_by(|a, b| a.0 < b.0), "{fractions:?}");
    assert_eq!(fractions.last(), Some(&(0.5, "as scripted")));
    assert_eq!(scheduler.status(&id("t")).await.expect("known").progress, 0.5);
}

/// Makes a test of each function of the suite.
///
/// The argument names a function `fn(&Path) -> Arc<dyn Scheduler>` that opens a scheduler with its
/// files in a directory, for a host with [`CPUS`] CPU slots and [`GPUS`] GPUs. It is called within
/// a runtime. The calling crate needs `tokio` with the feature `macros`, and `tempfile`.
#[macro_export]
macro_rules! scheduler_tests {
    ($make:path) => {
        $crate::scheduler_tests! { $make:
            the_steps_run_in_order
            each_step_is_recorded_before_it_begins
            a_step_that_fails_ends_the_task
            collect_is_told_how_the_run_ended
            a_panic_fails_the_task_alone
            priority_goes_before_order
            nobody_is_overtaken_for_ever
            resources_come_back_however_a_task_ends
            resources_come_back_only_after_the_run
            nothing_is_granted_twice
            an_id_is_used_once
            too_much_is_refused
            an_unknown_task_is_not_found
            the_newest_is_listed_first
            a_waiting_task_is_cancelled
            a_task_is_cancelled_in_every_step
            a_cancel_can_come_too_late
            an_ended_task_is_not_cancelled
            all_who_wait_are_told
            events_are_kept_and_followed
            one_task_is_followed_to_its_end
            an_unknown_task_is_not_followed
            reports_become_events
            a_retryable_failure_is_tried_again
            retries_end
            what_no_retry_helps_is_not_tried_again
            a_task_is_cancelled_between_attempts
            equal_work_is_joined
            other_work_is_not_joined
            units_run_on_their_own
            a_failed_unit_stops_the_others
            a_runtime_that_queues_takes_nothing
            only_a_stalled_task_is_settled
            a_settled_task_fails
            it_serves_once
            a_closed_scheduler_refuses
            runs_are_removed_in_the_end
            unfinished_tasks_are_returned_and_left
        }
    };
    ($make:path: $($test:ident)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            let directory = tempfile::tempdir().expect("a temporary directory");
            let scheduler = $make(directory.path());
            $crate::conformance::scheduler::$test(
                $crate::conformance::scheduler::Tested::serve(scheduler).await,
            )
            .await;
        }
    )*};
}
