//! Git's text and binary formats: object headers, trees and commits.

use git2::{ObjectType, Oid};
use sha1::{Digest, Sha1};
use ymir_core::{Timestamp, VersionId};

/// An entry of a git tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TreeEntry {
    pub(super) name: String,
    pub(super) is_tree: bool,
    pub(super) oid: Oid,
}

/// What the store reads of a git commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Commit {
    pub(super) tree: Oid,
    pub(super) parent: Option<Oid>,
    pub(super) subject: String,
}

/// Returns the id that git gives an object.
pub(super) fn object_id(kind: ObjectType, data: &[u8]) -> Oid {
    let mut hash = Sha1::new();
    hash.update(format!("{} {}\0", kind.str(), data.len()));
    hash.update(data);
    oid(hash.finalize().into())
}

pub(super) fn oid(bytes: [u8; 20]) -> Oid {
    Oid::from_bytes(&bytes).expect("an object id has 20 bytes")
}

pub(super) fn version_id(oid: Oid) -> VersionId {
    VersionId::try_from(oid.as_bytes()).expect("an object id has 20 bytes")
}

/// Returns the id of the commit that is a version; none for an id that is no commit's.
pub(super) fn commit_oid(id: &VersionId) -> Option<Oid> {
    id.as_bytes().try_into().ok().map(oid)
}

/// Returns a tree; the entries must be in git's order.
pub(super) fn encode_tree(entries: &[TreeEntry]) -> Vec<u8> {
    let mut data = Vec::with_capacity(entries.len() * 32);
    for entry in entries {
        data.extend_from_slice(if entry.is_tree { b"40000 " } else { b"100644 " });
        data.extend_from_slice(entry.name.as_bytes());
        data.push(0);
        data.extend_from_slice(entry.oid.as_bytes());
    }
    data
}

/// Returns the entries of a tree; none if it is malformed.
pub(super) fn decode_tree(mut data: &[u8]) -> Option<Vec<TreeEntry>> {
    let mut entries = Vec::new();
    while !data.is_empty() {
        let space = data.iter().position(|b| *b == b' ')?;
        let zero = data.iter().position(|b| *b == 0).filter(|zero| *zero > space)?;
        let name = std::str::from_utf8(&data[space + 1..zero]).ok()?.to_owned();
        let is_tree = match &data[..space] {
            b"40000" => true,
            b"100644" => false,
            _ => return None,
        };
        let rest = &data[zero + 1..];
        let (id, rest) = rest.split_at_checked(20)?;
        entries.push(TreeEntry { name, is_tree, oid: Oid::from_bytes(id).ok()? });
        data = rest;
    }
    Some(entries)
}

/// Returns a commit of the fixed identity that all commits of the store have.
pub(super) fn encode_commit(
    tree: Oid,
    parent: Option<Oid>,
    created: Timestamp,
    message: &str,
) -> Vec<u8> {
    let parent = parent.map_or(String::new(), |parent| format!("parent {parent}\n"));
    let who = format!("YMIR <ymir@localhost> {} +0000", created.as_second());
    format!("tree {tree}\n{parent}author {who}\ncommitter {who}\n\n{message}").into_bytes()
}

/// Returns what a commit says; none if it is malformed.
pub(super) fn decode_commit(data: &[u8]) -> Option<Commit> {
    let text = String::from_utf8_lossy(data);
    let (header, message) = text.split_once("\n\n")?;
    let mut lines = header.lines();
    let tree = lines.next()?.strip_prefix("tree ")?.parse().ok()?;
    let parent = match lines.next()?.strip_prefix("parent ") {
        Some(parent) => Some(parent.parse().ok()?),
        None => None,
    };
    let subject = message.lines().next().unwrap_or_default().to_owned();
    Some(Commit { tree, parent, subject })
}
