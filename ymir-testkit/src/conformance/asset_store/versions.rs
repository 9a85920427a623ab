use std::collections::BTreeMap;
use std::sync::Arc;

use ymir_core::{
    AssetStore, Base, BlobId, Branch, BranchKind, CommitRequest, Edits, ErrorKind, Expect, Input,
    Manifest, Model, ModelFile, Name, ObjectType, PredictionInfo, Selector, Stage, TaskId,
    TaskKind, TaskRecord, Timestamp, VersionId,
};

use super::fixture::{add_classes, assert_kind, branch, commit, puts};

/// Branch names are sorted and kept apart by kind; a kind without branches gives an empty list.
pub async fn branches_are_sorted_by_name(store: Arc<dyn AssetStore>) {
    for kind in BranchKind::ALL {
        assert_eq!(store.branches(kind).await.unwrap(), []);
    }
    add_classes(&*store).await;
    for name in ["b", "a.x", "C", "a"] {
        commit(&*store, name, puts([1])).await;
    }
    let names = store.branches(BranchKind::Dataset).await.unwrap();
    let names: Vec<_> = names.iter().map(Name::as_str).collect();
    assert_eq!(names, ["C", "a", "a.x", "b"]);
    assert_eq!(store.branches(BranchKind::Prediction).await.unwrap(), []);
}

/// Versions are numbered from 1, each with its parent; the log has the newest first.
pub async fn a_log_has_the_newest_first(store: Arc<dyn AssetStore>) {
    add_classes(&*store).await;
    let first = commit(&*store, "a", puts([1])).await;
    let second = commit(&*store, "a", puts([2])).await;
    assert_eq!((first.number, first.parent), (1, None));
    assert_eq!((second.number, second.parent), (2, Some(first.id)));
    assert_eq!(second.branch, branch("a"));
    assert_eq!(second.message, "Change a");
    assert_eq!(store.log(&branch("a"), Default::default()).await.unwrap(), [second.clone(), first]);
    assert_eq!(store.version(&second.id).await.unwrap(), second);
}

/// `Latest`, `Number` and `Id` each find their version.
pub async fn a_selector_finds_its_version(store: Arc<dyn AssetStore>) {
    add_classes(&*store).await;
    let first = commit(&*store, "a", puts([1])).await;
    let second = commit(&*store, "a", puts([2])).await;
    let other = commit(&*store, "b", puts([3])).await;
    let resolve = async |selector| store.resolve(&branch("a"), &selector).await;
    assert_eq!(resolve(Selector::Latest).await.unwrap(), second);
    assert_eq!(resolve(Selector::Number(1)).await.unwrap(), first);
    assert_eq!(resolve(Selector::Number(2)).await.unwrap(), second);
    assert_eq!(resolve(Selector::Id(first.id.to_string())).await.unwrap(), first);
    let digits = |id: VersionId| id.to_string()[..12].to_owned();
    assert_eq!(resolve(Selector::Id(digits(second.id))).await.unwrap(), second);
    for missing in [Selector::Number(0), Selector::Number(3), Selector::Id(digits(other.id))] {
        assert_kind(resolve(missing).await, ErrorKind::NotFound);
    }
    // No digits at all fit both versions.
    assert_kind(resolve(Selector::Id(String::new())).await, ErrorKind::InvalidInput);
}

/// A branch that does not exist is `NotFound`, and the message names those that do.
pub async fn a_missing_branch_is_not_found(store: Arc<dyn AssetStore>) {
    add_classes(&*store).await;
    commit(&*store, "kept", puts([1])).await;
    let missing = branch("gone");
    let error = assert_kind(store.resolve(&missing, &Selector::Latest).await, ErrorKind::NotFound);
    assert!(error.message().contains("kept"), "{error}");
    assert_kind(store.log(&missing, Default::default()).await, ErrorKind::NotFound);
    let other_kind = Branch::new(BranchKind::Model, Name::new("kept").unwrap());
    assert_kind(store.resolve(&other_kind, &Selector::Latest).await, ErrorKind::NotFound);
}

