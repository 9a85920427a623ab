//! A walk over everything that the refs of a repository reach, past every cache.

use std::collections::{HashMap, HashSet};

use git2::Oid;
use ymir_core::{AssetId, BlobId, ClassTable, Error, ErrorKind, Model, Result, Summary, VersionId};

use super::classes::{check_classes, read_classes};
use super::format::{commit_oid, version_id};
use super::handle::Shared;
use super::manifest::VersionData;
use super::node::{Child, DEPTH_MAX, nibble};
use super::objects::{Objects, damaged};
use super::versions::{read_version, ref_name};

/// What is told of anything wrong: what it is, by which version it was come upon, and the error.
pub(super) type OnProblem<'a> = &'a mut dyn FnMut(String, Option<VersionId>, Error);

/// What was reached.
#[derive(Debug, Default)]
pub(super) struct Reached {
    pub(super) versions: HashSet<VersionId>,
    /// The blobs that are needed, with their sizes.
    pub(super) blobs: HashMap<BlobId, u64>,
    pub(super) assets: u64,
    /// Refs at a version that was made for another, with that and the other.
    pub(super) misplaced: Vec<(String, VersionId, String)>,
    /// Versions, but for copies of those of other repositories, whose classes are not those of the
    /// workspace. What they need is known all the same.
    pub(super) strange: Vec<(VersionId, Error)>,
    /// Subtrees with their counts; none for a damaged one.
    nodes: HashMap<Oid, Option<Summary>>,
}

impl Reached {
    pub(super) fn nodes(&self) -> u64 {
        self.nodes.len() as u64
    }
}

impl Shared {
    /// Reads every version that a ref reaches, and everything in it. What is wrong is told, and
    /// passed over.
    pub(super) fn reach(&self, problem: OnProblem<'_>) -> Result<Reached> {
        let objects = Objects::open(&self.git.join("objects"), 0)?;
        let refs = self.refs.all()?;
        // Read after the refs: a version has no class that was not in the table before it.
        let table = self.classes().ok();
        let mut walk = Walk { objects, table, reached: Reached::default(), problem };
        for (name, tip) in refs {
            match tip {
                Ok(tip) => walk.branch(&name, tip),
                Err(error) => (walk.problem)(name, None, error),
            }
        }
        Ok(walk.reached)
    }
}

struct Walk<'a> {
    objects: Objects,
    /// The classes of the workspace, unless they are damaged, which is told by itself.
    table: Option<ClassTable>,
    reached: Reached,
    problem: OnProblem<'a>,
}

impl Walk<'_> {
    fn branch(&mut self, name: &str, tip: Oid) {
        if name == "refs/heads/classes" {
            if let Err(error) = read_classes(&self.objects, tip) {
                (self.problem)(name.to_owned(), None, error);
            }
            return;
        }
        let tip = match self.objects.peel(tip) {
            Ok(tip) => tip,
            Err(error) => return (self.problem)(name.to_owned(), None, error),
        };
        let mut next = Some(tip);
        while let Some(oid) = next.filter(|oid| self.reached.versions.insert(version_id(*oid))) {
            let id = version_id(oid);
            let data = match read_version(&self.objects, oid) {
                Ok(data) => data,
                // A branch of somebody else's in the same repository: what it is at is there, and
                // is no version.
                Err(error) if error.kind() == ErrorKind::NotFound && oid == tip && !ours(name) => {
                    self.reached.versions.remove(&id);
                    return;
                }
                Err(error) => {
                    (self.problem)(name.to_owned(), Some(id), error);
                    return;
                }
            };
            let told = ref_name(&data.version.branch);
            if oid == tip && name != told && !is_copy(name) {
                self.reached.misplaced.push((name.to_owned(), id, told));
            }
            if let Some(table) = &self.table
                && !is_copy(name)
                && let Err(error) = check_classes(&data, table)
            {
                self.reached.strange.push((id, error));
            }
            self.version(&data);
            next = data.version.parent.as_ref().and_then(commit_oid);
        }
    }

    fn version(&mut self, data: &VersionData) {
        let id = data.version.id;
        if let Some(model) = &data.manifest.model {
            self.reached.blobs.extend(model_files(model));
        }
        let root =
            Child { is_leaf: false, oid: data.assets, summary: data.manifest.summary.clone() };
        let found = self.subtree(&root, &mut Vec::new(), id);
        if found.is_some_and(|found| found != data.manifest.summary) {
            let error = damaged(data.assets, "its records are not those that the manifest counts");
            (self.problem)(id.to_string(), Some(id), error);
        }
    }

    /// Returns the counts of a subtree, from its records; none if something in it is wrong.
    fn subtree(&mut self, child: &Child, path: &mut Vec<usize>, by: VersionId) -> Option<Summary> {
        if let Some(known) = self.reached.nodes.get(&child.oid) {
            return known.clone();
        }
        let counted = match child.is_leaf {
            true => self.leaf(child, path).map(Some),
            false => self.inner(child, path, by),
        };
        let counted = counted.unwrap_or_else(|error| {
            (self.problem)(child.oid.to_string(), Some(by), error);
            None
        });
        self.reached.nodes.insert(child.oid, counted.clone());
        counted
    }

    fn inner(
        &mut self,
        child: &Child,
        path: &mut Vec<usize>,
        by: VersionId,
    ) -> Result<Option<Summary>> {
        if path.len() >= DEPTH_MAX {
            return Err(damaged(child.oid, "the trie is deeper than an id has digits"));
        }
        let inner = self.objects.inner(child.oid)?;
        let mut total = Some(Summary::default());
        for (place, below) in inner.children.iter().enumerate() {
            let Some(below) = below else { continue };
            path.push(place);
            let found = self.subtree(below, path, by);
            path.pop();
            match (&found, &mut total) {
                (Some(found), _) if *found != below.summary => {
                    let why = "the records below it are not those that it counts";
                    return Err(damaged(child.oid, why));
                }
                (Some(found), Some(total)) => total.merge(found),
                _ => total = None,
            }
        }
        Ok(total)
    }

    fn leaf(&mut self, child: &Child, path: &[usize]) -> Result<Summary> {
        let leaf = self.objects.leaf(child)?;
        let mut summary = Summary::default();
        for i in 0..leaf.len() {
            let record = leaf.record(i);
            let belongs = |id: &AssetId| path.iter().enumerate().all(|(d, n)| nibble(id, d) == *n);
            if !belongs(&record.asset.id) {
                return Err(damaged(child.oid, "it has a record of another subtree"));
            }
            summary.add(&record);
            let size = record.asset.byte_size;
            self.reached.assets +=
                u64::from(self.reached.blobs.insert(record.asset.id, size).is_none());
        }
        Ok(summary)
    }
}

/// Returns whether a ref is of those that git keeps for marking versions, and versions elsewhere.
fn is_copy(name: &str) -> bool {
    ["refs/tags/", "refs/remotes/"].iter().any(|prefix| name.starts_with(prefix))
}

pub(super) fn ours(name: &str) -> bool {
    ymir_core::BranchKind::ALL
        .iter()
        .any(|kind| name.starts_with(&format!("refs/heads/{}/", kind.plural())))
}

fn model_files(model: &Model) -> impl Iterator<Item = (BlobId, u64)> + '_ {
    let stages = model.stages.iter().flat_map(|stage| &stage.files);
    stages.chain(&model.attachments).map(|file| (file.blob, file.size))
}
