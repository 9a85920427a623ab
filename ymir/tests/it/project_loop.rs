//! The loop through the facade, with an executor that obeys the contract.

use std::sync::Mutex;

use crate::common::{Fixture, fixture, options};
use ymir::{
    Advance, AssetId, BranchKind, EndReason, ErrorKind, Format, ImportOptions, LoopEvent,
    PageOptions, Project, Selection, Step, StepOptions, StepResult, TaskEventKind, VersionId,
    Workspace,
};

#[tokio::test]
async fn runs_to_its_budget_and_makes_versions_of_everything() {
    let fixture = fixture().await;
    let project = fixture.workspace.create_project(fixture.project("p")).await.unwrap();
    let events = Mutex::new(Vec::new());
    let end = project.run().on_event(|event| events.lock().unwrap().push(event)).await.unwrap();
    assert_eq!(end, EndReason::BudgetExhausted);

    let state = project.state().await.unwrap();
    assert_eq!(state.iterations.len(), 3);
    assert_eq!(state.labels(), 9);
    for (i, iteration) in state.iterations.iter().enumerate() {
        let steps: Vec<_> = iteration.results.iter().map(StepResult::step).collect();
        assert_eq!(steps, Step::ALL);
        assert_eq!(iteration.candidates().unwrap().1, 12 - 3 * i as u64);
        let training =
            fixture.workspace.dataset_by_id(&iteration.training().unwrap()).await.unwrap();
        assert_eq!(training.len(), 3 * (i as u64 + 1));
        assert!((0.0..=1.0).contains(&iteration.metric().unwrap()));
        // The first choice is by chance, so that no model says anything about it.
        assert_eq!(iteration.pre_annotations().is_some(), i > 0);
        let (model, manifest) = fixture.workspace.model(&iteration.model().unwrap()).await.unwrap();
        assert_eq!(model.stage(None).unwrap().name, "best");
        assert_eq!(manifest.task.input("training"), iteration.training());
        assert_eq!(manifest.task.input("model").is_some(), i > 0, "later models are fine-tuned");
        assert!(manifest.task.executor_digest.starts_with("sha256:"));
    }
    let events = events.into_inner().unwrap();
    let progress = events.iter().any(|event| {
        matches!(event, LoopEvent::Task(e) if matches!(e.kind, TaskEventKind::Progress { .. }))
    });
    assert!(progress, "the executor's progress is passed on");

    let mut names = Vec::new();
    for kind in BranchKind::ALL {
        names.extend(fixture.workspace.names(kind).await.unwrap().into_iter().map(String::from));
    }
    let expected = [
        "p.candidates",
        "p.labeled",
        "p.selected",
        "p.training",
        "pool",
        "validation",
        "p.selected",
        "p.validation",
        "p",
        "p",
    ];
    assert_eq!(names, expected);
}

#[tokio::test]
async fn goes_on_where_another_process_left_it() {
    let fixture = fixture().await;
    let whole = fixture.workspace.create_project(fixture.project("whole")).await.unwrap();
    whole.run().await.unwrap();

    let root = fixture.workspace.root().to_owned();
    fixture.workspace.create_project(fixture.project("parts")).await.unwrap();
    let mut steps = 0;
    loop {
        // As a new process would: nothing is carried over but the directory.
        let workspace = Workspace::open_with(&root, options(&fixture.dir)).await.unwrap();
        let project = workspace.project("parts").await.unwrap();
        match project.advance(&StepOptions::default()).await.unwrap() {
            Advance::Finished { .. } => steps += 1,
            Advance::Waiting { .. } => panic!("the oracle answers at once"),
            Advance::Ended(reason) => break assert_eq!(reason, EndReason::BudgetExhausted),
        }
    }
    assert_eq!(steps, 18);
    let (whole, parts) =
        (whole.state().await.unwrap(), fixture.workspace.project("parts").await.unwrap());
    let parts = parts.state().await.unwrap();
    for (a, b) in whole.iterations.iter().zip(&parts.iterations) {
        assert_eq!(a.metric(), b.metric());
        let store = fixture.workspace.store();
        let content = async |id| store.version(&id).await.unwrap().content;
        assert_eq!(content(a.training().unwrap()).await, content(b.training().unwrap()).await);
        assert_eq!(
            content(a.predictions().unwrap()).await,
            content(b.predictions().unwrap()).await
        );
        assert_eq!(content(a.model().unwrap()).await, content(b.model().unwrap()).await);
    }
}

