use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use serde_json::json;
use ymir_core::{
    Annotation, Asset, AssetId, Error, ErrorKind, LabelBackend, LabelCapabilities, LabelCursor,
    LabelHandle, LabelJobId, LabelJobRequest, LabelPage, LabelPageOptions, LabelStatus, Labeled,
    Result,
};

use super::When;

/// The most assets that one request to the server sends or returns.
const BATCH: usize = 3;

/// A labeling server in memory, as unforgiving as those that exist: what is sent twice is there
/// twice, which it reports at once by a panic. Clones are the same server.
#[derive(Debug, Clone, Default)]
pub struct MemoryLabelServer {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    created: u64,
    changes: u64,
    faults: Vec<(u64, When)>,
    projects: BTreeMap<u64, Project>,
    everybody: Option<Answers>,
}

#[derive(Debug)]
struct Project {
    key: LabelJobId,
    /// In the order in which they came.
    tasks: Vec<Asset>,
    labeled: BTreeMap<AssetId, Vec<Annotation>>,
    finished: bool,
}

/// Answers for an asset; none for one that is not labeled.
type Answer = dyn Fn(&Asset) -> Option<Vec<Annotation>> + Send + Sync;

/// Answers an asset: its annotations, or that it is skipped.
#[derive(Clone)]
struct Answers(Arc<Answer>);

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answers(..)")
    }
}

impl MemoryLabelServer {
    /// Returns a server without jobs.
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic elsewhere")
    }

    /// Makes the n-th change from now on fail, counted from 1: before it is made, or after, with
    /// its reply lost.
    pub fn fail(&self, change: u64, when: When) {
        let mut state = self.lock();
        let change = state.changes + change;
        state.faults.push((change, when));
    }

    /// Returns the ids of the jobs, in the order in which they were created.
    pub fn jobs(&self) -> Vec<LabelJobId> {
        self.lock().projects.values().map(|project| project.key.clone()).collect()
    }

    /// Returns how many changes there have been.
    pub fn changes(&self) -> u64 {
        self.lock().changes
    }

    /// Labels all jobs, those to come too, as soon as somebody asks for their status; an asset
    /// without an answer is skipped.
    pub fn answer_all(
        &self,
        answer: impl Fn(&Asset) -> Option<Vec<Annotation>> + Send + Sync + 'static,
    ) {
        self.lock().everybody = Some(Answers(Arc::new(answer)));
    }

    /// Labels one job: assets without an answer are skipped. The job is then finished.
    pub fn answer(&self, job: &LabelJobId, answers: &[Labeled]) {
        let mut state = self.lock();
        let (_, project) = state.find(job).expect("the job exists");
        let answers = answers.iter().map(|l| (l.id, l.annotations.clone()));
        project.labeled = answers.collect();
        project.finished = true;
    }
}

impl State {
    fn find(&mut self, key: &LabelJobId) -> Option<(u64, &mut Project)> {
        let found = self.projects.iter_mut().find(|(_, project)| project.key == *key);
        found.map(|(number, project)| (*number, project))
    }

    /// Makes a change, unless a fault was asked for.
    fn change<T>(&mut self, change: impl FnOnce(&mut Self) -> T) -> Result<T> {
        self.changes += 1;
        let fault = self.faults.iter().find(|(number, _)| *number == self.changes);
        let lost = || {
            let message = "the labeling server does not answer; try again";
            Err(Error::new(ErrorKind::Unavailable, message))
        };
        match fault.map(|(_, when)| *when) {
            Some(When::Before) => lost(),
            Some(When::After) => {
                change(self);
                lost()
            }
            None => Ok(change(self)),
        }
    }

    fn create(&mut self, key: &LabelJobId) -> u64 {
        assert!(self.find(key).is_none(), "a second project for {key}");
        self.created += 1;
        let project = Project {
            key: key.clone(),
            tasks: Vec::new(),
            labeled: BTreeMap::new(),
            finished: false,
        };
        self.projects.insert(self.created, project);
        self.created
    }

    fn import(&mut self, number: u64, assets: Vec<Asset>) {
        let project = self.projects.get_mut(&number).expect("imported into a project");
        let mut known: BTreeSet<_> = project.tasks.iter().map(|asset| asset.id).collect();
        for asset in &assets {
            assert!(known.insert(asset.id), "a second task for {}", asset.id);
        }
        project.tasks.extend(assets);
    }

