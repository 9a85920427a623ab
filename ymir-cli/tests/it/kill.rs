//! A loop that is killed at random moments ends as one that is not.
//!
//! `YMIR_KILLS` sets how often it is killed at least, 4 by default.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::common::{Place, fsck, tiny};
use serde_json::Value;

/// The arguments of the loop.
fn iterate() -> Vec<&'static str> {
    let data = ["--pool", "pool", "--validation", "validation", "--oracle", "pool"];
    let size = ["--labels-per-iteration", "4", "--max-iterations", "3", "--seed", "2"];
    let classes = ["--classes", "coin,washer,gear,star"];
    [&["--json", "iterate", "p"][..], &data, &size, &classes, &tiny("--train-param")].concat()
}

/// What must be the same however often the loop was killed.
fn result(place: &Place) -> Vec<(String, Value)> {
    let project = place.json(&["show", "p", "--kind", "project"]);
    let mut result = Vec::new();
    for iteration in project["iterations"].as_array().expect("there are iterations") {
        for step in iteration["results"].as_array().expect("there are results") {
            let name = step["step"].as_str().expect("a step has a name").to_owned();
            let fields = step.as_object().expect("a result is an object").iter();
            for (key, value) in fields.filter(|(key, _)| *key != "step") {
                let is_version = value.as_str().is_some_and(|text| text.len() == 40);
                let kept = if is_version { content(place, &name, value) } else { value.clone() };
                result.push((format!("{} {name} {key}", iteration["number"]), kept));
            }
        }
    }
    result
}

/// Returns the identity of what a version holds; its own id has the time in it.
fn content(place: &Place, step: &str, id: &Value) -> Value {
    let id = id.as_str().expect("an id is a text");
    for (kind, name) in [
        ("dataset", "p.candidates"),
        ("dataset", "p.selected"),
        ("dataset", "p.labeled"),
        ("dataset", "p.training"),
        ("prediction", "p.selected"),
        ("prediction", "p.validation"),
        ("model", "p"),
    ] {
        let ran = place.run(&["--json", "show", &format!("{name}@{id}"), "--kind", kind]);
        if ran.code == 0 {
            let shown = ran.object();
            return match kind {
                // The time of its stages is no part of what a model is.
                "model" => shown["stages"][0]["files"].clone(),
                _ => shown["content"].clone(),
            };
        }
    }
    panic!("{step} made {id}, which is in no branch");
}

/// Numbers that look random and are the same each time.
struct Random(u64);

impl Random {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % below
    }
}

/// Returns how many processes have something in the workspace's tasks open or as an argument.
fn strays(workspace: &Path) -> Vec<String> {
    let tasks = workspace.join("tasks");
    let tasks = tasks.to_str().expect("the path is UTF-8");
    let processes = std::fs::read_dir("/proc").expect("there is /proc").flatten();
    let is_stray = |process: &std::fs::DirEntry| {
        let at = |name: &str| process.path().join(name);
        let directory = std::fs::read_link(at("cwd")).unwrap_or_default();
        let environment = std::fs::read(at("environ")).unwrap_or_default();
        let arguments = std::fs::read(at("cmdline")).unwrap_or_default();
        directory.starts_with(tasks)
            || [environment, arguments].iter().any(|t| String::from_utf8_lossy(t).contains(tasks))
    };
    let name = |process: &std::fs::DirEntry| process.file_name().to_string_lossy().into_owned();
    processes.filter(is_stray).map(|process| name(&process)).collect()
}

fn start(place: &Place) -> Child {
    let mut command = place.command(&iterate());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("the program can be started")
}

#[test]
fn a_killed_loop_ends_as_one_that_was_not() {
    let whole = Place::with_scenes();
    let begin = Instant::now();
    whole.ok(&iterate());
    let duration = begin.elapsed();

    let kills: u64 = std::env::var("YMIR_KILLS").map_or(4, |n| n.parse().expect("a number"));
    let mut random = Random(7);
    let mut done = 0;
    let mut place = Place::with_scenes();
    while done < kills {
        // Once a loop is through, another one is killed.
        let mut child = start(&place);
        let moment = duration.as_millis() as u64 * (5 + random.next(45)) / 100;
        std::thread::sleep(Duration::from_millis(moment));
        match child.try_wait().expect("its state can be asked") {
            Some(status) => {
                assert!(status.success(), "{status}");
                check(&whole, &place);
                place = Place::with_scenes();
            }
            None => {
                child.kill().expect("it can be killed");
                child.wait().expect("its end can be waited for");
                done += 1;
                fsck(&place.path("workspace"));
            }
        }
    }
    let ran = place.run(&iterate());
    assert_eq!(ran.code, 0, "{ran:?}");
    check(&whole, &place);
}

/// Checks that the loop of a place ended as the one that was left alone.
fn check(whole: &Place, place: &Place) {
    assert_eq!(result(place), result(whole));
    fsck(&place.path("workspace"));
    assert_eq!(strays(&place.path("workspace")), Vec::<String>::new(), "processes left behind");
}

#[test]
fn ctrl_c_stops_the_executor_and_the_loop_goes_on_later() {
    let place = Place::with_scenes();
    let slow = ["--train-param", "steps=100000"];
    let mut child = place
        .command(&[&iterate()[..], &slow].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program can be started");
    wait_until("the executor runs", || !running(&place).is_empty());
    let interrupted = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .expect("kill can be started");
    assert!(interrupted.success());
    wait_until("the program ends", || child.try_wait().expect("its state").is_some());
    let ran = crate::common::Ran::from(child.wait_with_output().expect("its output"));
    assert_eq!((ran.code, ran.error_code().as_str()), (130, "cancelled"), "{ran:?}");
    assert_eq!(running(&place), Vec::<String>::new(), "the executor is gone");
    place.ok(&[&iterate()[..], &["--train-param", "steps=10"]].concat());
}

/// Returns the processes that work in the tasks of the workspace, the program itself aside.
fn running(place: &Place) -> Vec<String> {
    strays(&place.path("workspace"))
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < Duration::from_secs(60), "waited too long until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
