//! The versions of each branch by their numbers, with what they are looked up by.
//!
//! Derived from the commits: a file beside the objects of the repository, which each commit adds to
//! and any reader can make again. It counts as far as it leads to the tip of the branch.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use git2::Oid;
use sha2::{Digest, Sha256};
use ymir_core::{
    Branch, Error, ErrorKind, LogOptions, Manifest, Result, TaskId, TaskRecord, Version,
};

use super::format::{commit_oid, version_id};
use super::handle::Shared;
use super::history_file;
use super::lock::Lock;
use super::manifest::VersionData;
use super::objects::damaged;
use super::versions::{read_version, ref_name};

/// What is known of a version without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) commit: Oid,
    /// The beginning of the hash of its fingerprint; 0 where it has none.
    pub(super) fingerprint: u64,
    /// The beginning of the hash of the id of its task; 0 where it has none.
    pub(super) task: u64,
}

impl Entry {
    pub(super) fn new(commit: Oid, manifest: &Manifest) -> Self {
        let TaskRecord { fingerprint, task, .. } = &manifest.task;
        let task = task.as_ref().map_or("", TaskId::as_str);
        Self { commit, fingerprint: key(fingerprint), task: key(task) }
    }
}

/// Returns what a text is found by. Two texts may have one key: what is found is compared.
fn key(text: &str) -> u64 {
    if text.is_empty() {
        return 0;
    }
    let digest = Sha256::digest(text);
    u64::from_le_bytes([0, 1, 2, 3, 4, 5, 6, 7].map(|i| digest[i])).max(1)
}

/// The histories that were read, by the names of the refs.
#[derive(Debug, Default)]
pub(super) struct Histories(Mutex<HashMap<String, Arc<Mutex<History>>>>);

impl Histories {
    fn of(&self, name: &str) -> Arc<Mutex<History>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(name.to_owned()).or_default().clone()
    }
}

/// The versions of one branch, the oldest first.
#[derive(Debug, Default)]
struct History {
    /// How many are not among the entries: a shallow clone lacks the oldest.
    missing: u64,
    entries: Vec<Entry>,
}

impl History {
    fn get(&self, number: u64) -> Option<&Entry> {
        let place = number.checked_sub(self.missing + 1)?;
        self.entries.get(usize::try_from(place).ok()?)
    }

    fn leads_to(&self, number: u64, commit: Oid) -> bool {
        self.get(number).is_some_and(|entry| entry.commit == commit)
    }
}

/// The versions of a branch up to its tip.
struct Versions<'a> {
    branch: &'a Branch,
    missing: u64,
    entries: &'a [Entry],
}

impl Versions<'_> {
    /// Returns numbers and commits, the newest first.
    fn newest_first(&self) -> impl Iterator<Item = (u64, &Entry)> {
        let newest = self.missing + self.entries.len() as u64;
        self.entries.iter().rev().enumerate().map(move |(i, entry)| (newest - i as u64, entry))
    }

    /// Returns the commits of the versions with these numbers, the newest first.
    fn commits(&self, numbers: std::ops::Range<u64>) -> Result<Vec<Oid>> {
        if numbers.start <= self.missing && !numbers.is_empty() {
            return Err(self.cut_off());
        }
        let place = |number: u64| (number - self.missing - 1) as usize;
        Ok(numbers.rev().map(|number| self.entries[place(number)].commit).collect())
    }

    /// Returns the commits that meet a condition, the newest first.
    fn find(&self, fits: impl Fn(&Entry) -> bool) -> Result<Vec<Oid>> {
        let found: Vec<Oid> =
            self.newest_first().filter(|(_, entry)| fits(entry)).map(|(_, e)| e.commit).collect();
        match self.missing > 0 && found.is_empty() {
            true => Err(self.cut_off()),
            false => Ok(found),
        }
    }

    fn cut_off(&self) -> Error {
        let message = "older versions of the branch are missing; fetch them from a clone";
        Error::corrupted(message).with("branch", self.branch).with("missing", self.missing)
    }
}

