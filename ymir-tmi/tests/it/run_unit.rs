//! One run, from its start to what its end means, with local programs.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tempfile::TempDir;
use tokio::sync::Notify;
use ymir_core::{
    Error, ErrorKind, Grant, Limits, LogLine, LogPosition, PinnedExecutor, Result, RunRequest,
    TaskContext, TaskId, TaskKind, TaskReporter, TaskSpec, TmiRuntime, UnitContext, WorkspaceId,
};
use ymir_tmi::{LocalOptions, LocalRuntime, run_unit};

/// Notes what it is told, and asks the task to stop when it is told to.
#[derive(Debug, Default)]
struct Reporter {
    progress: Mutex<Vec<(f64, String)>>,
    lines: Mutex<Vec<String>>,
    position: Mutex<Option<LogPosition>>,
    stalled: Mutex<Vec<Option<ErrorKind>>>,
    news: Notify,
    cancelled: tokio::sync::watch::Sender<bool>,
}

#[async_trait]
impl TaskReporter for Reporter {
    fn progress(&self, fraction: f64, message: &str) {
        self.progress.lock().unwrap().push((fraction, message.to_owned()));
        self.news.notify_one();
    }

    fn log(&self, line: LogLine, position: Option<LogPosition>) {
        self.lines.lock().unwrap().push(line.text);
        *self.position.lock().unwrap() = position;
        self.news.notify_one();
    }

    fn stalled(&self, reason: Option<&Error>) {
        self.stalled.lock().unwrap().push(reason.map(Error::kind));
    }

    fn is_cancelled(&self) -> bool {
        *self.cancelled.borrow()
    }

    async fn cancelled(&self) {
        let _ = self.cancelled.subscribe().wait_for(|cancelled| *cancelled).await;
    }
}

struct Case {
    dir: TempDir,
    reporter: Arc<Reporter>,
    grant: Grant,
    time_limit_s: Option<u64>,
}

fn case(script: &str) -> Case {
    let dir = TempDir::new().unwrap();
    fs::create_dir_all(dir.path().join("in")).unwrap();
    fs::create_dir_all(dir.path().join("out")).unwrap();
    let program = dir.path().join("program");
    fs::write(&program, format!("#!/bin/sh\nOUT=out\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    Case { dir, reporter: Arc::default(), grant: Grant::default(), time_limit_s: None }
}

impl Case {
    async fn run(&self) -> Result<()> {
        self.run_by(&LocalRuntime::new(LocalOptions::default())).await
    }

    /// Runs, or follows the run that was started before, by a runtime.
    async fn run_by(&self, runtime: &dyn TmiRuntime) -> Result<()> {
        let id = TaskId::new("t1").unwrap();
        let program = self.dir.path().join("program");
        let reference = format!("local:{}", program.display()).parse()?;
        let digest = runtime.inspect(&reference).await?.digest;
        let request = RunRequest {
            workspace: WorkspaceId::new("w").unwrap(),
            task: id.clone(),
            unit: 0,
            attempt: 1,
            executor: PinnedExecutor { reference, digest },
            dir: self.dir.path().to_owned(),
            grant: self.grant.clone(),
            limits: Limits::default(),
            environment: BTreeMap::new(),
        };
        let spec =
            TaskSpec { time_limit_s: self.time_limit_s, ..TaskSpec::new(id, TaskKind::Train) };
        let task = TaskContext {
            spec: Arc::new(spec),
            dir: self.dir.path().to_owned(),
            attempt: 1,
            reporter: self.reporter.clone(),
        };
        let position = self.reporter.position.lock().unwrap().clone();
        let unit = UnitContext { task, unit: 0, dir: self.dir.path().to_owned(), position };
        run_unit(runtime, request, &unit).await
    }

    fn out(&self, name: &str) -> String {
        fs::read_to_string(self.dir.path().join("out").join(name)).unwrap()
    }

    /// Runs, and cancels once the reporter has heard of something.
    async fn run_and_cancel(&self) -> Result<()> {
        let cancel = async {
            self.reporter.news.notified().await;
            self.reporter.cancelled.send_replace(true);
        };
        tokio::join!(self.run(), cancel).0
    }
}

fn context<'a>(error: &'a Error, key: &str) -> Option<&'a str> {
    error.context().iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
}

const MONITOR: &str = "printf 't1\\t1\\t%s\\t%s\\t%s\\t%s' $1 $2 $3 \"$4\" > $OUT/monitor.tmp; \
                       mv $OUT/monitor.tmp $OUT/monitor.txt";

#[tokio::test]
async fn progress_and_log_arrive() {
    let case = case(&format!(
        "say() {{ {MONITOR}; }}\n\
         echo first; say 0.25 2 0 quarter; sleep 0.4\n\
         : > $OUT/monitor.txt; sleep 0.2\n\
         say 0.5 2 0 half; sleep 0.4; echo last >&2; say 1 3 0 done"
    ));
    case.run().await.unwrap();
    let progress = case.reporter.progress.lock().unwrap().clone();
    let expected = [(0.25, "quarter"), (0.5, "half"), (1.0, "done")];
    assert_eq!(progress, expected.map(|(fraction, message)| (fraction, message.to_owned())));
    assert_eq!(*case.reporter.lines.lock().unwrap(), ["first", "last"]);
    assert_eq!(case.out("ymir-executor-out.log"), "first\nlast\n");
}

