//! Waiting for tasks with their progress shown, and stopping them on Ctrl-C.

use futures::StreamExt;
use ymir::{LogLine, LogSource, Result, Task, TaskEventKind, TaskStep, Version};

use crate::context::Context;
use crate::output::Bar;

/// Waits for a task and returns the versions that it made, and whether they were there before.
pub(crate) async fn task(
    context: &Context,
    label: &str,
    task: &Task,
) -> Result<(Vec<Version>, bool)> {
    let _busy = context.interrupt.busy();
    let bar = context.out.bar(label);
    let mut events = std::pin::pin!(task.events(0));
    let mut stopping = false;
    loop {
        tokio::select! {
            event = events.next() => match event {
                Some(event) => show(context, &bar, &event?.kind),
                None => break,
            },
            () = context.interrupt.wait(), if !stopping => {
                stopping = true;
                bar.message("stopping");
                task.cancel().await?;
            }
        }
    }
    drop(bar);
    Ok((task.wait().await?, task.id().is_none()))
}

/// Waits until a task runs, and returns whether it does; otherwise it has ended.
pub(crate) async fn until_running(context: &Context, label: &str, task: &Task) -> Result<bool> {
    let bar = context.out.bar(label);
    let mut events = std::pin::pin!(task.events(0));
    while let Some(event) = events.next().await {
        let event = event?;
        show(context, &bar, &event.kind);
        // The monitor and the log come from a run that is followed, and so recorded and started.
        let ours = |line: &LogLine| line.source == LogSource::Ymir;
        match &event.kind {
            TaskEventKind::Progress { .. } => return Ok(true),
            TaskEventKind::Log(line) if !ours(line) => return Ok(true),
            _ => {}
        }
    }
    Ok(false)
}

/// Shows an event of a task on its bar.
pub(crate) fn show(context: &Context, bar: &Bar, event: &TaskEventKind) {
    match event {
        TaskEventKind::Progress { fraction, message } => bar.set(*fraction, message),
        TaskEventKind::Step(step) => bar.message(step_title(*step)),
        TaskEventKind::Log(line) if line.source == LogSource::Ymir => context.out.note(&line.text),
        TaskEventKind::Log(line) => context.out.log(&line.text),
        TaskEventKind::State(_) => {}
    }
}

fn step_title(step: TaskStep) -> &'static str {
    match step {
        TaskStep::Prepare => "prepares the files",
        TaskStep::Allocate => "waits for resources",
        TaskStep::Run => "runs",
        TaskStep::Collect => "reads the results",
        TaskStep::Commit => "commits",
    }
}
