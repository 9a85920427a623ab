use std::collections::BTreeSet;
use std::sync::Arc;

use ymir_core::{
    AssetId, AssetStore, Base, Branch, CommitRequest, Edits, Error, ErrorKind, Expect, Input,
    Manifest, Result, Selector, TaskKind, TaskRecord, Timestamp, Version,
};

use super::apply::{Changes, Counts, asset_of};
use super::classes::{self, Resolved};
use super::images::{check_image, put_images};
use super::{DatasetEdit, EditOptions, EditReport};

/// How often changes are applied anew to a version that somebody else has just made.
const TRIES: u32 = 50;

/// Changes records of a dataset in one commit.
///
/// All changes happen, or none does. Records that are the same afterwards are not written; if all
/// are, no version is made.
///
/// # Errors
///
/// - `NotFound` if the dataset does not exist, unless it is to be made; for an asset that it does
///   not have, and an image that the workspace does not have.
/// - `Conflict` if the expected version is not the newest.
/// - `InvalidInput` for a box outside its image, a class that the workspace does not have, and a
///   change of annotations by their place without an expected version.
///
/// Each error about a change has its number, counted from 0, as `edit`.
pub async fn edit(
    store: &Arc<dyn AssetStore>,
    branch: &Branch,
    edits: Vec<DatasetEdit>,
    options: &EditOptions,
) -> Result<EditReport> {
    let started = Timestamp::now();
    check(&edits, options)?;
    // A conflict is told before images are stored.
    let mut tip = tip(store, branch, options).await?;
    let mut edits = put_images(store, edits).await?;
    let resolved = classes::resolve(store, &mut edits, options.unknown_classes).await?;
    for _ in 0..TRIES {
        let changes = changes(store, tip.as_ref(), &edits, &resolved).await?;
        let edit = Applied { store, branch, options, started, tip: tip.as_ref() };
        match edit.commit(&changes).await {
            Err(error) if options.expect.is_none() && is_race(&error) => {}
            version => return Ok(report(version?, tip.as_ref(), &changes.counts(), resolved)),
        }
        tip = newest(store, branch, options).await?;
    }
    let message = "others change the dataset all the time; try again";
    Err(Error::new(ErrorKind::Conflict, message).with("dataset", &branch.name))
}

fn is_race(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Conflict | ErrorKind::AlreadyExists)
}

fn check(edits: &[DatasetEdit], options: &EditOptions) -> Result<()> {
    if edits.is_empty() {
        return Err(Error::invalid("there is nothing to change: the list of edits is empty"));
    }
    let counting = edits.iter().position(DatasetEdit::counts_annotations);
    if let Some(number) = counting.filter(|_| options.expect.is_none()) {
        let message = "annotations are meant by their place, which another version may have \
                       changed; say by `expect` in which version they were counted";
        return Err(Error::invalid(message).with("edit", number));
    }
    Ok(())
}

/// Returns the version that the changes apply to; `None` for a dataset that is to be made.
async fn tip(
    store: &Arc<dyn AssetStore>,
    branch: &Branch,
    options: &EditOptions,
) -> Result<Option<Version>> {
    let tip = newest(store, branch, options).await?;
    match (&tip, options.expect) {
        (_, None) => Ok(tip),
        (Some(newest), Some(expected)) if newest.id == expected => Ok(tip),
        (newest, Some(expected)) => {
            let message = "the dataset has changed since the version that the edit was made for; \
                           look at the newest one and edit that";
            let error = Error::new(ErrorKind::Conflict, message)
                .with("dataset", &branch.name)
                .with("expected", expected);
            Err(match newest {
                Some(newest) => error.with("newest", newest.id),
                None => error,
            })
        }
    }
}

async fn newest(
    store: &Arc<dyn AssetStore>,
    branch: &Branch,
    options: &EditOptions,
) -> Result<Option<Version>> {
    match store.resolve(branch, &Selector::Latest).await {
        Err(error) if error.kind() == ErrorKind::NotFound && options.create => Ok(None),
        found => found.map(Some),
    }
}

