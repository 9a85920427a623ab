use std::sync::Arc;

use futures::StreamExt;
use git2::{ObjectType, Oid};
use prost::Message;
use sha1::{Digest, Sha1};
use ymir_core::{
    Base, Branch, ClassTable, CommitRequest, Edit, EditSource, Error, ErrorKind, Expect, Manifest,
    Result, Summary, Timestamp, Version, VersionId,
};

use super::durable::{sync_all, sync_dir};
use super::edits::EditBuckets;
use super::format::{TreeEntry, commit_oid, encode_commit, encode_tree, object_id, version_id};
use super::handle::{GitAssetStore, Shared};
use super::lock::Lock;
use super::manifest::{self, VersionData};
use super::pack::{PackWriter, Packing};
use super::update::Update;
use super::validate;
use super::versions::{ASSETS, MANIFEST, ref_name};

/// What is committed, apart from the edits.
struct Draft {
    branch: Branch,
    base: Base,
    expect: Expect,
    manifest: Manifest,
    message: String,
}

/// How one attempt ended.
enum Attempt {
    Done(Version),
    /// Another writer was faster.
    Lost,
}

impl GitAssetStore {
    pub(super) async fn commit_request(&self, request: CommitRequest) -> Result<Version> {
        let CommitRequest { branch, base, edits, expect, manifest, message } = request;
        let draft = Draft { branch, base, expect, manifest, message };
        match EditSource::from(edits) {
            EditSource::Iterator(mut edits) => {
                let commit = move |store: &Shared| {
                    let mut collected = store.begin(&draft)?;
                    edits.try_for_each(|edit| collected.push(store, edit?))?;
                    store.commit(&draft, &collected.buckets)
                };
                self.blocking(commit).await
            }
            EditSource::Stream(mut batches) => {
                let draft = Arc::new(draft);
                let begun = draft.clone();
                let mut collected = self.blocking(move |store| store.begin(&begun)).await?;
                while let Some(batch) = batches.next().await {
                    let batch = batch?;
                    let collect = move |store: &Shared| {
                        batch.into_iter().try_for_each(|edit| collected.push(store, edit))?;
                        Ok(collected)
                    };
                    collected = self.blocking(collect).await?;
                }
                self.blocking(move |store| store.commit(&draft, &collected.buckets)).await
            }
        }
    }
}

/// The edits of a commit that were read and checked.
struct Collected {
    buckets: EditBuckets,
    classes: ClassTable,
}

impl Collected {
    fn push(&mut self, store: &Shared, edit: Edit) -> Result<()> {
        if let Edit::Put(record) = &edit
            && validate::check(record, &self.classes).is_err()
        {
            // The class may have been added meanwhile, by the edits themselves perhaps.
            self.classes = store.classes()?;
            validate::check(record, &self.classes)?;
        }
        self.buckets.push(edit)
    }
}

impl Shared {
    /// Returns no edits yet, after what can be known to fail has failed.
    fn begin(&self, draft: &Draft) -> Result<Collected> {
        self.check_expected(draft, self.refs.read(&ref_name(&draft.branch))?)?;
        if let Base::Version(id) = draft.base {
            self.load(&id)?;
        }
        Ok(Collected { buckets: EditBuckets::new(&self.packs()), classes: self.classes()? })
    }

    fn commit(&self, draft: &Draft, edits: &EditBuckets) -> Result<Version> {
        if let Attempt::Done(version) = self.attempt(draft, edits, None)? {
            return Ok(version);
        }
        // The second attempt holds the lock from its beginning, so that nobody can be faster but
        // stock git, and no writer starves.
        loop {
            let lock = self.refs.lock(&ref_name(&draft.branch))?;
            if let Attempt::Done(version) = self.attempt(draft, edits, Some(lock))? {
                return Ok(version);
            }
        }
    }

    fn check_expected(&self, draft: &Draft, tip: Option<Oid>) -> Result<()> {
        let tip = tip.map(version_id);
        match draft.expect {
            Expect::Any => Ok(()),
            Expect::New if tip.is_none() => Ok(()),
            Expect::New => {
                let message = "the branch exists; choose another name, or commit on top of it";
                Err(Error::new(ErrorKind::AlreadyExists, message).with("branch", &draft.branch))
            }
            Expect::Tip(expected) if tip == Some(expected) => Ok(()),
            Expect::Tip(expected) => {
                let message = "the branch is no longer at the expected version; read its newest version and retry";
                let found = tip.map_or("none".to_owned(), |tip| tip.to_string());
                Err(Error::new(ErrorKind::Conflict, message)
                    .with("branch", &draft.branch)
                    .with("expected", expected)
                    .with("found", found))
            }
        }
    }

