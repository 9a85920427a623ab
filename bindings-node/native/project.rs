//! Projects.

use std::collections::BTreeMap;

use napi::Env;
use napi::bindgen_prelude::{Function, PromiseRaw};
use napi_derive::napi;
use serde::Deserialize;
use ymir::{
    Iteration, LoopEvent, Parameters, ProjectHandle, ProjectRequest, ProjectState, Result,
    StepOptions, StepResult, Turn, VersionId,
};

use crate::call::{Cancel, Sink, promise};
use crate::error::{from_json, to_json};
use crate::workspace::Workspace;

/// A project.
#[napi]
pub struct Project {
    inner: ProjectHandle,
}

/// The options of steps, as the TypeScript half gives them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Steps {
    labels: Option<u64>,
    #[serde(default)]
    parameters: Parameters,
    wait: bool,
}

fn steps(text: &str) -> Result<StepOptions> {
    let Steps { labels, parameters, wait } = from_json("a step", text)?;
    Ok(StepOptions { labels, parameters, wait })
}

#[napi]
impl Workspace {
    /// Makes a project.
    #[napi]
    pub fn create_project<'env>(
        &self,
        env: &'env Env,
        request: String,
    ) -> napi::Result<PromiseRaw<'env, Project>> {
        let workspace = self.get()?;
        promise(env, None, async move {
            let request: ProjectRequest = from_json("a project", &request)?;
            let project = request.resolve(&workspace).await?;
            Ok(Project { inner: workspace.create_project(project).await? })
        })
    }

    /// Returns the project of a name and definition, which is created unless it is there.
    #[napi]
    pub fn get_or_create_project<'env>(
        &self,
        env: &'env Env,
        request: String,
    ) -> napi::Result<PromiseRaw<'env, Project>> {
        let workspace = self.get()?;
        promise(env, None, async move {
            let request: ProjectRequest = from_json("a project", &request)?;
            let project = request.resolve(&workspace).await?;
            Ok(Project { inner: workspace.get_or_create_project(project).await? })
        })
    }

    /// Returns a project by its name.
    #[napi]
    pub fn project<'env>(
        &self,
        env: &'env Env,
        name: String,
    ) -> napi::Result<PromiseRaw<'env, Project>> {
        let workspace = self.get()?;
        promise(env, None, async move { Ok(Project { inner: workspace.project(&name).await? }) })
    }
}

#[napi]
impl Project {
    /// Returns the name.
    #[napi(getter)]
    pub fn name(&self) -> String {
        self.inner.name().to_string()
    }

    /// Returns the definition and all that was done: `[state, specs]`.
    #[napi]
    pub fn state<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, String>> {
        let project = self.inner.clone();
        promise(env, None, async move { with_specs(&project, project.state().await?).await })
    }

    /// Changes fields of the definition and returns the state: `[state, specs]`.
    #[napi]
    pub fn update<'env>(
        &self,
        env: &'env Env,
        changes: String,
    ) -> napi::Result<PromiseRaw<'env, String>> {
        let project = self.inner.clone();
        promise(env, None, async move {
            with_specs(&project, project.change(from_json("a project", &changes)?).await?).await
        })
    }

    /// Ends the loop for good.
    #[napi]
    pub fn stop<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, ()>> {
        let project = self.inner.clone();
        promise(env, None, async move { project.stop().await })
    }

    /// Does one step.
    #[napi]
    pub fn advance<'env>(
        &self,
        env: &'env Env,
        options: String,
        cancel: Option<&Cancel>,
        on_event: Option<Function<'env, String, ()>>,
    ) -> napi::Result<PromiseRaw<'env, String>> {
        let (project, sink) = (self.inner.clone(), Sink::new(on_event)?);
        promise(env, cancel, async move {
            let advance = project.advance(&steps(&options)?).on_event(listener(&sink)).await?;
            sink.flush().await;
            to_json(&advance)
        })
    }

    /// Finishes one more iteration: `[turn, specs]`.
    #[napi]
    pub fn next_iteration<'env>(
        &self,
        env: &'env Env,
        options: String,
        cancel: Option<&Cancel>,
        on_event: Option<Function<'env, String, ()>>,
    ) -> napi::Result<PromiseRaw<'env, String>> {
        let (project, sink) = (self.inner.clone(), Sink::new(on_event)?);
        promise(env, cancel, async move {
            let turn = project.next_iteration(&steps(&options)?).on_event(listener(&sink)).await?;
            sink.flush().await;
            let iterations = match &turn {
                Turn::Finished(iteration) => std::slice::from_ref(iteration),
                Turn::Waiting { .. } | Turn::Ended(_) => &[],
            };
            to_json(&(&turn, specs(&project, versions(iterations)).await?))
        })
    }
}

fn listener(sink: &Sink) -> impl Fn(LoopEvent) + Send + Sync {
    |event| sink.tell(&event)
}

/// Returns the state with the specs of the versions in it.
async fn with_specs(project: &ProjectHandle, state: ProjectState) -> Result<String> {
    let ProjectState { project: definition, iterations, .. } = &state;
    let mut found = vec![definition.pool, definition.validation];
    found.extend(definition.training);
    found.extend(versions(iterations));
    to_json(&(&state, specs(project, found).await?))
}

/// Returns what a version is opened by, `name@<id>`, for each of some versions.
async fn specs(
    project: &ProjectHandle,
    versions: Vec<VersionId>,
) -> Result<BTreeMap<String, String>> {
    let mut specs = BTreeMap::new();
    for id in versions {
        let version = project.workspace().store().version(&id).await?;
        specs.insert(id.to_string(), format!("{}@{id}", version.branch.name));
    }
    Ok(specs)
}

/// Returns the versions that iterations made.
fn versions(iterations: &[Iteration]) -> Vec<VersionId> {
    let mut found = Vec::new();
    for result in iterations.iter().flat_map(|iteration| &iteration.results) {
        match result {
            StepResult::PrepareMining { candidates, .. } => found.push(*candidates),
            StepResult::Mine { selected, predictions, .. } => {
                found.push(*selected);
                found.extend(predictions);
            }
            StepResult::Label { labeled, .. } => found.push(*labeled),
            StepResult::PrepareTraining { training, .. } => found.push(*training),
            StepResult::Train { model } => found.push(*model),
            StepResult::Evaluate { predictions, .. } => found.push(*predictions),
        }
    }
    found
}
