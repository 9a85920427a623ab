use std::collections::HashSet;
use std::sync::Mutex;

use ymir_core::{Error, Name, Result};

use super::handle::Shared;
use super::history::Histories;
use super::objects::Objects;
use super::refs::Refs;

/// How many bytes of the records of a remote are kept in memory: they are copied once.
const CACHE_BYTES: usize = 32 << 20;

impl Shared {
    /// Returns the store as a remote has it: its branches and class table, which git fetched, over
    /// the same objects and blobs.
    pub(super) fn fetched(&self, remote: &str) -> Result<Self> {
        let remote = Name::new(remote)?;
        let prefix = format!("refs/remotes/{remote}/");
        if !self.refs.all()?.iter().any(|(name, _)| name.starts_with(&prefix)) {
            let message = format!(
                "nothing was fetched under this name; fetch it with `git --git-dir={} fetch \
                 REPOSITORY '+refs/heads/*:{prefix}*'`",
                self.git.display()
            );
            return Err(Error::not_found(message).with("remote", remote));
        }
        Ok(Self {
            root: self.root.clone(),
            git: self.git.clone(),
            objects: Objects::open(&self.git.join("objects"), CACHE_BYTES)?,
            refs: Refs::of_remote(&self.git, remote.as_str()),
            blobs: self.blobs.clone(),
            class_table: Mutex::default(),
            histories: Histories::default(),
            lone_packs: Mutex::new(HashSet::new()),
        })
    }
}
