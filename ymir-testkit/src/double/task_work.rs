use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use tokio::sync::watch;
use ymir_core::{
    EndCause, Error, ErrorKind, Grant, LogLine, LogPosition, LogSource, Result, RunEnd, RunState,
    TaskContext, TaskDriver, TaskId, TaskSpec, TaskStep, UnitContext, VersionId,
};

/// A [`TaskDriver`] that does with each task as it was told, and tells what was done to it.
///
/// It panics if a scheduler breaks its contract: a step before or after its turn or twice, a
/// directory that is not empty.
#[derive(Debug, Default)]
pub struct ScriptedDriver {
    scripts: Mutex<HashMap<TaskId, Arc<ScriptedWork>>>,
    /// What tasks do for which nothing was said; without it they cannot be carried on.
    otherwise: Option<ScriptedWork>,
}

impl ScriptedDriver {
    /// Returns a driver that can carry on those tasks only that it was told of.
    pub fn new() -> Self {
        Self::default()
    }

    /// Does this with tasks that it was told nothing of, those that another process submitted for
    /// example.
    pub fn otherwise(mut self, work: ScriptedWork) -> Self {
        self.otherwise = Some(work);
        self
    }

    /// Says what is to be done with a task, and returns what was said first.
    pub fn add(&self, task: &TaskId, work: ScriptedWork) -> Arc<ScriptedWork> {
        let mut scripts = self.scripts.lock().expect("nobody panics in here");
        Arc::clone(scripts.entry(task.clone()).or_insert_with(|| Arc::new(work)))
    }

    /// Returns what is done with a task.
    pub fn work(&self, task: &TaskId) -> Option<Arc<ScriptedWork>> {
        let mut scripts = self.scripts.lock().expect("nobody panics in here");
        if let (None, Some(work)) = (scripts.get(task), &self.otherwise) {
            scripts.insert(task.clone(), Arc::new(work.fresh()));
        }
        scripts.get(task).cloned()
    }

    fn of(&self, task: &TaskContext) -> Arc<ScriptedWork> {
        self.work(&task.spec.id).expect("only tasks that can be carried are given to the driver")
    }
}

#[async_trait]
impl TaskDriver for ScriptedDriver {
    fn can_carry(&self, spec: &TaskSpec) -> bool {
        self.work(&spec.id).is_some()
    }

    fn queues_elsewhere(&self, spec: &TaskSpec) -> bool {
        self.work(&spec.id).is_some_and(|work| work.queues)
    }

    async fn prepare(&self, task: &TaskContext) -> Result<()> {
        let work = self.of(task);
        let entries = fs::read_dir(&task.dir).expect("the task directory exists").count();
        assert_eq!(entries, 0, "{}: the task directory is not empty", task.spec.id);
        work.step(task, TaskStep::Prepare).await?;
        for unit in 0..task.spec.units.max(1) {
            for name in ["in", "out"] {
                let dir = task.spec.unit_dir(&task.dir, unit).join(name);
                fs::create_dir_all(dir).expect("the task directory is writable");
            }
        }
        Ok(())
    }

    async fn run(&self, unit: &UnitContext, grant: &Grant) -> Result<()> {
        let work = self.of(&unit.task);
        let _held = work.meter.as_ref().map(|meter| meter.hold(grant));
        work.seen.send_modify(|seen| seen.grant = Some(grant.clone()));
        if work.survives {
            return work.follow(unit).await;
        }
        work.report(unit);
        work.step(&unit.task, TaskStep::Run).await
    }

    async fn run_state(&self, spec: &TaskSpec, unit_dir: &Path) -> Result<Option<RunState>> {
        if self.work(&spec.id).is_some_and(|work| work.unknown) {
            return Err(unknown());
        }
        let lost = |run: FileRun| run.state().unwrap_or(RunState::Lost);
        Ok(FileRun::find(unit_dir).map(lost).or(Some(RunState::Lost)))
    }

    async fn end_run(&self, spec: &TaskSpec, unit_dir: &Path) -> Result<()> {
        if let Some(run) = FileRun::find(unit_dir) {
            run.end();
        }
        if let Some(work) = self.work(&spec.id) {
            work.seen.send_modify(|seen| seen.ended_runs += 1);
        }
        Ok(())
    }

