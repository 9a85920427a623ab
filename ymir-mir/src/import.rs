use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ymir_core::{
    AssetStore, Branch, BranchKind, Error, ErrorKind, ErrorReport, Name, OnProgress, Result,
    UnknownClasses,
};
use ymir_formats::support::blocking;

use super::classes::{Candidates, Classes};
use super::commit::Known;
use super::files::{Contents, Sha1, read_contents};
use super::labels::{self, Label};
use super::lineage::{Origin, Part};
use super::making::Making;
use super::media::{named_folder, usual_folder};
use super::names::{check_prefix, name_for};
use super::options::MirOptions;
use super::records::Images;
use super::report::{MirClass, MirLeftOutKind, MirNotCarried, MirReport, MirSkip, MirSkipped};
use super::repository::MirRepository;
use super::revisions::{self, Found, Revision};
use super::survey::{Survey, Uses, survey};
use super::take::{Refused, Taking};

/// The most characters of a failed task's message that are reported.
const MAX_REASON: usize = 300;

/// Imports a repository of the original YMIR, made by its command `mir` 2.x.
///
/// Each of its branches becomes a dataset, and each task on it, `branch@task`, a version, in order.
/// Predictions become a prediction set of the same name beside it. The class table comes over by
/// name; each version keeps in its lineage what task of the original made it, of what, and when;
/// models become versions where their packages are there. Images are found by their SHA-1, which is
/// checked, and get their own ids; each is read once.
///
/// Widths and heights of boxes count pixels, as in Pascal VOC, and are taken as they stand. The keys
/// of assets (`cks`) and tags of objects become attributes; `tvt_type` is the attribute `split`.
///
/// What cannot be brought over is left out and named in the report: commits that are damaged, of a
/// failed task or without assets, images that are missing or have other bytes than their name says
/// (the versions are made without them), marks of the original's evaluation. Everything is read
/// before anything is written, one version after the other; of the annotations no more than one
/// version's are in memory. The repository is not changed.
///
/// The same import again finds all it made and makes nothing. A version that was made without some
/// of its images is made again, as the newest of its dataset, when more of them are there. If the
/// import fails or its future is dropped, the versions that were made by then stay and are found
/// when it is done again. Progress counts images.
///
/// # Errors
///
/// - `NotFound` if the repository does not exist, or a folder or file that the options name.
/// - `InvalidInput` if it is no repository of the original, if it has images and no media folder is
///   found, or, by [`UnknownClasses::Stop`], if there are classes that the table does not have.
/// - `AlreadyExists` if a dataset of the same name is there that is not from such an import; choose
///   a prefix.
/// - `Corrupted`, with commit and file, if nothing in it can be read; also for a damaged class
///   table.
/// - Those of the store.
pub async fn import_mir(
    store: &Arc<dyn AssetStore>,
    repository: &Path,
    options: &MirOptions,
    progress: OnProgress<'_>,
) -> Result<MirReport> {
    if !options.prefix.is_empty() {
        check_prefix(&options.prefix)?;
    }
    let path = repository.to_owned();
    let opened = blocking(move || {
        let repository = MirRepository::open(&path)?;
        let found = revisions::find(&repository)?;
        Ok((Arc::new(Mutex::new(repository)), found))
    });
    let (opened, found) = opened.await.map_err(|e| e.with("repository", repository.display()))?;
    let import = Import { store, path: repository, repository: opened, options, over: Over::new() };
    import.run(found, progress).await
}

/// Is set when an import is over, however it ends, for the threads that work for it.
struct Over(Arc<AtomicBool>);

impl Over {
    fn new() -> Self {
        Self(Arc::default())
    }
}

impl Drop for Over {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Returns an error if an import is over.
pub(super) fn stop_if(over: &AtomicBool) -> Result<()> {
    match over.load(Ordering::Relaxed) {
        true => Err(Error::new(ErrorKind::Cancelled, "the import was stopped")),
        false => Ok(()),
    }
}

struct Import<'a> {
    store: &'a Arc<dyn AssetStore>,
    path: &'a Path,
    repository: Arc<Mutex<MirRepository>>,
    options: &'a MirOptions,
    over: Over,
}

