//! The conformance suite of [`LabelBackend`]: one function per sentence of its documentation.
//!
//! Each takes a function that makes the backend to be tested, as a [`Labeling`], on a fresh
//! [`Fixture`]. [`label_backend_tests!`](crate::label_backend_tests) turns all of them into tests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use futures::future::join_all;
use tempfile::TempDir;
use ymir_core::{
    Annotation, Asset, AssetId, AssetStore, BBox, Base, Branch, Class, ClassId, ClassTable,
    CommitRequest, Edits, ErrorKind, Expect, LabelBackend, LabelItem, LabelJob, LabelJobId,
    LabelStatus, Labeled, Manifest, MediaType, NewClass, ObjectType, Record, VersionId,
};

use crate::double::MemoryAssetStore;

/// A backend under test, with whoever does the labeling.
#[async_trait]
pub trait Labeling: Send + Sync {
    /// Opens the backend, on the same state each time, as another process would.
    async fn open(&self) -> Arc<dyn LabelBackend>;

    /// Labels the assets of a job with these answers and says that the job is done; does nothing
    /// where the backend answers by itself.
    async fn label(&self, job: &LabelJob, answers: &[Labeled]);
}

/// What the backend is tested on: images, and a dataset version with the truth about them.
#[derive(Debug)]
pub struct Fixture {
    directory: TempDir,
    /// The store that has the truth.
    pub store: Arc<MemoryAssetStore>,
    /// The version with the truth. It lacks the last image, as if nobody knew the answer.
    pub truth: VersionId,
    items: Vec<LabelItem>,
    records: BTreeMap<AssetId, Record>,
}

/// The images of a fixture; the truth lacks the last.
const IMAGES: usize = 7;
/// The classes of the workspace. Jobs use two of them, in another order.
const WORKSPACE: [&str; 4] = ["bird", "cat", "dog", "Straße"];

impl Fixture {
    /// Makes images and their truth.
    pub async fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let items: Vec<_> = (0..IMAGES).map(|n| item(directory.path(), n)).collect();
        let known = items.iter().enumerate().take(IMAGES - 1);
        let records: Vec<_> = known
            .map(|(n, item)| Record { asset: item.asset.clone(), annotations: objects(n) })
            .collect();
        let store = Arc::new(MemoryAssetStore::new());
        let classes: Vec<_> = WORKSPACE.iter().map(|name| NewClass::new(*name)).collect();
        store.add_classes(&classes).await.expect("the classes are valid");
        let request = CommitRequest {
            branch: Branch::dataset("truth").expect("a valid name"),
            base: Base::Empty,
            edits: Edits::put(records.clone()),
            expect: Expect::New,
            manifest: Manifest::default(),
            message: "truth".to_owned(),
        };
        let truth = store.commit(request).await.expect("the truth is valid").id;
        let records = records.into_iter().map(|record| (record.asset.id, record)).collect();
        Self { directory, store, truth, items, records }
    }

    /// Returns a directory for the state of a backend, which does not exist yet.
    pub fn state(&self) -> PathBuf {
        self.directory.path().join("state").join("of backend")
    }

    /// Returns a job of all images and two classes, with pre-annotations.
    pub fn job(&self, id: &str) -> LabelJob {
        let mut classes = ClassTable::default();
        classes.add("Dog", &["hound"]).expect("a valid name");
        classes.add("cat", &[]).expect("a valid name");
        LabelJob {
            id: LabelJobId::new(id).expect("a valid id"),
            title: "Pets / 犬と猫".to_owned(),
            instructions: "Draw tight boxes.\nLeave out reflections.".to_owned(),
            object_type: ObjectType::Detection,
            classes,
            items: self.items.clone(),
        }
    }

    /// Returns what is to come back for a job: the truth about its assets in its classes, sorted.
    pub fn answers(&self, job: &LabelJob) -> Vec<Labeled> {
        let mut answers: Vec<_> = job
            .items
            .iter()
            .filter_map(|item| self.records.get(&item.asset.id))
            .map(|record| Labeled {
                id: record.asset.id,
                annotations: record.annotations.iter().filter_map(|a| in_job(a, job)).collect(),
            })
            .collect();
        answers.sort_by_key(|labeled| labeled.id);
        answers
    }
}

