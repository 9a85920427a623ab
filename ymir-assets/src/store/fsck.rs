//! The check of a store, and the deletion of blobs that no version reaches.

use std::{fs, io};

use ymir_core::{
    Error, ErrorKind, FsckOptions, FsckReport, GarbageOptions, GarbageReport, Problem, Result,
};

use super::checksum::{self, sums_up};
use super::handle::Shared;
use super::reach::ours;

/// The most problems that are listed.
const MAX_PROBLEMS: usize = 1000;

impl Shared {
    pub(super) fn fsck(&self, options: FsckOptions) -> Result<FsckReport> {
        let mut problems = Vec::new();
        let mut note = |subject: String, version: Option<String>, error: &Error| {
            if problems.len() < MAX_PROBLEMS {
                problems.push(Problem { subject, version, message: error.to_string() });
            }
        };
        let reached = self.reach(&mut |subject, version, error| {
            note(subject, version.map(|id| id.to_string()), &error);
        })?;
        for (name, id, told) in &reached.misplaced {
            // Somebody's own branch beside that of the dataset does no harm.
            if !ours(name) && self.refs.read(told)?.is_some() {
                continue;
            }
            let message = "the branch is at a version that was made for another; if it was not \
                           renamed on purpose, put it back with `git branch -m`";
            let error = Error::corrupted(message).with("made for", told);
            note(name.clone(), Some(id.to_string()), &error);
        }
        for (id, error) in &reached.strange {
            note(id.to_string(), Some(id.to_string()), error);
        }
        for (file, error) in self.damaged_packs()? {
            note(format!("file {file}"), None, &error);
        }
        let mut blobs: Vec<_> = reached.blobs.iter().map(|(id, size)| (*id, *size)).collect();
        blobs.sort_unstable();
        for (id, error) in self.blobs.check(&blobs, options.blobs)? {
            note(format!("blob {id}"), None, &error);
        }
        Ok(FsckReport {
            versions: reached.versions.len() as u64,
            nodes: reached.nodes(),
            assets: reached.assets,
            blobs: blobs.len() as u64,
            blob_bytes: blobs.iter().map(|(_, size)| size).sum(),
            problems,
        })
    }

    /// Returns the packs and indexes whose bytes are not those that their checksums are of: some
    /// are in no object.
    fn damaged_packs(&self) -> Result<Vec<(String, Error)>> {
        let dir = self.packs();
        let fail = |e| Error::io("cannot list the packs", &dir, e);
        let mut damaged = Vec::new();
        for entry in fs::read_dir(&dir).map_err(fail)? {
            let path = entry.map_err(fail)?.path();
            let is_ours = path.extension().is_some_and(|e| e == "pack" || e == "idx");
            if !is_ours {
                continue;
            }
            let error = match sums_up(&path) {
                Ok(true) => continue,
                // A pack that was joined with others meanwhile.
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                Ok(false) => checksum::damaged(&path),
                Err(e) => Error::io("cannot read a file of the repository", &path, e),
            };
            let name = path.strip_prefix(&self.git).unwrap_or(&path).display().to_string();
            damaged.push((name, error));
        }
        damaged.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(damaged)
    }

    pub(super) fn collect_garbage(&self, options: GarbageOptions) -> Result<GarbageReport> {
        let mut first = None;
        let reached = self.reach(&mut |_, _, error| {
            first.get_or_insert(error);
        })?;
        if let Some(error) = first {
            let message = "nothing is deleted from a store that is damaged, since what it needs \
                           cannot be told; `fsck` lists the damage";
            return Err(Error::new(ErrorKind::Corrupted, message).caused_by(error));
        }
        if !options.dry_run {
            self.consolidate();
        }
        self.blobs.sweep(&reached.blobs, options)
    }
}
