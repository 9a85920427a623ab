//! The check of a store, and the deletion of blobs that no version reaches.

use ymir_core::{
    Error, ErrorKind, FsckOptions, FsckReport, GarbageOptions, GarbageReport, Problem, Result,
};

use super::handle::Shared;

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
