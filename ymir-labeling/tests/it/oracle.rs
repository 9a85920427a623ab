//! The oracle: the conformance suite, and what is its own.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use ymir_core::{
    AssetStore, ErrorKind, LabelBackend, LabelHandle, LabelJobId, LabelJobRequest, Labeled,
    VersionId,
};
use ymir_labeling::OracleBackend;
use ymir_testkit::conformance::label_backend::{Fixture, Labeling, annotations, create};
use ymir_testkit::double::{Fault, FaultyAssetStore, StoreMethod, When};

struct Oracle {
    store: Arc<dyn AssetStore>,
    truth: VersionId,
    state: PathBuf,
}

#[async_trait]
impl Labeling for Oracle {
    async fn open(&self) -> Arc<dyn LabelBackend> {
        Arc::new(OracleBackend::new(self.store.clone(), self.truth, &self.state))
    }

    async fn label(&self, _: &LabelJobRequest, _: &[Labeled]) {}

    async fn jobs(&self) -> usize {
        let Ok(entries) = std::fs::read_dir(&self.state) else { return 0 };
        let is_job = |name: std::ffi::OsString| name.to_string_lossy().ends_with(".json");
        entries.filter(|entry| is_job(entry.as_ref().unwrap().file_name())).count()
    }
}

fn oracle(fixture: &Fixture) -> Oracle {
    Oracle { store: fixture.store.clone(), truth: fixture.truth, state: fixture.state() }
}

mod conformance {
    ymir_testkit::label_backend_tests!(super::oracle);
}

#[tokio::test]
async fn a_damaged_job_file_is_reported_and_can_be_cancelled() {
    let fixture = Fixture::new().await;
    let backend = oracle(&fixture).open().await;
    let job = fixture.job("job_1");
    let handle = create(&*backend, &job).await.unwrap();
    let path = fixture.state().join("job_1.json");
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let error = annotations(&*backend, &handle, 100).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupted);
    assert!(error.to_string().contains("job_1.json"), "{error}");
    backend.cancel(&handle).await.unwrap();
    create(&*backend, &job).await.unwrap();
    let found = annotations(&*backend, &handle, 100).await.unwrap();
    assert_eq!(found, fixture.answers(&job));
}

#[tokio::test]
async fn a_job_keeps_the_truth_that_it_was_created_with() {
    let fixture = Fixture::new().await;
    let mut setup = oracle(&fixture);
    let job = fixture.job("job_1");
    let handle = create(&*setup.open().await, &job).await.unwrap();
    setup.truth = VersionId::new([7; 20]);
    let found = annotations(&*setup.open().await, &handle, 100).await.unwrap();
    assert_eq!(found, fixture.answers(&job));
    let error = create(&*setup.open().await, &fixture.job("job_2")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "an oracle without truth takes no jobs");
    assert!(!fixture.state().join("job_2.json").exists());
}

#[tokio::test]
async fn creating_at_once_makes_one_job() {
    let fixture = Fixture::new().await;
    super::create_at_once(&fixture, &oracle(&fixture)).await;
}

#[tokio::test]
async fn a_failing_store_fails_the_call_and_nothing_else() {
    let fixture = Fixture::new().await;
    let fault =
        |method, call| Fault { method, call, kind: ErrorKind::Unavailable, when: When::Before };
    let faults = vec![fault(StoreMethod::Get, 1), fault(StoreMethod::Classes, 1)];
    let mut setup = oracle(&fixture);
    setup.store = Arc::new(FaultyAssetStore::new(fixture.store.clone(), faults));
    let (backend, job) = (setup.open().await, fixture.job("job_1"));
    let handle = create(&*backend, &job).await.unwrap();
    assert!(backend.status(&handle).await.unwrap_err().is_retryable());
    assert!(annotations(&*backend, &handle, 100).await.unwrap_err().is_retryable());
    assert_eq!(annotations(&*backend, &handle, 100).await.unwrap(), fixture.answers(&job));
    let unknown = LabelHandle::new(LabelJobId::new("other").unwrap());
    let error = annotations(&*backend, &unknown, 100).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}
