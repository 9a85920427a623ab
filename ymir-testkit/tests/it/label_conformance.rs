//! The labeling backend in memory meets the contract that it is a double of.

use std::sync::Arc;

use async_trait::async_trait;
use ymir_core::{LabelBackend, LabelJobRequest, Labeled};
use ymir_testkit::conformance::label_backend::{Fixture, Labeling};
use ymir_testkit::double::{MemoryLabelBackend, MemoryLabelServer};

#[async_trait]
impl Labeling for Server {
    async fn open(&self) -> Arc<dyn LabelBackend> {
        Arc::new(MemoryLabelBackend::new(&self.0))
    }

    async fn label(&self, job: &LabelJobRequest, answers: &[Labeled]) {
        self.0.answer(&job.id, answers);
    }

    async fn jobs(&self) -> usize {
        self.0.jobs().len()
    }
}

struct Server(MemoryLabelServer);

fn server(_: &Fixture) -> Server {
    Server(MemoryLabelServer::new())
}

ymir_testkit::label_backend_tests!(server);
