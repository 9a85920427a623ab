use std::any::Any;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::fs;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use ymir_core::{
    Error, ErrorKind, ErrorReport, Grant, LogLine, LogPosition, Result, Scheduler,
    SchedulerCapabilities, Submission, TaskContext, TaskDriver, TaskEvent, TaskEventKind, TaskId,
    TaskOwner, TaskReporter, TaskSpec, TaskState, TaskStatus, TaskStep, Timestamp, UnitContext,
    VersionId,
};

/// A [`Scheduler`] in memory, for one process. It forgives less than a real one: nobody overtakes
/// anybody of the same priority and share, also where it would cost the others nothing.
#[derive(Debug, Clone)]
pub struct MemoryScheduler(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: watch::Sender<u64>,
    dir: PathBuf,
    cpus: u32,
    memory: u64,
    gpus: usize,
}

#[derive(Debug, Default)]
struct State {
    driver: Option<Arc<dyn TaskDriver>>,
    tasks: Vec<Task>,
    events: Vec<TaskEvent>,
    waiting: Vec<Waiting>,
    granted: HashMap<(TaskId, u32), Grant>,
    free: Grant,
    running: Vec<AbortHandle>,
    closed: bool,
}

#[derive(Debug)]
struct Task {
    status: TaskStatus,
    cancel: Arc<watch::Sender<bool>>,
    settle: Arc<watch::Sender<bool>>,
}

/// A unit that waits for resources.
#[derive(Debug)]
struct Waiting {
    place: (Reverse<i32>, usize),
    share: String,
    unit: (TaskId, u32),
    gpus: usize,
    cpus: u32,
    memory: u64,
}

impl MemoryScheduler {
    /// Returns a scheduler of a host with so many CPU slots, bytes of memory and GPUs, and the
    /// directories of the tasks in this one.
    pub fn new(dir: impl Into<PathBuf>, cpus: u32, memory: u64, gpus: usize) -> Self {
        let names = (0..gpus).map(|n| format!("GPU-{n}")).collect();
        let free = Grant { gpus: names, cpus, memory };
        let state = Mutex::new(State { free, ..State::default() });
        let changed = watch::Sender::new(0);
        Self(Arc::new(Shared { state, changed, dir: dir.into(), cpus, memory, gpus }))
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the state of a scheduler that is not closed.
    fn open(&self) -> Result<MutexGuard<'_, State>> {
        let state = self.lock();
        if state.closed {
            let message = "the scheduler was closed; open it again";
            return Err(Error::new(ErrorKind::Cancelled, message));
        }
        Ok(state)
    }

    fn driver(&self) -> Result<Arc<dyn TaskDriver>> {
        self.open()?.driver.clone().ok_or_else(|| {
            let message = "the scheduler was opened for reading; let it serve first";
            Error::new(ErrorKind::Unsupported, message)
        })
    }

    fn signal(&self) {
        self.changed.send_modify(|n| *n = n.wrapping_add(1));
    }

    fn change(&self, id: &TaskId, change: impl FnOnce(&mut TaskStatus)) {
        if let Some(task) = self.lock().task(id) {
            change(&mut task.status);
        }
        self.signal();
    }

    fn tell(&self, id: &TaskId, kind: TaskEventKind) {
        self.lock().tell(id, kind);
        self.signal();
    }

    fn step(&self, id: &TaskId, step: TaskStep) {
        self.change(id, |status| status.step = step);
        self.tell(id, TaskEventKind::Step(step));
    }

    fn turn(&self, id: &TaskId, state: TaskState) {
        self.change(id, |status| status.state = state);
        self.tell(id, TaskEventKind::State(state));
    }
}

impl State {
    fn task(&mut self, id: &TaskId) -> Option<&mut Task> {
        self.tasks.iter_mut().find(|task| task.status.spec.id == *id)
    }

    fn find(&mut self, id: &TaskId) -> Result<&mut Task> {
        self.task(id)
            .ok_or_else(|| Error::not_found("there is no task with this id").with("task", id))
    }

    fn tell(&mut self, id: &TaskId, kind: TaskEventKind) {
        let (seq, time) = (self.events.len() as u64 + 1, Timestamp::now());
        self.events.push(TaskEvent { seq, time, task: id.clone(), kind });
    }

