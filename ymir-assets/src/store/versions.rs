use std::sync::Arc;

use git2::{ObjectType, Oid};
use ymir_core::{Branch, BranchKind, Error, Name, Result, Selector, Version, VersionId};

use super::classes::check_classes;
use super::format::{commit_oid, decode_commit, decode_tree, version_id};
use super::handle::Shared;
use super::manifest::{self, VersionData};
use super::objects::{Objects, damaged};

/// So many versions are listed in an error.
const SHOWN: usize = 10;
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
        let Some(oid) = commit_oid(id) else { return Err(none().with("version", id)) };
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

    pub(super) fn required_tip(&self, branch: &Branch) -> Result<Arc<VersionData>> {
        if let Some(tip) = self.tip(branch)? {
            return Ok(tip);
        }
        let names = self.branches(branch.kind)?;
        let shown: Vec<_> = names.iter().take(20).map(Name::as_str).collect();
        let shown = if shown.is_empty() { "none".into() } else { shown.join(", ") };
        let message = format!("no {} of this name; there are: {shown}", branch.kind.plural());
        Err(Error::not_found(message).with("branch", branch))
    }

    pub(super) fn resolve(&self, branch: &Branch, selector: &Selector) -> Result<Version> {
        let tip = self.required_tip(branch)?;
        let newest = tip.version.number;
        match selector {
            Selector::Latest => Ok(tip.version.clone()),
            Selector::Number(number) if *number == newest => Ok(tip.version.clone()),
            Selector::Number(number) if (1..=newest).contains(number) => {
                self.numbered(branch, &tip, *number)
            }
            Selector::Number(number) => {
                let message = format!("the branch has no such version; it has v1 to v{newest}");
                Err(Error::not_found(message).with("branch", branch).with("number", number))
            }
            Selector::Id(digits) => self.resolve_id(branch, &tip, digits),
        }
    }

    fn resolve_id(&self, branch: &Branch, tip: &VersionData, digits: &str) -> Result<Version> {
        let wanted = digits.to_ascii_lowercase();
        let list = |versions: &[(u64, Oid)]| {
            let shown = versions.iter().map(|(number, id)| format!("v{number} {id}"));
            shown.collect::<Vec<_>>().join(", ")
        };
        let found = self.ids_with(branch, tip, &wanted, SHOWN)?;
        match found.as_slice() {
            [(number, _)] => self.numbered(branch, tip, *number),
            [] => {
                let newest = list(&self.ids_with(branch, tip, "", SHOWN)?);
                let message =
                    format!("no version of the branch begins so; the newest are: {newest}");
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

fn none() -> Error {
    Error::not_found("no version of this id in the workspace")
}

/// Reads a version with its manifest, past the cache.
pub(super) fn read_version(objects: &Objects, oid: Oid) -> Result<VersionData> {
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