/// A version that does not exist is `NotFound`, for each method.
pub async fn a_missing_version_is_not_found(store: Arc<dyn AssetStore>) {
    add_classes(&*store).await;
    let known = commit(&*store, "a", puts([1])).await.id;
    let missing = VersionId::new([7; 20]);
    assert_kind(store.version(&missing).await, ErrorKind::NotFound);
    assert_kind(store.manifest(&missing).await, ErrorKind::NotFound);
    assert_kind(store.get(&missing, &[]).await, ErrorKind::NotFound);
    assert_kind(store.page(&missing, Default::default()).await, ErrorKind::NotFound);
    assert_kind(store.diff(&missing, &known, Default::default()).await, ErrorKind::NotFound);
    assert_kind(store.diff(&known, &missing, Default::default()).await, ErrorKind::NotFound);
}

/// A manifest comes back whole; `classes` and `summary` are the store's, not the caller's.
pub async fn a_manifest_comes_back_whole(store: Arc<dyn AssetStore>) {
    add_classes(&*store).await;
    let inputs = commit(&*store, "a", puts([1])).await.id;
    let file = |path: &str| ModelFile { path: path.into(), blob: BlobId::of(b"w"), size: 1 };
    let task = TaskRecord {
        kind: TaskKind::Train,
        task: Some(TaskId::new("t_1").unwrap()),
        parameters: BTreeMap::from([("epochs".into(), "3".into())]),
        inputs: vec![Input { role: "training".into(), version: inputs }],
        executor: "docker:x".into(),
        executor_digest: "sha256:1".into(),
        config: "a: 1\n".into(),
        seed: u64::MAX,
        metrics: BTreeMap::from([("mAP".into(), 0.1)]),
        started: Timestamp::new(1_700_000_000, 123_456_789).unwrap(),
        finished: Timestamp::new(-1, -5).unwrap(),
        library_version: "0.1.0".into(),
        fingerprint: "f".into(),
    };
    let stage = Stage {
        name: "epoch_1".into(),
        files: vec![file("a/b.bin"), file("c")],
        timestamp: -3,
        metrics: BTreeMap::from([("tp".into(), 2.0)]),
    };
    let model = Model {
        stages: vec![stage],
        best_stage: "epoch_1".into(),
        class_names: vec!["dog".into(), "Straße".into()],
        attachments: vec![file("log.txt")],
    };
    let manifest = Manifest {
        object_type: ObjectType::Detection,
        task,
        prediction: Some(PredictionInfo { model: inputs, dataset: inputs }),
        model: Some(model),
        project: Some("{\"a\":1}".into()),
        ..Manifest::default()
    };
    let request = CommitRequest {
        branch: Branch::new(BranchKind::Model, Name::new("m").unwrap()),
        base: Base::Empty,
        edits: Edits::none(),
        expect: Expect::New,
        manifest: manifest.clone(),
        message: "Train".into(),
    };
    let version = store.commit(request).await.unwrap();
    let read = store.manifest(&version.id).await.unwrap();
    assert_eq!(read.classes, store.classes().await.unwrap());
    assert_eq!(read, Manifest { classes: read.classes.clone(), ..manifest });
    assert_eq!(store.branches(BranchKind::Model).await.unwrap().len(), 1);
}

/// The class table in a manifest stays as it was at the commit.
pub async fn a_manifest_keeps_the_classes_of_its_time(store: Arc<dyn AssetStore>) {
    let before = commit(&*store, "a", Vec::new()).await;
    add_classes(&*store).await;
    let after = commit(&*store, "a", Vec::new()).await;
    assert!(store.manifest(&before.id).await.unwrap().classes.is_empty());
    assert_eq!(store.manifest(&after.id).await.unwrap().classes.len(), 2);
}
