use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use sha2::{Digest, Sha256};
use ymir_core::{
    AssetStore, Base, Branch, BranchKind, CommitRequest, Edits, Error, ErrorKind, Input, Manifest,
    Model, ObjectType, PredictionInfo, Result, TaskRecord, UnknownClasses, Version, VersionId,
};
use ymir_formats::support::blocking;

use super::classes::Classes;
use super::files::{Contents, Sha1};
use super::import::{KnownBranches, Plan, Todo, contents, stop_if};
use super::lineage::{Origin, Part, record};
use super::models::unpack;
use super::records::{Half, Images, edits};
use super::report::{MirDataset, MirLeftOut, MirModel, MirSkip, MirSkipped, MirVersion};
use super::repository::MirRepository;
use super::revisions::Revision;
use super::take::Refused;

/// The part of an import that makes the versions.
pub(super) struct Making<'a> {
    pub(super) store: &'a Arc<dyn AssetStore>,
    pub(super) repository: &'a Arc<Mutex<MirRepository>>,
    pub(super) unknown_classes: UnknownClasses,
    pub(super) models: Option<PathBuf>,
    pub(super) images: Arc<Images>,
    pub(super) refused: Refused,
    pub(super) classes: Arc<Classes>,
    pub(super) over: Arc<AtomicBool>,
    pub(super) known: KnownBranches,
}

/// What was made, or found.
#[derive(Default)]
pub(super) struct Made {
    pub(super) datasets: Vec<MirDataset>,
    pub(super) versions: Vec<MirVersion>,
    pub(super) skipped: Vec<MirSkipped>,
    pub(super) models: Vec<MirModel>,
    pub(super) left_out: Vec<MirLeftOut>,
}

/// The versions that later ones may have been made from.
#[derive(Default)]
struct Earlier {
    by_tag: HashMap<String, VersionId>,
    newest: HashMap<String, VersionId>,
    /// By the hash of the package.
    models: HashMap<String, VersionId>,
}

impl Earlier {
    fn add(&mut self, revision: &Revision, id: VersionId) {
        let tags = revision.tags.iter().cloned().chain([revision.name()]);
        self.by_tag.extend(tags.map(|tag| (tag, id)));
        self.newest.insert(revision.branch.clone(), id);
    }

    fn inputs(&self, revision: &Revision) -> Vec<Input> {
        let sources = revision.sources().filter_map(|source| {
            let id = match source.task {
                Some(task) => self.by_tag.get(&format!("{}@{task}", source.branch)),
                None => self.newest.get(source.branch),
            };
            Some(Input { role: source.role.to_owned(), version: *id? })
        });
        sources.collect()
    }
}

