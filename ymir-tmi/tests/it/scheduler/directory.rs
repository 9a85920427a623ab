//! The task directory, from its beginning to its end.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ymir_core::{ErrorKind, TaskState, TaskStep};
use ymir_testkit::double::{ScriptedDriver, ScriptedWork};
use ymir_tmi::scheduler::{Keep, Retention, SchedulerOptions};

use super::common::{ended, holding, id, open, open_with, options, submit};

/// Returns the names in the directory of a task; `None` if there is none.
fn names(dir: &Path, task: &str) -> Option<BTreeSet<String>> {
    let entries = fs::read_dir(dir.join("tasks").join(task)).ok()?;
    Some(entries.map(|e| e.expect("an entry").file_name().into_string().expect("text")).collect())
}

#[tokio::test]
async fn what_is_kept_is_the_users_choice() {
    let both = || Some(BTreeSet::from(["in".to_owned(), "out".to_owned()]));
    let out = || Some(BTreeSet::from(["out".to_owned()]));
    for (keep, after_success, after_failure) in
        [(Keep::Failed, out(), both()), (Keep::All, both(), both()), (Keep::None, None, None)]
    {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let retention = Retention { keep, ..Retention::default() };
        let options = SchedulerOptions { retention, ..options(dir.path()) };
        let scheduler = open_with(options, ScriptedDriver::new()).await;
        submit(&scheduler, "good", ScriptedWork::new()).await;
        let work = ScriptedWork::new().failing(TaskStep::Run, ErrorKind::ExecutorFailed);
        submit(&scheduler, "bad", work).await;
        assert_eq!(ended(&scheduler, "good").await, TaskState::Done);
        assert_eq!(ended(&scheduler, "bad").await, TaskState::Failed);
        assert_eq!(names(dir.path(), "good"), after_success, "{keep:?}");
        assert_eq!(names(dir.path(), "bad"), after_failure, "{keep:?}");
    }
}

#[tokio::test]
async fn what_lay_in_the_way_is_removed() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let tasks = dir.path().join("tasks");
    let elsewhere = dir.path().join("elsewhere");
    fs::create_dir_all(tasks.join("full").join("deep")).expect("made");
    fs::write(tasks.join("full").join("deep").join("file"), "x").expect("written");
    fs::write(tasks.join("file"), "x").expect("written");
    fs::create_dir(&elsewhere).expect("made");
    fs::write(elsewhere.join("precious"), "x").expect("written");
    std::os::unix::fs::symlink(&elsewhere, tasks.join("link")).expect("linked");
    let scheduler = open(dir.path()).await;
    for name in ["full", "file", "link"] {
        submit(&scheduler, name, ScriptedWork::new()).await;
        assert_eq!(ended(&scheduler, name).await, TaskState::Done, "{name}");
    }
    assert!(elsewhere.join("precious").exists());
}

#[tokio::test]
async fn a_directory_that_cannot_be_made_fails_the_task() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let scheduler = open(dir.path()).await;
    fs::remove_dir(dir.path().join("tasks")).expect("removed");
    fs::write(dir.path().join("tasks"), "in the way").expect("written");
    let work = submit(&scheduler, "t", ScriptedWork::new()).await;
    assert_eq!(ended(&scheduler, "t").await, TaskState::Failed);
    assert!(work.seen().steps.is_empty());
}

#[tokio::test]
async fn old_directories_are_cleaned() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let scheduler = open(dir.path()).await;
    for name in ["a", "b"] {
        let work = ScriptedWork::new().failing(TaskStep::Run, ErrorKind::ExecutorFailed);
        submit(&scheduler, name, work).await;
        assert_eq!(ended(&scheduler, name).await, TaskState::Failed);
    }
    let held = submit(&scheduler, "held", holding()).await;
    held.entered(TaskStep::Run).await;
    // As an executor leaves it that takes the rights from its own directory.
    let locked = dir.path().join("tasks/a/out");
    fs::write(locked.join("file"), "x").expect("written");
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o500)).expect("changed");
    let nothing = scheduler.clean(None).await.expect("cleaned");
    assert_eq!((nothing.removed, nothing.left), (vec![], vec![]), "all stay by default");
    let all = Some(std::time::Duration::ZERO);
    let report = scheduler.clean(all).await.expect("cleaned");
    assert_eq!((report.removed, report.left), (vec![id("b"), id("a")], vec![]));
    assert_eq!(scheduler.clean(all).await.expect("cleaned").removed, []);
    assert!(names(dir.path(), "held").is_some(), "a task that runs keeps its directory");
    held.release();
    assert_eq!(ended(&scheduler, "held").await, TaskState::Done);
}

#[tokio::test]
async fn the_newest_directories_stay() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let retention = Retention { max_count: Some(1), ..Retention::default() };
    let options = SchedulerOptions { retention, ..options(dir.path()) };
    let scheduler = open_with(options, ScriptedDriver::new()).await;
    for name in ["a", "b", "c"] {
        let work = ScriptedWork::new().failing(TaskStep::Run, ErrorKind::ExecutorFailed);
        submit(&scheduler, name, work).await;
        assert_eq!(ended(&scheduler, name).await, TaskState::Failed);
    }
    while names(dir.path(), "a").is_some() || names(dir.path(), "b").is_some() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert!(names(dir.path(), "c").is_some());
}

#[tokio::test]
async fn what_is_not_kept_is_gone_in_the_end_also_after_a_crash() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let aside = dir.path().join("tasks/.gone");
    let left = || fs::read_dir(&aside).map_or(0, Iterator::count);
    // As a process leaves it that dies before it has removed all.
    fs::create_dir_all(aside.join("dead/annotations")).expect("made");
    fs::write(aside.join("dead/annotations/1.txt"), "x").expect("written");
    let scheduler = open(dir.path()).await;
    submit(&scheduler, "t", ScriptedWork::new()).await;
    assert_eq!(ended(&scheduler, "t").await, TaskState::Done);
    for _ in 0..1000 {
        if left() == 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(left(), 0);
    assert!(aside.is_dir());
}
