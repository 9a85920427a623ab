//! Where object types meet: what does not go together is refused by name.

use crate::common::{Fixture, fixture, task_options};
use ymir::{
    Base, Branch, CommitRequest, Edits, Error, ErrorKind, Expect, InferOptions, LabelOptions,
    LabelerSpec, Manifest, MergeStrategy, MineOptions, Model, Name, ObjectType, Stage,
    TrainOptions, VersionId, operations,
};

/// Commits the records of a version as annotations of an object type, or a model of it.
async fn commit(
    fixture: &Fixture,
    branch: Branch,
    base: Base,
    object_type: ObjectType,
    model: Option<Model>,
) -> VersionId {
    let request = CommitRequest {
        branch,
        base,
        edits: Edits::none(),
        expect: Expect::Any,
        manifest: Manifest { object_type, model, ..Manifest::default() },
        message: "A test".into(),
    };
    fixture.workspace.store().commit(request).await.unwrap().id
}

async fn dataset(fixture: &Fixture, object_type: ObjectType) -> VersionId {
    let branch = Branch::dataset(object_type.as_str()).unwrap();
    commit(fixture, branch, Base::Version(fixture.pool), object_type, None).await
}

fn train_options(fixture: &Fixture, training: VersionId) -> TrainOptions {
    TrainOptions {
        task: task_options(),
        classes: fixture.project("p").classes,
        training,
        validation: fixture.validation,
        pretrained: None,
        stage: None,
        model: Name::new("model").unwrap(),
    }
}

fn assert_refused(error: &Error, kind: ErrorKind, texts: &[&str]) {
    assert_eq!(error.kind(), kind, "{error}");
    for text in texts {
        assert!(error.to_string().contains(text), "{text} in {error}");
    }
}

#[tokio::test]
async fn data_of_a_type_that_is_not_supported_is_refused_by_name() {
    let fixture = fixture().await;
    let labels = dataset(&fixture, ObjectType::Classification).await;
    let workspace = &fixture.workspace;
    let error = workspace.train(&train_options(&fixture, labels)).await.unwrap_err();
    assert_refused(&error, ErrorKind::Unsupported, &["training of classification", "detection"]);

    let mut options = train_options(&fixture, fixture.pool);
    options.validation = labels;
    let error = workspace.train(&options).await.unwrap_err();
    assert_refused(&error, ErrorKind::InvalidInput, &["validation set", "classification"]);

    let error = workspace.evaluate(&labels, &fixture.pool, &[]).await.unwrap_err();
    assert_refused(&error, ErrorKind::InvalidInput, &["no prediction set"]);
    let branch = Branch::new(ymir::BranchKind::Prediction, Name::new("found").unwrap());
    let base = Base::Version(fixture.pool);
    let found = commit(&fixture, branch, base, ObjectType::SemanticSegmentation, None).await;
    let error = workspace.evaluate(&labels, &found, &[]).await.unwrap_err();
    assert_refused(&error, ErrorKind::Unsupported, &["evaluation of classification"]);
    let error = workspace.evaluate(&fixture.pool, &found, &[]).await.unwrap_err();
    assert_refused(&error, ErrorKind::InvalidInput, &["prediction set", "semantic segmentation"]);

    let label = LabelOptions {
        labeler: LabelerSpec::Oracle { truth: labels },
        dataset: fixture.pool,
        pre_annotations: None,
        classes: fixture.project("p").classes,
        instructions: String::new(),
        labeled: Name::new("labeled").unwrap(),
    };
    let error = workspace.start_label(&label).await.unwrap_err();
    assert_refused(&error, ErrorKind::InvalidInput, &["oracle", "classification"]);
}

#[tokio::test]
async fn models_are_used_for_what_they_learned() {
    let fixture = fixture().await;
    let (workspace, name) = (&fixture.workspace, |name: &str| Name::new(name).unwrap());
    let stage = Stage { name: "best".into(), ..Stage::default() };
    let model = Model {
        stages: vec![stage],
        best_stage: "best".into(),
        class_names: fixture.project("p").classes,
        attachments: Vec::new(),
    };
    let branch = Branch::new(ymir::BranchKind::Model, name("outlines"));
    let object_type = ObjectType::InstanceSegmentation;
    let model = commit(&fixture, branch, Base::Empty, object_type, Some(model)).await;

    let infer = InferOptions {
        task: task_options(),
        dataset: fixture.validation,
        model,
        stage: None,
        predictions: name("found"),
    };
    let error = workspace.infer(&infer).await.unwrap_err();
    assert_refused(&error, ErrorKind::Unsupported, &["inference of instance segmentation"]);
    let mine = MineOptions {
        task: task_options(),
        candidates: fixture.pool,
        model,
        stage: None,
        count: 1,
        selected: name("selected"),
        predictions: None,
    };
    let error = workspace.mine(&mine).await.unwrap_err();
    assert_refused(&error, ErrorKind::Unsupported, &["mining of instance segmentation"]);
    let mut options = train_options(&fixture, fixture.pool);
    options.pretrained = Some(model);
    let error = workspace.train(&options).await.unwrap_err();
    assert_refused(&error, ErrorKind::InvalidInput, &["pretrained model", "instance"]);

    // Outlines have boxes, so that a detector can learn from them.
    let outlines = dataset(&fixture, object_type).await;
    workspace.train(&train_options(&fixture, outlines)).await.unwrap();
}

#[tokio::test]
async fn a_project_has_an_object_type() {
    let fixture = fixture().await;
    let labels = dataset(&fixture, ObjectType::Classification).await;
    let mut project = fixture.project("p");
    assert_eq!(project.object_type, ObjectType::Detection);
    project.object_type = ObjectType::Classification;
    let error = fixture.workspace.create_project(project.clone()).await.unwrap_err();
    assert_refused(&error, ErrorKind::Unsupported, &["a project of classification"]);
    project.object_type = ObjectType::Detection;
    project.validation = labels;
    let error = fixture.workspace.create_project(project).await.unwrap_err();
    assert_refused(&error, ErrorKind::InvalidInput, &["validation set is of classification"]);
}

#[tokio::test]
async fn datasets_of_different_types_are_not_joined() {
    let fixture = fixture().await;
    let (store, target) = (fixture.workspace.store(), Branch::dataset("joined").unwrap());
    let merge = async |other: &VersionId| {
        operations::merge(store, &fixture.pool, other, MergeStrategy::Ours, &target).await
    };
    let labels = dataset(&fixture, ObjectType::Classification).await;
    let error = merge(&labels).await.unwrap_err();
    assert_refused(&error, ErrorKind::InvalidInput, &["detection", "classification"]);
    // Outlines are boxes too; what they are joined with may have no outlines.
    let outlines = dataset(&fixture, ObjectType::InstanceSegmentation).await;
    let joined = merge(&outlines).await.unwrap();
    let manifest = store.manifest(&joined.id).await.unwrap();
    assert_eq!(manifest.object_type, ObjectType::Detection);
}
