//! The methods that vectors call, on the facade.

use serde_json::{Map, Value, json};
use ymir::evaluation::Outcomes;
use ymir::{
    AssetId, BranchKind, ClassTable, Dataset, EditRequest, Error, FindOptions, FuseRequest,
    InferRequest, LabelJob, LabelRequest, MineRequest, PageOptions, ProjectHandle, ProjectRequest,
    Query, Result, StepOptions, Task, TrainRequest, Workspace, parse_request,
};

use super::objects::{
    Object, change_json, edit_json, evaluated_json, page_json, record_json, state_json,
    version_json,
};

/// The options that are of the task in requests of the facade, and flat in the bindings.
const TASK: [&str; 3] = ["executor", "parameters", "seed"];

pub(crate) async fn call(
    target: &Object,
    method: &str,
    args: &Value,
    options: Value,
) -> Result<Object> {
    let Value::Object(options) = options else { unreachable!("options are an object") };
    match target {
        Object::Workspace(workspace) => on_workspace(workspace, method, args, options).await,
        Object::Dataset(dataset) => on_dataset(dataset, method, args, options).await,
        Object::Outcomes(asked) => on_outcomes(asked, method, args, options).await,
        Object::Project(project) => on_project(project, method, options).await,
        Object::Task(task) => on_task(task, method).await,
        Object::LabelJob(job) => on_label_job(job, method).await,
        Object::Model(made) => {
            let (workspace, version, _) = made.as_ref();
            assert_eq!(method, "export", "a model has no other method");
            let spec = format!("{}@{}", version.branch.name, version.id);
            let files = workspace.export_model(&spec, None, text(args, 0)).await?;
            Ok(Object::Value(json!(files)))
        }
        Object::Value(value) => panic!("{value} has no method {method}"),
    }
}

fn text(args: &Value, index: usize) -> &str {
    args[index].as_str().unwrap_or_else(|| panic!("argument {index} of {args} is a text"))
}

fn kind(args: &Value) -> Result<BranchKind> {
    serde_json::from_value(args[0].clone()).map_err(|e| Error::invalid("no such kind").caused_by(e))
}

/// Joins positional arguments and options to one request.
fn request(mut options: Map<String, Value>, names: &[&str], args: &Value) -> Value {
    for (name, value) in names.iter().zip(args.as_array().into_iter().flatten()) {
        options.insert((*name).to_owned(), value.clone());
    }
    options.into()
}

fn task_request(mut options: Map<String, Value>) -> Value {
    let task = TASK.iter().filter_map(|name| options.remove_entry(*name));
    let task: Map<_, _> = task.collect();
    options.insert("task".to_owned(), task.into());
    options.into()
}