/// Returns an annotation of the workspace under the class id that a job has for it.
fn in_job(annotation: &Annotation, job: &LabelJob) -> Option<Annotation> {
    let name = WORKSPACE[annotation.class.id()?.0 as usize];
    let class = Class::Id(job.classes.find(name)?);
    Some(Annotation { class, ..annotation.clone() })
}

fn item(directory: &Path, n: usize) -> LabelItem {
    let (width, height) = (40 + n as u32, 30);
    let shade = image::Rgb([n as u8 * 20, 90, 160]);
    // Names that are equal, differ in case alone, or are hostile.
    let names = ["a b.png", "a b.png", "A B.PNG", "../../up.png", "图片 №1.png", "", "x\n%2F.png"];
    let file = directory.join(format!("{n}.bin"));
    image::RgbImage::from_pixel(width, height, shade)
        .save_with_format(&file, image::ImageFormat::Png)
        .expect("the image can be written");
    let bytes = std::fs::read(&file).expect("the image can be read");
    let asset = Asset {
        id: AssetId::of(&bytes),
        width,
        height,
        channels: 3,
        byte_size: bytes.len() as u64,
        media_type: MediaType::Png,
        file_name: names[n % names.len()].to_owned(),
        attributes: Default::default(),
    };
    let guess = Annotation::new(Class::Id(ClassId(n as u32 % 2)), BBox::new(1.0, 1.0, 9.0, 9.0));
    LabelItem { asset, file, pre_annotations: vec![guess.with_score(0.5)] }
}

/// Returns the true objects on the n-th image: none on the first.
fn objects(n: usize) -> Vec<Annotation> {
    let object = |k: usize| {
        let at = k as f64 / 3.0;
        Annotation::new(
            Class::Id(ClassId((n + k) as u32 % WORKSPACE.len() as u32)),
            BBox::new(2.0 + at, 1.5 + at, 7.0 + n as f64 / 7.0, 5.25),
        )
    };
    (0..n).map(object).collect()
}

fn boxes(labeled: &[Labeled]) -> Vec<(AssetId, &Class, [f64; 4])> {
    let mut boxes = Vec::new();
    for Labeled { id, annotations } in labeled {
        let each = annotations.iter().map(|Annotation { class, bbox, .. }| (class, bbox));
        boxes.extend(each.map(|(class, b)| (*id, class, [b.x, b.y, b.w, b.h])));
    }
    boxes
}

/// Asserts that two lists say the same about the same assets, boxes to 1e-9.
fn assert_same(found: &[Labeled], expected: &[Labeled]) {
    let ids = |all: &[Labeled]| all.iter().map(|labeled| labeled.id).collect::<Vec<_>>();
    assert_eq!(ids(found), ids(expected), "other assets, or another order");
    let (found, expected) = (boxes(found), boxes(expected));
    assert_eq!(found.len(), expected.len(), "{found:?} instead of {expected:?}");
    for (found, expected) in found.iter().zip(&expected) {
        let close = found.2.iter().zip(&expected.2).all(|(a, b)| (a - b).abs() <= 1e-9);
        assert!(
            (found.0, found.1) == (expected.0, expected.1) && close,
            "{found:?} ≠ {expected:?}"
        );
    }
}

async fn total(backend: &dyn LabelBackend, id: &LabelJobId) -> u64 {
    backend.status(id).await.expect("the job exists").total
}

async fn assert_no_job(backend: &dyn LabelBackend, id: &LabelJobId) {
    assert_eq!(backend.status(id).await.expect_err("no job").kind(), ErrorKind::NotFound);
    assert_eq!(backend.collect(id).await.expect_err("no job").kind(), ErrorKind::NotFound);
}

/// Creating a job of an id that exists, also by another process, changes nothing.
pub async fn creating_again_changes_nothing(fixture: Fixture, labeling: impl Labeling) {
    let job = fixture.job("job_1");
    labeling.open().await.create(&job).await.expect("created");
    let answers = fixture.answers(&job);
    labeling.label(&job, &answers).await;
    let mut other = fixture.job("job_1");
    other.items.truncate(1);
    // What exists is not looked at again: its files may have gone.
    other.items[0].file = fixture.directory.path().join("gone");
    for job in [&job, &other] {
        let backend = labeling.open().await;
        backend.create(job).await.expect("creating again is safe");
        assert_eq!(total(&*backend, &job.id).await, IMAGES as u64);
        assert_same(&backend.collect(&job.id).await.expect("collected"), &answers);
    }
}