#[tokio::test]
async fn log_of_the_executor_is_not_replaced() {
    let case = case("echo its own > $OUT/ymir-executor-out.log; echo shown");
    case.run().await.unwrap();
    assert_eq!(case.out("ymir-executor-out.log"), "its own\n");
    assert_eq!(fs::read_to_string(case.dir.path().join("run.log")).unwrap(), "shown\n");
}

#[tokio::test]
async fn link_in_place_of_the_log_is_not_followed() {
    let case = case("ln -s ../precious $OUT/ymir-executor-out.log; echo overwritten");
    let precious = case.dir.path().join("precious");
    fs::write(&precious, "kept").unwrap();
    case.run().await.unwrap();
    assert_eq!(fs::read_to_string(precious).unwrap(), "kept");
}

#[tokio::test]
async fn failure_tells_what_is_known() {
    let script = "say() { MONITOR; }\nseq 1 7; say 0.5 4 300004 'no such model'; exit 3";
    let case = case(&script.replace("MONITOR", MONITOR));
    let error = case.run().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ExecutorFailed);
    assert_eq!(context(&error, "exit_code"), Some("3"));
    assert_eq!(context(&error, "return_code"), Some("300004"));
    assert_eq!(context(&error, "message"), Some("no such model"));
    assert_eq!(context(&error, "output"), Some("3 | 4 | 5 | 6 | 7"));
    assert_eq!(case.out("ymir-executor-out.log"), "1\n2\n3\n4\n5\n6\n7\n");
}

#[tokio::test]
async fn failure_without_a_word_has_the_platforms_code() {
    let error = case("exit 1").run().await.unwrap_err();
    assert_eq!(context(&error, "return_code"), Some("160004"));
    assert_eq!(context(&error, "output"), None);
    let error = case("kill -9 $$").run().await.unwrap_err();
    assert_eq!(context(&error, "return_code"), Some("160004"));
    assert!(error.message().contains("signal 9"), "{error}");
    assert_eq!(context(&error, "exit_code"), Some("137"));
}

#[tokio::test]
async fn out_of_memory_is_said() {
    let script = "say() { MONITOR; }\nsay 0.5 4 300103 'CUDA out of memory'; exit 1";
    let error = case(&script.replace("MONITOR", MONITOR)).run().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResourceExhausted);
    assert_eq!(context(&error, "return_code"), Some("300103"));

    // 64 MiB in a child, beyond a grant of 32 MiB, and then waiting for its end.
    let script = "( head -c 67108864 /dev/zero | tail -c 67108864 | ( sleep 30; cat ) )\nexit 0";
    let mut greedy = case(script);
    greedy.grant.memory = 32 << 20;
    let error = greedy.run().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResourceExhausted, "{error}");
    assert_eq!(context(&error, "return_code"), Some("300103"));
    assert!(error.message().contains("memory"));
}

#[tokio::test]
async fn cancel_stops_it() {
    let polite = case(
        "exec 2>/dev/null; trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.05; done",
    );
    let error = polite.run_and_cancel().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(*polite.reporter.lines.lock().unwrap(), ["ready", "bye"]);
    assert_eq!(polite.out("ymir-executor-out.log"), "ready\nbye\n");

    let late = case("echo never");
    late.reporter.cancelled.send_replace(true);
    let error = late.run().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert!(late.reporter.lines.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_run_that_is_left_is_followed_later() {
    let case = case("for line in 1 2 3 4 5 6; do echo $line; sleep 0.2; done; echo done");
    tokio::select! {
        result = case.run() => panic!("it ended: {result:?}"),
        () = case.reporter.news.notified() => {}
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    case.run().await.unwrap();
    let expected = ["1", "2", "3", "4", "5", "6", "done"];
    assert_eq!(*case.reporter.lines.lock().unwrap(), expected);
    assert_eq!(case.out("ymir-executor-out.log"), "1\n2\n3\n4\n5\n6\ndone\n");
    // Its end is known for as long as it is not removed.
    case.run().await.unwrap();
    assert_eq!(*case.reporter.lines.lock().unwrap(), expected);
}

#[tokio::test]
async fn a_run_that_takes_too_long_is_stopped() {
    let slow = Case { time_limit_s: Some(1), ..case("echo began; sleep 60") };
    let error = slow.run().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(!error.is_retryable());
    assert_eq!(context(&error, "time_limit_s"), Some("1"));
    // One that ended in time is not late because nobody looked.
    let quick = Case { time_limit_s: Some(1), ..case("echo began; sleep 0.2") };
    tokio::select! {
        result = quick.run() => panic!("it ended: {result:?}"),
        () = quick.reporter.news.notified() => {}
    }
    tokio::time::sleep(Duration::from_millis(1500)).await;
    quick.run().await.unwrap();
}

#[tokio::test]
async fn a_run_that_vanished_is_lost() {
    let case = case("echo began; sleep 60");
    tokio::select! {
        result = case.run() => panic!("it ended: {result:?}"),
        () = case.reporter.news.notified() => {}
    }
    let record = fs::read(case.dir.path().join("run.json")).unwrap();
    let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
    let handle = serde_json::from_value(record["handle"].clone()).unwrap();
    LocalRuntime::new(LocalOptions::default()).remove(&handle).await.unwrap();
    let error = case.run().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.is_retryable());
}

#[tokio::test]
async fn missing_program_is_not_found() {
    let case = case("exit 0");
    fs::remove_file(case.dir.path().join("program")).unwrap();
    let error = case.run().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(!case.dir.path().join("run.json").exists());
}