    /// Returns the project of a handle, labeled by everybody who would.
    fn project(&mut self, handle: &LabelHandle) -> Result<&mut Project> {
        let missing = || Error::not_found("no labeling job of this id").with("job", &handle.job);
        let everybody = self.everybody.clone();
        let number = handle.state["project"].as_u64().ok_or_else(missing)?;
        let project = self.projects.get_mut(&number).ok_or_else(missing)?;
        assert_eq!(project.key, handle.job, "the handle of another job");
        if let Some(Answers(answer)) = everybody {
            let answers = project.tasks.iter().filter_map(|a| Some((a.id, answer(a)?)));
            project.labeled = answers.collect();
            project.finished = true;
        }
        Ok(project)
    }
}

/// A labeling backend over a [`MemoryLabelServer`], which has to be told everything and forgives
/// nothing. It takes a step for the project and one for each three images, of which it wants the
/// bytes.
#[derive(Debug, Clone)]
pub struct MemoryLabelBackend {
    server: MemoryLabelServer,
}

impl MemoryLabelBackend {
    /// Returns a backend of this server.
    pub fn new(server: &MemoryLabelServer) -> Self {
        Self { server: server.clone() }
    }

    /// Returns the assets that the server lacks, the first of them, with their images read.
    async fn missing(&self, request: &LabelJobRequest, number: u64) -> Result<Vec<Asset>> {
        let known: BTreeSet<AssetId> = {
            let state = self.server.lock();
            let project = state.projects.get(&number).ok_or_else(|| {
                Error::not_found("the project was removed at the labeling server")
                    .with("job", &request.id)
            })?;
            project.tasks.iter().map(|asset| asset.id).collect()
        };
        let assets = request.items.iter().map(|item| &item.asset);
        let mut missing = Vec::new();
        for asset in assets.filter(|asset| !known.contains(&asset.id)).take(BATCH) {
            let bytes = request.images.bytes(&asset.id).await?;
            assert_eq!(AssetId::of(&bytes), asset.id, "the image of another asset");
            missing.push(asset.clone());
        }
        Ok(missing)
    }
}

#[async_trait]
impl LabelBackend for MemoryLabelBackend {
    fn capabilities(&self) -> LabelCapabilities {
        LabelCapabilities::default()
    }

    async fn create(&self, request: &LabelJobRequest, handle: &LabelHandle) -> Result<LabelHandle> {
        assert_eq!(request.id, handle.job, "the request and the handle are of two jobs");
        if handle.ready {
            return Ok(handle.clone());
        }
        request.check(&self.capabilities())?;
        let Some(number) = handle.state["project"].as_u64() else {
            let mut state = self.server.lock();
            let known = state.find(&request.id).map(|(number, _)| number);
            let number = match known {
                Some(number) => number,
                None => state.change(|state| state.create(&request.id))?,
            };
            let place = Some(format!("https://labels.example/projects/{number}"));
            return Ok(LabelHandle {
                place,
                state: json!({ "project": number }),
                ..handle.clone()
            });
        };
        let missing = self.missing(request, number).await?;
        let ready = missing.is_empty();
        if !ready {
            self.server.lock().change(|state| state.import(number, missing))?;
        }
        Ok(LabelHandle { ready, ..handle.clone() })
    }

    async fn status(&self, handle: &LabelHandle) -> Result<LabelStatus> {
        let mut state = self.server.lock();
        let project = state.project(handle)?;
        let (total, labeled) = (project.tasks.len() as u64, project.labeled.len() as u64);
        let finished = project.finished;
        let skipped = if finished { total - labeled } else { 0 };
        Ok(LabelStatus { total, labeled, skipped, finished })
    }

    async fn annotations(
        &self,
        handle: &LabelHandle,
        options: &LabelPageOptions,
    ) -> Result<LabelPage> {
        let mut state = self.server.lock();
        let project = state.project(handle)?;
        let foreign = || Error::invalid("this cursor is not from this server");
        let start = match &options.after {
            None => 0,
            Some(LabelCursor(text)) => {
                let position = text.strip_prefix("task ").and_then(|text| text.parse().ok());
                position.ok_or_else(foreign)?
            }
        };
        let end = project.tasks.len().min(start + options.limit.min(BATCH));
        let tasks = project.tasks.get(start..end).ok_or_else(foreign)?;
        let answer = |asset: &Asset| {
            let annotations = project.labeled.get(&asset.id)?.clone();
            Some(Labeled { id: asset.id, annotations })
        };
        let labeled = tasks.iter().filter_map(answer).collect();
        let more = end < project.tasks.len();
        Ok(LabelPage { labeled, next: more.then(|| LabelCursor(format!("task {end}"))) })
    }

    async fn cancel(&self, handle: &LabelHandle) -> Result<()> {
        let mut state = self.server.lock();
        match state.find(&handle.job).map(|(number, _)| number) {
            Some(number) => state.change(|state| drop(state.projects.remove(&number))),
            None => Ok(()),
        }
    }
}
