use ymir_core::{
    Branch, Error, ExecutorInfo, Input, ObjectType, Parameters, PinnedExecutor, Result, TaskKind,
    TaskSpec, UnknownClasses, VersionId,
};
use ymir_tmi::{TmiTask, UNKNOWN_CLASSES};

use super::{Task, TaskOptions};
use crate::Workspace;

/// What differs between training, mining and inference.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) kind: TaskKind,
    /// What it is to learn or find.
    pub(super) object_type: ObjectType,
    pub(super) inputs: Vec<Input>,
    pub(super) settings: Parameters,
    /// The branches that it commits to, its main one first.
    pub(super) outputs: Vec<Branch>,
}

/// Returns a version in a role.
pub(super) fn input(role: &str, version: VersionId) -> Input {
    Input { role: role.to_owned(), version }
}

/// Starts a task, joins the one that is doing the same work, or returns what it made earlier.
pub(super) async fn start<T>(
    workspace: &Workspace,
    options: &TaskOptions,
    draft: Draft,
) -> Result<Task<T>> {
    let info = workspace.inspect(&options.executor).await?;
    let spec = describe(workspace, options, draft, info)?;
    if options.reuse
        && let Some(found) = find_outputs(workspace, &spec).await?
    {
        return Ok(Task::existing(workspace.clone(), found));
    }
    let submission = workspace.scheduler().submit(spec).await?;
    Ok(Task::running(workspace.clone(), submission.task))
}

/// Returns the description of a task, checked as far as that can be done before it is queued.
fn describe(
    workspace: &Workspace,
    options: &TaskOptions,
    draft: Draft,
    info: ExecutorInfo,
) -> Result<TaskSpec> {
    info.require_object_type(draft.object_type)
        .map_err(|error| error.with("executor", &options.executor))?;
    if options.units == 0 {
        return Err(Error::invalid("a task has one unit at least").with("field", "units"));
    }
    let mut settings = draft.settings;
    if options.unknown_classes != UnknownClasses::Stop {
        settings.insert(UNKNOWN_CLASSES.to_owned(), serde_json::json!(options.unknown_classes));
    }
    let mut spec = TaskSpec {
        object_type: draft.object_type,
        executor: Some(PinnedExecutor { reference: options.executor.clone(), digest: info.digest }),
        templates: info.templates,
        inputs: draft.inputs,
        parameters: options.parameters.clone(),
        settings,
        seed: options.seed,
        outputs: draft.outputs,
        reuse: options.reuse,
        resources: options.resources,
        limits: options.limits.clone(),
        time_limit_s: options.time_limit_s,
        retry: options.retry,
        priority: options.priority,
        share: options.share.clone(),
        units: options.units,
        survives: workspace.runtime(&options.executor)?.capabilities().survives,
        library_version: env!("CARGO_PKG_VERSION").to_owned(),
        ..TaskSpec::new(workspace.new_task_id(draft.kind)?, draft.kind)
    };
    let kinds = TmiTask::of(&spec)?.kinds()?;
    let accepts_seed = |template: &Parameters| template.is_empty() || template.contains_key("seed");
    if kinds.iter().filter_map(|kind| spec.templates.get(kind)).any(accepts_seed) {
        spec.parameters.entry("seed".to_owned()).or_insert_with(|| options.seed.into());
    }
    Ok(spec)
}

async fn find_outputs(workspace: &Workspace, spec: &TaskSpec) -> Result<Option<Vec<VersionId>>> {
    let fingerprint = spec.fingerprint();
    let mut found = Vec::new();
    for branch in &spec.outputs {
        match workspace.store().find_by_fingerprint(branch, &fingerprint).await? {
            Some(version) => found.push(version.id),
            None => return Ok(None),
        }
    }
    Ok(Some(found))
}
