//! The stream of events under load.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use ymir_core::{LogLine, Scheduler, TaskEventKind, TaskState, TaskStep};
use ymir_testkit::double::{ScriptedDriver, ScriptedWork};
use ymir_tmi::scheduler::{LocalScheduler, SchedulerOptions};

use super::common::{ended, holding, id, open, open_with, options, submit, until_end};

fn line(kind: &TaskEventKind) -> Option<&LogLine> {
    match kind {
        TaskEventKind::Log(line) => Some(line),
        _ => None,
    }
}

/// 100,000 lines written as fast as possible arrive in order; none is lost without being counted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_log_arrives() {
    const LINES: usize = 100_000;
    let dir = tempfile::tempdir().expect("a temporary directory");
    let scheduler = open(dir.path()).await;
    let mut events = scheduler.events(0);
    submit(&scheduler, "t", ScriptedWork::new().reporting(&[], LINES)).await;
    let events = until_end(&mut events, "t").await;
    let numbers: Vec<usize> = events
        .iter()
        .filter_map(|event| line(&event.kind)?.text.strip_prefix("line ")?.parse().ok())
        .collect();
    assert!(numbers.is_sorted_by(|a, b| a < b));
    let lost: usize = events
        .iter()
        .filter_map(|event| line(&event.kind)?.text.split_once(" lines of log could not"))
        .map(|(count, _)| count.parse::<usize>().expect("a number"))
        .sum();
    assert_eq!(numbers.len() + lost, LINES);
}

#[tokio::test]
async fn old_events_go_and_last_states_stay() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let options = SchedulerOptions { keep_events: 80, ..options(dir.path()) };
    let scheduler = open_with(options, ScriptedDriver::new()).await;
    for n in 0..20 {
        submit(&scheduler, &format!("t{n}"), ScriptedWork::new().reporting(&[], 30)).await;
        assert_eq!(ended(&scheduler, &format!("t{n}")).await, TaskState::Done);
    }
    let events = until_end(&mut scheduler.events(0), "t19").await;
    assert!((80..80 + 20 + 100).contains(&events.len()), "{}", events.len());
    assert!(events.is_sorted_by(|a, b| a.seq < b.seq));
    let mut last = BTreeMap::new();
    for event in events {
        if let TaskEventKind::State(state) = event.kind {
            last.insert(event.task, state);
        }
    }
    assert_eq!(last.len(), 20);
    assert!(last.values().all(|state| *state == TaskState::Done), "{last:?}");
}

#[tokio::test]
async fn big_events_go_too() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let options = SchedulerOptions { keep_bytes: 10_000, ..options(dir.path()) };
    let scheduler = open_with(options, ScriptedDriver::new()).await;
    for n in 0..10 {
        submit(&scheduler, &format!("t{n}"), ScriptedWork::new().reporting(&[], 100)).await;
        assert_eq!(ended(&scheduler, &format!("t{n}")).await, TaskState::Done);
    }
    let events = until_end(&mut scheduler.events(0), "t9").await;
    let lines = events.iter().filter(|event| line(&event.kind).is_some()).count();
    assert!(lines < 500, "{lines}");
}

