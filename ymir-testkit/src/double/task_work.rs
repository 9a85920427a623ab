use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokio::sync::watch;
use ymir_core::{
    Error, ErrorKind, Grant, LogLine, LogSource, Result, TaskContext, TaskStep, TaskWork, VersionId,
};

/// The work of a task that does as it is told, and tells what was done to it.
///
/// It panics if a scheduler breaks its contract: a step before or after its turn or twice, a
/// directory that is not empty, resources that somebody else holds.
#[derive(Debug)]
pub struct ScriptedWork {
    fail: Option<(TaskStep, ErrorKind)>,
    panic: Option<TaskStep>,
    hold: Option<TaskStep>,
    deaf: bool,
    lines: usize,
    progress: Vec<f64>,
    output: Vec<VersionId>,
    meter: Option<Arc<Meter>>,
    seen: watch::Sender<Seen>,
    released: watch::Sender<bool>,
}

/// What a [`ScriptedWork`] saw.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// The steps that it was taken through, in order.
    pub steps: Vec<TaskStep>,
    /// What it was granted.
    pub grant: Option<Grant>,
    /// How the run had ended when it was collected: the kind of the error, if it was one.
    pub run: Option<Result<(), ErrorKind>>,
}

impl Default for ScriptedWork {
    fn default() -> Self {
        Self {
            fail: None,
            panic: None,
            hold: None,
            deaf: false,
            lines: 0,
            progress: Vec::new(),
            output: Vec::new(),
            meter: None,
            seen: watch::Sender::new(Seen::default()),
            released: watch::Sender::new(false),
        }
    }
}

impl ScriptedWork {
    /// Returns work that goes well at once.
    pub fn new() -> Self {
        Self::default()
    }

    /// Fails in a step with an error of this kind.
    pub fn failing(mut self, step: TaskStep, kind: ErrorKind) -> Self {
        self.fail = Some((step, kind));
        self
    }

    /// Panics in a step.
    pub fn panicking(mut self, step: TaskStep) -> Self {
        self.panic = Some(step);
        self
    }

    /// Stays in a step until it is released or cancelled.
    pub fn holding(mut self, step: TaskStep) -> Self {
        self.hold = Some(step);
        self
    }

    /// Does not listen to being cancelled.
    pub fn deaf(mut self) -> Self {
        self.deaf = true;
        self
    }

    /// Reports these fractions and writes so many lines of log while it runs.
    pub fn reporting(mut self, progress: &[f64], lines: usize) -> Self {
        self.progress = progress.to_vec();
        self.lines = lines;
        self
    }

    /// Has these versions as its result.
    pub fn giving(mut self, output: Vec<VersionId>) -> Self {
        self.output = output;
        self
    }

    /// Counts what it holds while it runs.
    pub fn metered(mut self, meter: &Arc<Meter>) -> Self {
        self.meter = Some(Arc::clone(meter));
        self
    }

    /// Returns what it saw so far.
    pub fn seen(&self) -> Seen {
        self.seen.borrow().clone()
    }

    /// Waits until it is in a step, or past it.
    pub async fn entered(&self, step: TaskStep) {
        let mut seen = self.seen.subscribe();
        // The sender lives as long as this.
        let _ = seen.wait_for(|seen| seen.steps.contains(&step)).await;
    }

    /// Lets it go on from the step in which it stays.
    pub fn release(&self) {
        self.released.send_replace(true);
    }

    async fn step(&self, task: &TaskContext, step: TaskStep) -> Result<()> {
        let held = self.enter(step);
        assert_eq!(held, Ok(()), "{}: step {step:?} out of its turn", task.id);
        assert!(self.panic != Some(step), "as scripted");
        if self.hold == Some(step) {
            let mut released = self.released.subscribe();
            tokio::select! {
                _ = released.wait_for(|released| *released) => {}
                () = task.reporter.cancelled(), if !self.deaf => {
                    return Err(Error::new(ErrorKind::Cancelled, "stopped as asked"));
                }
            }
        }
        match self.fail {
            Some((at, kind)) if at == step => Err(Error::new(kind, "as scripted")),
            _ => Ok(()),
        }
    }

    fn enter(&self, step: TaskStep) -> Result<(), Vec<TaskStep>> {
        const ORDER: [TaskStep; 4] =
            [TaskStep::Prepare, TaskStep::Run, TaskStep::Collect, TaskStep::Commit];
        let mut result = Ok(());
        self.seen.send_modify(|seen| {
            if ORDER.get(seen.steps.len()) != Some(&step) {
                result = Err(seen.steps.clone());
            }
            seen.steps.push(step);
        });
        result
    }

    fn report(&self, task: &TaskContext) {
        for fraction in &self.progress {
            task.reporter.progress(*fraction, "as scripted");
        }
        for n in 0..self.lines {
            task.reporter.log(LogLine { source: LogSource::Stdout, text: format!("line {n}") });
        }
    }
}

#[async_trait]
impl TaskWork for ScriptedWork {
    async fn prepare(&self, task: &TaskContext) -> Result<()> {
        let entries = std::fs::read_dir(&task.dir).expect("the task directory exists").count();
        assert_eq!(entries, 0, "{}: the task directory is not empty", task.id);
        self.step(task, TaskStep::Prepare).await?;
        for name in ["in", "out"] {
            std::fs::create_dir(task.dir.join(name)).expect("the task directory is writable");
        }
        Ok(())
    }

    async fn run(&self, task: &TaskContext, grant: &Grant) -> Result<()> {
        let _held = self.meter.as_ref().map(|meter| meter.hold(grant));
        self.seen.send_modify(|seen| seen.grant = Some(grant.clone()));
        self.report(task);
        self.step(task, TaskStep::Run).await
    }

    async fn collect(&self, task: &TaskContext, run: Result<&(), &Error>) -> Result<()> {
        let run = run.copied().map_err(Error::kind);
        self.seen.send_modify(|seen| seen.run = Some(run));
        self.step(task, TaskStep::Collect).await
    }

    async fn commit(&self, task: &TaskContext) -> Result<Vec<VersionId>> {
        self.step(task, TaskStep::Commit).await?;
        Ok(self.output.clone())
    }
}

/// Counts what is held at a time, and by how many.
#[derive(Debug, Default)]
pub struct Meter {
    now: Mutex<Reading>,
}

/// What a [`Meter`] counted.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// The GPUs that are held.
    pub gpus: BTreeSet<String>,
    /// The CPU slots that are held.
    pub cpus: u32,
    /// The most CPU slots that were held at once.
    pub most_cpus: u32,
    /// The GPUs that were held by two at once.
    pub twice: Vec<String>,
    /// How many held something so far.
    pub holders: u32,
}

impl Meter {
    /// Returns what was counted.
    pub fn read(&self) -> Reading {
        self.now.lock().expect("nobody panics in here").clone()
    }

    fn hold(self: &Arc<Self>, grant: &Grant) -> Held {
        let mut now = self.now.lock().expect("nobody panics in here");
        for gpu in &grant.gpus {
            if !now.gpus.insert(gpu.clone()) {
                now.twice.push(gpu.clone());
            }
        }
        now.cpus += grant.cpus;
        now.most_cpus = now.most_cpus.max(now.cpus);
        now.holders += 1;
        Held { meter: Arc::clone(self), grant: grant.clone() }
    }
}

struct Held {
    meter: Arc<Meter>,
    grant: Grant,
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut now = self.meter.now.lock().expect("nobody panics in here");
        now.cpus -= self.grant.cpus;
        for gpu in &self.grant.gpus {
            now.gpus.remove(gpu);
        }
    }
}
