use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use ymir_core::{
    Annotation, AssetId, Base, BlobId, Branch, BranchKind, Change, ChunkId, Class, ClassTable,
    CommitRequest, DiffOptions, Edit, Error, ErrorKind, Expect, LogOptions, Manifest, Matcher,
    Page, PageOptions, Record, Result, ScanBatch, ScanOptions, Selector, Shape, Summary, Timestamp,
    Version, VersionId,
};

type Records = BTreeMap<AssetId, Arc<Record>>;

/// A version with all that it holds.
pub(super) struct Stored {
    version: Version,
    manifest: Manifest,
    records: Records,
}

/// What a store holds beside its blobs.
#[derive(Default)]
pub(super) struct State {
    pub(super) classes: ClassTable,
    branches: BTreeMap<Branch, Vec<VersionId>>,
    versions: HashMap<VersionId, Stored>,
}

/// The edits of a commit, read to their end: `None` takes an asset out.
pub(super) type Changes = BTreeMap<AssetId, Option<Arc<Record>>>;

/// Reads the edits; a later one of the same asset wins.
pub(super) fn read_edits(edits: impl Iterator<Item = Result<Edit>>) -> Result<Changes> {
    let mut changes = Changes::new();
    for edit in edits {
        match edit? {
            Edit::Put(mut record) => {
                record.annotations.iter_mut().for_each(drop_signs_of_zero);
                changes.insert(record.asset.id, Some(Arc::new(record)))
            }
            Edit::Remove(id) => changes.insert(id, None),
        };
    }
    Ok(changes)
}

/// Gives each zero its plain form: -0 equals 0 and has other digits.
fn drop_signs_of_zero(annotation: &mut Annotation) {
    let bbox = &mut annotation.bbox;
    let sides = [&mut bbox.x, &mut bbox.y, &mut bbox.w, &mut bbox.h];
    let others = [&mut annotation.rotate_angle, &mut annotation.score, &mut annotation.quality];
    // In IEEE arithmetic -0 + 0 is 0.
    sides.into_iter().chain(others.into_iter().flatten()).for_each(|number| *number += 0.0);
    for point in &mut annotation.keypoints {
        point.x += 0.0;
        point.y += 0.0;
    }
    if let Some(Shape::Polygons(rings)) = &mut annotation.shape {
        rings.iter_mut().flatten().flatten().for_each(|number| *number += 0.0);
    }
}

impl State {
    pub(super) fn names(&self, kind: BranchKind) -> Vec<ymir_core::Name> {
        let of_kind = self.branches.keys().filter(|branch| branch.kind == kind);
        of_kind.map(|branch| branch.name.clone()).collect()
    }

    pub(super) fn stored(&self, id: &VersionId) -> Result<&Stored> {
        self.versions.get(id).ok_or_else(|| {
            Error::not_found("no version of this id in this store; `log` lists those of a branch")
                .with("version", id)
        })
    }

    pub(super) fn version(&self, id: &VersionId) -> Result<Version> {
        Ok(self.stored(id)?.version.clone())
    }

    pub(super) fn manifest(&self, id: &VersionId) -> Result<Manifest> {
        let manifest = self.stored(id)?.manifest.clone();
        let classes = self.classes.first(manifest.classes.len());
        Ok(Manifest { classes, ..manifest })
    }

    fn branch(&self, branch: &Branch) -> Result<&[VersionId]> {
        self.branches.get(branch).map(Vec::as_slice).ok_or_else(|| {
            let known: Vec<_> = self.names(branch.kind).iter().map(|n| n.to_string()).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            Error::not_found(format!("no branch of this name; there is: {known}"))
                .with("branch", branch)
        })
    }

    pub(super) fn log(&self, branch: &Branch, options: LogOptions) -> Result<Vec<Version>> {
        let ids = self.branch(branch)?;
        let end = options.before.map_or(usize::MAX, |n| n.saturating_sub(1) as usize);
        let older = ids[..end.min(ids.len())].iter().rev();
        older.take(options.limit).map(|id| self.version(id)).collect()
    }

    /// Returns the blobs that versions need, with their sizes.
    pub(super) fn used_blobs(&self) -> HashMap<BlobId, u64> {
        let mut used = HashMap::new();
        for stored in self.versions.values() {
            used.extend(stored.records.values().map(|r| (r.asset.id, r.asset.byte_size)));
            let model = stored.manifest.model.iter();
            let files =
                model.flat_map(|m| m.stages.iter().flat_map(|s| &s.files).chain(&m.attachments));
            used.extend(files.map(|file| (file.blob, file.size)));
        }
        used
    }

