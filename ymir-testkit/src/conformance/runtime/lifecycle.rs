use std::time::Duration;

use serde_json::json;
use ymir_core::{EndCause, ErrorKind, LogSource, ObjectType, PinnedExecutor, RunState, TmiKind};

use super::suite::{RuntimeSuite, attach, ended, lines, rest, texts, until_still};

/// Rewrites `$OUT/alive` until it is killed, deaf to TERM.
const RESTLESS: &str = "trap '' TERM; while :; do echo x > $OUT/alive; sleep 0.05; done";

/// An executor that ends well is reported so, and what it wrote is there.
pub async fn success(suite: &RuntimeSuite) {
    let case = suite.case("cp $E $OUT/copy; echo hello").await;
    let (end, lines) = case.run().await;
    assert_eq!((end.cause, end.exit_code), (EndCause::Exited, Some(0)));
    assert_eq!(texts(&lines, LogSource::Stdout), ["hello"]);
    let copy = std::fs::read_to_string(case.out("copy")).expect("the executor's file");
    assert_eq!(copy, "task_id: t1\n");
}

/// The layout is absolute, and where the executor finds its files.
pub async fn layout_is_what_the_executor_sees(suite: &RuntimeSuite) {
    let case = suite.case("echo $IN; echo $OUT").await;
    let layout = suite.runtime.layout(&case.request.executor.reference, &case.request.dir);
    for path in [&layout.input, &layout.output, &layout.manifest] {
        assert!(path.is_absolute(), "{}", path.display());
    }
    let (_, lines) = case.run().await;
    let seen = [layout.input.display().to_string(), layout.output.display().to_string()];
    assert_eq!(texts(&lines, LogSource::Stdout), seen);
}

/// The exit code is passed on.
pub async fn exit_code(suite: &RuntimeSuite) {
    let (end, _) = suite.case("exit 7").await.run().await;
    assert_eq!((end.cause, end.exit_code), (EndCause::Exited, Some(7)));
}

/// An executor that is killed by a signal is no success; the signal is reported.
pub async fn crash(suite: &RuntimeSuite) {
    let (end, _) = suite.case("kill -SEGV $$").await.run().await;
    assert_eq!(end.cause, EndCause::Signal(11), "{end:?}");
}

/// `wait` gives the same answer again, and `stop` after the end does nothing.
pub async fn wait_again(suite: &RuntimeSuite) {
    let case = suite.case("exit 3").await;
    let run = case.follow().await;
    let end = ended(run.as_ref()).await;
    run.stop(Duration::ZERO).await.expect("a stop after the end does nothing");
    assert_eq!(ended(run.as_ref()).await, end);
    assert_eq!((end.cause, end.exit_code), (EndCause::Exited, Some(3)));
    case.clean().await;
}

/// TERM lets an executor end in its own way.
pub async fn stop_is_heard(suite: &RuntimeSuite) {
    let script = "trap 'echo term; exit 5' TERM\necho > $OUT/ready\nwhile :; do sleep 0.05; done";
    let case = suite.case(script).await;
    let run = case.follow().await;
    case.wait_for("ready").await;
    run.stop(Duration::from_secs(50)).await.expect("it can be stopped");
    let end = ended(run.as_ref()).await;
    assert_eq!((end.cause, end.exit_code), (EndCause::Stopped, Some(5)));
    assert_eq!(texts(&lines(&rest(run.as_ref()).await), LogSource::Stdout), ["term"]);
    case.clean().await;
}

/// KILL follows when the grace period is over.
pub async fn stop_kills_the_deaf(suite: &RuntimeSuite) {
    let case = suite.case(&format!("echo > $OUT/ready\n{RESTLESS}")).await;
    let run = case.follow().await;
    case.wait_for("alive").await;
    run.stop(Duration::from_millis(200)).await.expect("it can be stopped");
    assert_eq!(ended(run.as_ref()).await.cause, EndCause::Stopped);
    until_still(&case.out("alive")).await;
    case.clean().await;
}

/// Children that do not hear TERM end with the executor.
pub async fn stop_ends_children(suite: &RuntimeSuite) {
    let case = suite.case(&format!("( {RESTLESS} ) &\ntrap 'exit 0' TERM\nwait")).await;
    let run = case.follow().await;
    case.wait_for("alive").await;
    run.stop(Duration::from_secs(1)).await.expect("it can be stopped");
    assert_eq!(ended(run.as_ref()).await.cause, EndCause::Stopped);
    until_still(&case.out("alive")).await;
    case.clean().await;
}

/// Children that outlive the executor's first process are ended too.
pub async fn end_ends_children(suite: &RuntimeSuite) {
    let script = format!("( {RESTLESS} ) &\nwhile [ ! -e $OUT/alive ]; do sleep 0.05; done");
    let case = suite.case(&script).await;
    let (end, _) = case.run().await;
    assert_eq!((end.cause, end.exit_code), (EndCause::Exited, Some(0)));
    until_still(&case.out("alive")).await;
}