/// What is to be done about a revision.
pub(super) struct Plan {
    pub(super) revision: Revision,
    pub(super) commit: String,
    pub(super) name: Name,
    pub(super) todo: Todo,
}

pub(super) enum Todo {
    /// It is no dataset; there may be a model.
    NoDataset,
    /// All of it was imported before.
    Done,
    /// Versions are made, unless they are there without the same images.
    Make(Survey),
}

/// What is there of the branches that versions go to.
pub(super) type KnownBranches = HashMap<Branch, Known>;

impl Import<'_> {
    async fn run(self, found: Found, progress: OnProgress<'_>) -> Result<MirReport> {
        self.check_found(&found)?;
        let (labels, labels_path) = self.labels().await?;
        let mut skipped = found.skipped;
        let mut known = self.known(&found.revisions).await?;
        let mut plans = self.plan(found.revisions, &known, &mut skipped).await?;
        check_readable(&plans, &skipped).map_err(|e| e.with("repository", self.path.display()))?;
        check_foreign(&plans, &mut known)?;

        let (uses, not_carried) = sum_up(&mut plans, &labels);
        let candidates = Candidates::new(labels, &uses);
        let table = self.store.classes().await?;
        if self.options.unknown_classes == UnknownClasses::Stop {
            candidates.stop_at_unknown(&table)?;
        }
        let media = self.media(&plans)?;
        let (images, refused) = self.take(&plans, media.as_deref(), progress).await?;
        let (classes, report) = self.classes(&candidates).await?;

        let models = match &self.options.models {
            Some(folder) => Some(named_folder(folder, "the models folder")?),
            None => usual_folder(self.path, "ymir-models"),
        };
        let images_taken = images.len() as u64;
        let making = Making {
            store: self.store,
            repository: &self.repository,
            unknown_classes: self.options.unknown_classes,
            models,
            images: Arc::new(images),
            refused,
            classes: Arc::new(classes),
            over: self.over.0.clone(),
            known,
        };
        let made = making.run(plans, skipped).await?;
        Ok(MirReport {
            media: media.map(|path| path.display().to_string()),
            labels: labels_path,
            datasets: made.datasets,
            versions: made.versions,
            skipped: made.skipped,
            classes: report,
            models: made.models,
            images: images_taken,
            left_out: made.left_out,
            not_carried,
        })
    }

    fn check_found(&self, found: &Found) -> Result<()> {
        if found.any {
            return Ok(());
        }
        let message = "this git repository has no dataset of the original's `mir` command version 2: no branch or tag has a file tasks.mir";
        Err(Error::invalid(message).with("repository", self.path.display()))
    }

    async fn labels(&self) -> Result<(Vec<Label>, Option<String>)> {
        let path = self.options.labels.clone().or_else(|| labels::usual_place(self.path));
        let Some(path) = path else { return Ok((Vec::new(), None)) };
        let shown = path.display().to_string();
        Ok((blocking(move || labels::read(&path)).await?, Some(shown)))
    }

    /// Returns what is there of all branches that versions may go to.
    async fn known(&self, revisions: &[Revision]) -> Result<KnownBranches> {
        let mut known = KnownBranches::new();
        for revision in revisions {
            let name = name_for(&self.options.prefix, &revision.branch)?;
            for kind in [BranchKind::Dataset, BranchKind::Prediction, BranchKind::Model] {
                let branch = Branch::new(kind, name.clone());
                if let Entry::Vacant(place) = known.entry(branch) {
                    let loaded = Known::load(self.store, place.key()).await?;
                    place.insert(loaded);
                }
            }
        }
        Ok(known)
    }

    /// Reads all revisions that were not imported before.
    async fn plan(
        &self,
        revisions: Vec<Revision>,
        known: &KnownBranches,
        skipped: &mut Vec<MirSkipped>,
    ) -> Result<Vec<Plan>> {
        let mut plans = Vec::with_capacity(revisions.len());
        for revision in revisions {
            let name = name_for(&self.options.prefix, &revision.branch)?;
            let commit = revision.commit.to_string();
            let shown = revision.name();
            let todo = if revision.task.return_code != 0 {
                skipped.push(failed(&revision, &commit));
                Todo::NoDataset
            } else if self.is_done(&name, &commit, known) {
                Todo::Done
            } else {
                match self.survey(revision.commit).await {
                    Ok(survey) if survey.assets.is_empty() => {
                        let reason = "it has no assets";
                        skipped.push(MirSkipped::new(&shown, &commit, MirSkip::Empty, reason));
                        Todo::NoDataset
                    }
                    Ok(survey) => Todo::Make(survey),
                    Err(error)
                        if matches!(
                            error.kind(),
                            ErrorKind::Corrupted | ErrorKind::ResourceExhausted
                        ) =>
                    {
                        let error = ErrorReport::from(&error);
                        skipped.push(MirSkipped::damaged(&shown, &commit, error));
                        Todo::NoDataset
                    }
                    Err(error) => return Err(error),
                }
            };
            plans.push(Plan { revision, commit, name, todo });
        }
        Ok(plans)
    }

    fn is_done(&self, name: &Name, commit: &str, known: &KnownBranches) -> bool {
        let unknown_classes = self.options.unknown_classes;
        let origin = Origin { commit, unknown_classes, left_out: "" };
        let find = |kind, part| {
            known.get(&Branch::new(kind, name.clone()))?.find(&origin.fingerprint(part))
        };
        match find(BranchKind::Dataset, Part::Dataset) {
            Some((_, true)) => find(BranchKind::Prediction, Part::Predictions).is_some(),
            Some((_, false)) => true,
            None => false,
        }
    }

    async fn survey(&self, commit: git2::Oid) -> Result<Survey> {
        let (repository, over) = (self.repository.clone(), self.over.0.clone());
        blocking(move || {
            stop_if(&over)?;
            survey(&contents(&repository, commit)?)
        })
        .await
    }

    fn media(&self, plans: &[Plan]) -> Result<Option<std::path::PathBuf>> {
        if let Some(media) = &self.options.media {
            return named_folder(media, "the media folder").map(Some);
        }
        if !plans.iter().any(|plan| matches!(plan.todo, Todo::Make(_))) {
            return Ok(None);
        }
        let found = usual_folder(self.path, "ymir-assets").ok_or_else(|| {
            let message = "the original does not record where the images are, and there is no folder `ymir-assets` near the repository; name the media folder, which `mir import` was given as --gen-dir";
            Error::invalid(message).with("repository", self.path.display())
        })?;
        Ok(Some(found))
    }

    async fn take(
        &self,
        plans: &[Plan],
        media: Option<&Path>,
        progress: OnProgress<'_>,
    ) -> Result<(Images, Refused)> {
        let mut ids: Vec<Sha1> = Vec::new();
        for plan in plans {
            if let Todo::Make(survey) = &plan.todo {
                ids.extend_from_slice(&survey.assets);
                ids.sort_unstable();
                ids.dedup();
            }
        }
        let Some(media) = media.filter(|_| !ids.is_empty()) else { return Ok(Default::default()) };
        let (media, transfer) = (media.to_owned(), self.options.transfer);
        let over = self.over.0.clone();
        let taking = Taking { store: self.store, media: media.clone(), transfer, over };
        let (images, refused) = taking.run(&ids, progress).await?;
        let missing = refused.values().all(|(kind, _)| *kind == MirLeftOutKind::Missing);
        if images.is_empty() && missing {
            let message = "the media folder has none of the repository's images; name the one that \
                           `mir import` was given as --gen-dir";
            let error = Error::not_found(message).with("media", media.display());
            return Err(error.with("images", ids.len()));
        }
        Ok((images, refused))
    }

    /// Adds classes where they are to be added, and returns what the original's mean.
    async fn classes(&self, candidates: &Candidates) -> Result<(Classes, Vec<MirClass>)> {
        let strategy = self.options.unknown_classes;
        let before = self.store.classes().await?;
        let mut now = before.clone();
        if strategy == UnknownClasses::Add {
            let entries = candidates.to_add(&before)?;
            if !entries.is_empty() {
                now = self.store.add_classes(&entries).await?;
            }
        }
        Ok(candidates.resolve(&before, &now, strategy))
    }
}

