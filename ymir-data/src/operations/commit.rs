use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::BoxFuture;
use ymir_core::{
    AssetId, AssetStore, Base, Branch, BranchKind, CommitRequest, DiffOptions, Edit, Error,
    ErrorKind, Expect, Input, Manifest, ObjectType, OnProgress, Result, Selector, TaskKind,
    TaskRecord, Ticker, Timestamp, Version, VersionId,
};

use super::class_map::ClassMap;
use super::copy::Copying;
use super::fuse::Fusing;
use super::merge::{MergeStrategy, send_merge};
use super::stream::{EditSender, channel, commit_streamed};

/// How many records are read and sent at once.
pub(super) const BATCH: usize = 1024;
/// How often other writers of the branch may win before the condition on it is given up.
const ATTEMPTS: usize = 8;

/// What an operation does with the records of its source.
pub(super) enum Plan<'a> {
    /// It takes these, and nothing else.
    Keep(Vec<AssetId>),
    /// It takes all but these.
    Drop(Vec<AssetId>),
    /// It joins another version's.
    Merge(VersionId, MergeStrategy),
    /// It takes all, these with other annotations.
    Relabel(Vec<AssetId>, ClassMap),
    /// It takes all into another store, with their blobs.
    Copy(Box<Copying<'a>>),
    /// It joins those of several versions.
    Fuse(Box<Fusing<'a>>),
}

/// An operation on a version, on its way to becoming another.
pub(super) struct Operation<'a> {
    store: &'a Arc<dyn AssetStore>,
    /// The store of the source, if it is not the same.
    from: &'a Arc<dyn AssetStore>,
    source: Version,
    target: &'a Branch,
    task: TaskRecord,
    /// What its annotations will be, if not what those of the source are.
    object_type: Option<ObjectType>,
    /// Further parameters of the record, which do not tell this work from other work.
    notes: BTreeMap<String, String>,
    on_progress: OnProgress<'a>,
}

impl<'a> Operation<'a> {
    /// Returns an operation.
    ///
    /// # Errors
    ///
    /// `NotFound` if the source does not exist, `InvalidInput` if the target is of another kind.
    pub(super) async fn new(
        store: &'a Arc<dyn AssetStore>,
        kind: TaskKind,
        name: &str,
        source: &VersionId,
        target: &'a Branch,
    ) -> Result<Self> {
        Self::between(store, store, kind, name, source, target).await
    }

    /// Returns an operation that makes a version in one store of one in another.
    ///
    /// # Errors
    ///
    /// As [`Operation::new`].
    pub(super) async fn between(
        from: &'a Arc<dyn AssetStore>,
        store: &'a Arc<dyn AssetStore>,
        kind: TaskKind,
        name: &str,
        source: &VersionId,
        target: &'a Branch,
    ) -> Result<Self> {
        let source = from.version(source).await?;
        let holds_records = matches!(target.kind, BranchKind::Dataset | BranchKind::Prediction);
        if source.branch.kind != target.kind || !holds_records {
            let message = "an operation makes datasets of datasets, and prediction sets of prediction sets; choose a target of the source's kind";
            return Err(Error::invalid(message)
                .with("source", &source.branch)
                .with("target", target));
        }
        let input = Input { role: "source".to_owned(), version: source.id };
        let task = TaskRecord {
            kind,
            parameters: BTreeMap::from([("operation".to_owned(), format!("{name:?}"))]),
            inputs: vec![input],
            started: Timestamp::now(),
            library_version: env!("CARGO_PKG_VERSION").to_owned(),
            ..TaskRecord::default()
        };
        let notes = BTreeMap::new();
        Ok(Self {
            store,
            from,
            source,
            target,
            task,
            object_type: None,
            notes,
            on_progress: &|_| (),
        })
    }

    pub(super) fn source(&self) -> &Version {
        &self.source
    }

