use std::sync::Arc;
use std::time::Duration;

use super::{
    ErrorKind, GPUS, Resources, Result, RetryPolicy, ScriptedDriver, ScriptedWork, TaskEventKind,
    TaskSpec, TaskState, TaskStep, Tested, VersionId, WORK, assert_failed, events_of, id, queued,
    slots, spec, submit, wait,
};

fn retried(name: &str, retries: u32) -> TaskSpec {
    TaskSpec { retry: RetryPolicy { retries, backoff_s: 0 }, ..spec(name, slots(1)) }
}

/// A retryable failure is tried again, in an empty directory; the log of earlier attempts stays.
pub async fn a_retryable_failure_is_tried_again(scheduler: Tested) {
    let work = ScriptedWork::new().failing(TaskStep::Run, ErrorKind::Unavailable).times(2);
    let work = work.reporting(&[], 3);
    scheduler.submit(retried("t", 2), work).await.expect("submitted");
    let status = wait(&scheduler, "t").await;
    assert_eq!((status.state, status.attempt), (TaskState::Done, 3), "{status:?}");
    let seen = scheduler.driver.work(&id("t")).expect("told").seen();
    assert_eq!(seen.steps, [&WORK[..3], &WORK[..3], &WORK[..]].concat());
    let events = events_of(&scheduler, "t").await;
    let line = |kind: &TaskEventKind| match kind {
        TaskEventKind::Log(line) => line.text.starts_with("line "),
        _ => false,
    };
    assert_eq!(events.iter().filter(|event| line(&event.kind)).count(), 9);
}

/// When no retry is left the task fails.
pub async fn retries_end(scheduler: Tested) {
    let work = ScriptedWork::new().failing(TaskStep::Prepare, ErrorKind::Timeout);
    scheduler.submit(retried("t", 1), work).await.expect("submitted");
    let status = wait(&scheduler, "t").await;
    assert_failed(&status, ErrorKind::Timeout);
    assert_eq!(status.attempt, 2);
}

/// An error for which a retry cannot help ends the task.
pub async fn what_no_retry_helps_is_not_tried_again(scheduler: Tested) {
    let work = ScriptedWork::new().failing(TaskStep::Run, ErrorKind::InvalidInput);
    scheduler.submit(retried("t", 5), work).await.expect("submitted");
    let status = wait(&scheduler, "t").await;
    assert_failed(&status, ErrorKind::InvalidInput);
    assert_eq!(status.attempt, 1);
}

/// A task that waits for its next attempt is cancelled.
pub async fn a_task_is_cancelled_between_attempts(scheduler: Tested) {
    let work = ScriptedWork::new().failing(TaskStep::Run, ErrorKind::Unavailable);
    let retry = RetryPolicy { retries: 1, backoff_s: 3000 };
    let spec = TaskSpec { retry, ..spec("t", slots(1)) };
    scheduler.submit(spec, work).await.expect("submitted");
    while scheduler.status(&id("t")).await.expect("known").attempt < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let status = scheduler.status(&id("t")).await.expect("known");
    assert_eq!((status.state, status.step), (TaskState::Pending, TaskStep::Prepare));
    scheduler.cancel(&id("t")).await.expect("cancelled");
    assert_eq!(wait(&scheduler, "t").await.state, TaskState::Terminated);
}

/// Equal work that is under way is joined where the caller allows it.
pub async fn equal_work_is_joined(scheduler: Tested) {
    let first = TaskSpec { reuse: true, ..spec("first", slots(1)) };
    let work = ScriptedWork::new().holding(TaskStep::Run);
    scheduler.submit(first, work).await.expect("submitted");
    let again = TaskSpec { reuse: true, ..spec("again", slots(1)) };
    let joined = scheduler.submit(again.clone(), ScriptedWork::new()).await.expect("joined");
    assert_eq!((joined.task, joined.joined), (id("first"), true));
    assert_eq!(scheduler.list().await.expect("listed").len(), 1);
    scheduler.driver.work(&id("first")).expect("told").release();
    assert_eq!(wait(&scheduler, "first").await.state, TaskState::Done);
    let anew = scheduler.submit(again, ScriptedWork::new()).await.expect("submitted");
    assert!(!anew.joined, "what has ended is not joined");
    wait(&scheduler, "again").await;
}

/// Work that differs, or that is not to be reused, is done.
pub async fn other_work_is_not_joined(scheduler: Tested) {
    let held = ScriptedWork::new().holding(TaskStep::Run);
    scheduler.submit(spec("first", slots(1)), held).await.expect("submitted");
    let others =
        [spec("not_asked", slots(1)), TaskSpec { reuse: true, seed: 1, ..spec("seed", slots(1)) }];
    for spec in others {
        let name = spec.id.clone();
        let submitted = scheduler.submit(spec, ScriptedWork::new()).await.expect("submitted");
        assert_eq!((submitted.task, submitted.joined), (name.clone(), false));
        wait(&scheduler, name.as_str()).await;
    }
    scheduler.driver.work(&id("first")).expect("told").release();
    wait(&scheduler, "first").await;
}

