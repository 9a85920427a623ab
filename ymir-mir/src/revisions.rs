//! The versions of datasets that a repository of the original has, in an order in which each comes
//! after what it was made from.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use git2::Oid;
use ymir_core::{ErrorReport, Result};

use super::files::read_task;
use super::generated as proto;
use super::report::{MirSkip, MirSkipped};
use super::repository::{MirRepository, Refs};

/// How many commits of a branch are followed back.
const MAX_COMMITS: usize = 100_000;

/// A dataset as the original has it at one commit: `<branch>@<task>`.
#[derive(Debug)]
pub(super) struct Revision {
    pub(super) branch: String,
    pub(super) tags: Vec<String>,
    pub(super) commit: Oid,
    pub(super) time: i64,
    pub(super) task: proto::Task,
}

/// What the original names as a source: `tr:branch@task`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Source<'a> {
    pub(super) role: &'static str,
    pub(super) branch: &'a str,
    pub(super) task: Option<&'a str>,
}

impl Revision {
    /// Returns the name that people know it by.
    pub(super) fn name(&self) -> String {
        self.tags
            .first()
            .cloned()
            .unwrap_or_else(|| format!("{}@{}", self.branch, self.task.task_id))
    }

    /// Returns the SHA-1 of the package of the model that it made, if it made one.
    pub(super) fn model_hash(&self) -> Option<&str> {
        let hash = &self.task.model.as_ref()?.model_hash;
        (!hash.is_empty()).then_some(hash.as_str())
    }

    /// Returns whether its predictions were evaluated.
    pub(super) fn is_evaluated(&self) -> bool {
        self.task.evaluation.as_ref().is_some_and(|e| e.dataset_evaluation.is_some())
    }

    /// Returns what it was made from.
    pub(super) fn sources(&self) -> impl Iterator<Item = Source<'_>> {
        sources(&self.task.src_revs)
    }
}

fn sources(text: &str) -> impl Iterator<Item = Source<'_>> {
    text.split(';').map(str::trim).filter(|text| !text.is_empty()).map(|text| {
        let (kind, rest) = text.split_once(':').unwrap_or(("", text));
        let role = match kind {
            "tr" => "training",
            "va" => "validation",
            "te" => "test",
            _ => "source",
        };
        match rest.split_once('@') {
            Some((branch, task)) if !task.is_empty() => Source { role, branch, task: Some(task) },
            Some((branch, _)) => Source { role, branch, task: None },
            None => Source { role, branch: rest, task: None },
        }
    })
}

/// What was found in a repository.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) revisions: Vec<Revision>,
    /// What is no dataset, or none that could be read.
    pub(super) skipped: Vec<MirSkipped>,
    /// Whether any commit is the original's.
    pub(super) any: bool,
}

struct Search<'a> {
    repository: &'a MirRepository,
    tasks: HashMap<Oid, Option<proto::Task>>,
    found: Found,
}

/// Returns the revisions of a repository.
///
/// # Errors
///
/// `Corrupted` if the refs cannot be read; a commit that cannot is named in what is skipped.
pub(super) fn find(repository: &MirRepository) -> Result<Found> {
    let refs = repository.refs()?;
    let mut search = Search { repository, tasks: HashMap::new(), found: Found::default() };
    let mut branches: BTreeMap<String, BTreeMap<Oid, Vec<String>>> = BTreeMap::new();
    for (tag, commit) in &refs.tags {
        let Some((branch, _)) = tag.rsplit_once('@').filter(|(branch, _)| !branch.is_empty())
        else {
            search.skip(tag, *commit, MirSkip::NoDataset, "the tag is not of the form branch@task");
            continue;
        };
        branches
            .entry(branch.to_owned())
            .or_default()
            .entry(*commit)
            .or_default()
            .push(tag.clone());
    }
    for (branch, tip) in &refs.heads {
        search.follow(branch, *tip, &refs, branches.entry(branch.clone()).or_default());
    }

    let tips: Vec<Oid> = refs.heads.values().chain(refs.tags.values()).copied().collect();
    let places = repository.order(&tips);
    let mut revisions = Vec::new();
    for (branch, commits) in branches {
        for (commit, tags) in commits {
            let name = tags.first().unwrap_or(&branch).clone();
            let Some(task) = search.task(&name, commit) else { continue };
            match repository.commit(commit) {
                Ok(data) => revisions.push(Revision {
                    branch: branch.clone(),
                    tags,
                    commit,
                    time: data.time,
                    task,
                }),
                Err(error) => search.damaged(&name, commit, &error),
            }
        }
    }
    let place = |r: &Revision| (places.get(&r.commit).copied().unwrap_or(usize::MAX), r.time);
    revisions.sort_by(|a, b| place(a).cmp(&place(b)).then_with(|| a.name().cmp(&b.name())));
    let mut found = search.found;
    found.any |= !revisions.is_empty();
    found.revisions = after_sources(revisions);
    Ok(found)
}