#[tokio::test]
async fn a_step_that_was_recorded_nowhere_is_found_not_repeated() {
    let fixture = fixture().await;
    let project = fixture.workspace.create_project(fixture.project("p")).await.unwrap();
    for _ in 0..5 {
        project.advance(&StepOptions::default()).await.unwrap();
    }
    let before = fixture.workspace.log(BranchKind::Model, "p").await.unwrap();
    // What a kill between the commit of the model and that of the project leaves behind: the
    // branch of the project still at the step before.
    let repository = fixture.workspace.root().join("repo.git");
    let git = |args: &[&str]| {
        let output =
            std::process::Command::new("git").arg("-C").arg(&repository).args(args).output();
        assert!(output.unwrap().status.success(), "git {args:?}");
    };
    git(&["update-ref", "refs/heads/projects/p", "refs/heads/projects/p~1"]);
    let advance = project.advance(&StepOptions::default()).await.unwrap();
    let Advance::Finished { result: StepResult::Train { model }, .. } = advance else {
        panic!("expected the training, found {advance:?}");
    };
    assert_eq!(model, before[0].id);
    assert_eq!(fixture.workspace.log(BranchKind::Model, "p").await.unwrap(), before);
}

#[tokio::test]
async fn ends_at_the_target_the_pool_or_the_users_word_and_goes_on_when_given_more() {
    let fixture = fixture().await;
    let mut definition = fixture.project("p");
    definition.target = Some(0.0);
    let project = fixture.workspace.create_project(definition).await.unwrap();
    assert_eq!(project.run().await.unwrap(), EndReason::TargetReached);
    project.update(|project| project.target = None).await.unwrap();
    project.update(|project| project.label_budget = Some(5)).await.unwrap();
    assert_eq!(project.run().await.unwrap(), EndReason::BudgetExhausted);
    assert_eq!(project.state().await.unwrap().labels(), 5);
    let more = |project: &mut ymir::Project| {
        project.label_budget = None;
        project.max_iterations = None;
        project.labels_per_iteration = 100;
    };
    project.update(more).await.unwrap();
    assert_eq!(project.run().await.unwrap(), EndReason::PoolExhausted);
    assert_eq!(project.state().await.unwrap().labels(), 12);
    project.stop().await.unwrap();
    assert_eq!(project.run().await.unwrap(), EndReason::Stopped);
}

#[tokio::test]
async fn begins_with_labels_that_are_there() {
    let fixture = fixture().await;
    let mut definition = fixture.project("p");
    definition.training = Some(fixture.validation);
    definition.validation = fixture.pool;
    definition.pool = fixture.pool;
    definition.selection = Selection::Random;
    let project = fixture.workspace.create_project(definition).await.unwrap();
    let first = project.advance(&StepOptions::default()).await.unwrap();
    let Advance::Finished { result, .. } = first else { panic!("{first:?}") };
    assert_eq!(result.step(), Step::PrepareTraining);
    // The pool is the validation set, so that nothing may be mined.
    assert_eq!(project.run().await.unwrap(), EndReason::PoolExhausted);
}

#[tokio::test]
async fn near_duplicates_are_left_out_of_the_pool_where_that_is_asked_for() {
    let fixture = fixture().await;
    let (pool, ids) = pool_with_copies(&fixture).await;
    let mut definition = Project { pool, ..fixture.project("p") };
    definition.skip_near_duplicates = Some(17);
    let error = fixture.workspace.create_project(definition.clone()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("skip_near_duplicates"), "{error}");

    definition.skip_near_duplicates = Some(0);
    let project = fixture.workspace.create_project(definition).await.unwrap();
    let seen = Mutex::new(Vec::new());
    let on = |event| {
        if let LoopEvent::Preparing(progress) = event {
            seen.lock().unwrap().push((progress.done, progress.total));
        }
    };
    project.run().on_event(on).await.unwrap();
    assert_eq!(seen.lock().unwrap()[0], (0, 18));
    assert_eq!(seen.lock().unwrap().last(), Some(&(18, 18)));
    let state = project.state().await.unwrap();
    let candidates = state.iterations.iter().map(|it| it.candidates().unwrap());
    assert_eq!(candidates.clone().map(|(_, count)| count).collect::<Vec<_>>(), [12, 9, 6]);
    let (first, _) = candidates.clone().next().unwrap();
    let first = fixture.workspace.dataset_by_id(&first).await.unwrap();
    assert!(first.get(&ids[1]).await.unwrap().is_none(), "it looks like one of the validation set");
}

