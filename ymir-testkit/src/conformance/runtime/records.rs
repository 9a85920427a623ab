//! What is known of runs by their handles.

use std::time::Duration;

use ymir_core::{EndCause, ErrorKind, LogSource, RunHandle, RunState};

use super::suite::{RuntimeSuite, attach, ended, lines, rest, texts, until_still};

/// Appends a line to `$OUT/count`, and waits for `$OUT/go`.
const COUNTED: &str = "echo x >> $OUT/count; while [ ! -e $OUT/go ]; do sleep 0.05; done; exit 3";

/// No code runs before the start; the states follow each other.
pub async fn states(suite: &RuntimeSuite) {
    let case = suite.case(COUNTED).await;
    let handle = case.create().await;
    assert_eq!(case.state(&handle).await, RunState::Created);
    assert!(!case.out("count").exists());
    case.runtime.start(&handle).await.expect("the executor starts");
    case.wait_for("count").await;
    assert_eq!(case.state(&handle).await, RunState::Running);
    let run = attach(case.runtime.as_ref(), &handle, None).await;
    std::fs::write(case.out("go"), "").expect("a file");
    let end = ended(run.as_ref()).await;
    assert_eq!((end.cause, end.exit_code), (EndCause::Exited, Some(3)));
    assert_eq!(case.state(&handle).await, RunState::Ended(end));
    assert_eq!(suite.second.state(&handle).await.expect("a state"), RunState::Ended(end));
    case.remove(&handle).await;
    assert_eq!(case.state(&handle).await, RunState::Lost);
}

/// A run that was created is found again by what names it, and started once.
pub async fn created_and_started_once(suite: &RuntimeSuite) {
    let case = suite.case(COUNTED).await;
    let handle = case.create().await;
    assert_eq!(case.create().await, handle);
    for _ in 0..3 {
        case.runtime.start(&handle).await.expect("the executor starts");
    }
    assert_eq!(case.create().await, handle);
    let run = attach(case.runtime.as_ref(), &handle, None).await;
    std::fs::write(case.out("go"), "").expect("a file");
    let end = ended(run.as_ref()).await;
    case.runtime.start(&handle).await.expect("it has ended, and nothing happens");
    assert_eq!(case.state(&handle).await, RunState::Ended(end));
    assert_eq!(std::fs::read_to_string(case.out("count")).expect("the file"), "x\n");
    case.remove(&handle).await;
}

/// A handle survives being written down.
pub async fn handle_is_data(suite: &RuntimeSuite) {
    let case = suite.case("exit 0").await;
    let handle = case.create().await;
    let text = serde_json::to_string(&handle).expect("it is data");
    let read: RunHandle = serde_json::from_str(&text).expect("it is data");
    assert_eq!(read, handle);
    assert_eq!(read.runtime, case.runtime.name());
    assert_eq!(read.digest, case.request.executor.digest);
    case.remove(&read).await;
}

/// Another instance follows a run that it did not start, and stops it; the cause is known to both.
pub async fn second_instance_follows_and_stops(suite: &RuntimeSuite) {
    let case = suite.case("echo begun; echo > $OUT/ready; while :; do sleep 0.05; done").await;
    let handle = case.start().await;
    case.wait_for("ready").await;
    let run = attach(suite.second.as_ref(), &handle, None).await;
    run.stop(Duration::from_secs(50)).await.expect("it can be stopped");
    let end = ended(run.as_ref()).await;
    assert_eq!(end.cause, EndCause::Stopped, "{end:?}");
    assert_eq!(texts(&lines(&rest(run.as_ref()).await), LogSource::Stdout), ["begun"]);
    assert_eq!(case.state(&handle).await, RunState::Ended(end));
    case.remove(&handle).await;
}

/// A run that has ended can be followed until it is removed, by any instance, with its whole log.
pub async fn ended_run_is_followed(suite: &RuntimeSuite) {
    let case = suite.case("echo one; echo two >&2").await;
    let handle = case.start().await;
    let end = ended(attach(case.runtime.as_ref(), &handle, None).await.as_ref()).await;
    for runtime in [&suite.runtime, &suite.second] {
        let run = attach(runtime.as_ref(), &handle, None).await;
        let lines = lines(&rest(run.as_ref()).await);
        assert_eq!(texts(&lines, LogSource::Stdout), ["one"]);
        assert_eq!(texts(&lines, LogSource::Stderr), ["two"]);
        assert_eq!(ended(run.as_ref()).await, end);
        run.stop(Duration::ZERO).await.expect("a stop after the end does nothing");
    }
    assert_eq!(case.state(&handle).await, RunState::Ended(end));
    case.remove(&handle).await;
}

/// Of a removed run there is no trace.
pub async fn removed_run_is_gone(suite: &RuntimeSuite) {
    let case = suite.case("echo hello").await;
    let handle = case.create().await;
    case.remove(&handle).await;
    case.remove(&handle).await;
    assert_eq!(case.state(&handle).await, RunState::Lost);
    let error = case.runtime.start(&handle).await.expect_err("there is none");
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    let error = case.runtime.attach(&handle, None).await.expect_err("there is none");
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}

/// What runs is the executor of the digest, or nothing.
pub async fn other_digest_is_refused(suite: &RuntimeSuite) {
    let mut case = suite.case("exit 0").await;
    case.request.executor.digest = format!("sha256:{}", "1".repeat(64));
    let error = case.runtime.create(case.request.clone()).await.expect_err("it is another");
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert!(!error.is_retryable(), "{error}");
}

/// Runs are listed with their handles, and ended by their ids, where the runtime lists them.
pub async fn runs_are_listed_and_ended(suite: &RuntimeSuite) {
    let case = suite.case("while :; do echo x > $OUT/alive; sleep 0.05; done").await;
    let handle = case.start().await;
    case.wait_for("alive").await;
    if !suite.runtime.capabilities().lists {
        let error = suite.second.list_runs().await.expect_err("it cannot");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        return case.remove(&handle).await;
    }
    let listed = suite.second.list_runs().await.expect("they are listed");
    let found: Vec<_> = listed.iter().filter(|run| run.handle.as_ref() == Some(&handle)).collect();
    let [found] = found[..] else { panic!("the run is listed once: {listed:?}") };
    assert!(found.running && found.created.is_some(), "{found:?}");
    suite.second.end_listed(&found.id).await.expect("it can be ended");
    until_still(&case.out("alive")).await;
    assert_eq!(case.state(&handle).await, RunState::Lost);
    let listed = suite.second.list_runs().await.expect("they are listed");
    assert!(!listed.iter().any(|run| run.handle.as_ref() == Some(&handle)), "{listed:?}");
}