/// Reads a commit.
pub(super) fn contents(repository: &Mutex<MirRepository>, commit: git2::Oid) -> Result<Contents> {
    read_contents(&repository.lock().unwrap_or_else(PoisonError::into_inner), commit)
}

fn failed(revision: &Revision, commit: &str) -> MirSkipped {
    let task = &revision.task;
    let last = task.return_msg.lines().map(str::trim).rfind(|line| !line.is_empty());
    let mut reason: String = last.unwrap_or_default().chars().take(MAX_REASON).collect();
    reason = match reason.is_empty() {
        true => format!("its task failed with code {}", task.return_code),
        false => format!("its task failed with code {}: {reason}", task.return_code),
    };
    let skipped = MirSkipped::new(&revision.name(), commit, MirSkip::Failed, &reason);
    MirSkipped { return_code: Some(task.return_code), ..skipped }
}

/// Fails if there is something and all of it is damaged.
fn check_readable(plans: &[Plan], skipped: &[MirSkipped]) -> Result<()> {
    let is_anything = plans.iter().any(|plan| !matches!(plan.todo, Todo::NoDataset));
    let mut damaged =
        skipped.iter().filter_map(|skipped| Some((&skipped.name, skipped.error.as_ref()?)));
    match damaged.next().filter(|_| !is_anything) {
        Some((name, error)) => Err(Error::from(error.clone()).with("version", name)),
        None => Ok(()),
    }
}