    /// Grants to the first that waits for as long as it fits.
    fn grant(&mut self) {
        loop {
            let slots = |share: &str| -> u32 {
                let of = |(task, _): &&(TaskId, u32)| {
                    self.tasks.iter().any(|other| {
                        other.status.spec.id == *task && other.status.spec.share == share
                    })
                };
                self.granted.iter().filter(|(unit, _)| of(unit)).map(|(_, grant)| grant.cpus).sum()
            };
            let first = self.waiting.iter().enumerate().min_by_key(|(_, waiting)| {
                (waiting.place.0, slots(&waiting.share), waiting.place.1)
            });
            let Some((at, next)) = first else { return };
            let free = &self.free;
            if next.gpus > free.gpus.len() || next.cpus > free.cpus || next.memory > free.memory {
                return;
            }
            let next = self.waiting.remove(at);
            let gpus = self.free.gpus.drain(..next.gpus).collect();
            self.free.cpus -= next.cpus;
            self.free.memory -= next.memory;
            let grant = Grant { gpus, cpus: next.cpus, memory: next.memory };
            let twice = self.granted.insert(next.unit, grant);
            assert_eq!(twice, None, "a unit is granted resources once");
        }
    }

    fn release(&mut self, unit: &(TaskId, u32)) {
        self.waiting.retain(|waiting| waiting.unit != *unit);
        if let Some(grant) = self.granted.remove(unit) {
            self.free.gpus.extend(grant.gpus);
            self.free.cpus += grant.cpus;
            self.free.memory += grant.memory;
        }
        self.grant();
    }
}

/// Receives what a unit of a task reports.
#[derive(Debug)]
struct Reporter {
    shared: Arc<Shared>,
    task: TaskId,
    cancel: Arc<watch::Sender<bool>>,
    stop: Arc<watch::Sender<bool>>,
    unit: usize,
    fractions: Arc<Mutex<Vec<f64>>>,
}

#[async_trait]
impl TaskReporter for Reporter {
    fn progress(&self, fraction: f64, message: &str) {
        let mut fractions = self.fractions.lock().expect("nobody panics in here");
        fractions[self.unit] = fraction.clamp(0.0, 1.0);
        let fraction = fractions.iter().sum::<f64>() / fractions.len() as f64;
        self.shared.change(&self.task, |status| status.progress = fraction);
        let message = message.to_owned();
        self.shared.tell(&self.task, TaskEventKind::Progress { fraction, message });
    }

    fn log(&self, line: LogLine, _: Option<LogPosition>) {
        self.shared.tell(&self.task, TaskEventKind::Log(line));
    }

    fn stalled(&self, reason: Option<&Error>) {
        let reason = reason.map(ErrorReport::from);
        self.shared.change(&self.task, |status| status.stalled = reason);
    }

    fn is_cancelled(&self) -> bool {
        *self.cancel.borrow() || *self.stop.borrow()
    }

    async fn cancelled(&self) {
        tokio::select! {
            () = raised(&self.cancel) => {}
            () = raised(&self.stop) => {}
        }
    }
}

async fn raised(flag: &watch::Sender<bool>) {
    // The sender lives as long as this.
    let _ = flag.subscribe().wait_for(|raised| *raised).await;
}

/// A task on its way.
struct Drive {
    shared: Arc<Shared>,
    driver: Arc<dyn TaskDriver>,
    spec: Arc<TaskSpec>,
    place: usize,
    cancel: Arc<watch::Sender<bool>>,
    settle: Arc<watch::Sender<bool>>,
    attempt: u32,
}