    /// Adds a parameter, as JSON text.
    pub(super) fn parameter(mut self, name: &str, json: impl ToString) -> Self {
        self.task.parameters.insert(name.to_owned(), json.to_string());
        self
    }

    /// Adds a parameter, as JSON text, that follows from the others and the state of the stores.
    pub(super) fn note(mut self, name: &str, json: impl ToString) -> Self {
        self.notes.insert(name.to_owned(), json.to_string());
        self
    }

    /// Adds a version that is read.
    pub(super) fn input(mut self, role: &str, version: VersionId) -> Self {
        self.task.inputs.push(Input { role: role.to_owned(), version });
        self
    }

    /// Adds versions whose order makes no difference, and returns each of them once.
    pub(super) fn inputs(self, role: &str, versions: &[VersionId]) -> (Self, Vec<VersionId>) {
        let mut versions = versions.to_vec();
        versions.sort_unstable();
        versions.dedup();
        let operation =
            versions.iter().fold(self, |operation, version| operation.input(role, *version));
        (operation, versions)
    }

    /// Says that the records are those of several versions.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if their annotations cannot be of one dataset.
    pub(super) fn joining(mut self, manifests: &[&Manifest]) -> Result<Self> {
        let annotated = manifests.iter().filter(|manifest| manifest.summary.annotations > 0);
        for other in annotated.map(|manifest| manifest.object_type) {
            let known = self.object_type.unwrap_or(other);
            let Some(common) = known.common(other) else {
                let message = format!(
                    "annotations of {known} and of {other} cannot be joined; choose versions of \
                     one object type"
                );
                return Err(Error::invalid(message).with("target", self.target));
            };
            self.object_type = Some(common);
        }
        Ok(self)
    }

    /// Says where progress is told.
    pub(super) fn telling(mut self, on_progress: OnProgress<'a>) -> Self {
        self.on_progress = on_progress;
        self
    }

    pub(super) fn seed(mut self, seed: u64) -> Self {
        self.task.seed = seed;
        self
    }

    /// Returns the version that this operation made before, if it did.
    pub(super) async fn find(&mut self) -> Result<Option<Version>> {
        self.task.fingerprint = self.task.fingerprint();
        self.store.find_by_fingerprint(self.target, &self.task.fingerprint).await
    }

    /// Commits what the plan says, once: if another caller does the same at the same time, both
    /// get one version.
    pub(super) async fn commit(mut self, plan: Plan<'_>, message: String) -> Result<Version> {
        let source = self.from.manifest(&self.source.id).await?;
        self.task.fingerprint = self.task.fingerprint();
        for attempt in 1.. {
            // Before the look for what others made: what they make after it is a conflict.
            let tip = self.tip().await?;
            let made = self.store.find_by_fingerprint(self.target, &self.task.fingerprint).await?;
            if let Some(version) = made {
                return Ok(version);
            }
            let expect = match tip {
                _ if attempt == ATTEMPTS => Expect::Any,
                Some(tip) => Expect::Tip(tip.id),
                None => Expect::New,
            };
            match self.try_commit(&plan, &source, expect, &message).await {
                Err(error)
                    if attempt < ATTEMPTS
                        && matches!(
                            error.kind(),
                            ErrorKind::Conflict | ErrorKind::AlreadyExists
                        ) => {}
                result => return result,
            }
        }
        unreachable!("the last attempt returns")
    }

