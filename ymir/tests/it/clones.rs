//! Class tables of clones of one workspace that went apart.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use tempfile::TempDir;
use ymir::{
    AssetStore, Base, Branch, Class, ClassEdit, ClassId, CommitRequest, Edits, ErrorKind, Expect,
    FsckOptions, Manifest, NewClass, PageOptions, Record, Selector, Version,
};
use ymir::{GitAssetStore, operations};
use ymir_testkit::generate::records::SyntheticRecords;

const RECORDS: SyntheticRecords = SyntheticRecords { assets: 3, boxes: 2, classes: 1, seed: 5 };

struct Place {
    dir: TempDir,
    store: Arc<dyn AssetStore>,
}

impl Place {
    async fn new(classes: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Arc::new(GitAssetStore::init(dir.path()).unwrap());
        let place = Self { dir, store };
        place.add(classes).await;
        place
    }

    /// Returns a clone of it.
    fn cloned(&self) -> Self {
        let dir = tempfile::tempdir().unwrap();
        git(dir.path(), &["clone", "-q", "--bare", path(&self.repo()), "repo.git"]);
        let store = Arc::new(GitAssetStore::open(dir.path()).unwrap());
        Self { dir, store }
    }

    fn repo(&self) -> PathBuf {
        self.dir.path().join("repo.git")
    }

    async fn add(&self, classes: &[&str]) {
        let classes: Vec<_> = classes.iter().map(|name| NewClass::new(*name)).collect();
        self.store.add_classes(&classes).await.unwrap();
    }

    async fn edit(&self, edit: ClassEdit) {
        self.store.edit_classes(&[edit]).await.unwrap();
    }

    /// Commits records whose annotations are all of one class.
    async fn commit(&self, branch: &str, class: &str) -> Version {
        let class = self.store.classes().await.unwrap().find_exact(class).unwrap();
        let of_class = |mut record: Record| {
            record.annotations.iter_mut().for_each(|a| a.class = Class::Id(class));
            record
        };
        let request = CommitRequest {
            branch: Branch::dataset(branch).unwrap(),
            base: Base::Empty,
            edits: Edits::put(RECORDS.iter().map(of_class).collect()),
            expect: Expect::Any,
            manifest: Manifest::default(),
            message: "A test".into(),
        };
        self.store.commit(request).await.unwrap()
    }

    fn fetch(&self, from: &Self, refs: &str) {
        git(&self.repo(), &["fetch", "-q", path(&from.repo()), refs]);
    }

    async fn copy(&self, from: &str, branch: &str) -> ymir_core::Result<Version> {
        let branch = Branch::dataset(branch).unwrap();
        let from = self.store.fetched(from).await?;
        let version = from.resolve(&branch, &Selector::Latest).await?.id;
        let without = operations::CopyOptions { without_files: true, ..Default::default() };
        operations::copy(&from, &version, &self.store, &branch, &without, &|_| ()).await
    }

