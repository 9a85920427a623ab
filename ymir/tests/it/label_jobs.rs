//! Labeling jobs through the facade: a registry that loses none and makes none twice, over a server
//! whose every change can fail.

use std::path::Path;
use std::sync::Arc;

use crate::common::{Fixture, fixture};
use ymir::{
    Annotation, BBox, Class, ErrorKind, LabelBackend, LabelOptions, LabelerSpec, Name, TaskKind,
    Workspace, WorkspaceOptions,
};
use ymir_testkit::double::{MemoryLabelBackend, MemoryLabelServer, When};

async fn open(root: &Path, server: &MemoryLabelServer) -> Workspace {
    let backend = Arc::new(MemoryLabelBackend::new(server)) as Arc<dyn LabelBackend>;
    let labelers = [("server".to_owned(), backend)].into();
    Workspace::open_with(root, WorkspaceOptions { labelers, ..Default::default() }).await.unwrap()
}

async fn options(fixture: &Fixture, labeled: &str) -> LabelOptions {
    let project = fixture.project("p");
    LabelOptions {
        labeler: LabelerSpec::Custom("server".into()),
        dataset: project.pool,
        pre_annotations: None,
        classes: project.classes,
        instructions: String::new(),
        labeled: Name::new(labeled).unwrap(),
    }
}

#[tokio::test]
async fn a_job_outlives_the_program_that_started_it() {
    let (fixture, server) = (fixture().await, MemoryLabelServer::new());
    let root = fixture.workspace.root().to_owned();
    let options = options(&fixture, "labeled").await;
    let workspace = open(&root, &server).await;
    let job = workspace.start_label(&options).await.unwrap();
    assert_eq!(job.place(), Some("https://labels.example/projects/1"));
    assert!(!job.status().await.unwrap().finished);
    let id = job.id().clone();
    drop((job, workspace));

    let workspace = open(&root, &server).await;
    let jobs = workspace.label_jobs().await.unwrap();
    assert_eq!(jobs.len(), 1);
    assert_eq!((jobs[0].id(), jobs[0].options()), (&id, &options));
    let class = Class::Name(options.classes[0].clone());
    server.answer_all(move |_| {
        Some(vec![Annotation::new(class.clone(), BBox::new(1.0, 1.0, 5.0, 5.0))])
    });
    let labeled = workspace.label_job(id.as_str()).await.unwrap().wait().await.unwrap();
    let manifest = workspace.store().manifest(&labeled.id).await.unwrap();
    let pool = workspace.store().manifest(&options.dataset).await.unwrap();
    assert_eq!(manifest.summary.assets, pool.summary.assets);
    assert_eq!(manifest.task.kind, TaskKind::Label);

    // Collected again, and labeled again, it is the same version of the same job.
    assert_eq!(jobs[0].collect().await.unwrap().id, labeled.id);
    assert_eq!(workspace.label(&options).await.unwrap().id, labeled.id);
    assert_eq!(server.jobs(), std::slice::from_ref(&id));
    let job = workspace.label_job(id.as_str()).await.unwrap();
    assert_eq!(job.info().collected, Some(labeled.id));

    job.cancel().await.unwrap();
    assert!(server.jobs().is_empty() && workspace.label_jobs().await.unwrap().is_empty());
    for error in [job.cancel().await.unwrap_err(), job.collect().await.unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
}

#[tokio::test]
async fn a_failure_at_any_step_makes_no_second_job_and_loses_none() {
    let (fixture, server) = (fixture().await, MemoryLabelServer::new());
    let root = fixture.workspace.root().to_owned();
    for when in [When::Before, When::After] {
        for change in 1.. {
            let options = options(&fixture, &format!("labeled_{}_{change}", when as u8)).await;
            let before = server.jobs().len();
            server.fail(change, when);
            let started = open(&root, &server).await.start_label(&options).await;
            let failed = started.is_err();
            // Another process, which finds it in the list, goes on with it.
            let workspace = open(&root, &server).await;
            let job = workspace.start_label(&options).await.unwrap();
            assert!(job.info().ready);
            let pool = workspace.store().manifest(&options.dataset).await.unwrap();
            assert_eq!(job.status().await.unwrap().total, pool.summary.assets);
            assert_eq!(server.jobs().len(), before + 1, "change {change} failed");
            if !failed {
                assert!(change > 2, "a creation takes several changes");
                break;
            }
        }
    }
    let jobs = fixture.workspace.label_jobs().await.unwrap();
    let listed: Vec<_> = jobs.iter().map(|job| job.id().clone()).collect();
    assert_eq!(listed, server.jobs(), "all are listed, in the order in which they were started");
}

#[tokio::test]
async fn without_its_registry_a_job_is_found_again() {
    let (fixture, server) = (fixture().await, MemoryLabelServer::new());
    let root = fixture.workspace.root().to_owned();
    let options = options(&fixture, "labeled").await;
    let workspace = open(&root, &server).await;
    let job = workspace.start_label(&options).await.unwrap();
    std::fs::remove_dir_all(root.join("state/labeling")).unwrap();
    let again = workspace.start_label(&options).await.unwrap();
    assert_eq!((again.id(), server.jobs().len()), (job.id(), 1));

    std::fs::write(root.join(format!("state/labeling/{}.json", job.id())), "{").unwrap();
    for error in [
        workspace.start_label(&options).await.unwrap_err(),
        workspace.label_jobs().await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Corrupted);
        assert!(error.to_string().contains("state/labeling"), "{error}");
    }
}

#[tokio::test]
async fn several_that_start_the_same_job_at_once_make_one() {
    let (fixture, server) = (fixture().await, MemoryLabelServer::new());
    let root = fixture.workspace.root().to_owned();
    let options = options(&fixture, "labeled").await;
    let workspaces = [open(&root, &server).await, open(&root, &server).await];
    let starts = (0..8).map(|i| workspaces[i % 2].start_label(&options));
    for started in futures::future::join_all(starts).await {
        assert!(started.unwrap().info().ready);
    }
    assert_eq!(server.jobs().len(), 1);
}