#[tokio::test]
async fn near_duplicates_can_be_left_out_later_and_come_back() {
    let fixture = fixture().await;
    let (pool, [_, of_validation]) = pool_with_copies(&fixture).await;
    let definition = Project { pool, ..fixture.project("p") };
    let project = fixture.workspace.create_project(definition).await.unwrap();
    let mut found = Vec::new();
    for (distance, looks) in [(None, false), (Some(0), true), (Some(0), false), (None, false)] {
        let change = |project: &mut Project| {
            project.skip_near_duplicates = distance;
            project.max_iterations = None;
        };
        project.update(change).await.unwrap();
        let looked = Mutex::new(false);
        let on = |event| *looked.lock().unwrap() |= matches!(event, LoopEvent::Preparing(_));
        for _ in Step::ALL {
            project.advance(&StepOptions::default()).on_event(on).await.unwrap();
        }
        assert_eq!(*looked.lock().unwrap(), looks, "{distance:?}");
        let state = project.state().await.unwrap();
        let (candidates, count) = state.iterations.last().unwrap().candidates().unwrap();
        let candidates = fixture.workspace.dataset_by_id(&candidates).await.unwrap();
        found.push((count, candidates.get(&of_validation).await.unwrap().is_some()));
    }
    let [first, second, third, last] = found[..] else { panic!("{found:?}") };
    assert_eq!(first.0, 14);
    // Of 12 pictures that differ those that were chosen are left out; a copy may be among these.
    assert!((9..=10).contains(&second.0) && !second.1, "{second:?}");
    assert_eq!(third, (second.0 - 3, false));
    assert_eq!(last.0, 14 - 9, "all but what was chosen");
}

/// Returns the pool with a copy of one of its images and of one of the validation set; their ids.
async fn pool_with_copies(fixture: &Fixture) -> (VersionId, [AssetId; 2]) {
    let copies = fixture.dir.join("copies");
    std::fs::create_dir(&copies).unwrap();
    let mut ids = Vec::new();
    for version in [fixture.pool, fixture.validation] {
        let dataset = fixture.workspace.dataset_by_id(&version).await.unwrap();
        let page = dataset.page(PageOptions::default()).await.unwrap();
        let id = page.records[0].asset.id;
        let mut image = fixture.workspace.store().read_blob(&id).await.unwrap();
        // The same picture in another file: decoders pass over what is behind the end.
        image.extend(b"copy");
        ids.push(AssetId::of(&image));
        std::fs::write(copies.join(format!("{version}.jpg")), image).unwrap();
    }
    let options = ImportOptions { append: true, ..ImportOptions::default() };
    let images = Format::Images;
    let import = fixture.workspace.import_dataset(&copies, images, "pool", &options);
    (import.await.unwrap().version.id, [ids[0], ids[1]])
}

#[tokio::test]
async fn two_at_once_do_not_repeat_each_others_work() {
    let fixture = fixture().await;
    let project = fixture.workspace.create_project(fixture.project("p")).await.unwrap();
    let (a, b) = (project.clone(), project.clone());
    let (a, b) = tokio::join!(
        tokio::spawn(async move { a.run().await }),
        tokio::spawn(async move { b.run().await })
    );
    let errors: Vec<_> =
        [a.unwrap(), b.unwrap()].into_iter().filter_map(Result::err).map(|e| e.kind()).collect();
    assert_eq!(errors, [ErrorKind::Conflict]);
    assert_eq!(project.state().await.unwrap().iterations.len(), 3);
}