/// Strange reports are cut or ignored, and come from no one after the end.
#[tokio::test]
async fn strange_reports_are_tamed() {
    #[derive(Debug)]
    struct Strange(std::sync::Mutex<Option<Arc<dyn ymir_core::TaskReporter>>>);
    #[async_trait::async_trait]
    impl ymir_core::TaskDriver for Strange {
        fn can_carry(&self, _: &ymir_core::TaskSpec) -> bool {
            true
        }
        fn queues_elsewhere(&self, _: &ymir_core::TaskSpec) -> bool {
            false
        }
        async fn run_state(
            &self,
            _: &ymir_core::TaskSpec,
            _: &std::path::Path,
        ) -> ymir_core::Result<Option<ymir_core::RunState>> {
            Ok(None)
        }
        async fn end_run(
            &self,
            _: &ymir_core::TaskSpec,
            _: &std::path::Path,
        ) -> ymir_core::Result<()> {
            Ok(())
        }
        async fn prepare(&self, task: &ymir_core::TaskContext) -> ymir_core::Result<()> {
            *self.0.lock().expect("no panic") = Some(Arc::clone(&task.reporter));
            Ok(())
        }
        async fn run(
            &self,
            unit: &ymir_core::UnitContext,
            _: &ymir_core::Grant,
        ) -> ymir_core::Result<()> {
            let task = &unit.task;
            for fraction in [f64::NAN, f64::NEG_INFINITY, -3.0, f64::INFINITY, 7.0] {
                task.reporter.progress(fraction, &"ä".repeat(10_000));
                tokio::time::sleep(Duration::from_millis(60)).await;
            }
            let source = ymir_core::LogSource::Stderr;
            task.reporter.log(LogLine { source, text: "ä".repeat(1 << 20) }, None);
            task.reporter.log(LogLine { source, text: String::new() }, None);
            Ok(())
        }
        async fn collect(
            &self,
            _: &ymir_core::TaskContext,
            _: Result<&(), &ymir_core::Error>,
        ) -> ymir_core::Result<()> {
            Ok(())
        }
        async fn commit(
            &self,
            _: &ymir_core::TaskContext,
        ) -> ymir_core::Result<Vec<ymir_core::VersionId>> {
            Ok(Vec::new())
        }
    }
    let dir = tempfile::tempdir().expect("a temporary directory");
    let scheduler = LocalScheduler::open(options(dir.path())).expect("opened");
    let work = Arc::new(Strange(std::sync::Mutex::default()));
    scheduler.serve(work.clone()).await.expect("it serves");
    let spec = super::common::spec("t", ymir_core::Resources::default());
    scheduler.submit(spec).await.expect("submitted");
    assert_eq!(ended(&scheduler, "t").await, TaskState::Done);
    let reporter = work.0.lock().expect("no panic").take().expect("prepared");
    reporter.progress(0.1, "too late");
    let late = LogLine { source: ymir_core::LogSource::Ymir, text: "too late".to_owned() };
    reporter.log(late, None);
    assert_eq!(scheduler.status(&id("t")).await.expect("known").progress, 1.0);
    let events = until_end(&mut scheduler.events(0), "t").await;
    let mut lengths = Vec::new();
    for event in events {
        match event.kind {
            TaskEventKind::Progress { fraction, message } => {
                assert!((0.0..=1.0).contains(&fraction));
                assert!(message.len() <= 4096 && !message.contains("late"));
            }
            TaskEventKind::Log(line) => lengths.push(line.text.len()),
            _ => {}
        }
    }
    assert_eq!(lengths, [65_536, 0]);
}

/// Progress reaches a subscriber at once, not with the next poll or the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn progress_arrives_while_it_runs() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let scheduler = open(dir.path()).await;
    let mut events = scheduler.events(0);
    let work = submit(&scheduler, "t", holding().reporting(&[0.25, 0.5], 1)).await;
    let mut fractions = Vec::new();
    while fractions.last() != Some(&0.5) {
        let event = events.next().await.expect("the stream goes on").expect("an event");
        if let TaskEventKind::Progress { fraction, .. } = event.kind {
            fractions.push(fraction);
        }
    }
    // The run is still held: nothing but the report brought it here.
    assert_eq!(scheduler.status(&id("t")).await.expect("known").step, TaskStep::Run);
    work.release();
    assert_eq!(ended(&scheduler, "t").await, TaskState::Done);
}

#[tokio::test]
async fn a_stream_ends_with_its_scheduler() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let scheduler = open(dir.path()).await;
    submit(&scheduler, "t", ScriptedWork::new()).await;
    let mut events = scheduler.events(0);
    until_end(&mut events, "t").await;
    let other = scheduler.events(0);
    drop(scheduler);
    assert!(events.next().await.is_none());
    drop(other);
}
