use std::fs::{File, TryLockError};

use ymir_core::{
    Base, Branch, BranchKind, CommitRequest, Edits, Error, ErrorKind, Expect, Input, Manifest,
    Name, Project, ProjectState, Result, TaskKind, TaskRecord, Timestamp, Version,
};
use ymir_data::operations;

use crate::Workspace;
use crate::object_type::require_handled;
use crate::task::distinct;

/// The right to carry a project on. The operating system takes it back when the process ends,
/// however it does.
#[derive(Debug)]
pub(super) struct ProjectLock(File);

impl Drop for ProjectLock {
    fn drop(&mut self) {
        // Closing it would not do: a forked child, of an executor perhaps, has the file open too.
        let _ = self.0.unlock();
    }
}

/// A project of a workspace. Its definition and state are versions of the branch
/// `projects/<name>`; what it makes are versions of branches whose names begin with its own.
#[derive(Debug, Clone)]
pub struct ProjectHandle {
    pub(super) workspace: Workspace,
    pub(super) name: Name,
}

impl Workspace {
    /// Makes a project.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` if there is one of the name; `NotFound` if a class or version that it names
    /// does not exist; `InvalidInput` as [`Project::check`], for a class that is retired or named
    /// twice, for data of another object type, or if the validation set has no annotation of the
    /// classes; `Unsupported` for another object type than detection.
    pub async fn create_project(&self, project: Project) -> Result<ProjectHandle> {
        let state = ProjectState::new(project)?;
        let project = &state.project;
        self.check_project(project).await?;
        let handle = ProjectHandle { workspace: self.clone(), name: project.name.clone() };
        handle.save(&state, Expect::New, "Make the project").await.map_err(|e| match e.kind() {
            ErrorKind::AlreadyExists => {
                let message = "there is a project of this name; open it, it goes on where it was";
                Error::new(e.kind(), message).with("project", &handle.name)
            }
            _ => e,
        })?;
        Ok(handle)
    }

    /// Checks that what a definition names exists and can be worked with.
    async fn check_project(&self, project: &Project) -> Result<()> {
        project.check()?;
        require_handled("a project", project.object_type)?;
        if let Some(distance) = project.skip_near_duplicates {
            let named = |error: Error| error.with("field", "skip_near_duplicates");
            operations::check_distance(distance).map_err(named)?;
        }
        let classes = distinct(&self.classes().await?, &project.classes)?;
        for version in [project.pool, project.validation].iter().chain(&project.training) {
            let version = self.store().version(version).await?;
            if version.branch.kind != BranchKind::Dataset {
                let message = "a project's pool, validation and training must be datasets";
                return Err(Error::invalid(message).with("version", version.branch));
            }
        }
        let versions = [
            ("mining pool", Some(project.pool)),
            ("validation set", Some(project.validation)),
            ("training set", project.training),
        ];
        for (role, version) in versions {
            if let Some(version) = version {
                self.require_object_type(role, &version, project.object_type).await?;
            }
        }
        let validation = self.store().manifest(&project.validation).await?.summary;
        if !classes.iter().any(|class| validation.classes.contains_key(class)) {
            let message = "the validation set has no annotation of the project's classes, so that \
                           no model could be scored; choose another";
            return Err(Error::invalid(message).with("validation", project.validation));
        }
        self.runtime(&project.executor).map(drop)
    }

    /// Returns a project by its name.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is none.
    pub async fn project(&self, name: &str) -> Result<ProjectHandle> {
        let handle = ProjectHandle { workspace: self.clone(), name: Name::new(name)? };
        handle.load().await?;
        Ok(handle)
    }
}

impl ProjectHandle {
    /// Returns the name.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// Returns the workspace.
    pub fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// Returns the definition and all that was done.
    pub async fn state(&self) -> Result<ProjectState> {
        Ok(self.load().await?.1)
    }