    /// Returns all batches of a scan; a chunk is of the assets with one high nibble.
    pub(super) fn scan(&self, id: &VersionId, options: &ScanOptions) -> Result<Vec<ScanBatch>> {
        let stored = self.stored(id)?;
        let matcher = Matcher::new(&options.query, &stored.manifest.classes)?;
        let mut chunks: BTreeMap<u8, Vec<&Record>> = BTreeMap::new();
        for record in stored.records.values() {
            chunks.entry(record.asset.id.as_bytes()[0] >> 4).or_default().push(record);
        }
        let wanted = |record: &&&Record| {
            options.after.is_none_or(|after| record.asset.id > after) && matcher.matches(**record)
        };
        let batch = |chunk: &Vec<&Record>| -> Result<ScanBatch> {
            let id = ChunkId::new(hash(chunk.iter().copied())?);
            let is_known = options.known.contains(&id);
            let records = match is_known {
                true => Vec::new(),
                false => chunk.iter().filter(wanted).map(|record| (*record).clone()).collect(),
            };
            let mut batch = ScanBatch { chunk: Some(id), is_known, records };
            batch.records.iter_mut().for_each(|record| options.columns.strip(record));
            Ok(batch)
        };
        let behind = |chunk: &&Vec<&Record>| {
            chunk.last().is_some_and(|last| options.after.is_none_or(|a| last.asset.id > a))
        };
        chunks.values().filter(behind).map(batch).collect()
    }

    pub(super) fn resolve(&self, branch: &Branch, selector: &Selector) -> Result<Version> {
        let ids = self.branch(branch)?;
        let missing = || {
            let message = format!("the branch has no such version; it has v1 to v{}", ids.len());
            Error::not_found(message)
                .with("branch", branch)
                .with("version", format!("{selector:?}"))
        };
        let id = match selector {
            Selector::Latest => ids.last(),
            Selector::Number(n) => n.checked_sub(1).and_then(|n| ids.get(usize::try_from(n).ok()?)),
            Selector::Id(digits) => {
                let is_hex = digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
                if !is_hex || !(4..=64).contains(&digits.len()) {
                    let message = "expected 4 to 64 lower-case hexadecimal digits of a version id";
                    return Err(Error::invalid(message).with("version", digits));
                }
                let mut found = ids.iter().filter(|id| id.to_string().starts_with(digits));
                let first = found.next();
                if found.next().is_some() {
                    let message = "these digits fit several versions; give more of them";
                    return Err(Error::invalid(message).with("version", digits));
                }
                first
            }
        };
        self.version(id.ok_or_else(missing)?)
    }

    pub(super) fn get(&self, id: &VersionId, assets: &[AssetId]) -> Result<Vec<Option<Record>>> {
        let records = &self.stored(id)?.records;
        Ok(assets.iter().map(|asset| records.get(asset).map(|r| (**r).clone())).collect())
    }

    pub(super) fn page(&self, id: &VersionId, options: PageOptions) -> Result<Page> {
        let stored = self.stored(id)?;
        let wanted = |record: &&Arc<Record>| match options.class {
            Some(class) => record.annotations.iter().any(|a| a.class.id() == Some(class)),
            None => true,
        };
        let offset = usize::try_from(options.offset).unwrap_or(usize::MAX);
        let run = stored.records.values().filter(wanted).skip(offset).take(options.limit);
        let records = run.map(|record| (**record).clone()).collect();
        Ok(Page { records, total: stored.manifest.summary.count(options.class) })
    }

    pub(super) fn diff(
        &self,
        from: &VersionId,
        to: &VersionId,
        options: DiffOptions,
    ) -> Result<Vec<Change>> {
        let (from, to) = (&self.stored(from)?.records, &self.stored(to)?.records);
        let ids: std::collections::BTreeSet<_> = from.keys().chain(to.keys()).collect();
        let change = |id: &AssetId| match (from.get(id), to.get(id)) {
            (None, Some(to)) => Some(Change::Added((**to).clone())),
            (Some(from), None) => Some(Change::Removed((**from).clone())),
            (Some(from), Some(to)) if from != to => {
                Some(Change::Changed { from: (**from).clone(), to: (**to).clone() })
            }
            _ => None,
        };
        let ids = ids.into_iter().filter(|id| options.after.is_none_or(|after| **id > after));
        Ok(ids.filter_map(change).take(options.limit).collect())
    }

