use ymir::{Advance, EndReason, LabelStatus, ProjectHandle, Result, StepOptions};

use super::watch::{OnLine, Watch};
use crate::context::Context;

/// How far a project is carried on.
#[derive(Debug, Clone)]
pub(crate) enum How {
    /// Until it ends; labels are waited for.
    ToTheEnd,
    /// Until it ends or labels are missing.
    NoWait,
    /// By one step.
    OneStep(StepOptions),
}

/// How a project was left.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Driven {
    /// It has ended.
    Ended(EndReason),
    /// Labels are missing in this iteration.
    Waiting(u32, LabelStatus),
    /// One step was done.
    Stepped(Advance),
}

/// Carries a project on with its progress shown; Ctrl-C stops the task at hand.
pub(crate) async fn drive(
    context: &Context,
    project: &ProjectHandle,
    how: How,
    label: &str,
    on_line: OnLine<'_>,
) -> Result<Driven> {
    let watch = Watch::new(context, label, project.state().await?, on_line);
    let driven = tokio::select! {
        driven = carry_on(project, how, &watch) => driven,
        () = watch.stop_tasks(project) => Err(crate::interrupt::stopped()),
    }?;
    watch.finish()?;
    Ok(driven)
}

async fn carry_on(project: &ProjectHandle, how: How, watch: &Watch<'_>) -> Result<Driven> {
    let on = |event| watch.on(event);
    let advance = match how {
        How::ToTheEnd => project.run_with(&StepOptions::default()).on_event(on).await?,
        How::NoWait => {
            let options = StepOptions { wait: false, ..StepOptions::default() };
            project.run_with(&options).on_event(on).await?
        }
        How::OneStep(options) => project.advance(&options).on_event(on).await?,
    };
    Ok(match advance {
        Advance::Ended(reason) => Driven::Ended(reason),
        Advance::Waiting { iteration, status } => Driven::Waiting(iteration, status),
        finished => Driven::Stepped(finished),
    })
}

/// Returns why a loop ended, as people read it.
pub(crate) fn reason_text(reason: EndReason) -> &'static str {
    match reason {
        EndReason::TargetReached => "the target is reached",
        EndReason::PoolExhausted => "the pool has no images left",
        EndReason::BudgetExhausted => "as many labels or iterations as were allowed are used",
        EndReason::Stopped => "it was stopped; definition options open it again",
    }
}