    async fn collect(&self, task: &TaskContext, run: Result<&(), &Error>) -> Result<()> {
        let work = self.of(task);
        let run = run.copied().map_err(Error::kind);
        work.seen.send_modify(|seen| seen.run = Some(run));
        work.step(task, TaskStep::Collect).await
    }

    async fn commit(&self, task: &TaskContext) -> Result<Vec<VersionId>> {
        let work = self.of(task);
        work.step(task, TaskStep::Commit).await?;
        if let Some(log) = &work.commits {
            use std::io::Write;
            let file = fs::OpenOptions::new().append(true).create(true).open(log);
            let line = format!("{}\n", task.spec.id);
            file.and_then(|mut file| file.write_all(line.as_bytes())).expect("it can be written");
        }
        Ok(work.output.clone())
    }
}

/// What a [`ScriptedDriver`] does with a task.
#[derive(Debug)]
pub struct ScriptedWork {
    fail: Option<(TaskStep, ErrorKind)>,
    /// How many attempts fail; all by default.
    failures: Mutex<u32>,
    panic: Option<TaskStep>,
    hold: Option<TaskStep>,
    deaf: bool,
    survives: bool,
    unknown: bool,
    queues: bool,
    lines: usize,
    progress: Vec<f64>,
    output: Vec<VersionId>,
    commits: Option<PathBuf>,
    meter: Option<Arc<Meter>>,
    seen: watch::Sender<Seen>,
    released: watch::Sender<bool>,
}

/// What a [`ScriptedWork`] saw.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// The steps that it was taken through, in order.
    pub steps: Vec<TaskStep>,
    /// What it was granted last.
    pub grant: Option<Grant>,
    /// How the run had ended when it was collected: the kind of the error, if it was one.
    pub run: Option<Result<(), ErrorKind>>,
    /// How often a run of it was ended and removed.
    pub ended_runs: u32,
}

