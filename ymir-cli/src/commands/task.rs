use clap::{Args, Subcommand};
use futures::StreamExt;
use serde_json::{Value, json};
use ymir::{Error, ErrorKind, Result, TaskId, TaskState, TaskStatus, Workspace};

use super::made;
use crate::context::Context;
use crate::exit::Ending;
use crate::output::Table;
use crate::{follow, versions};

/// The arguments of `ymir task`.
#[derive(Debug, Args)]
pub(crate) struct Task {
    #[command(subcommand)]
    command: TaskCommand,
}

#[derive(Debug, Subcommand)]
enum TaskCommand {
    /// Lists the tasks, newest first
    List {
        /// Only those that have not ended
        #[arg(long)]
        unfinished: bool,
    },
    /// Shows a task: its description, state, attempts and results
    Show {
        /// The task
        id: TaskId,
    },
    /// Prints the log of a task
    Log {
        /// The task
        id: TaskId,
        /// Goes on until the task has ended
        #[arg(long, short)]
        follow: bool,
    },
    /// Prints the events of a task, or of all, as JSON lines
    Events {
        /// The task; all without one
        id: Option<TaskId>,
        /// Only those after this sequence number
        #[arg(long, default_value_t = 0, value_name = "SEQ")]
        after: u64,
        /// Goes on with those to come; of one task up to its end
        #[arg(long, short)]
        follow: bool,
    },
    /// Stops tasks, whichever process runs them
    Cancel {
        /// The tasks
        #[arg(required = true)]
        ids: Vec<TaskId>,
    },
    /// Waits for a task, or for all; those whose process died are carried on
    Wait {
        /// The task; all without one
        id: Option<TaskId>,
    },
    /// Ends a task of which it cannot be found out whether its run has ended
    Settle {
        /// The task
        id: TaskId,
    },
    /// Lists what tasks of this user hold on this host, of whichever workspace
    Leases {
        /// Gives back what this task holds; its process must be gone, and its run must have ended
        #[arg(long, value_name = "TASK")]
        release: Option<TaskId>,
    },
    /// Lists containers and runs that nobody will collect: of workspaces that are gone, for example
    Leftovers {
        /// Ends and removes them
        #[arg(long)]
        end: bool,
    },
}

impl Task {
    pub(crate) async fn run(self, context: &Context) -> Result<Ending> {
        match self.command {
            TaskCommand::List { unfinished } => list(context, unfinished).await,
            TaskCommand::Show { id } => show(context, &id).await,
            TaskCommand::Log { id, follow } => log(context, &id, follow).await,
            TaskCommand::Events { id, after, follow } => {
                events(context, id.as_ref(), after, follow).await
            }
            TaskCommand::Cancel { ids } => cancel(context, &ids).await,
            TaskCommand::Wait { id } => wait(context, id.as_ref()).await,
            TaskCommand::Settle { id } => settle(context, &id).await,
            TaskCommand::Leases { release } => leases(context, release.as_ref()).await,
            TaskCommand::Leftovers { end } => leftovers(context, end).await,
        }
    }
}

async fn list(context: &Context, unfinished: bool) -> Result<Ending> {
    let workspace = context.open().await?;
    let mut table = Table::new(&["task", "state", "step", ">done", "created", "result"]);
    for task in workspace.tasks().await? {
        if unfinished && task.state.is_final() {
            continue;
        }
        table.row(row(&workspace, &task).await);
        context.out.result(&json!(task), String::new)?;
    }
    context.out.text(|| match table.is_empty() {
        true => "no tasks\n".to_owned(),
        false => table.render(),
    })?;
    Ok(Ending::Done)
}

async fn row(workspace: &Workspace, task: &TaskStatus) -> Vec<String> {
    let mut made = Vec::new();
    for id in &task.output {
        made.push(match workspace.store().version(id).await {
            Ok(version) => version.to_string(),
            Err(_) => versions::short(id),
        });
    }
    let result = match &task.error {
        Some(error) => error.message.clone(),
        None => made.join(", "),
    };
    vec![
        task.spec.id.to_string(),
        state(task).to_owned(),
        name(&task.step),
        format!("{:.0} %", task.progress * 100.0),
        versions::time(task.created),
        result,
    ]
}

/// Returns the state of a task with what a user should know of it.
fn state(task: &TaskStatus) -> &'static str {
    match task.state {
        TaskState::Running if task.stalled.is_some() => "stalled",
        TaskState::Pending | TaskState::Running if task.owner.is_none() => "abandoned",
        TaskState::Pending => "pending",
        TaskState::Running => "running",
        TaskState::Done => "done",
        TaskState::Failed => "failed",
        TaskState::Terminated => "terminated",
    }
}

/// Returns the name of a value as it is serialised.
fn name(value: &impl serde::Serialize) -> String {
    json!(value).as_str().unwrap_or_default().to_owned()
}

async fn show(context: &Context, id: &TaskId) -> Result<Ending> {
    let workspace = context.open().await?;
    let status = workspace.scheduler().status(id).await?;
    let value = json!(status);
    context.out.result(&value, || {
        let mut text = format!("{} is {}\n", status.spec.id, state(&status));
        if let Some(reason) = &status.stalled {
            text += &format!(
                "It cannot be found out whether its run has ended: {}\n\
                 If you know that it has: ymir task settle {id}\n",
                reason.message
            );
        }
        if state(&status) == "abandoned" {
            text += &format!("Its process has ended. To carry it on: ymir task wait {id}\n");
        }
        text + &serde_json::to_string_pretty(&value).unwrap_or_default() + "\n"
    })?;
    Ok(Ending::Done)
}

