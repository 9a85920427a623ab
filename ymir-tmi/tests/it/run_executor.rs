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
    Error, ErrorKind, Grant, Limits, LogLine, Result, RunRequest, TaskContext, TaskId,
    TaskReporter, WorkspaceId,
};
use ymir_tmi::{LocalOptions, LocalRuntime, run_executor};

/// Notes what it is told, and asks the task to stop when it is told to.
#[derive(Debug, Default)]
struct Reporter {
    progress: Mutex<Vec<(f64, String)>>,
    lines: Mutex<Vec<String>>,
    news: Notify,
    cancelled: tokio::sync::watch::Sender<bool>,
}

#[async_trait]
impl TaskReporter for Reporter {
    fn progress(&self, fraction: f64, message: &str) {
        self.progress.lock().unwrap().push((fraction, message.to_owned()));
        self.news.notify_one();
    }

    fn log(&self, line: LogLine) {
        self.lines.lock().unwrap().push(line.text);
        self.news.notify_one();
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
}

fn case(script: &str) -> Case {
    let dir = TempDir::new().unwrap();
    fs::create_dir_all(dir.path().join("in")).unwrap();
    fs::create_dir_all(dir.path().join("out")).unwrap();
    let program = dir.path().join("program");
    fs::write(&program, format!("#!/bin/sh\nOUT=out\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    Case { dir, reporter: Arc::default(), grant: Grant::default() }
}

impl Case {
    async fn run(&self) -> Result<()> {
        let id = TaskId::new("t1").unwrap();
        let request = RunRequest {
            workspace: WorkspaceId::new("w").unwrap(),
            task: id.clone(),
            executor: format!("local:{}", self.dir.path().join("program").display()).parse()?,
            dir: self.dir.path().to_owned(),
            grant: self.grant.clone(),
            limits: Limits::default(),
            environment: BTreeMap::new(),
        };
        let reporter = self.reporter.clone();
        let task = TaskContext { id, dir: self.dir.path().to_owned(), reporter };
        run_executor(&LocalRuntime::new(LocalOptions::default()), request, &task).await
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
    assert!(!case.dir.path().join("run.json").exists());
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
    assert_eq!(context(&error, "exit_code"), None);
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
async fn dropped_run_ends_the_program() {
    let case = case("echo ready; while :; do echo x > $OUT/alive; sleep 0.05; done");
    tokio::select! {
        result = case.run() => panic!("it ended: {result:?}"),
        () = case.reporter.news.notified() => {}
    }
    // The record goes when the program is reaped.
    for _ in 0..500 {
        if !case.dir.path().join("run.json").exists() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the program still runs");
}

#[tokio::test]
async fn missing_program_is_not_found() {
    let case = case("exit 0");
    fs::remove_file(case.dir.path().join("program")).unwrap();
    let error = case.run().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(!case.dir.path().join("run.json").exists());
}
