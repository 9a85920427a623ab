use std::sync::Arc;

use git2::{ObjectType, Oid};
use ymir_core::{Branch, BranchKind, Error, Name, Result, Selector, Version, VersionId};

use super::classes::check_classes;
use super::format::{commit_oid, decode_commit, decode_tree, version_id};
use super::handle::Shared;
use super::manifest::{self, VersionData};
use super::objects::{Objects, damaged};

/// The name of the manifest in the tree of a commit.
pub(super) const MANIFEST: &str = "manifest.pb";
/// The name of the trie in the tree of a commit.
pub(super) const ASSETS: &str = "assets";

/// Returns the name of the ref of a branch.
pub(super) fn ref_name(branch: &Branch) -> String {
    format!("refs/heads/{branch}")
}

impl Shared {
    pub(super) fn branches(&self, kind: BranchKind) -> Result<Vec<Name>> {
        let names = self.refs.list(&format!("refs/heads/{}", kind.plural()))?;
        Ok(names.into_iter().filter_map(|name| Name::new(name).ok()).collect())
    }

    /// Returns a version with its manifest.
    pub(super) fn load(&self, id: &VersionId) -> Result<Arc<VersionData>> {
        let oid = commit_oid(id);
        if let Some(version) = self.objects.cached_version(oid) {
            return Ok(version);
        }
        let version =
            Arc::new(read_version(&self.objects, oid).map_err(|e| e.with("version", id))?);
        // Read after the version: it has no class that was not in the table before it.
        // With a damaged table nothing is written, so that nothing can be taken for something else.
        if let Ok(table) = self.classes() {
            check_classes(&version, &table)?;
        }
        self.objects.cache_version(oid, version.clone());
        Ok(version)
    }

    /// Returns the newest version of a branch.
    pub(super) fn tip(&self, branch: &Branch) -> Result<Option<Arc<VersionData>>> {
        let Some(oid) = self.refs.read(&ref_name(branch))? else { return Ok(None) };
        let missing = |e: Error| match e.kind() {
            ymir_core::ErrorKind::NotFound => {
                let message = "the newest version of the branch is missing or no version";
                Error::corrupted(message).with("branch", branch).caused_by(e)
            }
            _ => e.with("branch", branch),
        };
        self.load(&version_id(oid)).map(Some).map_err(missing)
    }

    fn required_tip(&self, branch: &Branch) -> Result<Arc<VersionData>> {
        if let Some(tip) = self.tip(branch)? {
            return Ok(tip);
        }
        let names = self.branches(branch.kind)?;
        let shown: Vec<_> = names.iter().take(20).map(Name::as_str).collect();
        let shown = if shown.is_empty() { "none".into() } else { shown.join(", ") };
        let message = format!("no {} of this name; there are: {shown}", branch.kind.plural());
        Err(Error::not_found(message).with("branch", branch))
    }

    /// Returns the version before another one.
    fn parent(&self, version: &Version) -> Result<Option<Arc<VersionData>>> {
        let Some(parent) = version.parent else { return Ok(None) };
        let parent = self.load(&parent).map_err(|e| match e.kind() {
            ymir_core::ErrorKind::NotFound => {
                let message = "the version before this one is missing; fetch it from a clone";
                Error::corrupted(message).with("version", version.id).caused_by(e)
            }
            _ => e,
        })?;
        Ok(Some(parent))
    }

    pub(super) fn log(&self, branch: &Branch) -> Result<Vec<Version>> {
        let mut versions = Vec::new();
        let mut next = Some(self.required_tip(branch)?);
        while let Some(data) = next {
            next = self.parent(&data.version)?;
            versions.push(data.version.clone());
        }
        Ok(versions)
    }

    pub(super) fn resolve(&self, branch: &Branch, selector: &Selector) -> Result<Version> {
        let tip = self.required_tip(branch)?;
        match selector {
            Selector::Latest => Ok(tip.version.clone()),
            Selector::Number(number) => {
                let (newest, mut next) = (tip.version.number, Some(tip));
                while let Some(data) = next {
                    if data.version.number == *number {
                        return Ok(data.version.clone());
                    }
                    next = self.parent(&data.version)?.filter(|p| p.version.number >= *number);
                }
                let message = format!("the branch has no such version; it has v1 to v{newest}");
                Err(Error::not_found(message).with("branch", branch).with("number", number))
            }
            Selector::Id(digits) => self.resolve_id(branch, digits),
        }
    }

    fn resolve_id(&self, branch: &Branch, digits: &str) -> Result<Version> {
        let wanted = digits.to_ascii_lowercase();
        let versions = self.log(branch)?;
        let fits = |version: &&Version| version.id.to_string().starts_with(&wanted);
        let found: Vec<&Version> = versions.iter().filter(fits).collect();
        let list = |versions: &[&Version]| {
            let shown = versions.iter().take(10).map(|v| format!("v{} {}", v.number, v.id));
            shown.collect::<Vec<_>>().join(", ")
        };
        match found.as_slice() {
            [one] => Ok((*one).clone()),
            [] => {
                let all: Vec<_> = versions.iter().collect();
                let message =
                    format!("no version of the branch begins so; the newest are: {}", list(&all));
                Err(Error::not_found(message).with("branch", branch).with("id", digits))
            }
            several => {
                let message =
                    format!("several versions begin so; give more digits: {}", list(several));
                Err(Error::invalid(message).with("branch", branch).with("id", digits))
            }
        }
    }
}

/// Reads a version with its manifest, past the cache.
pub(super) fn read_version(objects: &Objects, oid: Oid) -> Result<VersionData> {
    let none = || Error::not_found("no version of this id in the workspace");
    let data = objects.find(oid, ObjectType::Commit)?.ok_or_else(none)?;
    let commit = decode_commit(&data).ok_or_else(|| damaged(oid, "it is no commit"))?;
    let tree = objects.read(commit.tree, ObjectType::Tree)?;
    let tree = decode_tree(&tree).ok_or_else(|| damaged(commit.tree, "it is no tree"))?;
    let entry = |name| tree.iter().find(|entry| entry.name == name);
    let file = entry(MANIFEST).filter(|entry| !entry.is_tree).ok_or_else(none)?.oid;
    let assets = entry(ASSETS).filter(|entry| entry.is_tree);
    let assets = assets.ok_or_else(|| damaged(commit.tree, "it has no folder `assets`"))?.oid;
    let data = objects.read(file, ObjectType::Blob)?;
    manifest::decode(oid, commit, assets, file, &data)
}