async fn on_workspace(
    workspace: &Workspace,
    method: &str,
    args: &Value,
    options: Map<String, Value>,
) -> Result<Object> {
    let value = match method {
        "import_dataset" => {
            let value = request(options, &["source", "dataset"], args);
            let request: ymir::ImportRequest = parse_request("an import", value)?;
            let (source, format) = (&request.source, request.format);
            let report = workspace
                .import_dataset(source, format, &request.dataset, &request.options())
                .await?;
            let mut value = json!(report);
            value["version"] = version_json(&report.version);
            value
        }
        "fuse" => {
            let value = request(options, &["sources", "into"], args);
            let request: FuseRequest = parse_request("a fusion", value)?;
            let options = request.resolve(workspace).await?;
            return workspace.fuse(&options, &request.into).await.map(Object::from);
        }
        "classes" => {
            let retired = options.get("retired").and_then(Value::as_bool).unwrap_or_default();
            listed(&workspace.classes().await?, retired)
        }
        "edit" => {
            let value = request(options, &["dataset", "edits"], args);
            let request: EditRequest = parse_request("an edit", value)?;
            let name = request.dataset.clone();
            let (edits, options) = request.resolve(workspace).await?;
            edit_json(&workspace.edit(name.as_str(), edits, &options).await?)
        }
        "add_classes" => {
            let names: Vec<&str> =
                args[0].as_array().unwrap().iter().flat_map(Value::as_str).collect();
            listed(&workspace.add_classes(&names).await?, false)
        }
        "rename_class" => {
            listed(&workspace.rename_class(text(args, 0), text(args, 1)).await?, false)
        }
        "alias_class" => listed(&workspace.alias_class(text(args, 0), text(args, 1)).await?, false),
        "retire_class" => listed(&workspace.retire_class(text(args, 0)).await?, false),
        "restore_class" => listed(&workspace.restore_class(text(args, 0)).await?, false),
        "copy_fetched" => {
            let fetched = ymir::Fetched {
                remote: text(args, 0).to_owned(),
                kind: BranchKind::Dataset,
                version: text(args, 1).to_owned(),
                into: None,
            };
            let copied = workspace.copy_fetched(&fetched, &Default::default()).await?;
            return Ok(Object::from(copied));
        }
        "names" => json!(workspace.names(kind(args)?).await?),
        "log" => {
            let log = workspace.log(kind(args)?, text(args, 1)).await?;
            log.iter().map(version_json).collect()
        }
        "resolve" => version_json(&workspace.resolve(kind(args)?, text(args, 1)).await?),
        "dataset" => return workspace.dataset(text(args, 0)).await.map(Object::from),
        "model" => return model(workspace, text(args, 0)).await,
        "evaluate" => {
            let truth = workspace.dataset(text(args, 0)).await?.id();
            let said = workspace.predictions(text(args, 1)).await?.id();
            let classes: Vec<String> = options
                .get("classes")
                .map(|c| serde_json::from_value(c.clone()).unwrap())
                .unwrap_or_default();
            evaluated_json(&workspace.evaluate(&truth, &said, &classes).await?)
        }
        "outcomes" => {
            let truth = workspace.dataset(text(args, 0)).await?.id();
            let said = workspace.predictions(text(args, 1)).await?.id();
            let options = parse_request("outcomes", options.into())?;
            let outcomes = workspace.outcomes(&truth, &said, options).await?;
            return Ok(Object::Outcomes(Box::new((outcomes, workspace.classes().await?))));
        }
        "start_train" => {
            let request: TrainRequest = parse_request("a training", task_request(options))?;
            let options = request.resolve(workspace).await?;
            return workspace.start_train(&options).await.map(|task| Object::Task(task.untyped()));
        }
        "start_mine" => {
            let request: MineRequest = parse_request("a mining", task_request(options))?;
            let options = request.resolve(workspace).await?;
            return workspace.start_mine(&options).await.map(|task| Object::Task(task.untyped()));
        }
        "start_infer" => {
            let request: InferRequest = parse_request("an inference", task_request(options))?;
            let options = request.resolve(workspace).await?;
            return workspace.start_infer(&options).await.map(|task| Object::Task(task.untyped()));
        }
        "label" => {
            let request: LabelRequest = parse_request("a labeling", options.into())?;
            let options = request.resolve(workspace).await?;
            let version = workspace.label(&options).await?;
            return workspace.dataset_by_id(&version.id).await.map(Object::from);
        }
        "start_label" => {
            let request: LabelRequest = parse_request("a labeling", options.into())?;
            let options = request.resolve(workspace).await?;
            let job = workspace.start_label(&options).await?;
            return Ok(Object::LabelJob(Box::new((workspace.clone(), job))));
        }
        "label_job" => {
            let job = workspace.label_job(text(args, 0)).await?;
            return Ok(Object::LabelJob(Box::new((workspace.clone(), job))));
        }
        "label_jobs" => {
            let jobs = workspace.label_jobs().await?;
            jobs.iter().map(|job| json!(job.info())).collect()
        }
        "tasks" => json!(workspace.tasks().await?),
        "fsck" => json!(workspace.fsck(parse_request("a check", options.into())?).await?),
        "collect_garbage" => {
            json!(workspace.collect_garbage(parse_request("a cleaning", options.into())?).await?)
        }
        "create_project" => {
            let value = request(options, &["name"], args);
            let request: ProjectRequest = parse_request("a project", value)?;
            let project = request.resolve(workspace).await?;
            return workspace.create_project(project).await.map(Object::Project);
        }
        "get_or_create_project" => {
            let value = request(options, &["name"], args);
            let request: ProjectRequest = parse_request("a project", value)?;
            let project = request.resolve(workspace).await?;
            return workspace.get_or_create_project(project).await.map(Object::Project);
        }
        "project" => return workspace.project(text(args, 0)).await.map(Object::Project),
        _ => panic!("a workspace has no method {method}"),
    };
    Ok(Object::Value(value))
}

