//! The runs of this process. A workspace can be opened more than once in it, so they belong to the
//! process and not to one runtime.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ymir_core::RunHandle;

use super::HostExecutor;
use super::run::Running;
use crate::runtime::process::ProcessId;

/// A run that this process created.
#[derive(Debug, Clone)]
pub(super) enum Known {
    /// It is not started.
    Created(Arc<dyn HostExecutor>),
    /// It is being started.
    Starting,
    /// It was started.
    Started(Arc<Running>),
}

#[derive(Debug)]
struct Entry {
    /// A forked process knows of the runs of its parent, and has none of them.
    process: ProcessId,
    run: Known,
}

/// The unit's directory and the attempt.
type Key = (PathBuf, u32);

fn key(handle: &RunHandle) -> Key {
    (handle.dir.clone(), handle.attempt)
}

static RUNS: Mutex<BTreeMap<Key, Entry>> = Mutex::new(BTreeMap::new());

fn runs() -> MutexGuard<'static, BTreeMap<Key, Entry>> {
    RUNS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns what this process knows of a run.
pub(super) fn find(handle: &RunHandle) -> Option<Known> {
    let runs = runs();
    let entry = runs.get(&key(handle)).filter(|entry| entry.process == ProcessId::own())?;
    Some(entry.run.clone())
}

/// Keeps a run.
pub(super) fn put(handle: &RunHandle, run: Known) {
    runs().insert(key(handle), Entry { process: ProcessId::own(), run });
}

/// Takes the function of a run that is to be started now; one caller gets it.
pub(super) fn claim(handle: &RunHandle) -> Option<Arc<dyn HostExecutor>> {
    let mut runs = runs();
    let entry = runs.get_mut(&key(handle)).filter(|entry| entry.process == ProcessId::own())?;
    match std::mem::replace(&mut entry.run, Known::Starting) {
        Known::Created(executor) => Some(executor),
        other => {
            entry.run = other;
            None
        }
    }
}

/// Forgets a run.
pub(super) fn forget(handle: &RunHandle) {
    runs().remove(&key(handle));
}