impl Shared {
    pub(super) fn log(&self, branch: &Branch, options: LogOptions) -> Result<Vec<Version>> {
        let tip = self.required_tip(branch)?;
        let end = options.before.unwrap_or(u64::MAX).clamp(1, tip.version.number + 1);
        let limit = u64::try_from(options.limit).unwrap_or(u64::MAX);
        let wanted = end.saturating_sub(limit).max(1)..end;
        let commits = self.versions(branch, &tip, |versions| versions.commits(wanted))?;
        let version = |commit| Ok(self.member(branch, commit)?.version.clone());
        commits.into_iter().map(version).collect()
    }

    /// Returns the version of a number, which is not above that of the tip.
    pub(super) fn numbered(
        &self,
        branch: &Branch,
        tip: &VersionData,
        number: u64,
    ) -> Result<Version> {
        let one = number..number + 1;
        let commits = self.versions(branch, tip, |versions| versions.commits(one))?;
        Ok(self.member(branch, commits[0])?.version.clone())
    }

    pub(super) fn find_by_fingerprint(
        &self,
        branch: &Branch,
        fingerprint: &str,
    ) -> Result<Option<Version>> {
        let wanted = key(fingerprint);
        let is_wanted = |record: &TaskRecord| record.fingerprint == fingerprint;
        self.find_made(branch, |entry| entry.fingerprint == wanted, is_wanted)
    }

    pub(super) fn find_by_task(&self, branch: &Branch, task: &TaskId) -> Result<Option<Version>> {
        let wanted = key(task.as_str());
        let is_wanted = |record: &TaskRecord| record.task.as_ref() == Some(task);
        self.find_made(branch, |entry| entry.task == wanted, is_wanted)
    }

    fn find_made(
        &self,
        branch: &Branch,
        fits: impl Fn(&Entry) -> bool,
        is_wanted: impl Fn(&TaskRecord) -> bool,
    ) -> Result<Option<Version>> {
        let Some(tip) = self.tip(branch)? else { return Ok(None) };
        for commit in self.versions(branch, &tip, |versions| versions.find(fits))? {
            let data = self.member(branch, commit)?;
            if is_wanted(&data.manifest.task) {
                return Ok(Some(data.version.clone()));
            }
        }
        Ok(None)
    }

    /// Returns number and id of the versions whose ids begin with these digits, the newest first;
    /// with none at all, of some of the newest.
    pub(super) fn ids_with(
        &self,
        branch: &Branch,
        tip: &VersionData,
        digits: &str,
        limit: usize,
    ) -> Result<Vec<(u64, Oid)>> {
        self.versions(branch, tip, |versions| {
            let begins = |(_, entry): &(u64, &Entry)| starts_with(entry.commit, digits);
            let found = versions.newest_first().filter(begins).take(limit);
            Ok(found.map(|(number, entry)| (number, entry.commit)).collect())
        })
    }

    /// Returns a version that must be there, as it is on the way to the tip of a branch.
    fn member(&self, branch: &Branch, commit: Oid) -> Result<Arc<VersionData>> {
        self.load(&version_id(commit)).map_err(|error| match error.kind() {
            ErrorKind::NotFound => {
                let message = "a version of the branch is missing; fetch it from a clone";
                Error::corrupted(message).with("branch", branch).caused_by(error)
            }
            _ => error,
        })
    }