    async fn class_of(&self, version: &Version) -> (ClassId, String) {
        let page = self.store.page(&version.id, PageOptions::default()).await.unwrap();
        let id = page.records[0].annotations[0].class.id().unwrap();
        let classes = self.store.manifest(&version.id).await.unwrap().classes;
        (id, classes.name(id).unwrap().to_owned())
    }
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn git(dir: &Path, arguments: &[&str]) {
    let output = Command::new("git").args(arguments).current_dir(dir).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

const ALL: &str = "+refs/heads/*:refs/remotes/other/*";

#[tokio::test]
async fn classes_that_both_clones_added_are_mapped_by_name() {
    let here = Place::new(&["cat"]).await;
    here.commit("pool", "cat").await;
    let there = here.cloned();
    here.add(&["bird"]).await;
    there.add(&["fish", "bird"]).await;
    there.edit(ClassEdit::Retire("fish".into())).await;
    let theirs = there.commit("birds", "bird").await;
    there.commit("fishes", "fish").await;
    assert_eq!(there.class_of(&theirs).await, (ClassId(2), "bird".into()));

    let error = here.copy("other", "birds").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("refs/remotes/other"), "{error}");
    here.fetch(&there, ALL);
    let copied = here.copy("other", "birds").await.unwrap();
    assert_eq!(here.class_of(&copied).await, (ClassId(1), "bird".into()));
    let task = here.store.manifest(&copied.id).await.unwrap().task;
    assert_eq!(task.parameters["classes"], r#"{"bird":"bird"}"#);
    assert_eq!(task.input("source"), Some(theirs.id));
    assert_eq!(here.copy("other", "birds").await.unwrap(), copied, "it is found again");

    let copied = here.copy("other", "fishes").await.unwrap();
    assert_eq!(here.class_of(&copied).await, (ClassId(2), "fish".into()));
    let report = here.store.fsck(FsckOptions::default()).await.unwrap();
    assert!(report.problems.iter().all(|problem| problem.message.contains("blob")), "{report:?}");

    // What is fetched cannot be changed, and as a branch of here it is refused by name.
    let view = here.store.fetched("other").await.unwrap();
    let error = view.add_classes(&[NewClass::new("cow")]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    here.fetch(&there, "refs/heads/datasets/fishes:refs/heads/datasets/strange");
    let strange = Branch::dataset("strange").unwrap();
    let error = here.store.resolve(&strange, &Selector::Latest).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupted);
    assert!(error.to_string().contains("--fetched"), "{error}");
}

#[tokio::test]
async fn renamed_and_retired_classes_survive_a_clone_and_a_fetch() {
    let here = Place::new(&["cat", "dog"]).await;
    let pool = here.commit("pool", "cat").await;
    here.edit(ClassEdit::Rename { class: "cat".into(), to: "feline".into() }).await;
    here.edit(ClassEdit::Retire("dog".into())).await;
    let there = here.cloned();
    assert_eq!(there.store.classes().await.unwrap(), here.store.classes().await.unwrap());
    assert_eq!(there.class_of(&pool).await, (ClassId(0), "feline".into()));

    // Both rename it: a version of there can be read here, under the name of here.
    there.edit(ClassEdit::Rename { class: "feline".into(), to: "felis".into() }).await;
    here.edit(ClassEdit::Rename { class: "feline".into(), to: "kitty".into() }).await;
    let theirs = there.commit("more", "felis").await;
    here.fetch(&there, "refs/heads/datasets/more:refs/heads/datasets/more");
    assert_eq!(here.class_of(&theirs).await, (ClassId(0), "kitty".into()));

    // A copy is mapped by the names of before.
    here.fetch(&there, ALL);
    let copied = here.copy("other", "pool").await.unwrap();
    assert_eq!(here.class_of(&copied).await, (ClassId(0), "kitty".into()));
    let task = here.store.manifest(&copied.id).await.unwrap().task;
    assert_eq!(task.parameters["classes"], r#"{"felis":"kitty"}"#);
}

#[tokio::test]
async fn classes_that_differ_by_case_stay_apart_in_a_copy() {
    let there = Place::new(&["Cat", "cat"]).await;
    there.commit("upper", "Cat").await;
    there.commit("lower", "cat").await;
    let here = Place::new(&["cat"]).await;
    here.fetch(&there, ALL);
    let lower = here.copy("other", "lower").await.unwrap();
    assert_eq!(here.class_of(&lower).await, (ClassId(0), "cat".into()));
    // Alone, it is taken as the class that there is.
    let upper = here.copy("other", "upper").await.unwrap();
    assert_eq!(here.class_of(&upper).await, (ClassId(0), "cat".into()));
    let task = here.store.manifest(&upper.id).await.unwrap().task;
    assert_eq!(task.parameters["classes"], r#"{"Cat":"cat"}"#);
}
