//! A workspace with small rendered images, and an executor that obeys the contract.
#![allow(dead_code, reason = "each test file uses a part of this")]

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use ymir::{
    ExecutorRef, Format, ImportOptions, LabelerSpec, Name, Project, TaskOptions, UnknownClasses,
    VersionId, Workspace, WorkspaceOptions,
};
use ymir_testkit::generate::scenes::{self, SceneOptions};

pub(crate) struct Fixture {
    /// The folder of all.
    pub(crate) dir: PathBuf,
    /// Removes the folder, where the fixture made it.
    made: Option<TempDir>,
    pub(crate) workspace: Workspace,
    pub(crate) pool: VersionId,
    pub(crate) validation: VersionId,
}

/// Returns a workspace with a pool of 12 images and a validation set of 4.
pub(crate) async fn fixture() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let fixture = fixture_in(dir.path()).await;
    Fixture { made: Some(dir), ..fixture }
}

/// Returns the fixture in a folder that the caller keeps.
pub(crate) async fn fixture_in(dir: &Path) -> Fixture {
    let voc = dir.join("voc");
    let scenes = SceneOptions { width: 64, height: 48, seed: 7, ..SceneOptions::default() };
    scenes::write_voc(&voc, &scenes, &[("pool", 0..12), ("validation", 12..16)]).unwrap();
    let workspace = Workspace::init_with(dir.join("workspace"), options(dir)).await.unwrap();
    let pool = import(&workspace, &voc, "pool").await;
    let validation = import(&workspace, &voc, "validation").await;
    Fixture { workspace, pool, validation, dir: dir.to_owned(), made: None }
}

/// Returns the options of a workspace whose tasks share the host with nobody else's.
pub(crate) fn options(dir: &Path) -> WorkspaceOptions {
    WorkspaceOptions { host_dir: Some(dir.join("host")), ..WorkspaceOptions::default() }
}

async fn import(workspace: &Workspace, voc: &Path, split: &str) -> VersionId {
    let options = ImportOptions {
        list: Some(PathBuf::from(split)),
        unknown_classes: UnknownClasses::Add,
        ..ImportOptions::default()
    };
    workspace.import_dataset(voc, Format::Voc, split, &options).await.unwrap().version.id
}

pub(crate) fn executor() -> ExecutorRef {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/common/executor.sh");
    format!("local:{}", path.display()).parse().unwrap()
}

pub(crate) fn task_options() -> TaskOptions {
    TaskOptions::new(executor())
}

impl Fixture {
    /// Opens the workspace of the fixture once more.
    pub(crate) async fn open(&self) -> Workspace {
        let options = options(&self.dir);
        Workspace::open_with(self.workspace.root(), options).await.unwrap()
    }

    /// Returns a project over the fixture, with three assets per iteration.
    pub(crate) fn project(&self, name: &str) -> Project {
        let classes = scenes::class_names().iter().map(|name| (*name).to_owned()).collect();
        Project {
            labels_per_iteration: 3,
            max_iterations: Some(3),
            ..Project::new(
                Name::new(name).unwrap(),
                classes,
                self.pool,
                self.validation,
                executor(),
                LabelerSpec::Oracle { truth: self.pool },
            )
        }
    }
}