/// A dropped run goes on where runs survive; elsewhere it ends.
pub async fn drop_leaves_it_running(suite: &RuntimeSuite) {
    let case = suite.case(RESTLESS).await;
    let handle = case.start().await;
    let run = attach(case.runtime.as_ref(), &handle, None).await;
    case.wait_for("alive").await;
    drop(run);
    if suite.runtime.capabilities().survives {
        std::fs::remove_file(case.out("alive")).expect("the executor's file");
        case.wait_for("alive").await;
        assert_eq!(case.state(&handle).await, RunState::Running);
    }
    case.remove(&handle).await;
    until_still(&case.out("alive")).await;
}

/// A removed run has ended, and another one of the same name can be made.
pub async fn remove_ends_it(suite: &RuntimeSuite) {
    let case = suite.case(&format!("[ -e $OUT/second ] && exit 4\n{RESTLESS}")).await;
    let handle = case.start().await;
    case.wait_for("alive").await;
    std::fs::write(case.out("second"), "").expect("a file");
    case.remove(&handle).await;
    until_still(&case.out("alive")).await;
    case.remove(&handle).await;
    let (end, _) = case.run().await;
    assert_eq!(end.exit_code, Some(4));
}

/// `/in` cannot be written to, where the runtime can see to that.
pub async fn input_is_read_only(suite: &RuntimeSuite) {
    if !suite.runtime.capabilities().isolates {
        return;
    }
    let script = "if echo x 2>/dev/null > $IN/new; then exit 9; fi\n\
                  if echo x 2>/dev/null > $E; then exit 9; fi";
    let (end, _) = suite.case(script).await.run().await;
    assert_eq!((end.cause, end.exit_code), (EndCause::Exited, Some(0)));
}

/// The request's environment reaches the executor.
pub async fn environment_is_passed(suite: &RuntimeSuite) {
    let mut case = suite.case("echo \"[$COLOUR]\"").await;
    case.request.environment.insert("COLOUR".to_owned(), "dark = green".to_owned());
    let (_, lines) = case.run().await;
    assert_eq!(texts(&lines, LogSource::Stdout), ["[dark = green]"]);
}

/// What an executor says about itself is read; its code is not run.
pub async fn inspect(suite: &RuntimeSuite) {
    let manifest = [
        ("manifest.yaml", "object_type: 2\nis_official: true\n"),
        ("training-template.yaml", "learning_rate: 0.001\nbatch: 8\nexport_format: 'ark:raw'\n"),
        ("infer-template.yaml", "# nothing to set\n"),
    ];
    let executor = suite.executors.make("echo ran > $OUT/ran; exit 1", &manifest).await;
    let info = suite.runtime.inspect(&executor).await.expect("it can be inspected");
    assert_eq!(info.object_types, [ObjectType::Detection]);
    assert!(info.digest.starts_with("sha256:"), "{}", info.digest);
    let kinds: Vec<_> = info.templates.keys().copied().collect();
    assert_eq!(kinds, [TmiKind::Training, TmiKind::Inference]);
    let training = info.template(TmiKind::Training).expect("a template");
    assert_eq!(training["learning_rate"], json!(0.001));
    assert_eq!(training["batch"], json!(8));
    assert_eq!(training["export_format"], json!("ark:raw"));
    assert!(info.template(TmiKind::Inference).expect("a template").is_empty());
    assert_eq!(suite.runtime.inspect(&executor).await.expect("again").digest, info.digest);
    let mut changed = manifest;
    changed[1].1 = "learning_rate: 0.1\n";
    let changed = suite.executors.make("echo ran > $OUT/ran; exit 1", &changed).await;
    let changed = suite.runtime.inspect(&changed).await.expect("it can be inspected");
    assert_ne!(changed.digest, info.digest, "other defaults make it another executor");
}

/// A malformed template is told from a missing executor, and its file is named.
pub async fn inspect_malformed(suite: &RuntimeSuite) {
    let manifest = [("training-template.yaml", "a: [1\n")];
    let executor = suite.executors.make("exit 0", &manifest).await;
    let error = suite.runtime.inspect(&executor).await.expect_err("the template is no YAML");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("training-template.yaml"), "{error}");
}

/// An executor that does not exist is not found.
pub async fn missing_executor(suite: &RuntimeSuite) {
    let missing = suite.executors.missing();
    let error = suite.runtime.inspect(&missing).await.expect_err("there is none");
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    let digest = format!("sha256:{}", "0".repeat(64));
    let case = suite.case_of(PinnedExecutor { reference: missing, digest });
    let error = suite.runtime.create(case.request.clone()).await.expect_err("there is none");
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}

/// An executor of another runtime is refused.
pub async fn foreign_executor(suite: &RuntimeSuite) {
    let mut foreign = suite.executors.missing();
    foreign.runtime = "elsewhere".to_owned();
    let error = suite.runtime.inspect(&foreign).await.expect_err("it is another runtime's");
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
}

/// Runs side by side do not disturb each other.
pub async fn side_by_side(suite: &RuntimeSuite) {
    let cases = [suite.case("echo 1; exit 1").await, suite.case("echo 2; exit 2").await];
    let ends = futures::future::join_all(cases.iter().map(|case| case.run())).await;
    for (code, (end, lines)) in (1_i64..).zip(&ends) {
        assert_eq!(end.exit_code, Some(code));
        assert_eq!(texts(lines, LogSource::Stdout), [code.to_string()]);
    }
}