/// Returns the classes as the bindings list them.
fn listed(table: &ClassTable, retired: bool) -> Value {
    table
        .entries()
        .iter()
        .filter(|class| retired || !class.retired)
        .map(|class| json!(class))
        .collect()
}

async fn model(workspace: &Workspace, spec: &str) -> Result<Object> {
    let version = workspace.resolve(BranchKind::Model, spec).await?;
    let (model, _) = workspace.model(&version.id).await?;
    Ok(Object::Model(Box::new((workspace.clone(), version, model))))
}

async fn on_dataset(
    dataset: &Dataset,
    method: &str,
    args: &Value,
    options: Map<String, Value>,
) -> Result<Object> {
    let workspace = dataset.workspace();
    let other = async |value: &Value| {
        let id = value["version"]["id"].as_str().unwrap().parse()?;
        workspace.dataset_by_id(&id).await
    };
    let made = match method {
        "page" => {
            let class = options.get("class_name").and_then(Value::as_str);
            let class = class.map(|name| dataset.class(name)).transpose()?;
            let (offset, limit) = (whole(&options, "offset", 0), whole(&options, "limit", 100));
            let limit = limit as usize;
            let page = dataset.page(PageOptions { offset, limit, class }).await?;
            return Ok(Object::Value(page_json(&dataset.manifest().classes, &page)));
        }
        "get" => {
            let found = dataset.get(&text(args, 0).parse::<AssetId>()?).await?;
            let classes = &dataset.manifest().classes;
            let value = found.map_or(Value::Null, |record| record_json(classes, &record));
            return Ok(Object::Value(value));
        }
        "diff" => {
            let changes = dataset.diff(&other(&args[0]).await?, Default::default()).await?;
            return Ok(Object::Value(changes.iter().map(change_json).collect()));
        }
        "edit" => {
            let mut value = request(options, &["edits"], args);
            value["dataset"] = json!(dataset.version().branch.name);
            let request: EditRequest = parse_request("an edit", value)?;
            let (edits, options) = request.resolve(workspace).await?;
            return Ok(Object::Value(edit_json(&dataset.edit(edits, &options).await?)));
        }
        "export" => {
            let value = request(options, &["destination"], args);
            let request: ymir::ExportRequest = parse_request("an export", value)?;
            let (folder, format) = (&request.destination, request.format);
            let report = dataset.export(folder, format, &request.options()).await?;
            return Ok(Object::Value(json!(report)));
        }
        "merge" => {
            let strategy = options.get("strategy").and_then(Value::as_str).unwrap_or("stop");
            dataset.merge(&other(&args[0]).await?, strategy.parse()?, text(args, 1)).await?
        }
        "exclude" => {
            let others = [other(&args[0][0]).await?];
            dataset.exclude(&others, text(args, 1)).await?
        }
        "filter" => dataset.filter(&text(args, 0).parse()?, text(args, 1)).await?,
        "intersect" => {
            let others = [other(&args[0][0]).await?];
            dataset.intersect(&others, text(args, 1)).await?
        }
        "relabel" => {
            let classes = parse_request("a relabel", args[0].clone())?;
            dataset.relabel(&classes, text(args, 1)).await?
        }
        "sample_rate" => {
            let seed = options.get("seed").and_then(Value::as_u64).unwrap_or(0);
            dataset.sample_rate(args[0].as_f64().unwrap(), seed, text(args, 1)).await?
        }
        "compare" => {
            let found = dataset.compare(&other(&args[0]).await?).await?;
            return Ok(Object::Value(json!({
                "added": found.added, "removed": found.removed,
                "before": found.before, "after": found.after,
            })));
        }
        "copy_to" => {
            let options = parse_request("a copy", options.into())?;
            dataset.copy_to(workspace, text(args, 1), &options).await?
        }
        "near_duplicates" => {
            let groups = dataset.near_duplicates(distance(&options)).await?;
            return Ok(Object::Value(json!(groups)));
        }
        "dedup" => dataset.dedup(distance(&options), text(args, 0)).await?,
        "sample" => {
            let seed = options.get("seed").and_then(Value::as_u64).unwrap_or(0);
            dataset.sample(args[0].as_u64().unwrap(), seed, text(args, 1)).await?
        }
        "select" => {
            let ids = args[0].as_array().unwrap().iter().map(|id| id.as_str().unwrap().parse());
            dataset.select(&ids.collect::<Result<Vec<AssetId>>>()?, text(args, 1)).await?
        }
        _ => panic!("a dataset has no method {method}"),
    };
    Ok(Object::from(made))
}

