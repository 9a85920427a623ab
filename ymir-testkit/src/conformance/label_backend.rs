//! The conformance suite of [`LabelBackend`]: one function per sentence of its documentation.
//!
//! Each takes a function that makes the backend to be tested, as a [`Labeling`], on a fresh
//! [`Fixture`]. [`label_backend_tests!`](crate::label_backend_tests) turns all of them into tests.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use tempfile::TempDir;
use ymir_core::{
    Annotation, Asset, AssetId, AssetStore, BBox, Base, Branch, Class, ClassId, ClassTable,
    CommitRequest, Edits, ErrorKind, Expect, ImageSource, LabelBackend, LabelHandle,
    LabelItem, LabelJobId, LabelJobRequest, LabelPage, LabelPageOptions, LabelStatus, Labeled,
    Manifest, MediaType, NewClass, ObjectType, Record, Result, VersionId,
};

use crate::double::MemoryAssetStore;

/// A backend under test, with whoever does the labeling.
#[async_trait]
pub trait Labeling: Send + Sync {
    /// Opens the backend, on the same state each time, as another process would.
    async fn open(&self) -> Arc<dyn LabelBackend>;

    /// Labels the assets of a job with these answers and says that the job is done; does nothing
    /// where the backend answers by itself.
    async fn label(&self, job: &LabelJobRequest, answers: &[Labeled]);

    /// Returns how many jobs there are, whole or in part, looked at from the side of the labeler.
    async fn jobs(&self) -> usize;
}

/// The most steps that a creation may take.
const STEPS: usize = 1000;

/// Creates a job as the workspace does, each handle stored as text in between.
pub async fn create(backend: &dyn LabelBackend, request: &LabelJobRequest) -> Result<LabelHandle> {
    let mut handle = LabelHandle::new(request.id.clone());
    for _ in 0..STEPS {
        if handle.ready {
            return Ok(handle);
        }
        handle = stored(&backend.create(request, &handle).await?);
        assert_eq!(handle.job, request.id, "a handle is of the job that it was made for");
    }
    panic!("the job is not ready after {STEPS} steps: {handle:?}");
}

/// Returns a handle as it is after it was stored and read again.
fn stored(handle: &LabelHandle) -> LabelHandle {
    let text = serde_json::to_string(handle).expect("a handle has a JSON form");
    let read: LabelHandle = serde_json::from_str(&text).expect("its JSON form can be read");
    assert_eq!(read, *handle, "a handle is what its JSON form says");
    read
}

/// Returns all that has been labeled, read in pages of the most assets, sorted by asset id.
pub async fn annotations(
    backend: &dyn LabelBackend,
    handle: &LabelHandle,
    limit: usize,
) -> Result<Vec<Labeled>> {
    let (mut labeled, mut options) = (Vec::new(), LabelPageOptions { after: None, limit });
    loop {
        let page = backend.annotations(handle, &options).await?;
        assert!(page.labeled.len() <= limit, "{} assets on a page of {limit}", page.labeled.len());
        labeled.extend(page.labeled);
        options.after = page.next;
        if options.after.is_none() {
            labeled.sort_by_key(|labeled| labeled.id);
            let ids: BTreeSet<_> = labeled.iter().map(|labeled| labeled.id).collect();
            assert_eq!(ids.len(), labeled.len(), "an asset came twice");
            return Ok(labeled);
        }
    }
}

/// The images of a fixture, as files or as bytes alone.
#[derive(Debug, Clone)]
struct Images {
    files: BTreeMap<AssetId, PathBuf>,
    /// Whether the files are offered, beside their bytes.
    as_files: bool,
}

#[async_trait]
impl ImageSource for Images {
    async fn bytes(&self, id: &AssetId) -> Result<Vec<u8>> {
        let path = &self.files[id];
        std::fs::read(path).map_err(|e| ymir_core::Error::io("cannot read an image", path, e))
    }

