//! The SQLite file: lost, damaged, another program's.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;

use futures::StreamExt;
use rusqlite::Connection;
use ymir_core::{ErrorKind, Scheduler, TaskState};
use ymir_testkit::double::{ScriptedDriver, ScriptedWork};
use ymir_tmi::scheduler::LocalScheduler;

use super::common::{Serving, ended, id, open, open_with, options, submit, until_end};

/// Runs tasks of these names, and closes the scheduler.
async fn fill(dir: &Path, names: impl IntoIterator<Item = String>) {
    let scheduler = open(dir).await;
    let names: Vec<_> = names.into_iter().collect();
    for name in &names {
        submit(&scheduler, name, ScriptedWork::new().reporting(&[0.5], 20)).await;
    }
    for name in &names {
        assert_eq!(ended(&scheduler, name).await, TaskState::Done);
    }
    scheduler.close().await.expect("closed");
}

async fn assert_works(scheduler: &Serving) {
    submit(scheduler, "works", ScriptedWork::new()).await;
    assert_eq!(ended(scheduler, "works").await, TaskState::Done);
}

#[tokio::test]
async fn what_was_recorded_is_found_again() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    fill(dir.path(), ["a".to_owned(), "b".to_owned()]).await;
    let scheduler = open(dir.path()).await;
    assert_eq!(scheduler.set_aside(), None);
    let tasks = scheduler.list().await.expect("listed");
    assert_eq!(tasks.len(), 2);
    assert!(tasks.iter().all(|task| task.state == TaskState::Done && task.progress == 1.0));
    let count = until_end(&mut scheduler.events(0), "a").await.len();
    assert!(count > 20);
    let owners = fs::read_dir(dir.path().join("tasks.db-owners")).expect("it exists").count();
    assert_eq!(owners, 1, "the first scheduler left no file behind");
}

#[tokio::test]
async fn a_damaged_database_is_set_aside() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("tasks.db");
    for n in 1..4 {
        fill(dir.path(), (0..30).map(|n| format!("t{n}"))).await;
        let file = fs::OpenOptions::new().write(true).open(&path).expect("it exists");
        let len = file.metadata().expect("it exists").len();
        assert!(len > 8 * 4096, "{len}");
        match n {
            // The header, the pages behind the schema, the end.
            1 => file.write_all_at(&[0x55; 4096], 0).expect("written"),
            2 => file.write_all_at(&vec![0x55; len as usize - 8192], 8192).expect("written"),
            _ => file.set_len(len / 2).expect("cut"),
        }
        drop(file);
        let scheduler = open(dir.path()).await;
        let aside = dir.path().join(format!("tasks.db.corrupt-{n}"));
        assert_eq!(scheduler.set_aside(), Some(aside.as_path()));
        assert!(aside.metadata().expect("it was kept").len() > 0);
        assert_eq!(scheduler.list().await.expect("listed"), []);
        assert_works(&scheduler).await;
        scheduler.close().await.expect("closed");
        fs::remove_file(&path).expect("removed");
    }
}

#[tokio::test]
async fn events_after_a_lost_database_begin_anew() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    fill(dir.path(), ["a".to_owned()]).await;
    let scheduler = open(dir.path()).await;
    let last = until_end(&mut scheduler.events(0), "a").await.last().expect("one").seq;
    scheduler.close().await.expect("closed");
    fs::remove_file(dir.path().join("tasks.db")).expect("removed");
    let scheduler = open(dir.path()).await;
    assert_eq!(scheduler.set_aside(), None);
    // The id and the directory of the lost task can be used again.
    submit(&scheduler, "a", ScriptedWork::new()).await;
    assert_eq!(ended(&scheduler, "a").await, TaskState::Done);
    let mut events = scheduler.events(last);
    assert_eq!(events.next().await.expect("one").expect("an event").seq, 1);
}

#[tokio::test]
async fn other_programs_files_are_left_alone() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("tasks.db");
    let other = Connection::open(&path).expect("opened");
    other.execute_batch("CREATE TABLE mine (x)").expect("created");
    drop(other);
    let before = fs::read(&path).expect("read");
    let error = LocalScheduler::open(options(dir.path())).expect_err("another program's");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("tasks.db"), "{error}");
    assert_eq!(fs::read(&path).expect("read"), before);
}

#[tokio::test]
async fn another_version_is_left_alone() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    fill(dir.path(), ["a".to_owned()]).await;
    for version in [99, 1] {
        let other = Connection::open(dir.path().join("tasks.db")).expect("opened");
        other.pragma_update(None, "user_version", version).expect("written");
        drop(other);
        let error = LocalScheduler::open(options(dir.path())).expect_err("another version");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
}

#[tokio::test]
async fn what_is_no_file_is_named() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    fs::create_dir(dir.path().join("tasks.db")).expect("made");
    let error = LocalScheduler::open(options(dir.path())).expect_err("a directory");
    assert!(error.to_string().contains("tasks.db"), "{error}");
    assert_ne!(error.kind(), ErrorKind::Corrupted);
}

#[test]
fn a_runtime_is_needed() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let error = LocalScheduler::open(options(dir.path())).expect_err("no runtime");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn many_open_at_once() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let opened = (0..8).map(|n| {
        let options = options(dir.path());
        tokio::spawn(async move { (n, open_with(options, ScriptedDriver::new()).await) })
    });
    let mut schedulers = Vec::new();
    for opened in opened.collect::<Vec<_>>() {
        schedulers.push(opened.await.expect("no panic"));
    }
    for (n, scheduler) in &schedulers {
        submit(scheduler, &format!("t{n}"), ScriptedWork::new()).await;
    }
    for (n, _) in &schedulers {
        let other = &schedulers[(n + 1) % 8].1;
        assert_eq!(ended(other, &format!("t{n}")).await, TaskState::Done);
    }
    assert_eq!(schedulers[0].1.list().await.expect("listed").len(), 8);
    assert!(schedulers[0].1.status(&id("t8")).await.is_err());
}

#[tokio::test]
async fn who_waits_is_told_of_an_end_that_cannot_be_recorded() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let scheduler = open(dir.path()).await;
    let database = Connection::open(dir.path().join("tasks.db")).expect("it exists");
    let refuse = "CREATE TRIGGER refuse BEFORE UPDATE OF finished ON task
                  BEGIN SELECT RAISE(ABORT, 'no end today'); END";
    database.execute_batch(refuse).expect("a trigger can be made");
    submit(&scheduler, "t", ScriptedWork::new()).await;
    assert_eq!(ended(&scheduler, "t").await, TaskState::Done);
    assert_eq!(scheduler.list().await.expect("listed")[0].state, TaskState::Done);
    let events: Vec<_> = scheduler.task_events(&id("t"), 0).collect().await;
    let error = events.last().expect("an event").as_ref().expect_err("it says why");
    assert!(error.to_string().contains("no end today"), "{error}");

    database.execute_batch("DROP TRIGGER refuse").expect("it can be dropped");
    let recorded = || {
        let sql = "SELECT finished IS NOT NULL FROM task";
        database.query_row(sql, [], |row| row.get::<_, bool>(0)).expect("there is a task")
    };
    while !recorded() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    until_end(&mut scheduler.task_events(&id("t"), 0), "t").await;
    scheduler.close().await.expect("closed");
    let tasks = open(dir.path()).await.list().await.expect("listed");
    assert_eq!(tasks[0].state, TaskState::Done);
}
