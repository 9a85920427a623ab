//! Workspaces: opened several times and damaged while tasks run.

use crate::common::{Fixture, fixture, options, task_options};
use futures::StreamExt;
use ymir::{ErrorKind, Name, Task, TaskEventKind, TaskState, TrainOptions, Workspace};

fn train_options(fixture: &Fixture, fail: &str) -> TrainOptions {
    let mut task = task_options();
    task.resources.cpus = 1;
    task.parameters.insert("fail".to_owned(), fail.into());
    TrainOptions {
        task,
        classes: fixture.project("p").classes,
        training: fixture.pool,
        validation: fixture.validation,
        pretrained: None,
        stage: None,
        model: Name::new("model").unwrap(),
    }
}

/// Waits until the executor of a task has written its first line.
async fn runs<T>(task: &Task<T>) {
    let mut events = task.events(0);
    while let Some(event) = events.next().await {
        if matches!(event.unwrap().kind, TaskEventKind::Log(_)) {
            return;
        }
    }
    panic!("the task ended");
}

#[tokio::test]
async fn a_second_handle_sees_follows_and_stops_the_tasks_of_the_first() {
    let fixture = fixture().await;
    let hanging = fixture.workspace.start_train(&train_options(&fixture, "hang")).await.unwrap();
    runs(&hanging).await;
    let second = fixture.open().await;
    assert_eq!(second.warnings(), &[] as &[String]);
    let seen = second.task(hanging.id().unwrap()).await.unwrap();
    assert_eq!(seen.status().await.unwrap().unwrap().state, TaskState::Running);
    // Tasks that are made at once by both have ids of their own.
    let options = train_options(&fixture, "train");
    let made = futures::future::join_all((0..20).map(|n| match n % 2 {
        0 => fixture.workspace.start_train(&options),
        _ => second.start_train(&options),
    }));
    let made: Vec<_> = made.await.into_iter().map(|task| task.unwrap()).collect();
    for task in &made {
        assert_eq!(task.wait().await.unwrap_err().kind(), ErrorKind::ExecutorFailed);
    }
    seen.cancel().await.unwrap();
    let last = seen.events(0).map(|event| event.unwrap()).collect::<Vec<_>>().await.pop().unwrap();
    assert_eq!(last.kind, TaskEventKind::State(TaskState::Terminated));
    assert_eq!(hanging.wait().await.unwrap_err().kind(), ErrorKind::Cancelled);
}

#[tokio::test]
async fn a_damaged_database_of_tasks_is_told_of_once_and_loses_no_dataset() {
    let fixture = fixture().await;
    let root = fixture.workspace.root().to_owned();
    assert_eq!(fixture.workspace.warnings(), &[] as &[String]);
    drop(fixture.workspace);
    let database = root.join("state/tasks.sqlite");
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(root.join(format!("state/tasks.sqlite{suffix}")));
    }
    std::fs::write(&database, vec![7; 8192]).unwrap();
    let workspace = Workspace::open_with(&root, options(&fixture.dir)).await.unwrap();
    assert_eq!(workspace.warnings().len(), 1, "{:?}", workspace.warnings());
    assert!(workspace.warnings()[0].contains("tasks.sqlite.corrupt-1"));
    assert_eq!(workspace.dataset("pool").await.unwrap().len(), 12);
    drop(workspace);
    assert_eq!(
        Workspace::open_with(&root, options(&fixture.dir)).await.unwrap().warnings(),
        &[] as &[String]
    );
}