/// Returns what the changes make of the records of a version.
async fn changes(
    store: &Arc<dyn AssetStore>,
    tip: Option<&Version>,
    edits: &[DatasetEdit],
    resolved: &Resolved,
) -> Result<Changes> {
    let ids: BTreeSet<AssetId> = edits.iter().filter_map(asset_of).collect();
    let ids: Vec<AssetId> = ids.into_iter().collect();
    let records = match tip {
        Some(tip) => store.get(&tip.id, &ids).await?,
        None => vec![None; ids.len()],
    };
    let mut changes = Changes::of(ids.into_iter().zip(records));
    for (number, edit) in edits.iter().enumerate() {
        changes.apply(edit, &resolved.table).map_err(|error| error.with("edit", number))?;
    }
    for id in changes.new_assets() {
        check_image(store, id).await?;
    }
    Ok(changes)
}

/// Changes that were applied to a version.
struct Applied<'a> {
    store: &'a Arc<dyn AssetStore>,
    branch: &'a Branch,
    options: &'a EditOptions,
    started: Timestamp,
    tip: Option<&'a Version>,
}

impl Applied<'_> {
    /// Commits the changes; returns the version they applied to if there are none.
    async fn commit(&self, changes: &Changes) -> Result<Version> {
        let edits = changes.edits();
        if let Some(tip) = self.tip.filter(|_| edits.is_empty()) {
            return Ok(tip.clone());
        }
        let (base, expect, object_type) = match self.tip {
            Some(tip) => {
                let manifest = self.store.manifest(&tip.id).await?;
                (Base::Version(tip.id), Expect::Tip(tip.id), manifest.object_type)
            }
            None => (Base::Empty, Expect::New, Default::default()),
        };
        let counts = changes.counts();
        let message = self.options.message.clone().unwrap_or_else(|| summary(&counts));
        let request = CommitRequest {
            branch: self.branch.clone(),
            base,
            edits: Edits::from(edits),
            expect,
            manifest: Manifest { object_type, task: self.record(&counts), ..Manifest::default() },
            message,
        };
        self.store.commit(request).await
    }

    /// Returns the lineage. What people decide is outside the workspace, so there is no fingerprint.
    fn record(&self, counts: &Counts) -> TaskRecord {
        let count = |name: &str, count: u64| (name.to_owned(), count.to_string());
        let mut parameters: std::collections::BTreeMap<_, _> = [
            count("added", counts.added),
            count("changed", counts.changed),
            count("removed", counts.removed),
            count("annotations_added", counts.annotations_added),
            count("annotations_removed", counts.annotations_removed),
        ]
        .into();
        if let Some(message) = &self.options.message {
            let message = serde_json::Value::from(message.as_str()).to_string();
            parameters.insert("message".to_owned(), message);
        }
        let input = |tip: &Version| Input { role: "dataset".to_owned(), version: tip.id };
        TaskRecord {
            kind: TaskKind::Edit,
            parameters,
            inputs: self.tip.map(input).into_iter().collect(),
            library_version: env!("CARGO_PKG_VERSION").to_owned(),
            started: self.started,
            finished: Timestamp::now(),
            ..TaskRecord::default()
        }
    }
}

fn summary(counts: &Counts) -> String {
    let Counts { added, changed, removed, .. } = counts;
    format!("Edit: {added} records added, {changed} changed, {removed} removed")
}

fn report(
    version: Version,
    tip: Option<&Version>,
    counts: &Counts,
    resolved: Resolved,
) -> EditReport {
    EditReport {
        unchanged: tip.is_some_and(|tip| tip.id == version.id),
        version,
        added: counts.added,
        changed: counts.changed,
        removed: counts.removed,
        annotations_added: counts.annotations_added,
        annotations_removed: counts.annotations_removed,
        classes_added: resolved.added,
        annotations_ignored: resolved.ignored,
    }
}
