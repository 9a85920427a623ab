//! Tasks that outlive the command that started them.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::common::Place;
use serde_json::Value;

fn executor() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ymir/tests/common/executor.sh");
    format!("local:{}", path.canonicalize().unwrap().display())
}

/// The arguments of a training whose executor writes so many lines, ten a second.
fn train(lines: &str) -> Vec<String> {
    let sets = ["--training", "pool", "--validation", "validation"];
    let rest = ["--classes", "coin,washer,gear,star", "--into", "model", "--executor"];
    let mut arguments = vec!["train".to_owned()];
    arguments.extend(sets.iter().chain(&rest).map(ToString::to_string));
    arguments.extend([executor(), "--param".to_owned(), format!("lines={lines}")]);
    arguments
}

fn texts(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

fn start(place: &Place, lines: &str) -> Child {
    let mut command = place.command(&texts(&train(lines)));
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("the program can be started")
}

fn tasks(place: &Place) -> Vec<Value> {
    let ran = place.run(&["--json", "task", "list"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    ran.objects()
}

fn until(what: &str, done: impl Fn() -> bool) {
    for _ in 0..600 {
        if done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("{what}: not within a minute");
}

/// Starts a training, kills it when its executor has written some lines, and returns the task.
fn abandoned(place: &Place, lines: &str) -> String {
    let mut child = start(place, lines);
    until("a task is listed", || !tasks(place).is_empty());
    let id = tasks(place)[0]["spec"]["id"].as_str().unwrap().to_owned();
    until("the executor writes", || place.ok(&["task", "log", &id]).contains("line 3"));
    child.kill().unwrap();
    child.wait().unwrap();
    id
}

#[test]
fn a_task_whose_command_was_killed_is_shown_and_carried_on() {
    let place = Place::with_scenes();
    let id = abandoned(&place, "20");
    assert!(place.ok(&["task", "list"]).contains("abandoned"));
    let shown = place.ok(&["task", "show", &id]);
    assert!(shown.contains(&format!("ymir task wait {id}")), "{shown}");

    let made = place.json(&["task", "wait", &id]);
    assert_eq!(made["name"], "model", "{made}");
    let log = place.ok(&["task", "log", &id]);
    let lines: Vec<_> = log.lines().filter(|line| line.starts_with("line ")).collect();
    let expected: Vec<_> = (1..=20).map(|line| format!("line {line}")).collect();
    assert_eq!(lines, expected);
    assert!(place.ok(&["task", "list"]).contains("done"));
    let versions = place.run(&["--json", "log", "model", "--kind", "model"]).objects();
    assert_eq!(versions.len(), 1);
    let events = place.run(&["--json", "task", "events", &id]).objects();
    assert_eq!(events.last().unwrap()["kind"]["state"], "done");
}

#[test]
fn a_detached_task_goes_on_and_is_waited_for() {
    let place = Place::with_scenes();
    let arguments = train("20");
    let mut arguments = texts(&arguments);
    arguments.push("--detach");
    let task = place.json(&arguments)["task"].as_str().unwrap().to_owned();
    assert_eq!(tasks(&place)[0]["state"], "running");
    place.ok(&["task", "wait"]);
    assert_eq!(tasks(&place)[0]["state"], "done");
    assert_eq!(tasks(&place)[0]["spec"]["id"], *task);
}

#[test]
fn a_task_without_a_command_can_be_cancelled() {
    let place = Place::with_scenes();
    let id = abandoned(&place, "600");
    place.ok(&["task", "cancel", &id]);
    assert_eq!(tasks(&place)[0]["state"], "terminated");
    assert!(place.ok(&["task", "leases"]).contains("nothing is held"));
    let ran = place.run(&["task", "settle", &id]);
    assert_eq!(ran.code, 4, "it is not stalled: {ran:?}");
}

#[test]
fn what_runs_for_a_workspace_that_is_gone_is_listed_and_ended() {
    let place = Place::with_scenes();
    let id = abandoned(&place, "600");
    let gone: PathBuf = place.path("workspace");
    std::fs::remove_dir_all(&gone).unwrap();
    place.ok(&["init", gone.with_file_name("other").to_str().unwrap()]);
    let other = |arguments: &[&str]| {
        let mut command = place.command(&[]);
        command.env("YMIR_WORKSPACE", place.path("other"));
        let mut command = std::process::Command::new(command.get_program());
        command.arg("--workspace").arg(place.path("other")).args(arguments);
        command.env("YMIR_HOST_DIR", place.path("host"));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let listed = other(&["task", "leftovers"]);
    assert!(listed.contains(&id) && listed.contains("directory gone"), "{listed}");
    other(&["task", "leftovers", "--end"]);
    assert!(!other(&["task", "leftovers"]).contains(&id));
}
