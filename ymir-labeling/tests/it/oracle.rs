//! The oracle: the conformance suite, and what is its own.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use ymir_core::{AssetStore, ErrorKind, LabelBackend, LabelJob, LabelJobId, Labeled, VersionId};
use ymir_labeling::OracleBackend;
use ymir_testkit::conformance::label_backend::{Fixture, Labeling};
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

    async fn label(&self, _: &LabelJob, _: &[Labeled]) {}
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
    backend.create(&job).await.unwrap();
    let path = fixture.state().join("job_1.json");
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let error = backend.collect(&job.id).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupted);
    assert!(error.to_string().contains("job_1.json"), "{error}");
    backend.cancel(&job.id).await.unwrap();
    backend.create(&job).await.unwrap();
    assert_eq!(backend.collect(&job.id).await.unwrap(), fixture.answers(&job));
}

#[tokio::test]
async fn a_job_keeps_the_truth_that_it_was_created_with() {
    let fixture = Fixture::new().await;
    let mut setup = oracle(&fixture);
    let job = fixture.job("job_1");
    setup.open().await.create(&job).await.unwrap();
    setup.truth = VersionId::new([7; 20]);
    assert_eq!(setup.open().await.collect(&job.id).await.unwrap(), fixture.answers(&job));
    let error = setup.open().await.create(&fixture.job("job_2")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "an oracle without truth takes no jobs");
    assert!(!fixture.state().join("job_2.json").exists());
}

#[tokio::test]
async fn an_asset_twice_in_a_job_is_invalid() {
    let fixture = Fixture::new().await;
    let backend = oracle(&fixture).open().await;
    let mut job = fixture.job("job_1");
    job.items.push(job.items[0].clone());
    assert_eq!(backend.create(&job).await.unwrap_err().kind(), ErrorKind::InvalidInput);
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
    backend.create(&job).await.unwrap();
    assert!(backend.status(&job.id).await.unwrap_err().is_retryable());
    assert!(backend.collect(&job.id).await.unwrap_err().is_retryable());
    assert_eq!(backend.collect(&job.id).await.unwrap(), fixture.answers(&job));
    let unknown = LabelJobId::new("other").unwrap();
    assert_eq!(backend.collect(&unknown).await.unwrap_err().kind(), ErrorKind::NotFound);
}