#[tokio::test]
async fn a_failed_step_can_be_tried_again() {
    let fixture = fixture().await;
    let project = fixture.workspace.create_project(fixture.project("p")).await.unwrap();
    let options = StepOptions::default();
    for _ in 0..4 {
        project.advance(&options).await.unwrap();
    }
    let mut failing = options.clone();
    failing.parameters.insert("fail".to_owned(), "train".into());
    let error = project.advance(&failing).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ExecutorFailed);
    let advance = project.advance(&options).await.unwrap();
    assert!(matches!(advance, Advance::Finished { result: StepResult::Train { .. }, .. }));
}

#[tokio::test]
async fn a_loop_that_is_left_stops_its_task() {
    let fixture = fixture().await;
    let mut definition = fixture.project("p");
    definition.training_parameters.insert("fail".to_owned(), "hang".into());
    let project = fixture.workspace.create_project(definition).await.unwrap();
    let (found, runs) = tokio::sync::oneshot::channel();
    let found = Mutex::new(Some(found));
    let on = |event| {
        if let LoopEvent::Task(event) = event
            && matches!(event.kind, TaskEventKind::Log(_))
            && let Some(found) = found.lock().unwrap().take()
        {
            found.send(event.task).unwrap();
        }
    };
    let task = tokio::select! {
        ended = project.run().on_event(on) => panic!("{ended:?}"),
        task = runs => fixture.workspace.task(&task.unwrap()).await.unwrap(),
    };
    assert_eq!(task.wait().await.unwrap_err().kind(), ErrorKind::Cancelled);
    // Nobody holds the project any more, and it goes on from the step that was left.
    project.update(|project| project.training_parameters.clear()).await.unwrap();
    assert_eq!(project.run().await.unwrap(), EndReason::BudgetExhausted);
}

#[tokio::test]
async fn a_step_can_choose_another_number_within_the_budget() {
    let fixture = fixture().await;
    let mut definition = fixture.project("p");
    definition.label_budget = Some(5);
    let project = fixture.workspace.create_project(definition).await.unwrap();
    for (asked, chosen) in [(4, 4), (100, 1)] {
        let options = StepOptions { labels: Some(asked), ..StepOptions::default() };
        for _ in Step::ALL {
            project.advance(&options).await.unwrap();
        }
        let state = project.state().await.unwrap();
        assert_eq!(state.iterations.last().unwrap().selected().unwrap().1, chosen);
    }
    assert_eq!(project.run().await.unwrap(), EndReason::BudgetExhausted);
}

#[tokio::test]
async fn a_definition_that_cannot_work_is_refused() {
    let fixture = fixture().await;
    let refused = async |change: &dyn Fn(&mut ymir::Project)| {
        let mut definition = fixture.project("p");
        change(&mut definition);
        fixture.workspace.create_project(definition).await.unwrap_err().kind()
    };
    assert_eq!(refused(&|p| p.classes.clear()).await, ErrorKind::InvalidInput);
    assert_eq!(refused(&|p| p.classes.push("unheard of".into())).await, ErrorKind::NotFound);
    assert_eq!(refused(&|p| p.classes.push(p.classes[0].clone())).await, ErrorKind::InvalidInput);
    fixture.workspace.add_classes(&["unseen"]).await.unwrap();
    let unseen = || vec!["unseen".to_owned()];
    assert_eq!(refused(&|p| p.classes = unseen()).await, ErrorKind::InvalidInput);
    assert_eq!(refused(&|p| p.target = Some(1.5)).await, ErrorKind::InvalidInput);
    assert_eq!(refused(&|p| p.labels_per_iteration = 0).await, ErrorKind::InvalidInput);
    let unknown = ymir::VersionId::new([7; 20]);
    assert_eq!(refused(&|p| p.pool = unknown).await, ErrorKind::NotFound);
    assert_eq!(
        refused(&|p| p.executor = "moon:base".parse().unwrap()).await,
        ErrorKind::Unsupported
    );
    let relative = || ymir::LabelerSpec::Folder { path: "labels".into() };
    assert_eq!(refused(&|p| p.labeler = relative()).await, ErrorKind::InvalidInput);
    fixture.workspace.create_project(fixture.project("p")).await.unwrap();
    assert_eq!(refused(&|_| ()).await, ErrorKind::AlreadyExists);
    assert_eq!(fixture.workspace.project("q").await.unwrap_err().kind(), ErrorKind::NotFound);
    let project = fixture.workspace.project("p").await.unwrap();
    let error = project.update(|p| p.pool = unknown).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}