    /// Looks at the versions of a branch up to its tip.
    fn versions<T>(
        &self,
        branch: &Branch,
        tip: &VersionData,
        look: impl FnOnce(&Versions<'_>) -> Result<T>,
    ) -> Result<T> {
        let name = ref_name(branch);
        let history = self.histories.of(&name);
        let mut history = history.lock().unwrap_or_else(PoisonError::into_inner);
        let number = tip.version.number;
        let commit = tip_commit(tip);
        if !history.leads_to(number, commit) || history.missing > 0 {
            let read = history_file::read(&self.history_path(&name));
            *history = History { missing: 0, entries: read };
            if !history.leads_to(number, commit) {
                self.complete(&name, &mut history, tip)?;
            }
        }
        let entries = &history.entries[..(number - history.missing) as usize];
        look(&Versions { branch, missing: history.missing, entries })
    }

    /// Reads the versions between what is known and the tip.
    fn complete(&self, name: &str, history: &mut History, tip: &VersionData) -> Result<()> {
        let mut newer = Vec::new();
        let (mut number, mut commit) = (tip.version.number, tip_commit(tip));
        let missing = loop {
            if history.leads_to(number, commit) {
                break 0;
            }
            let data = match self.objects.cached_version(commit) {
                Some(data) => data,
                None => match read_version(&self.objects, commit) {
                    Err(error) if error.kind() == ErrorKind::NotFound => break number,
                    data => Arc::new(data.map_err(|e| e.with("branch", name))?),
                },
            };
            newer.push(Entry::new(commit, &data.manifest));
            let parent = data.version.parent.as_ref().and_then(commit_oid);
            if data.version.number != number || parent.is_none() != (number == 1) {
                let why = "its number does not follow that of the version before it";
                return Err(damaged(commit, why).with("branch", name));
            }
            let Some(parent) = parent else { break 0 };
            (number, commit) = (number - 1, parent);
        };
        let known = if missing > 0 { 0 } else { number_of_known(tip, &newer) };
        history.missing = missing;
        history.entries.truncate(known);
        history.entries.extend(newer.into_iter().rev());
        // Who holds the lock is about to add to the file; and it is no loss if this fails.
        if missing == 0
            && let Ok(Some(_lock)) = Lock::try_take(&self.locks(), name)
        {
            let _ = history_file::write(&self.history_path(name), known, &history.entries);
        }
        Ok(())
    }

    /// Adds a new version to the history of its branch, whose lock the caller holds. That it fails
    /// costs the next reader some time, and nothing else.
    pub(super) fn remember(
        &self,
        _lock: &Lock,
        name: &str,
        version: &Version,
        manifest: &Manifest,
    ) {
        let Some(commit) = commit_oid(&version.id) else { return };
        let parent = version.parent.as_ref().and_then(commit_oid);
        let entry = Entry::new(commit, manifest);
        let history = self.histories.of(name);
        let mut history = history.lock().unwrap_or_else(PoisonError::into_inner);
        let before = (version.number - 1) as usize;
        if history.missing == 0
            && parent.is_none_or(|parent| history.leads_to(version.number - 1, parent))
        {
            history.entries.truncate(before);
            history.entries.push(entry);
        }
        let _ = history_file::append(&self.history_path(name), before, parent, entry);
    }

    fn locks(&self) -> PathBuf {
        self.git.join("ymir/locks")
    }

    fn history_path(&self, name: &str) -> PathBuf {
        let name = name.strip_prefix("refs/heads/").unwrap_or(name);
        self.git.join("ymir/history").join(name)
    }
}

fn tip_commit(tip: &VersionData) -> Oid {
    commit_oid(&tip.version.id).expect("a version that was read is a commit")
}

/// Returns how many versions are older than these, which end at the tip.
fn number_of_known(tip: &VersionData, newer: &[Entry]) -> usize {
    tip.version.number as usize - newer.len()
}

/// Returns whether the hexadecimal digits of an id begin with these.
fn starts_with(id: Oid, digits: &str) -> bool {
    let bytes = id.as_bytes();
    digits.len() <= 2 * bytes.len()
        && digits.bytes().enumerate().all(|(i, digit)| {
            let byte = bytes[i / 2];
            let nibble = if i % 2 == 0 { byte >> 4 } else { byte & 15 };
            b"0123456789abcdef"[usize::from(nibble)] == digit
        })
}
