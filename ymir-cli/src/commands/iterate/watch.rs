use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use ymir::{LoopEvent, ProjectHandle, ProjectState, Result, Step, TaskId, Timestamp};

use super::Line;
use crate::context::Context;
use crate::follow;
use crate::interrupt::Busy;
use crate::output::Bar;

/// What is told of each iteration that is finished.
pub(crate) type OnLine<'a> = &'a (dyn Fn(&Line) -> Result<()> + Send + Sync);

/// Follows a project that is carried on: shows the progress, tells of finished iterations, and
/// knows the task that must be ended before the program may.
pub(super) struct Watch<'a> {
    context: &'a Context,
    label: &'a str,
    on_line: OnLine<'a>,
    task: watch::Sender<Option<TaskId>>,
    now: Mutex<Now>,
}

struct Now {
    state: ProjectState,
    bar: Option<Bar>,
    busy: Option<Busy>,
    /// Whether it was said in this step who is waited for.
    waiting: bool,
    failed: Option<ymir::Error>,
}

impl<'a> Watch<'a> {
    pub(super) fn new(
        context: &'a Context,
        label: &'a str,
        state: ProjectState,
        on_line: OnLine<'a>,
    ) -> Self {
        let now = Mutex::new(Now { state, bar: None, busy: None, waiting: false, failed: None });
        Self { context, label, on_line, task: watch::Sender::new(None), now }
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an event up.
    pub(super) fn on(&self, event: LoopEvent) {
        let mut now = self.now();
        match event {
            LoopEvent::Started { iteration, step } => {
                let title = format!("{}{iteration}: {}", self.label, step.title());
                now.bar = Some(self.context.out.bar(&title));
                now.waiting = false;
                let runs = matches!(step, Step::Mine | Step::Train | Step::Evaluate);
                now.busy = runs.then(|| self.context.interrupt.busy());
            }
            LoopEvent::Preparing(progress) => {
                if let Some(bar) = &now.bar {
                    let fraction = progress.done as f64 / progress.total.max(1) as f64;
                    bar.set(fraction, &format!("{} of {} images", progress.done, progress.total));
                }
            }
            LoopEvent::Task(event) => {
                if self.task.borrow().as_ref() != Some(&event.task) {
                    self.task.send_replace(Some(event.task.clone()));
                }
                if let Some(bar) = &now.bar {
                    follow::show(self.context, bar, &event.kind);
                }
            }
            LoopEvent::Labeling { status, labeler } => {
                let missing = status.total.saturating_sub(status.labeled);
                if missing > 0 && !std::mem::replace(&mut now.waiting, true) {
                    let text = format!("waiting for {labeler}: {missing} images to label");
                    self.context.out.note(&text);
                }
                if let Some(bar) = &now.bar {
                    let fraction = status.labeled as f64 / status.total.max(1) as f64;
                    bar.set(fraction, &format!("{} of {} labeled", status.labeled, status.total));
                }
            }
            LoopEvent::Finished { result, .. } => {
                now.bar = None;
                now.busy = None;
                self.task.send_replace(None);
                if let Err(error) = now.state.apply(result, Timestamp::now()) {
                    now.failed.get_or_insert(error);
                }
                let last = now.state.iterations.last();
                let labels = now.state.labels();
                let line =
                    last.and_then(|last| Line::new(&now.state.project.name, labels, last, false));
                if let Some(Err(error)) = line.map(|line| (self.on_line)(&line)) {
                    now.failed.get_or_insert(error);
                }
            }
        }
    }

    /// Waits for Ctrl-C and then stops every task that comes up. It never returns by itself.
    pub(super) async fn stop_tasks(&self, project: &ProjectHandle) {
        self.context.interrupt.wait().await;
        let mut task = self.task.subscribe();
        loop {
            let id = task.borrow_and_update().clone();
            if let Some(id) = id {
                // One that has ended meanwhile needs no stopping.
                let _ = project.workspace().scheduler().cancel(&id).await;
            }
            if task.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Returns what went wrong while events were taken up, if anything did.
    pub(super) fn finish(self) -> Result<()> {
        let now = self.now.into_inner().unwrap_or_else(PoisonError::into_inner);
        now.failed.map_or(Ok(()), Err)
    }
}
