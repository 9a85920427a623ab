//! The check of a repository, and the blobs that its versions need.

use std::collections::HashMap;
use std::{fs, io};

use ymir_core::{BlobId, Error, ErrorKind, FsckReport, GarbageOptions, Problem, Result};

use super::checksum::{self, sums_up};
use super::handle::Shared;
use super::reach::ours;

/// The most problems that are listed.
const MAX_PROBLEMS: usize = 1000;

/// What was found in the repository; the blobs are not looked at yet.
#[derive(Debug, Default)]
pub(super) struct Check {
    report: FsckReport,
    /// The blobs that versions need, with their sizes, in the order of their ids.
    pub(super) blobs: Vec<(BlobId, u64)>,
}

impl Check {
    fn note(&mut self, subject: String, version: Option<String>, error: &Error) {
        let problems = &mut self.report.problems;
        if problems.len() < MAX_PROBLEMS {
            problems.push(Problem { subject, version, message: error.to_string() });
        }
    }

    /// Returns the report, given what is wrong with the blobs.
    pub(super) fn report(
        mut self,
        blobs: &[(BlobId, u64)],
        damaged: Vec<(BlobId, Error)>,
    ) -> FsckReport {
        for (id, error) in damaged {
            self.note(format!("blob {id}"), None, &error);
        }
        self.report.blobs = blobs.len() as u64;
        self.report.blob_bytes = blobs.iter().map(|(_, size)| size).sum();
        self.report
    }
}

impl Shared {
    /// Reads everything that the refs reach.
    pub(super) fn check(&self) -> Result<Check> {
        let mut check = Check::default();
        let reached = self.reach(&mut |subject, version, error| {
            check.note(subject, version.map(|id| id.to_string()), &error);
        })?;
        for (name, id, told) in &reached.misplaced {
            // Somebody's own branch beside that of the dataset does no harm.
            if !ours(name) && self.refs.read(told)?.is_some() {
                continue;
            }
            let message = "the branch is at a version that was made for another; if it was not \
                           renamed on purpose, put it back with `git branch -m`";
            let error = Error::corrupted(message).with("made for", told);
            check.note(name.clone(), Some(id.to_string()), &error);
        }
        for (id, error) in &reached.strange {
            check.note(id.to_string(), Some(id.to_string()), error);
        }
        for (file, error) in self.damaged_packs()? {
            check.note(format!("file {file}"), None, &error);
        }
        check.report.versions = reached.versions.len() as u64;
        check.report.nodes = reached.nodes();
        check.report.assets = reached.assets;
        check.blobs = reached.blobs.into_iter().collect();
        check.blobs.sort_unstable();
        Ok(check)
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

    /// Returns the blobs that versions need, with their sizes, if all versions can be read.
    pub(super) fn used_blobs(&self, options: GarbageOptions) -> Result<HashMap<BlobId, u64>> {
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
        Ok(reached.blobs)
    }
}