impl Making<'_> {
    pub(super) async fn run(mut self, plans: Vec<Plan>, skipped: Vec<MirSkipped>) -> Result<Made> {
        let mut made = Made { skipped, ..Made::default() };
        let mut earlier = Earlier::default();
        let mut left_out: BTreeMap<Sha1, MirLeftOut> = BTreeMap::new();
        let mut datasets: BTreeMap<String, MirDataset> = BTreeMap::new();
        for plan in plans {
            if let Some(hash) = plan.revision.model_hash() {
                let model = self.model(&plan, hash, &earlier).await?;
                let id = model.version.as_ref().map(|version| version.id);
                earlier.models.extend(id.map(|id| (hash.to_owned(), id)));
                made.models.push(model);
            }
            let dataset = match &plan.todo {
                Todo::NoDataset => None,
                Todo::Done => Some(self.found(&plan).await?),
                Todo::Make(_) => self.make(&plan, &earlier, &mut left_out).await?,
            };
            match dataset {
                Some(version) => {
                    earlier.add(&plan.revision, version.version.id);
                    let branch = &plan.revision.branch;
                    let dataset = datasets.entry(branch.clone()).or_insert_with(|| MirDataset {
                        branch: branch.clone(),
                        name: plan.name.to_string(),
                        versions: 0,
                    });
                    dataset.versions += 1;
                    made.versions.push(version);
                }
                None if matches!(plan.todo, Todo::Make(_)) => {
                    let reason = "none of its images can be read";
                    let name = plan.revision.name();
                    made.skipped.push(MirSkipped::new(
                        &name,
                        &plan.commit,
                        MirSkip::NoImages,
                        reason,
                    ));
                }
                None => {}
            }
        }
        made.datasets = datasets.into_values().collect();
        made.left_out = left_out.into_values().collect();
        made.skipped.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(made)
    }

    fn origin<'b>(&self, plan: &'b Plan, left_out: &'b str) -> Origin<'b> {
        Origin { commit: &plan.commit, unknown_classes: self.unknown_classes, left_out }
    }

    /// Returns a version that was imported before, whole.
    async fn found(&self, plan: &Plan) -> Result<MirVersion> {
        let origin = self.origin(plan, "");
        let find = |kind, part| {
            let known = self.known.get(&Branch::new(kind, plan.name.clone()))?;
            known.find(&origin.fingerprint(part)).map(|(version, _)| version.clone())
        };
        let version = find(BranchKind::Dataset, Part::Dataset).ok_or_else(|| {
            Error::new(ErrorKind::Unexpected, "a version that was found before is gone")
        })?;
        let assets = self.store.manifest(&version.id).await?.summary.assets;
        let predictions = find(BranchKind::Prediction, Part::Predictions);
        Ok(MirVersion {
            name: plan.revision.name(),
            commit: plan.commit.clone(),
            version,
            predictions,
            is_new: false,
            assets,
            left_out: 0,
        })
    }

    /// Makes the versions of a revision; none if all of its images are left out.
    async fn make(
        &mut self,
        plan: &Plan,
        earlier: &Earlier,
        left_out: &mut BTreeMap<Sha1, MirLeftOut>,
    ) -> Result<Option<MirVersion>> {
        let (repository, commit) = (self.repository.clone(), plan.revision.commit);
        let contents = Arc::new(blocking(move || contents(&repository, commit)).await?);
        let missing = self.note_left_out(&contents, left_out)?;
        let assets = contents.assets.len() as u64;
        if missing.len() as u64 == assets {
            return Ok(None);
        }
        let has_predictions = matches!(&plan.todo, Todo::Make(survey) if survey.has_predictions);
        let digest = digest(&missing);
        let origin = self.origin(plan, &digest);
        let model = contents.found.model.as_ref();
        let model = model.and_then(|model| earlier.models.get(&model.model_hash)).copied();

        let inputs = earlier.inputs(&plan.revision);
        let task = record(&plan.revision, &origin, Part::Dataset, None, has_predictions, inputs);
        let (version, is_new) =
            self.commit(plan, BranchKind::Dataset, &contents, task, None).await?;
        let mut predictions = None;
        let mut is_new = is_new;
        if has_predictions {
            let mut inputs = vec![Input { role: "dataset".to_owned(), version: version.id }];
            inputs.extend(model.map(|id| Input { role: "model".to_owned(), version: id }));
            let side = Some(&contents.found);
            let task = record(&plan.revision, &origin, Part::Predictions, side, true, inputs);
            let info = model.map(|model| PredictionInfo { model, dataset: version.id });
            let (found, is_new_set) =
                self.commit(plan, BranchKind::Prediction, &contents, task, info).await?;
            is_new |= is_new_set;
            predictions = Some(found);
        }
        Ok(Some(MirVersion {
            name: plan.revision.name(),
            commit: plan.commit.clone(),
            version,
            predictions,
            is_new,
            assets,
            left_out: missing.len() as u64,
        }))
    }

    /// Returns the images of a revision that are not there.
    fn note_left_out(
        &self,
        contents: &Contents,
        left_out: &mut BTreeMap<Sha1, MirLeftOut>,
    ) -> Result<Vec<Sha1>> {
        let mut missing = Vec::new();
        for (id, entry) in &contents.assets {
            let Some((kind, reason)) = self.refused.get(id) else { continue };
            missing.push(*id);
            if let Some(known) = left_out.get_mut(id) {
                known.versions += 1;
                continue;
            }
            let name = contents.metadata(entry)?.origin_filename;
            let file_name = name.chars().take(1024).collect();
            let (sha1, reason) = (id.to_string(), reason.clone());
            let entry = MirLeftOut { sha1, file_name, versions: 1, kind: *kind, reason };
            left_out.insert(*id, entry);
        }
        Ok(missing)
    }

    async fn commit(
        &mut self,
        plan: &Plan,
        kind: BranchKind,
        contents: &Arc<Contents>,
        task: TaskRecord,
        prediction: Option<PredictionInfo>,
    ) -> Result<(Version, bool)> {
        let (half, side) = match kind {
            BranchKind::Prediction => (Half::Found, &contents.found),
            _ => (Half::Truth, &contents.truth),
        };
        let object_type = side.object_type();
        let (images, classes) = (self.images.clone(), self.classes.clone());
        let fingerprint = task.fingerprint.clone();
        let manifest = Manifest { task, prediction, object_type, ..Manifest::default() };
        let branch = Branch::new(kind, plan.name.clone());
        let message = format!("Import {} of the original", plan.revision.name());
        let over = self.over.clone();
        let request = |expect| CommitRequest {
            branch: branch.clone(),
            base: Base::Empty,
            edits: {
                let edits = edits(contents.clone(), half, images.clone(), classes.clone());
                let over = over.clone();
                Edits::new(edits.map(move |edit| stop_if(&over).and(edit)))
            },
            expect,
            manifest: manifest.clone(),
            message: message.clone(),
        };
        let known = self.known.entry(branch.clone()).or_default();
        known.commit(self.store, &fingerprint, request).await
    }

    /// Makes the version of a model, if its package is there.
    async fn model(&mut self, plan: &Plan, hash: &str, earlier: &Earlier) -> Result<MirModel> {
        let model = |version, is_new, reason| MirModel {
            name: plan.revision.name(),
            hash: hash.to_owned(),
            version,
            is_new,
            reason,
        };
        let branch = Branch::new(BranchKind::Model, plan.name.clone());
        let origin = self.origin(plan, "");
        let fingerprint = origin.fingerprint(Part::Model);
        let known = self.known.entry(branch.clone()).or_default();
        if let Some((version, _)) = known.find(&fingerprint) {
            return Ok(model(Some(version.clone()), false, None));
        }
        let Some(folder) = &self.models else {
            let reason = "no models folder was named or found; the model is in the lineage only";
            return Ok(model(None, false, Some(reason.to_owned())));
        };
        let object_type = match object_type(plan) {
            Ok(object_type) => object_type,
            Err(error) => return Ok(model(None, false, Some(error.to_string()))),
        };
        let unpacked = match self.unpack(folder.clone(), plan).await {
            Ok(unpacked) => unpacked,
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::NotFound | ErrorKind::Corrupted | ErrorKind::ResourceExhausted
                ) =>
            {
                return Ok(model(None, false, Some(error.to_string())));
            }
            Err(error) => return Err(error),
        };
        let inputs = earlier.inputs(&plan.revision);
        let origin = self.origin(plan, "");
        let task = record(&plan.revision, &origin, Part::Model, None, false, inputs);
        let manifest = Manifest { object_type, task, model: Some(unpacked), ..Manifest::default() };
        let message = format!("Import the model of {} of the original", plan.revision.name());
        let request = |expect| CommitRequest {
            branch: branch.clone(),
            base: Base::Empty,
            edits: Edits::none(),
            expect,
            manifest: manifest.clone(),
            message: message.clone(),
        };
        let known = self.known.entry(branch.clone()).or_default();
        let (version, is_new) = known.commit(self.store, &fingerprint, request).await?;
        Ok(model(Some(version), is_new, None))
    }

    async fn unpack(&self, folder: PathBuf, plan: &Plan) -> Result<Model> {
        let meta = plan.revision.task.model.clone().unwrap_or_default();
        let temporary = self.store.root().map(PathBuf::from);
        let hash = meta.model_hash.clone();
        let package = blocking(move || unpack(&folder, &hash, temporary.as_deref())).await?;
        let blobs = self.store.put_blobs(package.sources()).await?;
        package.model(&meta, &blobs)
    }
}

/// Returns the identity of a set of images; empty if there are none.
fn digest(ids: &[Sha1]) -> String {
    if ids.is_empty() {
        return String::new();
    }
    let mut hash = Sha256::new();
    ids.iter().for_each(|id| hash.update(id.0));
    hex::encode(hash.finalize())
}

/// Returns what a model of the original learned; detection where it does not say.
fn object_type(plan: &Plan) -> Result<ObjectType> {
    match plan.revision.task.model.as_ref().map_or(0, |model| model.object_type) {
        0 => Ok(ObjectType::Detection),
        number => ObjectType::from_number(u32::try_from(number).unwrap_or(u32::MAX)),
    }
}