    async fn file(&self, id: &AssetId) -> Result<Option<PathBuf>> {
        Ok(self.as_files.then(|| self.files[id].clone()))
    }
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
    images: Images,
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
        let (items, files): (Vec<_>, Vec<_>) =
            (0..IMAGES).map(|n| item(directory.path(), n)).unzip();
        let ids = items.iter().map(|item: &LabelItem| item.asset.id);
        let images = Images { files: ids.zip(files).collect(), as_files: true };
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
        Self { directory, store, truth, items, images, records }
    }

    /// Returns a directory for the state of a backend, which does not exist yet.
    pub fn state(&self) -> PathBuf {
        self.directory.path().join("state").join("of backend")
    }

    /// Returns a job of all images and two classes, with pre-annotations.
    pub fn job(&self, id: &str) -> LabelJobRequest {
        let mut classes = ClassTable::default();
        classes.add("Dog", &["hound"]).expect("a valid name");
        classes.add("cat", &[]).expect("a valid name");
        LabelJobRequest {
            id: LabelJobId::new(id).expect("a valid id"),
            title: "Pets / 犬と猫".to_owned(),
            instructions: "Draw tight boxes.\nLeave out reflections.".to_owned(),
            object_type: ObjectType::Detection,
            classes,
            items: self.items.clone(),
            images: Arc::new(self.images.clone()),
        }
    }

    /// Returns the job with images that are not files, as those of an object store.
    pub fn job_without_files(&self, id: &str) -> LabelJobRequest {
        let images = Arc::new(Images { as_files: false, ..self.images.clone() });
        LabelJobRequest { images, ..self.job(id) }
    }

    /// Returns the file of an image.
    pub fn file(&self, id: &AssetId) -> &Path {
        &self.images.files[id]
    }

    /// Returns what is to come back for a job: the truth about its assets in its classes, sorted.
    pub fn answers(&self, job: &LabelJobRequest) -> Vec<Labeled> {
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
fn in_job(annotation: &Annotation, job: &LabelJobRequest) -> Option<Annotation> {
    let name = WORKSPACE[annotation.class.id()?.0 as usize];
    let class = Class::Id(job.classes.find(name)?);
    Some(Annotation { class, ..annotation.clone() })
}

fn item(directory: &Path, n: usize) -> (LabelItem, PathBuf) {
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
    (LabelItem { asset, pre_annotations: vec![guess.with_score(0.5)] }, file)
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

async fn total(backend: &dyn LabelBackend, handle: &LabelHandle) -> u64 {
    backend.status(handle).await.expect("the job exists").total
}

async fn assert_no_job(backend: &dyn LabelBackend, handle: &LabelHandle) {
    assert_eq!(backend.status(handle).await.expect_err("no job").kind(), ErrorKind::NotFound);
    let page = backend.annotations(handle, &LabelPageOptions::default()).await;
    assert_eq!(page.expect_err("no job").kind(), ErrorKind::NotFound);
}

/// A job is made in steps that whoever holds the handle takes, in any process; there is one job
/// at the end.
pub async fn a_job_is_created_in_steps(fixture: Fixture, labeling: impl Labeling) {
    let job = fixture.job("job_1");
    let mut handle = LabelHandle::new(job.id.clone());
    for _ in 0..STEPS {
        if handle.ready {
            break;
        }
        handle = stored(&labeling.open().await.create(&job, &handle).await.expect("a step"));
    }
    assert!(handle.ready, "{handle:?}");
    assert_eq!(labeling.jobs().await, 1);
    assert_eq!(total(&*labeling.open().await, &handle).await, IMAGES as u64);
}

/// A handle from before a step finds what the step made: wherever a creation loses its newest
/// handle, nothing is made twice.
pub async fn a_lost_handle_makes_nothing_twice(fixture: Fixture, labeling: impl Labeling) {
    for lost in 0..STEPS {
        let job = fixture.job(&format!("job_{lost}"));
        let mut handle = LabelHandle::new(job.id.clone());
        let mut step = 0;
        while !handle.ready {
            let next = labeling.open().await.create(&job, &handle).await.expect("a step");
            // The one who took this step died before it stored the handle.
            if step != lost {
                handle = stored(&next);
            }
            step += 1;
            assert!(step < STEPS, "the job is not ready after {STEPS} steps: {handle:?}");
        }
        assert_eq!(labeling.jobs().await, lost + 1);
        let backend = labeling.open().await;
        assert_eq!(total(&*backend, &handle).await, IMAGES as u64);
        labeling.label(&job, &fixture.answers(&job)).await;
        let found = annotations(&*backend, &handle, 100).await.expect("read");
        assert_same(&found, &fixture.answers(&job));
        if step <= lost {
            return;
        }
    }
}

/// A creation begun anew, by who knows of no handle, goes on with the job that there is.
pub async fn creating_again_changes_nothing(fixture: Fixture, labeling: impl Labeling) {
    let job = fixture.job("job_1");
    let handle = create(&*labeling.open().await, &job).await.expect("created");
    let answers = fixture.answers(&job);
    labeling.label(&job, &answers).await;
    let backend = labeling.open().await;
    assert_eq!(backend.create(&job, &handle).await.expect("it is ready"), handle);
    for _ in 0..2 {
        let again = create(&*labeling.open().await, &job).await.expect("creating again is safe");
        assert_eq!(again, handle);
        assert_eq!(labeling.jobs().await, 1);
        assert_eq!(total(&*backend, &again).await, IMAGES as u64);
        assert_same(&annotations(&*backend, &again, 100).await.expect("read"), &answers);
    }
}

/// A step that broke off in the middle is taken again by the next.
pub async fn a_broken_off_creation_is_finished(fixture: Fixture, labeling: impl Labeling) {
    let job = fixture.job("job_1");
    for pause in 0..12 {
        let (backend, job) = (labeling.open().await, job.clone());
        let creating = tokio::spawn(async move { create(&*backend, &job).await });
        for _ in 0..pause * 8 {
            tokio::task::yield_now().await;
        }
        creating.abort();
        // One at a time creates a job.
        let _ = creating.await;
    }
    let backend = labeling.open().await;
    let handle = create(&*backend, &job).await.expect("finished");
    assert_eq!(total(&*backend, &handle).await, IMAGES as u64);
    assert_eq!(labeling.jobs().await, 1);
}

/// Images that are bytes, and no files, do as well.
pub async fn images_need_no_files(fixture: Fixture, labeling: impl Labeling) {
    let (job, backend) = (fixture.job_without_files("job_1"), labeling.open().await);
    let handle = create(&*backend, &job).await.expect("created");
    labeling.label(&job, &fixture.answers(&job)).await;
    let found = annotations(&*backend, &handle, 100).await.expect("read");
    assert_same(&found, &fixture.answers(&job));
}

/// A creation that lacks an image fails by its name, and succeeds once its cause is gone. A
/// backend that needs no images makes the job.
pub async fn a_missing_image_is_not_found(fixture: Fixture, labeling: impl Labeling) {
    let (job, backend) = (fixture.job("job_1"), labeling.open().await);
    let id = job.items[IMAGES - 1].asset.id;
    let (file, away) = (fixture.file(&id), fixture.directory.path().join("away"));
    std::fs::rename(file, &away).expect("moved away");
    if let Err(error) = create(&*backend, &job).await {
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let named = file.display().to_string();
        assert!(error.to_string().contains(&named), "`{error}` does not name {named}");
    }
    std::fs::rename(&away, file).expect("moved back");
    let handle = create(&*backend, &job).await.expect("created");
    assert_eq!(total(&*backend, &handle).await, IMAGES as u64);
    assert_eq!(labeling.jobs().await, 1);
}

/// A job without assets or classes is invalid; one of an object type that the backend has no
/// labels for is unsupported. Nothing is made of either.
pub async fn an_impossible_job_is_refused(fixture: Fixture, labeling: impl Labeling) {
    let backend = labeling.open().await;
    let job = fixture.job("job_1");
    let mut twice = job.clone();
    twice.items.push(twice.items[0].clone());
    let mut jobs = vec![
        (LabelJobRequest { items: Vec::new(), ..job.clone() }, ErrorKind::InvalidInput),
        (
            LabelJobRequest { classes: ClassTable::default(), ..job.clone() },
            ErrorKind::InvalidInput,
        ),
        (twice, ErrorKind::InvalidInput),
    ];
    let known = backend.capabilities().object_types;
    let unknown = [ObjectType::Classification, ObjectType::SemanticSegmentation];
    if let Some(object_type) = unknown.into_iter().find(|one| !known.contains(one)) {
        jobs.push((LabelJobRequest { object_type, ..job }, ErrorKind::Unsupported));
    }
    for (job, kind) in jobs {
        let error = create(&*backend, &job).await.expect_err("an impossible job");
        assert_eq!(error.kind(), kind, "{error}");
        assert_no_job(&*backend, &LabelHandle::new(job.id)).await;
    }
    assert_eq!(labeling.jobs().await, 0);
}

/// A job that was never created is not found, and cancelling it does nothing.
pub async fn an_unknown_job_is_not_found(fixture: Fixture, labeling: impl Labeling) {
    let (unknown, backend) = (LabelHandle::new(fixture.job("job_1").id), labeling.open().await);
    assert_no_job(&*backend, &unknown).await;
    backend.cancel(&unknown).await.expect("nothing happens");
    create(&*backend, &fixture.job("other")).await.expect("created");
    assert_no_job(&*backend, &unknown).await;
    backend.cancel(&unknown).await.expect("nothing happens");
    assert_eq!(labeling.jobs().await, 1);
}

/// The status counts all assets, and those labeled; an asset without answer keeps no job waiting.
pub async fn the_status_counts(fixture: Fixture, labeling: impl Labeling) {
    let (job, backend) = (fixture.job("job_1"), labeling.open().await);
    let handle = create(&*backend, &job).await.expect("created");
    let before = backend.status(&handle).await.expect("a status");
    assert_eq!(before.total, IMAGES as u64);
    assert!(before.labeled + before.skipped <= before.total);
    labeling.label(&job, &fixture.answers(&job)).await;
    let (total, labeled) = (IMAGES as u64, IMAGES as u64 - 1);
    for backend in [backend, labeling.open().await] {
        let status = backend.status(&handle).await.expect("a status");
        assert_eq!(status, LabelStatus { total, labeled, skipped: 1, finished: true });
    }
}

/// What was labeled comes back exactly, each asset once, those without objects too, in pages of
/// any size, and again.
pub async fn what_was_labeled_comes_back(fixture: Fixture, labeling: impl Labeling) {
    let (mut job, backend) = (fixture.job("job_1"), labeling.open().await);
    job.items.reverse();
    let handle = create(&*backend, &job).await.expect("created");
    let answers = fixture.answers(&job);
    assert!(answers.iter().any(|labeled| labeled.annotations.is_empty()));
    labeling.label(&job, &answers).await;
    for limit in [1, 2, IMAGES - 1, IMAGES, 1000] {
        for backend in [backend.clone(), labeling.open().await] {
            let found = annotations(&*backend, &handle, limit).await.expect("read");
            assert_same(&found, &answers);
            assert!(found.iter().flat_map(|l| &l.annotations).all(|a| a.score.is_none()));
        }
    }
}

/// A cursor is good again, also in another process; one from elsewhere is refused.
pub async fn a_cursor_can_be_used_again(fixture: Fixture, labeling: impl Labeling) {
    let (job, backend) = (fixture.job("job_1"), labeling.open().await);
    let handle = create(&*backend, &job).await.expect("created");
    labeling.label(&job, &fixture.answers(&job)).await;
    let mut options = LabelPageOptions { after: None, limit: 2 };
    loop {
        let page = backend.annotations(&handle, &options).await.expect("a page");
        let text = serde_json::to_string(&options.after).expect("a cursor has a JSON form");
        let after = serde_json::from_str(&text).expect("its JSON form can be read");
        let again = LabelPageOptions { after, ..options };
        for backend in [backend.clone(), labeling.open().await] {
            let found: LabelPage = backend.annotations(&handle, &again).await.expect("again");
            assert_eq!(found, page);
        }
        options.after = page.next;
        if options.after.is_none() {
            break;
        }
    }
    options.after = Some(ymir_core::LabelCursor("of another backend".to_owned()));
    let error = backend.annotations(&handle, &options).await.expect_err("a foreign cursor");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

/// A class that the job's table lacks comes as a name, if at all; an id is always of the table.
pub async fn a_class_outside_the_table_comes_by_name(fixture: Fixture, labeling: impl Labeling) {
    let (job, backend) = (fixture.job("job_1"), labeling.open().await);
    let handle = create(&*backend, &job).await.expect("created");
    let mut answers = fixture.answers(&job);
    let foreign = Class::Name("Wölfe".to_owned());
    answers[0].annotations.push(Annotation::new(foreign.clone(), BBox::new(1.0, 1.0, 2.0, 2.0)));
    labeling.label(&job, &answers).await;
    for labeled in annotations(&*backend, &handle, 100).await.expect("read") {
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
    let mut handles = Vec::new();
    for job in [&first, &second] {
        handles.push(create(&*backend, job).await.expect("created"));
    }
    for (job, handle) in [&first, &second].into_iter().zip(&handles) {
        labeling.label(job, &fixture.answers(job)).await;
        let found = annotations(&*backend, handle, 100).await.expect("read");
        assert_same(&found, &fixture.answers(job));
    }
    backend.cancel(&handles[0]).await.expect("cancelled");
    let found = annotations(&*backend, &handles[1], 100).await.expect("read");
    assert_same(&found, &fixture.answers(&second));
}

/// What a cancelled job had can no longer be read; its id can be used again.
pub async fn a_cancelled_job_is_gone(fixture: Fixture, labeling: impl Labeling) {
    let (job, backend) = (fixture.job("job_1"), labeling.open().await);
    for _ in 0..3 {
        let handle = create(&*backend, &job).await.expect("created");
        assert_eq!(total(&*backend, &handle).await, IMAGES as u64);
        labeling.label(&job, &fixture.answers(&job)).await;
        backend.cancel(&handle).await.expect("cancelled");
        assert_eq!(labeling.jobs().await, 0);
        assert_no_job(&*backend, &handle).await;
        assert_no_job(&*labeling.open().await, &handle).await;
        backend.cancel(&handle).await.expect("nothing happens");
    }
}

/// A job that is not ready can be cancelled at each step, also by a handle from before its first.
pub async fn a_job_in_the_making_can_be_cancelled(fixture: Fixture, labeling: impl Labeling) {
    for steps in 1..STEPS {
        let (job, backend) = (fixture.job("job_1"), labeling.open().await);
        let new = LabelHandle::new(job.id.clone());
        let mut ready = false;
        for forget in [false, true] {
            let mut handle = new.clone();
            for _ in 0..steps {
                handle = stored(&backend.create(&job, &handle).await.expect("a step"));
            }
            ready = handle.ready;
            backend.cancel(if forget { &new } else { &handle }).await.expect("cancelled");
            assert_eq!(labeling.jobs().await, 0, "after {steps} steps");
            assert_no_job(&*backend, &handle).await;
        }
        if ready {
            return;
        }
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
            a_job_is_created_in_steps
            a_lost_handle_makes_nothing_twice
            creating_again_changes_nothing
            a_broken_off_creation_is_finished
            images_need_no_files
            a_missing_image_is_not_found
            an_impossible_job_is_refused
            an_unknown_job_is_not_found
            the_status_counts
            what_was_labeled_comes_back
            a_cursor_can_be_used_again
            a_class_outside_the_table_comes_by_name
            jobs_are_independent
            a_cancelled_job_is_gone
            a_job_in_the_making_can_be_cancelled
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