fn distance(options: &Map<String, Value>) -> u32 {
    options["distance"].as_u64().expect("a distance is a whole number") as u32
}

fn whole(options: &Map<String, Value>, name: &str, unless: u64) -> u64 {
    options.get(name).map_or(unless, |value| value.as_u64().expect("a whole number"))
}

async fn on_outcomes(
    (outcomes, classes): &(Outcomes, ClassTable),
    method: &str,
    args: &Value,
    options: Map<String, Value>,
) -> Result<Object> {
    let query: Query = text(args, 0).parse()?;
    let after = options.get("after").map(|id| id.as_str().unwrap().parse()).transpose()?;
    let find = |limit| FindOptions {
        after,
        offset: whole(&options, "offset", 0),
        limit: whole(&options, "limit", limit) as usize,
    };
    Ok(Object::Value(match method {
        "count" => json!(outcomes.count(&query).await?),
        "ids" => json!(outcomes.ids(&query, find(u64::MAX)).await?),
        "page" => page_json(classes, &outcomes.page(&query, find(100)).await?),
        _ => panic!("outcomes have no method {method}"),
    }))
}

async fn on_task(task: &Task, method: &str) -> Result<Object> {
    match method {
        "wait" => {
            let made = task.wait().await?;
            let workspace = task.workspace();
            match made[0].branch.kind {
                BranchKind::Model => {
                    let (model, _) = workspace.model(&made[0].id).await?;
                    Ok(Object::Model(Box::new((workspace.clone(), made[0].clone(), model))))
                }
                _ => workspace.dataset_by_id(&made[0].id).await.map(Object::from),
            }
        }
        "versions" => Ok(Object::Value(task.wait().await?.iter().map(version_json).collect())),
        "log" => Ok(Object::Value(json!(task.log().await?))),
        _ => panic!("a task has no method {method}"),
    }
}

async fn on_label_job((workspace, job): &(Workspace, LabelJob), method: &str) -> Result<Object> {
    let version = match method {
        "collect" => job.collect().await?,
        "wait" => job.wait().await?,
        "status" => return Ok(Object::Value(json!(job.status().await?))),
        "cancel" => return job.cancel().await.map(|()| Object::Value(Value::Null)),
        _ => panic!("a labeling job has no method {method}"),
    };
    workspace.dataset_by_id(&version.id).await.map(Object::from)
}

async fn on_project(
    project: &ProjectHandle,
    method: &str,
    options: Map<String, Value>,
) -> Result<Object> {
    let value = match method {
        "state" => state_json(&project.state().await?),
        "advance" => json!(project.advance(&StepOptions::default()).await?),
        "run" => json!(project.run().await?),
        "update" => state_json(&project.change(options).await?),
        "stop" => {
            project.stop().await?;
            Value::Null
        }
        _ => panic!("a project has no method {method}"),
    };
    Ok(Object::Value(value))
}