/// Each unit has a directory, a grant and a run of its own; they need not run at once.
pub async fn units_run_on_their_own(scheduler: Tested) {
    let spec = TaskSpec { units: 5, ..spec("t", slots(1)) };
    let meter = Arc::new(crate::double::Meter::default());
    let work = ScriptedWork::new().metered(&meter).reporting(&[1.0], 1);
    scheduler.submit(spec, work).await.expect("submitted");
    let status = wait(&scheduler, "t").await;
    assert_eq!((status.state, status.progress), (TaskState::Done, 1.0), "{status:?}");
    let reading = meter.read();
    assert_eq!((reading.holders, reading.cpus), (5, 0));
    assert!(reading.most_cpus <= super::CPUS, "{reading:?}");
    let steps = scheduler.driver.work(&id("t")).expect("told").seen().steps;
    let runs = steps.iter().filter(|step| **step == TaskStep::Run).count();
    assert_eq!((runs, steps.len()), (5, 8), "{steps:?}");
    let last = events_of(&scheduler, "t").await;
    let fractions = last.iter().filter_map(|event| match event.kind {
        TaskEventKind::Progress { fraction, .. } => Some(fraction),
        _ => None,
    });
    assert!(fractions.is_sorted(), "the mean of the units' progress goes up");
}

/// A unit that fails stops the others, and is collected.
pub async fn a_failed_unit_stops_the_others(scheduler: Tested) {
    let spec = TaskSpec { units: 4, ..spec("t", slots(2)) };
    let work = ScriptedWork::new().failing(TaskStep::Run, ErrorKind::ExecutorFailed);
    scheduler.submit(spec, work).await.expect("submitted");
    assert_failed(&wait(&scheduler, "t").await, ErrorKind::ExecutorFailed);
    let seen = scheduler.driver.work(&id("t")).expect("told").seen();
    assert_eq!(seen.steps, [TaskStep::Prepare, TaskStep::Run, TaskStep::Collect]);
    assert_eq!(seen.run, Some(Err(ErrorKind::ExecutorFailed)));
}

/// A task whose runtime queues by itself takes nothing of this host.
pub async fn a_runtime_that_queues_takes_nothing(scheduler: Tested) {
    let all = Resources { gpus: GPUS, ..Resources::default() };
    let first = submit(&scheduler, "first", all, ScriptedWork::new().holding(TaskStep::Run)).await;
    first.entered(TaskStep::Run).await;
    let much = Resources { gpus: 100, ..Resources::default() };
    submit(&scheduler, "second", much, ScriptedWork::new().queueing()).await;
    assert_eq!(wait(&scheduler, "second").await.state, TaskState::Done);
    first.release();
    wait(&scheduler, "first").await;
}

/// `settle`: `Conflict` if the task is not stalled.
pub async fn only_a_stalled_task_is_settled(scheduler: Tested) {
    let work = submit(&scheduler, "t", slots(1), ScriptedWork::new().holding(TaskStep::Run)).await;
    work.entered(TaskStep::Run).await;
    let error = scheduler.settle(&id("t")).await.expect_err("it is not stalled");
    assert_eq!(error.kind(), ErrorKind::Conflict);
    work.release();
    assert_eq!(wait(&scheduler, "t").await.state, TaskState::Done);
    let error = scheduler.settle(&id("t")).await.expect_err("it has ended");
    assert_eq!(error.kind(), ErrorKind::Conflict);
}

/// A stalled task keeps its resources until it is settled; then it fails and gives them back.
pub async fn a_settled_task_fails(scheduler: Tested) {
    let work = ScriptedWork::new().surviving().unknown();
    submit(&scheduler, "t", slots(0), work).await;
    while scheduler.status(&id("t")).await.expect("known").stalled.is_none() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let next = submit(&scheduler, "next", slots(1), ScriptedWork::new()).await;
    queued(&scheduler, "next").await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(next.seen().steps, [TaskStep::Prepare]);
    scheduler.settle(&id("t")).await.expect("settled");
    let status = wait(&scheduler, "t").await;
    assert_failed(&status, ErrorKind::Unavailable);
    assert_eq!(status.stalled, None);
    assert_eq!(wait(&scheduler, "next").await.state, TaskState::Done);
}

/// `serve`: `AlreadyExists` if it serves already.
pub async fn it_serves_once(scheduler: Tested) {
    let again = scheduler.serve(Arc::new(ScriptedDriver::new())).await;
    assert_eq!(again.expect_err("it serves").kind(), ErrorKind::AlreadyExists);
    assert_eq!(scheduler.adopt().await.expect("nothing to adopt"), []);
}

/// What the runtime keeps of a run is removed when its task has ended.
pub async fn runs_are_removed_in_the_end(scheduler: Tested) {
    let work = submit(&scheduler, "t", slots(1), ScriptedWork::new().surviving()).await;
    assert_eq!(wait(&scheduler, "t").await.state, TaskState::Done);
    assert_eq!(work.seen().ended_runs, 1);
}

/// A scheduler that was closed starts nothing and answers `Cancelled`.
pub async fn a_closed_scheduler_refuses(scheduler: Tested) {
    scheduler.close().await.expect("closed");
    let errors: Vec<Result<()>> = vec![
        scheduler.submit(spec("t", slots(1)), ScriptedWork::new()).await.map(drop),
        scheduler.list().await.map(drop),
    ];
    for error in errors {
        assert_eq!(error.expect_err("it is closed").kind(), ErrorKind::Cancelled);
    }
}

/// `close` returns the unfinished tasks and drops them where they are.
pub async fn unfinished_tasks_are_returned_and_left(scheduler: Tested) {
    let output = vec![VersionId::new([1; 20])];
    submit(&scheduler, "done", slots(1), ScriptedWork::new().giving(output)).await;
    wait(&scheduler, "done").await;
    let work = submit(&scheduler, "t", slots(1), ScriptedWork::new().holding(TaskStep::Run)).await;
    work.entered(TaskStep::Run).await;
    assert_eq!(scheduler.close().await.expect("closed"), [id("t")]);
    assert_eq!(work.seen().steps, [TaskStep::Prepare, TaskStep::Run]);
    assert_eq!(scheduler.close().await.expect("closed already"), []);
}