/// Several at once that create the same job all succeed, and there is one.
pub async fn creating_at_once_makes_one_job(fixture: Fixture, labeling: impl Labeling) {
    let job = fixture.job("job_1");
    let backends = join_all((0..8).map(|_| labeling.open())).await;
    for created in join_all(backends.iter().map(|backend| backend.create(&job))).await {
        created.expect("each of them succeeds");
    }
    assert_eq!(total(&*backends[0], &job.id).await, IMAGES as u64);
    labeling.label(&job, &fixture.answers(&job)).await;
    let found = backends[7].collect(&job.id).await.expect("collected");
    assert_same(&found, &fixture.answers(&job));
}

/// A creation that broke off in the middle is finished by the next.
pub async fn a_broken_off_creation_is_finished(fixture: Fixture, labeling: impl Labeling) {
    let job = fixture.job("job_1");
    for pause in 0..12 {
        let (backend, job) = (labeling.open().await, job.clone());
        let creating = tokio::spawn(async move { backend.create(&job).await });
        for _ in 0..pause * 8 {
            tokio::task::yield_now().await;
        }
        creating.abort();
    }
    let backend = labeling.open().await;
    backend.create(&job).await.expect("finished");
    assert_eq!(total(&*backend, &job.id).await, IMAGES as u64);
}

/// A creation that failed leaves no job, and succeeds once its cause is gone.
pub async fn a_missing_file_is_not_found(fixture: Fixture, labeling: impl Labeling) {
    let (job, backend) = (fixture.job("job_1"), labeling.open().await);
    let (file, away) = (&job.items[IMAGES - 1].file, fixture.directory.path().join("away"));
    std::fs::rename(file, &away).expect("moved away");
    let error = backend.create(&job).await.expect_err("a file is missing");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let named = file.display().to_string();
    assert!(error.to_string().contains(&named), "`{error}` does not name {named}");
    assert_no_job(&*backend, &job.id).await;
    std::fs::rename(&away, file).expect("moved back");
    backend.create(&job).await.expect("created");
    assert_eq!(total(&*backend, &job.id).await, IMAGES as u64);
}

/// A job without assets or classes is invalid.
pub async fn a_job_without_assets_or_classes_is_invalid(fixture: Fixture, labeling: impl Labeling) {
    let backend = labeling.open().await;
    let job = fixture.job("job_1");
    for job in [
        LabelJob { items: Vec::new(), ..job.clone() },
        LabelJob { classes: ClassTable::default(), ..job },
    ] {
        let error = backend.create(&job).await.expect_err("an invalid job");
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_no_job(&*backend, &job.id).await;
    }
}

/// A job that was never created is not found, and cancelling it does nothing.
pub async fn an_unknown_job_is_not_found(fixture: Fixture, labeling: impl Labeling) {
    let (job, backend) = (fixture.job("job_1"), labeling.open().await);
    assert_no_job(&*backend, &job.id).await;
    backend.cancel(&job.id).await.expect("nothing happens");
    backend.create(&fixture.job("other")).await.expect("created");
    assert_no_job(&*backend, &job.id).await;
    backend.cancel(&job.id).await.expect("nothing happens");
}

/// The status counts all assets, and those labeled; an asset without answer keeps no job waiting.
pub async fn the_status_counts(fixture: Fixture, labeling: impl Labeling) {
    let (job, backend) = (fixture.job("job_1"), labeling.open().await);
    backend.create(&job).await.expect("created");
    let before = backend.status(&job.id).await.expect("a status");
    assert_eq!(before.total, IMAGES as u64);
    assert!(before.labeled <= before.total);
    labeling.label(&job, &fixture.answers(&job)).await;
    let (total, labeled) = (IMAGES as u64, IMAGES as u64 - 1);
    for backend in [backend, labeling.open().await] {
        let status = backend.status(&job.id).await.expect("a status");
        assert_eq!(status, LabelStatus { total, labeled, finished: true });
    }
}

