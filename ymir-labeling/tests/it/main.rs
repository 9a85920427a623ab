//! The labeling backends: the conformance suite, and what is their own.

mod folder;
mod oracle;

use futures::future::join_all;
use ymir_testkit::conformance::label_backend::{Fixture, Labeling, annotations, create};

/// Creates a job by several at once, which the contract leaves to the caller to prevent and local
/// backends allow: all succeed, and there is one.
async fn create_at_once(fixture: &Fixture, labeling: &impl Labeling) {
    let job = fixture.job("job_1");
    let backends = join_all((0..8).map(|_| labeling.open())).await;
    let mut handles = Vec::new();
    for created in join_all(backends.iter().map(|backend| create(&**backend, &job))).await {
        handles.push(created.expect("each of them succeeds"));
    }
    assert_eq!(labeling.jobs().await, 1);
    labeling.label(&job, &fixture.answers(&job)).await;
    let found = annotations(&*backends[7], &handles[7], 100).await.unwrap();
    assert_eq!(found.len(), fixture.answers(&job).len());
}