    /// Changes the definition: a new target, budget or parameter, for example. What is done stays.
    ///
    /// # Errors
    ///
    /// As [`Workspace::create_project`]; `InvalidInput` if the name was changed; `Conflict` if
    /// another process carries the project on.
    pub async fn update(&self, change: impl FnOnce(&mut Project)) -> Result<ProjectState> {
        let _lock = self.lock()?;
        let (tip, mut state) = self.load().await?;
        change(&mut state.project);
        self.workspace.check_project(&state.project).await?;
        if state.project.name != self.name {
            return Err(Error::invalid("a project cannot be renamed").with("project", &self.name));
        }
        state.stopped = false;
        self.save(&state, Expect::Tip(tip.id), "Change the definition").await?;
        Ok(state)
    }

    /// Ends the loop for good: [`ProjectHandle::run`] then does nothing, until the definition is
    /// changed by [`ProjectHandle::update`].
    ///
    /// # Errors
    ///
    /// `Conflict` if another process carries the project on; cancel it there first.
    pub async fn stop(&self) -> Result<()> {
        let _lock = self.lock()?;
        let (tip, mut state) = self.load().await?;
        state.stopped = true;
        self.save(&state, Expect::Tip(tip.id), "Stop").await?;
        Ok(())
    }

    /// Returns the branch of this project with a suffix: `<project>.training`, for example.
    pub fn branch(&self, kind: BranchKind, suffix: &str) -> Result<Branch> {
        Ok(Branch::new(kind, Name::new(format!("{}.{suffix}", self.name))?))
    }

    fn home(&self) -> Branch {
        Branch::new(BranchKind::Project, self.name.clone())
    }

    pub(super) async fn load(&self) -> Result<(Version, ProjectState)> {
        let store = self.workspace.store();
        let tip = store.resolve(&self.home(), &ymir_core::Selector::Latest).await?;
        let manifest = store.manifest(&tip.id).await?;
        let damaged = || {
            Error::corrupted("the project's record cannot be read")
                .with("project", &self.name)
                .with("version", tip.id)
        };
        let text = manifest.project.ok_or_else(damaged)?;
        let state = serde_json::from_str(&text).map_err(|e| damaged().caused_by(e))?;
        Ok((tip, state))
    }

    pub(super) async fn save(
        &self,
        state: &ProjectState,
        expect: Expect,
        message: &str,
    ) -> Result<Version> {
        let text = serde_json::to_string(state).map_err(|e| {
            Error::invalid("the project has a number that is not finite").caused_by(e)
        })?;
        let input = |role: &str, version| Input { role: role.to_owned(), version };
        let project = &state.project;
        let task = TaskRecord {
            kind: TaskKind::Project,
            inputs: vec![input("pool", project.pool), input("validation", project.validation)],
            seed: project.seed,
            started: Timestamp::now(),
            finished: Timestamp::now(),
            library_version: env!("CARGO_PKG_VERSION").to_owned(),
            ..TaskRecord::default()
        };
        self.workspace
            .store()
            .commit(CommitRequest {
                branch: self.home(),
                base: Base::Empty,
                edits: Edits::none(),
                expect,
                manifest: Manifest { project: Some(text), task, ..Manifest::default() },
                message: format!("{}: {message}", self.name),
            })
            .await
    }

    /// Returns the right to carry the project on.
    pub(super) fn lock(&self) -> Result<ProjectLock> {
        let path = self.workspace.root().join("state").join(format!("project-{}.lock", self.name));
        let failed = |e| Error::io("cannot lock the project", &path, e);
        let file =
            File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(ProjectLock(file)),
            Err(TryLockError::Error(e)) => Err(failed(e)),
            Err(TryLockError::WouldBlock) => {
                let message = "this project is being carried on, here or by another process; wait for it or end it there";
                Err(Error::new(ErrorKind::Conflict, message).with("project", &self.name))
            }
        }
    }
}