    fn attempt(&self, draft: &Draft, edits: &EditBuckets, lock: Option<Lock>) -> Result<Attempt> {
        let name = ref_name(&draft.branch);
        let tip = self.tip(&draft.branch)?;
        let tip_oid = self.tip_oid(tip.as_deref());
        self.check_expected(draft, tip_oid)?;
        let base = match draft.base {
            Base::Empty => None,
            Base::Version(id) => Some(self.load(&id)?.assets),
            Base::Tip => tip.as_ref().map(|tip| tip.assets),
        };
        let pack = PackWriter::new(&self.packs());
        let update = Update { objects: &self.objects, pack: &pack };
        let (assets, summary) = update.root(base, edits.source())?;
        let manifest = Manifest { classes: self.classes()?, summary, ..draft.manifest.clone() };
        let (version, commit) =
            self.write_commit(draft, tip.as_deref(), assets, &manifest, &pack)?;

        // First barrier: all that is new is on disk, and still invisible.
        let value = self.refs.prepare(commit)?;
        let Some(pack) = pack.finish()? else {
            return Err(Error::new(ErrorKind::Unexpected, "a commit made no objects"));
        };
        let files = [&pack.pack, &pack.index, &value.file];
        sync_all(&files.map(|file| (file.as_file(), file.path())))?;

        let lock = match lock {
            Some(lock) => lock,
            None => self.refs.lock(&name)?,
        };
        if self.refs.read(&name)? != tip_oid {
            return Ok(Attempt::Lost);
        }
        pack.publish()?;
        // Second barrier: the names of the packs, so that the ref is never without them, also on a
        // file system that does not keep the order of renames.
        sync_dir(&self.packs())?;
        if !self.refs.set(&lock, &name, tip_oid, value)? {
            return Ok(Attempt::Lost);
        }
        self.remember(&lock, &name, &version, &manifest);
        drop(lock);
        // Third barrier: the name of the ref.
        self.refs.sync(&name)?;
        self.consolidate();
        Ok(Attempt::Done(version))
    }

    fn tip_oid(&self, tip: Option<&VersionData>) -> Option<Oid> {
        tip.and_then(|tip| commit_oid(&tip.version.id))
    }

    /// Writes manifest, tree and commit into the pack.
    fn write_commit(
        &self,
        draft: &Draft,
        tip: Option<&VersionData>,
        assets: Oid,
        manifest: &Manifest,
        pack: &PackWriter,
    ) -> Result<(Version, Oid)> {
        let number = tip.map_or(0, |tip| tip.version.number) + 1;
        let message = message(draft, number, &manifest.summary);
        let mut version = Version {
            id: VersionId::new([0; 20]),
            branch: draft.branch.clone(),
            number,
            parent: tip.map(|tip| tip.version.id),
            created: Timestamp::now(),
            content: content(assets, manifest),
            message: message.lines().next().unwrap_or_default().to_owned(),
        };
        let put = |kind, data: &[u8]| -> Result<Oid> {
            let oid = object_id(kind, data);
            pack.put(oid, kind, data, Packing::Deflated)?;
            Ok(oid)
        };
        let file = put(ObjectType::Blob, &manifest::encode(manifest, &version))?;
        let tree = put(
            ObjectType::Tree,
            &encode_tree(&[
                TreeEntry { name: ASSETS.into(), is_tree: true, oid: assets },
                TreeEntry { name: MANIFEST.into(), is_tree: false, oid: file },
            ]),
        )?;
        let parent = self.tip_oid(tip);
        let commit = encode_commit(tree, parent, version.created, &message);
        let commit = put(ObjectType::Commit, &commit)?;
        version.id = version_id(commit);
        Ok((version, commit))
    }
}

/// Returns the identity of the content: that of the trie; for a model or project, which have no
/// records, the SHA-1 of it with the model or project.
fn content(assets: Oid, manifest: &Manifest) -> VersionId {
    if manifest.model.is_none() && manifest.project.is_none() {
        return version_id(assets);
    }
    let model = manifest.model.as_ref().map(manifest::encode_model);
    let model = model.map_or(Vec::new(), |model| model.encode_to_vec());
    let project = manifest.project.as_deref().unwrap_or_default();
    let mut hash = Sha1::new();
    hash.update(b"ymir content\0");
    hash.update(assets.as_bytes());
    hash.update((model.len() as u64).to_le_bytes());
    hash.update(model);
    hash.update(project);
    VersionId::new(hash.finalize().into())
}

/// Returns the message of the commit: the caller's, then the totals.
fn message(draft: &Draft, number: u64, summary: &Summary) -> String {
    let text = draft.message.replace('\0', "");
    let (subject, body) = text.trim().split_once('\n').unwrap_or((text.trim(), ""));
    let subject = match subject.trim() {
        "" => format!("{} v{number}", draft.branch),
        subject => subject.to_owned(),
    };
    let mut out = format!("{subject}\n");
    if !body.trim().is_empty() {
        out.push_str(&format!("\n{}\n", body.trim()));
    }
    out.push_str(&format!("\nBranch: {} v{number}\n", draft.branch));
    out.push_str(&format!("Task: {}\n", draft.manifest.task.kind.as_str()));
    if summary.assets > 0 {
        out.push_str(&format!("Assets: {}\n", summary.assets));
        out.push_str(&format!("Negatives: {}\n", summary.negatives));
        out.push_str(&format!("Annotations: {}\n", summary.annotations));
        out.push_str(&format!("Bytes: {}\n", summary.bytes));
    }
    out
}