    /// Returns the newest version of the target, if there is one.
    async fn tip(&self) -> Result<Option<Version>> {
        match self.store.resolve(self.target, &Selector::Latest).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            tip => tip.map(Some),
        }
    }

    async fn try_commit(
        &self,
        plan: &Plan<'_>,
        source: &Manifest,
        expect: Expect,
        message: &str,
    ) -> Result<Version> {
        let (sender, edits) = channel();
        let base = match plan {
            Plan::Keep(_) | Plan::Copy(_) | Plan::Fuse(_) => Base::Empty,
            Plan::Drop(_) | Plan::Merge(..) | Plan::Relabel(..) => Base::Version(self.source.id),
        };
        let mut task = TaskRecord { finished: Timestamp::now(), ..self.task.clone() };
        task.parameters.extend(self.notes.clone());
        let manifest = Manifest {
            object_type: self.object_type.unwrap_or(source.object_type),
            task,
            prediction: source.prediction,
            ..Manifest::default()
        };
        let branch = self.target.clone();
        let message = message.to_owned();
        let request = CommitRequest { branch, base, edits, expect, manifest, message };
        let sending: BoxFuture<'_, _> = match plan {
            Plan::Keep(ids) => Box::pin(self.send_kept(ids, sender)),
            Plan::Drop(ids) => Box::pin(self.send_removals(ids, sender)),
            Plan::Relabel(ids, map) => Box::pin(self.send_relabeled(ids, map, sender)),
            Plan::Copy(copying) => Box::pin(copying.send(sender)),
            Plan::Fuse(fusing) => Box::pin(fusing.send(sender)),
            Plan::Merge(other, strategy) => {
                Box::pin(send_merge(self.store, self.source.id, *other, *strategy, sender))
            }
        };
        commit_streamed(self.store.as_ref(), request, sending).await
    }

    async fn send_kept(&self, ids: &[AssetId], sender: EditSender) -> Result<()> {
        let mut missing = Vec::new();
        let mut ticker = Ticker::start(self.on_progress, ids.len() as u64);
        for ids in ids.chunks(BATCH) {
            let records = self.store.get(&self.source.id, ids).await?;
            let lacking = ids.iter().zip(&records).filter(|(_, record)| record.is_none());
            missing.extend(lacking.map(|(id, _)| *id));
            if missing.is_empty() {
                sender.put(records.into_iter().flatten()).await?;
            }
            ticker.advance(ids.len() as u64);
        }
        if missing.is_empty() {
            ticker.finish();
            return sender.finish().await;
        }
        let message = "the version does not have all of these assets; `show` lists what it has";
        Err(Error::not_found(message)
            .with("version", &self.source)
            .with("missing", missing.len())
            .with("assets", first_ids(&missing)))
    }

    async fn send_removals(&self, ids: &[AssetId], sender: EditSender) -> Result<()> {
        let mut ticker = Ticker::start(self.on_progress, ids.len() as u64);
        for ids in ids.chunks(BATCH) {
            sender.send(ids.iter().map(|id| Edit::Remove(*id)).collect()).await?;
            ticker.advance(ids.len() as u64);
        }
        ticker.finish();
        sender.finish().await
    }

    async fn send_relabeled(
        &self,
        ids: &[AssetId],
        map: &ClassMap,
        sender: EditSender,
    ) -> Result<()> {
        let mut ticker = Ticker::start(self.on_progress, ids.len() as u64);
        for ids in ids.chunks(BATCH) {
            let records = self.store.get(&self.source.id, ids).await?;
            sender.put(records.into_iter().flatten().map(|record| map.apply(record))).await?;
            ticker.advance(ids.len() as u64);
        }
        ticker.finish();
        sender.finish().await
    }
}

/// Returns the first few ids as text.
pub(super) fn first_ids(ids: &[AssetId]) -> String {
    let shown: Vec<String> = ids.iter().take(5).map(AssetId::to_string).collect();
    let more = if ids.len() > shown.len() { ", …" } else { "" };
    shown.join(", ") + more
}

/// Returns options for the differences after an asset, a batch of them.
pub(super) fn batch_after(after: Option<AssetId>) -> DiffOptions {
    DiffOptions { after, limit: BATCH }
}

/// Returns versions as people read them.
pub(super) async fn names(store: &Arc<dyn AssetStore>, versions: &[VersionId]) -> Result<String> {
    let mut names = Vec::new();
    for version in versions {
        names.push(store.version(version).await?.to_string());
    }
    Ok(names.join(", "))
}