impl Drive {
    async fn run(mut self) {
        let id = self.spec.id.clone();
        let (state, error, output) = loop {
            let ended = self.attempt().await;
            let step = self.shared.lock().task(&id).map(|task| task.status.step);
            for unit in (0..self.units()).filter(|_| step >= Some(TaskStep::Run)) {
                let dir = self.spec.unit_dir(&self.shared.dir.join(id.as_str()), unit);
                let _ = self.driver.end_run(&self.spec, &dir).await;
            }
            match ended {
                Ok(output) => break (TaskState::Done, None, output),
                Err(_) if *self.cancel.borrow() => break (TaskState::Terminated, None, Vec::new()),
                Err(error) if error.is_retryable() && self.attempt <= self.spec.retry.retries => {
                    self.attempt += 1;
                    let attempt = self.attempt;
                    self.shared.change(&id, |status| {
                        (status.attempt, status.progress) = (attempt, 0.0);
                        status.step = TaskStep::Prepare;
                    });
                    self.shared.turn(&id, TaskState::Pending);
                    let wait = Duration::from_secs(self.spec.retry.backoff_s);
                    tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        () = raised(&self.cancel) => {}
                    }
                }
                Err(error) => {
                    break (TaskState::Failed, Some(ErrorReport::from(&error)), Vec::new());
                }
            }
        };
        self.shared.change(&id, |status| {
            (status.error, status.output) = (error, output);
            (status.finished, status.owner) = (Some(Timestamp::now()), None);
            status.stalled = None;
            if state == TaskState::Done {
                status.progress = 1.0;
            }
        });
        self.shared.turn(&id, state);
    }

    fn units(&self) -> u32 {
        self.spec.units.max(1)
    }

    fn check(&self) -> Result<()> {
        if *self.cancel.borrow() { Err(cancelled()) } else { Ok(()) }
    }

    async fn attempt(&self) -> Result<Vec<VersionId>> {
        let (id, shared) = (&self.spec.id, &self.shared);
        let stop = Arc::new(watch::Sender::new(false));
        let fractions = Arc::new(Mutex::new(vec![0.0; self.units() as usize]));
        let reporter = |unit: u32| Reporter {
            shared: Arc::clone(shared),
            task: id.clone(),
            cancel: Arc::clone(&self.cancel),
            stop: Arc::clone(&stop),
            unit: unit as usize,
            fractions: Arc::clone(&fractions),
        };
        let context = |unit| TaskContext {
            spec: Arc::clone(&self.spec),
            dir: shared.dir.join(id.as_str()),
            attempt: self.attempt,
            reporter: Arc::new(reporter(unit)),
        };
        let task = context(0);
        self.check()?;
        shared.step(id, TaskStep::Prepare);
        let _ = fs::remove_dir_all(&task.dir);
        fs::create_dir_all(&task.dir)
            .map_err(|error| Error::io("cannot make a task directory", &task.dir, error))?;
        caught(self.driver.prepare(&task)).await?;
        self.check()?;
        self.queue();
        shared.step(id, TaskStep::Allocate);
        let units = (0..self.units()).map(|unit| {
            let (context, stop) = (context(unit), &stop);
            async move {
                let ended = self.unit(unit, context, stop).await;
                shared.lock().release(&(id.clone(), unit));
                shared.signal();
                if !matches!(ended, Ok(Ok(()))) {
                    stop.send_replace(true);
                }
                ended
            }
        });
        let ended = join_all(units).await;
        let ran = ended.iter().any(Result::is_ok);
        let failed = |error: &Error| error.kind() != ErrorKind::Cancelled;
        let mut errors: Vec<_> = ended
            .into_iter()
            .filter_map(|ended| match ended {
                Ok(result) => result.err(),
                Err(error) => Some(error),
            })
            .collect();
        errors.sort_by_key(|error| !failed(error));
        let run = errors.into_iter().next().map_or(Ok(()), Err);
        if !ran {
            run?;
            return Err(cancelled());
        }
        shared.step(id, TaskStep::Collect);
        let collected = caught(self.driver.collect(&task, run.as_ref().map(|_| &()))).await;
        run?;
        collected?;
        self.check()?;
        shared.step(id, TaskStep::Commit);
        caught(self.driver.commit(&task)).await
    }

    /// Puts all units into the queue.
    fn queue(&self) {
        let need = self.spec.resources;
        let mut state = self.shared.lock();
        for unit in 0..self.units() {
            let unit = (self.spec.id.clone(), unit);
            if self.driver.queues_elsewhere(&self.spec) {
                state.granted.insert(unit, Grant::default());
                continue;
            }
            state.waiting.push(Waiting {
                place: (Reverse(self.spec.priority), self.place),
                share: self.spec.share.clone(),
                unit,
                gpus: need.gpus as usize,
                cpus: if need.cpus == 0 { self.shared.cpus } else { need.cpus },
                memory: need.memory,
            });
        }
        state.grant();
        drop(state);
        self.shared.signal();
    }

    /// Waits for the resources of a unit and runs it; returns how its run ended.
    async fn unit(
        &self,
        unit: u32,
        task: TaskContext,
        stop: &watch::Sender<bool>,
    ) -> Result<Result<()>> {
        let id = &self.spec.id;
        let mut changed = self.shared.changed.subscribe();
        let grant = loop {
            changed.borrow_and_update();
            if *self.cancel.borrow() || *stop.borrow() {
                return Err(cancelled());
            }
            if let Some(grant) = self.shared.lock().granted.get(&(id.clone(), unit)) {
                break grant.clone();
            }
            tokio::select! {
                _ = changed.changed() => {}
                () = task.reporter.cancelled() => {}
            }
        };
        let begins = self.shared.lock().find(id)?.status.step == TaskStep::Allocate;
        if begins {
            self.shared.change(id, |status| status.started = Some(Timestamp::now()));
            self.shared.turn(id, TaskState::Running);
            self.shared.step(id, TaskStep::Run);
        }
        let dir = self.spec.unit_dir(&task.dir, unit);
        let context = UnitContext { task, unit, dir, position: None };
        tokio::select! {
            biased;
            () = raised(&self.settle) => {
                let message = "it could not be found out how the run ended";
                Ok(Err(Error::new(ErrorKind::Unavailable, message).retryable(false)))
            }
            result = caught(self.driver.run(&context, &grant)) => Ok(result),
        }
    }
}

