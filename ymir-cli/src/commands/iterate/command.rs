use clap::Args;
use serde_json::json;
use ymir::{Advance, Name, ProjectHandle, ProjectState, Result, StepOptions};

use super::definition::{Definition, ensure};
use super::drive::{Driven, How, drive, reason_text};
use super::line::{Line, heading, lines_of};
use crate::commands::label::waiting;
use crate::context::Context;
use crate::exit::Ending;
use crate::parameters;

/// The arguments of `ymir iterate`.
#[derive(Debug, Args)]
pub(crate) struct Iterate {
    /// The project. It is made if there is none; then --pool, --validation, --classes and --oracle
    /// or --folder are needed
    project: Name,
    #[command(flatten)]
    definition: Definition,
    /// Does one step only
    #[arg(long, conflicts_with = "stop")]
    step: bool,
    /// In this step: how many assets to choose, in place of the project's number
    #[arg(long, value_name = "N", requires = "step")]
    labels: Option<u64>,
    /// In this step: a parameter of the executor, before the project's; may be repeated
    #[arg(long = "param", short, value_name = "NAME=VALUE", requires = "step")]
    parameters: Vec<String>,
    /// Ends with exit code 10 where labels are missing, in place of waiting for them
    #[arg(long)]
    no_wait: bool,
    /// Ends the loop for good; giving definition options afterwards opens it again
    #[arg(long)]
    stop: bool,
}

impl Iterate {
    pub(crate) async fn run(self, context: &Context) -> Result<Ending> {
        let workspace = context.open_for_tasks().await?;
        if self.stop {
            workspace.project(self.project.as_str()).await?.stop().await?;
            let value = json!({ "project": self.project, "stopped": true });
            context.out.result(&value, || format!("project {} is stopped\n", self.project))?;
            return Ok(Ending::Done);
        }
        let wanted = self.definition.wanted(&workspace, &self.project).await?;
        let project = ensure(&workspace, &self.project, &wanted).await?;
        let options = StepOptions {
            labels: self.labels,
            parameters: parameters::parse(&self.parameters)?,
            wait: !self.no_wait,
        };
        if self.step {
            one_step(context, &project, options).await
        } else {
            all(context, &project, options).await
        }
    }
}

/// Carries a project on until it ends or waits for labels.
async fn all(context: &Context, project: &ProjectHandle, options: StepOptions) -> Result<Ending> {
    let state = project.state().await?;
    context.out.text(|| heading(&state.project.classes))?;
    for line in lines_of(&state) {
        print(context, &line)?;
    }
    let how = if options.wait { How::ToTheEnd } else { How::NoWait };
    let on = |line: &Line| print(context, line);
    match drive(context, project, how, "", &on).await? {
        Driven::Ended(reason) => {
            let state = project.state().await?;
            let metric = state.iterations.iter().rev().find_map(ymir::Iteration::metric);
            let value = json!({
                "project": project.name(), "end": reason, "iterations": state.iterations.len(),
                "labels": state.labels(), "metric": metric,
            });
            context.out.result(&value, || format!("ended: {}\n", reason_text(reason)))?;
            Ok(Ending::Done)
        }
        Driven::Waiting(iteration, status) => {
            say_waiting(context, project, &project.state().await?, iteration, &status)
        }
        Driven::Stepped(_) => Ok(Ending::Done),
    }
}

fn print(context: &Context, line: &Line) -> Result<()> {
    context.out.result(&line.object(), || line.text())
}

/// Does one step.
async fn one_step(
    context: &Context,
    project: &ProjectHandle,
    options: StepOptions,
) -> Result<Ending> {
    match drive(context, project, How::OneStep(options), "", &|_| Ok(())).await? {
        Driven::Ended(reason) => {
            let value = json!({ "project": project.name(), "end": reason });
            context.out.result(&value, || format!("ended: {}\n", reason_text(reason)))?;
        }
        Driven::Waiting(iteration, status) => {
            return say_waiting(context, project, &project.state().await?, iteration, &status);
        }
        Driven::Stepped(Advance::Finished { iteration, result }) => {
            let mut value = json!(result);
            value["project"] = json!(project.name());
            value["iteration"] = iteration.into();
            value["labels"] = project.state().await?.labels().into();
            let title = result.step().title();
            context.out.result(&value, || format!("iteration {iteration}: {title} is done\n"))?;
        }
        Driven::Stepped(_) => {}
    }
    Ok(Ending::Done)
}

fn say_waiting(
    context: &Context,
    project: &ProjectHandle,
    state: &ProjectState,
    iteration: u32,
    status: &ymir::LabelStatus,
) -> Result<Ending> {
    let folder = match &state.project.labeler {
        ymir::LabelerSpec::Folder { path } => Some(path.as_path()),
        _ => None,
    };
    let value = json!({
        "project": project.name(), "iteration": iteration, "waiting": true,
        "labeled": status.labeled, "total": status.total, "folder": folder,
    });
    context.out.result(&value, || waiting(status, folder))?;
    Ok(Ending::WaitingForLabels)
}