/// Fails if versions would be added to something else that happens to have the same name.
fn check_foreign(plans: &[Plan], known: &mut KnownBranches) -> Result<()> {
    let mut foreign = Vec::new();
    for plan in plans {
        let mut kinds = Vec::new();
        if let Todo::Make(survey) = &plan.todo {
            kinds.push(BranchKind::Dataset);
            kinds.extend(survey.has_predictions.then_some(BranchKind::Prediction));
        }
        kinds.extend(plan.revision.model_hash().map(|_| BranchKind::Model));
        let branches = kinds.into_iter().map(|kind| Branch::new(kind, plan.name.clone()));
        let taken = branches.filter(|branch| known.get(branch).is_some_and(Known::is_foreign));
        foreign.extend(taken.map(|branch| branch.to_string()));
    }
    foreign.sort();
    foreign.dedup();
    if foreign.is_empty() {
        return Ok(());
    }
    let message = "the workspace has other datasets, prediction sets or models of the same name; choose a prefix for the imported ones";
    Err(Error::new(ErrorKind::AlreadyExists, message).with("names", foreign.join(", ")))
}

/// Returns how often each class occurs in all revisions together, and what is lost of each.
fn sum_up(plans: &mut [Plan], labels: &[Label]) -> (Uses, Vec<MirNotCarried>) {
    let (mut all, mut lost) = (Uses::new(), Vec::new());
    let listed = 0..labels.len() as i32;
    for plan in plans {
        let Todo::Make(survey) = &mut plan.todo else { continue };
        for ((number, name), count) in std::mem::take(&mut survey.uses) {
            if !listed.contains(&number) && name.trim().is_empty() {
                survey.lose("annotations of classes that have a number and no name", count);
            }
            *all.entry((number, name)).or_default() += count;
        }
        if survey.has_predictions && plan.revision.is_evaluated() {
            survey.lose("the original's evaluation, but for its averages and what it said of each prediction", 1);
        }
        let name = plan.revision.name();
        let lost_here: BTreeMap<_, _> = std::mem::take(&mut survey.lost);
        lost.extend(lost_here.into_iter().map(|(what, count)| MirNotCarried {
            name: name.clone(),
            what: what.to_owned(),
            count,
        }));
    }
    (all, lost)
}