/// What was labeled comes back exactly, sorted, each asset once, those without objects too.
pub async fn what_was_labeled_comes_back(fixture: Fixture, labeling: impl Labeling) {
    let (mut job, backend) = (fixture.job("job_1"), labeling.open().await);
    job.items.reverse();
    backend.create(&job).await.expect("created");
    let answers = fixture.answers(&job);
    assert!(answers.iter().any(|labeled| labeled.annotations.is_empty()));
    labeling.label(&job, &answers).await;
    for backend in [backend.clone(), backend, labeling.open().await] {
        let found = backend.collect(&job.id).await.expect("collected");
        assert_same(&found, &answers);
        assert!(found.iter().flat_map(|l| &l.annotations).all(|a| a.score.is_none()));
    }
}

/// A class that the job's table lacks comes as a name, if at all; an id is always of the table.
pub async fn a_class_outside_the_table_comes_by_name(fixture: Fixture, labeling: impl Labeling) {
    let (job, backend) = (fixture.job("job_1"), labeling.open().await);
    backend.create(&job).await.expect("created");
    let mut answers = fixture.answers(&job);
    let foreign = Class::Name("Wölfe".to_owned());
    answers[0].annotations.push(Annotation::new(foreign.clone(), BBox::new(1.0, 1.0, 2.0, 2.0)));
    labeling.label(&job, &answers).await;
    for labeled in backend.collect(&job.id).await.expect("collected") {
        for annotation in labeled.annotations {
            match annotation.class {
                Class::Id(id) => assert!(job.classes.name(id).is_some(), "{id} is not of the job"),
                class => assert_eq!((labeled.id, class), (answers[0].id, foreign.clone())),
            }
        }
    }
}

/// Jobs do not touch each other, also if they share assets.
pub async fn jobs_are_independent(fixture: Fixture, labeling: impl Labeling) {
    let backend = labeling.open().await;
    let (mut first, mut second) = (fixture.job("job_1"), fixture.job("job_2"));
    first.items.truncate(3);
    second.items.drain(..2);
    for job in [&first, &second] {
        backend.create(job).await.expect("created");
    }
    for job in [&first, &second] {
        labeling.label(job, &fixture.answers(job)).await;
        let found = backend.collect(&job.id).await.expect("collected");
        assert_same(&found, &fixture.answers(job));
    }
    backend.cancel(&first.id).await.expect("cancelled");
    let found = backend.collect(&second.id).await.expect("collected");
    assert_same(&found, &fixture.answers(&second));
}

/// What a cancelled job had can no longer be collected; its id can be used again.
pub async fn a_cancelled_job_is_gone(fixture: Fixture, labeling: impl Labeling) {
    let (job, backend) = (fixture.job("job_1"), labeling.open().await);
    for _ in 0..3 {
        backend.create(&job).await.expect("created");
        assert_eq!(total(&*backend, &job.id).await, IMAGES as u64);
        labeling.label(&job, &fixture.answers(&job)).await;
        backend.cancel(&job.id).await.expect("cancelled");
        assert_no_job(&*backend, &job.id).await;
        assert_no_job(&*labeling.open().await, &job.id).await;
        backend.cancel(&job.id).await.expect("nothing happens");
    }
}

/// Makes a test of each function of the suite.
///
/// The argument names a function `fn(&Fixture) -> impl Labeling`. The calling crate needs `tokio`
/// with the feature `macros`.
#[macro_export]
macro_rules! label_backend_tests {
    ($make:path) => {
        $crate::label_backend_tests! { $make:
            creating_again_changes_nothing
            creating_at_once_makes_one_job
            a_broken_off_creation_is_finished
            a_missing_file_is_not_found
            a_job_without_assets_or_classes_is_invalid
            an_unknown_job_is_not_found
            the_status_counts
            what_was_labeled_comes_back
            a_class_outside_the_table_comes_by_name
            jobs_are_independent
            a_cancelled_job_is_gone
        }
    };
    ($make:path: $($test:ident)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            let fixture = $crate::conformance::label_backend::Fixture::new().await;
            let labeling = $make(&fixture);
            $crate::conformance::label_backend::$test(fixture, labeling).await;
        }
    )*};
}
