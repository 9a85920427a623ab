use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use ymir_core::{Edit, Edits, Record};
use ymir_formats::{Records, stop_if};

/// How many annotations were put into the version, and images without any.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) annotations: AtomicU64,
    pub(super) negatives: AtomicU64,
}

impl Counts {
    fn add(&self, record: &Record) {
        let annotations = record.annotations.len() as u64;
        self.annotations.fetch_add(annotations, Ordering::Relaxed);
        self.negatives.fetch_add(u64::from(annotations == 0), Ordering::Relaxed);
    }
}

/// Returns the edits that put records in, which end with an error if the import is over first, and
/// count what they put in.
pub(super) fn into_edits(
    mut records: Records,
    over: Arc<AtomicBool>,
    counts: Arc<Counts>,
) -> Edits {
    let mut ended = false;
    Edits::new(std::iter::from_fn(move || {
        if ended {
            return None;
        }
        let record = stop_if(&over).and_then(|()| records.next_record()).transpose();
        ended = !matches!(record, Some(Ok(_)));
        Some(record?.map(|record| {
            counts.add(&record);
            Edit::Put(record)
        }))
    }))
}