fn cancelled() -> Error {
    Error::new(ErrorKind::Cancelled, "the task was cancelled")
}

/// Makes an error of a panic.
async fn caught<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let panicked = |_: Box<dyn Any + Send>| {
        Err(Error::new(ErrorKind::Unexpected, "the code of the task panicked"))
    };
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(panicked)
}

#[async_trait]
impl Scheduler for MemoryScheduler {
    fn capabilities(&self) -> SchedulerCapabilities {
        SchedulerCapabilities { durable: false, gpus: self.0.gpus > 0, host_wide: false }
    }

    async fn serve(&self, driver: Arc<dyn TaskDriver>) -> Result<Vec<TaskId>> {
        match self.0.open()?.driver.replace(driver) {
            None => Ok(Vec::new()),
            Some(_) => Err(Error::new(ErrorKind::AlreadyExists, "the scheduler serves already")),
        }
    }

    async fn adopt(&self) -> Result<Vec<TaskId>> {
        self.0.driver().map(|_| Vec::new())
    }

    async fn submit(&self, spec: TaskSpec) -> Result<Submission> {
        let driver = self.0.driver()?;
        let need = spec.resources;
        let much = need.gpus as usize > self.0.gpus
            || need.cpus > self.0.cpus
            || need.memory > self.0.memory;
        if much && !driver.queues_elsewhere(&spec) {
            let message = "the task asks for more than this host has; ask for less";
            return Err(Error::new(ErrorKind::ResourceExhausted, message).with("task", &spec.id));
        }
        let mut state = self.0.open()?;
        if state.task(&spec.id).is_some() {
            let message = "a task with this id exists; choose another";
            return Err(Error::new(ErrorKind::AlreadyExists, message).with("task", &spec.id));
        }
        let equal = state.tasks.iter().find(|task| {
            let other = &task.status.spec;
            !task.status.state.is_final()
                && !*task.cancel.borrow()
                && (other.fingerprint(), &other.outputs) == (spec.fingerprint(), &spec.outputs)
        });
        if let (true, Some(task)) = (spec.reuse, equal) {
            return Ok(Submission { task: task.status.spec.id.clone(), joined: true });
        }
        let (cancel, settle) =
            (Arc::new(watch::Sender::new(false)), Arc::new(watch::Sender::new(false)));
        let status = TaskStatus {
            spec: spec.clone(),
            state: TaskState::Pending,
            step: TaskStep::Prepare,
            progress: 0.0,
            attempt: 1,
            owner: Some(TaskOwner { pid: std::process::id() }),
            stalled: None,
            error: None,
            output: Vec::new(),
            created: Timestamp::now(),
            started: None,
            finished: None,
        };
        let (id, place) = (spec.id.clone(), state.tasks.len());
        let task = Task { status, cancel: Arc::clone(&cancel), settle: Arc::clone(&settle) };
        state.tasks.push(task);
        state.tell(&id, TaskEventKind::State(TaskState::Pending));
        let (shared, spec) = (Arc::clone(&self.0), Arc::new(spec));
        let drive = Drive { shared, driver, spec, place, cancel, settle, attempt: 1 };
        state.running.push(tokio::spawn(drive.run()).abort_handle());
        Ok(Submission { task: id, joined: false })
    }