impl Default for ScriptedWork {
    fn default() -> Self {
        Self {
            fail: None,
            failures: Mutex::new(u32::MAX),
            panic: None,
            hold: None,
            deaf: false,
            survives: false,
            unknown: false,
            queues: false,
            lines: 0,
            progress: Vec::new(),
            output: Vec::new(),
            commits: None,
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

    /// Returns the same work, of which nothing was seen yet.
    fn fresh(&self) -> Self {
        Self {
            fail: self.fail,
            failures: Mutex::new(*self.failures.lock().expect("nobody panics in here")),
            panic: self.panic,
            hold: self.hold,
            deaf: self.deaf,
            survives: self.survives,
            unknown: self.unknown,
            queues: self.queues,
            lines: self.lines,
            progress: self.progress.clone(),
            output: self.output.clone(),
            commits: self.commits.clone(),
            meter: self.meter.clone(),
            ..Self::default()
        }
    }

    /// Fails in a step with an error of this kind.
    pub fn failing(mut self, step: TaskStep, kind: ErrorKind) -> Self {
        self.fail = Some((step, kind));
        self
    }

    /// Fails in so many attempts only.
    pub fn times(mut self, failures: u32) -> Self {
        self.failures = Mutex::new(failures);
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

    /// Has runs that survive their process: a run is a file in the unit's directory, and any process
    /// can follow it. It writes the lines of [`ScriptedWork::reporting`] and ends when the file
    /// `release` is in the unit's directory, or at once unless it is held.
    pub fn surviving(mut self) -> Self {
        self.survives = true;
        self
    }

    /// Cannot say of its runs where they stand.
    pub fn unknown(mut self) -> Self {
        self.unknown = true;
        self
    }

    /// Has a runtime that queues by itself.
    pub fn queueing(mut self) -> Self {
        self.queues = true;
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

    /// Writes a line with the task's id into a file with each commit.
    pub fn committing(mut self, log: impl Into<PathBuf>) -> Self {
        self.commits = Some(log.into());
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
        let held = self.enter(step, task.attempt);
        assert_eq!(held, Ok(()), "{}: step {step:?} out of its turn", task.spec.id);
        assert!(self.panic != Some(step), "as scripted");
        if self.hold == Some(step) {
            let mut released = self.released.subscribe();
            tokio::select! {
                _ = released.wait_for(|released| *released) => {}
                () = task.reporter.cancelled(), if !self.deaf => return Err(stopped()),
            }
        }
        self.fail(step)
    }

    fn fail(&self, step: TaskStep) -> Result<()> {
        let Some((_, kind)) = self.fail.filter(|(at, _)| *at == step) else { return Ok(()) };
        let mut failures = self.failures.lock().expect("nobody panics in here");
        if *failures == 0 {
            return Ok(());
        }
        *failures -= 1;
        Err(Error::new(kind, "as scripted"))
    }

    /// Counts a step, and returns those before it if it is not its turn. Each process sees some of
    /// the steps of a task, each attempt begins with the first, and units run side by side.
    fn enter(&self, step: TaskStep, attempt: u32) -> Result<(), Vec<TaskStep>> {
        let mut result = Ok(());
        self.seen.send_modify(|seen| {
            let again = attempt > 1 && step == TaskStep::Prepare;
            let side_by_side = step == TaskStep::Run && seen.steps.last() == Some(&step);
            let in_turn = seen.steps.last().is_none_or(|last| *last < step);
            if !(again || side_by_side || in_turn) {
                result = Err(seen.steps.clone());
            }
            seen.steps.push(step);
        });
        result
    }

    fn report(&self, unit: &UnitContext) {
        for fraction in &self.progress {
            unit.task.reporter.progress(*fraction, "as scripted");
        }
        let reporter = &unit.task.reporter;
        for n in 0..self.lines {
            reporter.log(line(n), None);
        }
    }

    /// Follows a run that survives its process.
    async fn follow(&self, unit: &UnitContext) -> Result<()> {
        let run = match FileRun::find(&unit.dir) {
            Some(run) => run,
            None => FileRun::create(&unit.dir, unit.task.attempt),
        };
        let held = self.enter(TaskStep::Run, unit.task.attempt);
        assert_eq!(held, Ok(()), "{}: the run out of its turn", unit.task.spec.id);
        let mut next = unit.position.as_ref().map_or(0, |LogPosition(at)| {
            usize::try_from(at.as_u64().expect("a number of ours")).expect("a small number")
        });
        let reporter = &unit.task.reporter;
        loop {
            if self.unknown {
                reporter.stalled(Some(&unknown()));
            } else {
                while next < self.lines {
                    next += 1;
                    reporter.log(line(next - 1), Some(LogPosition(json!(next))));
                    // The run takes its time, so that a process can die between two lines.
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                let held = self.hold == Some(TaskStep::Run) && !*self.released.borrow();
                if !held || unit.dir.join("release").exists() {
                    run.finish();
                    return self.fail(TaskStep::Run);
                }
            }
            if reporter.is_cancelled() && !self.deaf {
                run.finish();
                return Err(stopped());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

fn line(n: usize) -> LogLine {
    LogLine { source: LogSource::Stdout, text: format!("line {n}") }
}

fn stopped() -> Error {
    Error::new(ErrorKind::Cancelled, "stopped as asked")
}

fn unknown() -> Error {
    Error::new(ErrorKind::Unavailable, "nobody can say where the run stands, as scripted")
}

/// A run that is a file: it says `running` or `ended`.
struct FileRun(PathBuf);

impl FileRun {
    fn create(dir: &Path, attempt: u32) -> Self {
        let run = Self(dir.join("run"));
        assert!(!run.0.exists(), "a run of this attempt was created before");
        fs::write(&run.0, format!("running {attempt}")).expect("the unit's directory is writable");
        run
    }

    fn find(dir: &Path) -> Option<Self> {
        Some(Self(dir.join("run"))).filter(|run| run.0.exists())
    }

    fn state(&self) -> Option<RunState> {
        let end = RunEnd { cause: EndCause::Exited, exit_code: Some(0) };
        let text = fs::read_to_string(&self.0).ok()?;
        Some(if text == "ended" { RunState::Ended(end) } else { RunState::Running })
    }

    fn finish(&self) {
        fs::write(&self.0, "ended").expect("the unit's directory is writable");
    }

    fn end(&self) {
        // It may be gone with the directory.
        let _ = fs::remove_file(&self.0);
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