async fn log(context: &Context, id: &TaskId, follow: bool) -> Result<Ending> {
    let workspace = context.open().await?;
    let task = workspace.task(id).await?;
    if !follow {
        for line in task.log().await? {
            context.out.result(&json!(line), || format!("{}\n", line.text))?;
        }
        return Ok(Ending::Done);
    }
    let mut events = std::pin::pin!(task.events(0));
    while let Some(event) = events.next().await {
        if let ymir::TaskEventKind::Log(line) = event?.kind {
            context.out.result(&json!(line), || format!("{}\n", line.text))?;
        }
    }
    Ok(Ending::Done)
}

async fn events(
    context: &Context,
    id: Option<&TaskId>,
    after: u64,
    follow: bool,
) -> Result<Ending> {
    let workspace = context.open().await?;
    let print = |event: &ymir::TaskEvent| {
        let value = json!(event);
        context.out.result(&value, || format!("{value}\n"))
    };
    if follow {
        let mut events = match id {
            Some(id) => workspace.task(id).await?.events(after),
            None => workspace.events(after),
        };
        while let Some(event) = events.next().await {
            print(&event?)?;
        }
        return Ok(Ending::Done);
    }
    for event in workspace.past_events(id, after).await? {
        print(&event)?;
    }
    Ok(Ending::Done)
}

async fn cancel(context: &Context, ids: &[TaskId]) -> Result<Ending> {
    let workspace = context.open().await?;
    for id in ids {
        workspace.task(id).await?.cancel().await?;
    }
    // Where no process carries the tasks on, this one does, to end them.
    let workspace = context.open_for_tasks().await?;
    let mut left: Vec<Value> = Vec::new();
    for id in ids {
        let status = workspace.scheduler().wait(id).await?;
        left.push(json!({ "task": id, "state": status.state }));
    }
    context.out.result(&json!(left), || {
        let line = |task: &Value| format!("{} is {}\n", text(task, "task"), text(task, "state"));
        left.iter().map(line).collect()
    })?;
    Ok(Ending::Done)
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

async fn wait(context: &Context, id: Option<&TaskId>) -> Result<Ending> {
    let workspace = context.open_for_tasks().await?;
    let ids = match id {
        Some(id) => vec![id.clone()],
        None => {
            let unfinished = workspace.tasks().await?.into_iter().filter(|t| !t.state.is_final());
            unfinished.map(|task| task.spec.id).collect()
        }
    };
    let mut failed = None;
    for id in &ids {
        let task = workspace.task(id).await?;
        match follow::task(context, id.as_str(), &task).await {
            Ok((made, _)) => made::print(context, &workspace, &made, false).await?,
            Err(error) if ids.len() == 1 || error.kind() == ErrorKind::Cancelled => {
                return Err(error);
            }
            Err(error) => {
                context.out.note(&format!("{id} failed: {error}"));
                failed.get_or_insert(error);
            }
        }
    }
    failed.map_or(Ok(Ending::Done), Err)
}

async fn settle(context: &Context, id: &TaskId) -> Result<Ending> {
    let workspace = context.open_for_tasks().await?;
    workspace.settle(id).await?;
    let status = workspace.scheduler().wait(id).await?;
    context.out.result(&json!(status), || format!("{id} is {}\n", state(&status)))?;
    Ok(Ending::Done)
}

async fn leftovers(context: &Context, end: bool) -> Result<Ending> {
    let workspace = context.open().await?;
    let found = workspace.leftovers().await?;
    let mut table = Table::new(&["what", "running", "task", "reason"]);
    for leftover in &found {
        let task = leftover.run.handle.as_ref().map(|handle| handle.task.to_string());
        let running = if leftover.run.running { "yes" } else { "no" };
        table.row([
            leftover.run.name.clone(),
            running.to_owned(),
            task.unwrap_or_default(),
            name(&leftover.reason).replace('_', " "),
        ]);
        context.out.result(&json!(leftover), String::new)?;
    }
    if end {
        workspace.end_leftovers(&found).await?;
    }
    context.out.text(|| match (found.is_empty(), end) {
        (true, _) => "nothing is left over\n".to_owned(),
        (false, true) => format!("{}ended and removed\n", table.render()),
        (false, false) => format!("{}--end removes them\n", table.render()),
    })?;
    Ok(Ending::Done)
}

async fn leases(context: &Context, release: Option<&TaskId>) -> Result<Ending> {
    let workspace = context.open().await?;
    let mut table =
        Table::new(&["task", "workspace", ">cpus", ">gpus", "state", ">process", "since"]);
    let leases = workspace.host_leases().await?;
    for lease in &leases {
        table.row([
            lease.task.to_string(),
            lease.root.display().to_string(),
            lease.grant.cpus.to_string(),
            lease.grant.gpus.len().to_string(),
            name(&lease.state),
            lease.owner.pid.to_string(),
            versions::time(lease.since),
        ]);
        context.out.result(&json!(lease), String::new)?;
    }
    context.out.text(|| match table.is_empty() {
        true => "nothing is held\n".to_owned(),
        false => table.render(),
    })?;
    let Some(task) = release else { return Ok(Ending::Done) };
    workspace.release_leases(task).await?;
    context.out.text(|| format!("{task} holds nothing any more\n"))?;
    Ok(Ending::Done)
}

/// Says that a task goes on without this program.
pub(crate) async fn detached(
    context: &Context,
    workspace: &Workspace,
    task: &ymir::Task,
) -> Result<Ending> {
    let id = task.id().ok_or_else(|| Error::corrupted("the task has no id"))?;
    workspace.close().await?;
    let value = json!({ "task": id });
    context
        .out
        .result(&value, || format!("{id} runs; `ymir task wait {id}` collects its result\n"))?;
    Ok(Ending::Done)
}