    /// Commits; changes nothing unless it succeeds. `nonce` makes ids of other stores unknown here.
    pub(super) fn commit(
        &mut self,
        request: CommitRequest,
        changes: Changes,
        nonce: u64,
    ) -> Result<Version> {
        let CommitRequest { branch, base, edits: _, expect, mut manifest, message } = request;
        let log = self.branches.get(&branch).map_or(&[][..], Vec::as_slice);
        let (tip, number) = (log.last().copied(), log.len() as u64 + 1);
        check_expectation(&branch, expect, tip)?;
        for record in changes.values().flatten() {
            check_record(record, &self.classes)?;
        }
        let base = match base {
            Base::Empty => None,
            Base::Version(id) => Some(id),
            Base::Tip => tip,
        };
        let mut records = match base {
            Some(id) => self.stored(&id)?.records.clone(),
            None => Records::new(),
        };
        for (id, change) in changes {
            match change {
                Some(record) => records.insert(id, record),
                None => records.remove(&id),
            };
        }
        manifest.classes = self.classes.clone();
        manifest.summary = Summary::default();
        records.values().for_each(|record| manifest.summary.add(record));
        let content = identity(&records)?;
        let first_line = message.lines().next().unwrap_or_default().to_owned();
        let id = version_id(&format!("{nonce} {branch} {number} {content} {message}"));
        let created = Timestamp::now();
        let (parent, message) = (tip, first_line);
        let version =
            Version { id, branch: branch.clone(), number, parent, created, content, message };
        self.branches.entry(branch).or_default().push(id);
        self.versions.insert(id, Stored { version: version.clone(), manifest, records });
        Ok(version)
    }
}

fn check_expectation(branch: &Branch, expect: Expect, tip: Option<VersionId>) -> Result<()> {
    match (expect, tip) {
        (Expect::Any, _) | (Expect::New, None) => Ok(()),
        (Expect::New, Some(tip)) => {
            let message = "the branch was to be new and has a version";
            Err(Error::new(ErrorKind::AlreadyExists, message)
                .with("branch", branch)
                .with("tip", tip))
        }
        (Expect::Tip(expected), tip) if Some(expected) == tip => Ok(()),
        (Expect::Tip(expected), tip) => {
            let message = "the branch has moved on; read its newest version and try again";
            let tip = tip.map_or("none".to_owned(), |tip| tip.to_string());
            Err(Error::new(ErrorKind::Conflict, message)
                .with("branch", branch)
                .with("expected", expected)
                .with("tip", tip))
        }
    }
}

fn check_record(record: &Record, classes: &ClassTable) -> Result<()> {
    let fail = |message: &str, index: usize| {
        Err(Error::invalid(message).with("asset", record.asset.id).with("annotation", index))
    };
    for (index, annotation) in record.annotations.iter().enumerate() {
        match &annotation.class {
            Class::Id(id) if classes.name(*id).is_none() => {
                return fail("the class id is not in the workspace's table", index);
            }
            Class::Name(name) if name.trim().is_empty() => {
                return fail("the class name is empty", index);
            }
            _ => {}
        }
        let asset = &record.asset;
        annotation
            .check(asset.width, asset.height)
            .map_err(|e| e.with("asset", asset.id).with("annotation", index))?;
        if annotation.score.is_some_and(|score| !(0.0..=1.0).contains(&score)) {
            return fail("the score is not between 0 and 1", index);
        }
    }
    Ok(())
}

/// Returns the identity of a set of records: the same however they came about.
fn identity(records: &Records) -> Result<VersionId> {
    hash(records.values().map(|record| &**record)).map(VersionId::new)
}

fn hash<'a>(records: impl Iterator<Item = &'a Record>) -> Result<[u8; 32]> {
    let mut hash = Sha256::new();
    for record in records {
        let json = serde_json::to_vec(record).map_err(|error| {
            Error::invalid("the record has no JSON form")
                .with("asset", record.asset.id)
                .caused_by(error)
        })?;
        hash.update((json.len() as u64).to_le_bytes());
        hash.update(json);
    }
    Ok(hash.finalize().into())
}

fn version_id(text: &str) -> VersionId {
    VersionId::new(Sha256::digest(text).into())
}
