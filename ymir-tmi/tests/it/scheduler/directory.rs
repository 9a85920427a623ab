//! The task directory, from its beginning to its end.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use ymir_core::{ErrorKind, TaskState, TaskStep};
use ymir_testkit::double::ScriptedWork;
use ymir_tmi::scheduler::{Keep, LocalScheduler, SchedulerOptions};

use super::common::{ended, holding, open, options, submit};

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
        let options = SchedulerOptions { keep, ..options(dir.path()) };
        let scheduler = LocalScheduler::open(options).expect("opened");
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
    let scheduler = open(dir.path());
    for name in ["full", "file", "link"] {
        submit(&scheduler, name, ScriptedWork::new()).await;
        assert_eq!(ended(&scheduler, name).await, TaskState::Done, "{name}");
    }
    assert!(elsewhere.join("precious").exists());
}

#[tokio::test]
async fn a_directory_that_cannot_be_made_fails_the_task() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let scheduler = open(dir.path());
    fs::remove_dir(dir.path().join("tasks")).expect("removed");
    fs::write(dir.path().join("tasks"), "in the way").expect("written");
    let work = submit(&scheduler, "t", ScriptedWork::new()).await;
    assert_eq!(ended(&scheduler, "t").await, TaskState::Failed);
    assert!(work.seen().steps.is_empty());
}

#[tokio::test]
async fn the_directories_of_abandoned_tasks_follow_the_rule() {
    for keep in [Keep::None, Keep::Failed] {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let options = || SchedulerOptions { keep, ..options(dir.path()) };
        let scheduler = LocalScheduler::open(options()).expect("opened");
        submit(&scheduler, "t", holding()).await.entered(TaskStep::Run).await;
        scheduler.close().await;
        let scheduler = LocalScheduler::open(options()).expect("opened");
        assert_eq!(ended(&scheduler, "t").await, TaskState::Failed);
        assert_eq!(names(dir.path(), "t").is_some(), keep == Keep::Failed);
    }
}

#[tokio::test]
async fn what_is_not_kept_is_gone_in_the_end_also_after_a_crash() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let aside = dir.path().join("tasks/.gone");
    let left = || fs::read_dir(&aside).map_or(0, Iterator::count);
    // As a process leaves it that dies before it has removed all.
    fs::create_dir_all(aside.join("dead/annotations")).expect("made");
    fs::write(aside.join("dead/annotations/1.txt"), "x").expect("written");
    let scheduler = open(dir.path());
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