impl Search<'_> {
    /// Adds the commits of a branch that were made on it and have no tag.
    fn follow(
        &mut self,
        branch: &str,
        tip: Oid,
        refs: &Refs,
        commits: &mut BTreeMap<Oid, Vec<String>>,
    ) {
        let tagged: BTreeSet<Oid> = refs.tags.values().copied().collect();
        let mut next = Some(tip);
        let mut own = 0;
        for _ in 0..MAX_COMMITS {
            let Some(commit) = next else { break };
            if !commits.contains_key(&commit) {
                // A commit that cannot be read is named where its tag or branch is.
                let Ok(task) = self.cached(commit) else {
                    if !tagged.contains(&commit) {
                        commits.insert(commit, Vec::new());
                    }
                    return;
                };
                let is_own = task.as_ref().is_some_and(|task| {
                    sources(&task.dst_rev).next().is_some_and(|made| made.branch == branch)
                });
                if !is_own {
                    break;
                }
                commits.insert(commit, Vec::new());
            }
            own += 1;
            next = self.repository.commit(commit).ok().and_then(|commit| commit.parent);
        }
        if own == 0 {
            match self.cached(tip) {
                Ok(None) => {
                    let reason = "its commit has no tasks.mir: it is the root of the repository, or not the original's";
                    self.skip(branch, tip, MirSkip::NoDataset, reason);
                }
                _ => {
                    let reason =
                        "the branch has no commit of its own; it is at one of another branch";
                    self.skip(branch, tip, MirSkip::NoCommit, reason);
                }
            }
        }
    }

    fn cached(&mut self, commit: Oid) -> Result<&Option<proto::Task>> {
        if !self.tasks.contains_key(&commit) {
            let task = read_task(self.repository, commit)?;
            self.tasks.insert(commit, task);
        }
        Ok(&self.tasks[&commit])
    }

    /// Returns the task of a commit; what has none is skipped.
    fn task(&mut self, name: &str, commit: Oid) -> Option<proto::Task> {
        match self.cached(commit) {
            Ok(Some(task)) => Some(task.clone()),
            Ok(None) => {
                let reason = "its commit has no tasks.mir: it is not the original's";
                self.skip(name, commit, MirSkip::NoDataset, reason);
                None
            }
            Err(error) => {
                self.damaged(name, commit, &error);
                None
            }
        }
    }

    fn damaged(&mut self, name: &str, commit: Oid, error: &ymir_core::Error) {
        self.found.any = true;
        self.found.skipped.push(MirSkipped::damaged(
            name,
            &commit.to_string(),
            ErrorReport::from(error),
        ));
    }

    fn skip(&mut self, name: &str, commit: Oid, kind: MirSkip, reason: &str) {
        self.found.skipped.push(MirSkipped::new(name, &commit.to_string(), kind, reason));
    }
}

/// Moves each revision behind those that it was made from, and behind the one before it on its
/// branch, and changes the order no further.
fn after_sources(revisions: Vec<Revision>) -> Vec<Revision> {
    let mut by_tag: HashMap<String, usize> = HashMap::new();
    for (i, revision) in revisions.iter().enumerate() {
        by_tag.extend(revision.tags.iter().map(|tag| (tag.clone(), i)));
        by_tag.entry(revision.name()).or_insert(i);
    }
    let mut before: HashMap<&str, usize> = HashMap::new();
    let needs: Vec<Vec<usize>> = revisions
        .iter()
        .enumerate()
        .map(|(i, revision)| {
            let tag = |s: Source<'_>| Some(format!("{}@{}", s.branch, s.task?));
            let tags = revision.sources().filter_map(tag);
            let earlier = before.insert(&revision.branch, i);
            tags.filter_map(|tag| by_tag.get(&tag).copied()).chain(earlier).collect()
        })
        .collect();

    let mut order = Vec::with_capacity(revisions.len());
    let mut entered = vec![false; revisions.len()];
    for start in 0..revisions.len() {
        let mut stack = vec![(start, 0)];
        if std::mem::replace(&mut entered[start], true) {
            continue;
        }
        while let Some((at, done)) = stack.last_mut() {
            match needs[*at].get(*done) {
                Some(&need) => {
                    *done += 1;
                    // One that is entered and not done yet is part of a circle: the order stays.
                    if !std::mem::replace(&mut entered[need], true) {
                        stack.push((need, 0));
                    }
                }
                None => {
                    order.push(*at);
                    stack.pop();
                }
            }
        }
    }
    let mut revisions: Vec<Option<Revision>> = revisions.into_iter().map(Some).collect();
    order.into_iter().filter_map(|i| revisions[i].take()).collect()
}