    async fn status(&self, id: &TaskId) -> Result<TaskStatus> {
        Ok(self.0.open()?.find(id)?.status.clone())
    }

    async fn list(&self) -> Result<Vec<TaskStatus>> {
        Ok(self.0.open()?.tasks.iter().rev().map(|task| task.status.clone()).collect())
    }

    async fn cancel(&self, id: &TaskId) -> Result<()> {
        let mut state = self.0.open()?;
        let task = state.find(id)?;
        if !task.status.state.is_final() {
            task.cancel.send_replace(true);
        }
        Ok(())
    }

    async fn settle(&self, id: &TaskId) -> Result<()> {
        let mut state = self.0.open()?;
        let task = state.find(id)?;
        if task.status.stalled.is_none() {
            return Err(Error::new(ErrorKind::Conflict, "the task is not stalled"));
        }
        task.settle.send_replace(true);
        Ok(())
    }

    async fn wait(&self, id: &TaskId) -> Result<TaskStatus> {
        let mut changed = self.0.changed.subscribe();
        loop {
            changed.borrow_and_update();
            let status = self.status(id).await?;
            if status.state.is_final() {
                return Ok(status);
            }
            let _ = changed.changed().await;
        }
    }

    fn events(&self, after: u64) -> BoxStream<'static, Result<TaskEvent>> {
        follow(Arc::clone(&self.0), None, after)
    }

    fn task_events(&self, id: &TaskId, after: u64) -> BoxStream<'static, Result<TaskEvent>> {
        if let Err(error) = self.0.open().and_then(|mut state| state.find(id).map(drop)) {
            return stream::once(async { Err(error) }).boxed();
        }
        follow(Arc::clone(&self.0), Some(id.clone()), after)
    }

    async fn past_events(&self, id: &TaskId, after: u64) -> Result<Vec<TaskEvent>> {
        let mut state = self.0.open()?;
        state.find(id)?;
        let of_task = |event: &&TaskEvent| event.seq > after && event.task == *id;
        Ok(state.events.iter().filter(of_task).cloned().collect())
    }

    async fn close(&self) -> Result<Vec<TaskId>> {
        let mut state = self.0.lock();
        state.running.drain(..).for_each(|task| task.abort());
        let closed = std::mem::replace(&mut state.closed, true);
        let unfinished = state.tasks.iter().filter(|task| !task.status.state.is_final());
        let unfinished = unfinished.map(|task| task.status.spec.id.clone()).collect();
        drop(state);
        self.0.signal();
        Ok(if closed { Vec::new() } else { unfinished })
    }
}

fn follow(
    shared: Arc<Shared>,
    task: Option<TaskId>,
    after: u64,
) -> BoxStream<'static, Result<TaskEvent>> {
    let changed = shared.changed.subscribe();
    let next = |(shared, task, mut after, mut changed): Follower| async move {
        loop {
            changed.borrow_and_update();
            let (event, ended) = shared.lock().next(task.as_ref(), after);
            if let Some(event) = event {
                after = event.seq;
                return Some((Ok(event), (shared, task, after, changed)));
            }
            if ended {
                return None;
            }
            let _ = changed.changed().await;
        }
    };
    stream::unfold((shared, task, after, changed), next).boxed()
}

type Follower = (Arc<Shared>, Option<TaskId>, u64, watch::Receiver<u64>);

impl State {
    /// Returns the event after a sequence number, and whether none will come after the last.
    fn next(&mut self, task: Option<&TaskId>, after: u64) -> (Option<TaskEvent>, bool) {
        let of_task = |event: &&TaskEvent| task.is_none_or(|task| event.task == *task);
        let mut found = self.events.iter().filter(|event| event.seq > after).filter(of_task);
        let last = |event: &TaskEvent| matches!(event.kind, TaskEventKind::State(state) if state.is_final());
        let event = found.next().cloned();
        let told = self.events.iter().filter(of_task).any(last);
        (event, self.closed || task.is_some() && told)
    }
}
