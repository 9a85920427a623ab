//! What the tests of imports share.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ymir_core::{AssetStore, Branch, ErrorKind, Record, Result, Transfer, UnknownClasses};
use ymir_data::{ImportOptions, ImportReport, import_dataset};
use ymir_formats::{Format, SkipReason};

use super::{folder, put, records};
use ymir_testkit::fixture::pictures::{jpeg, object, xml};

pub(crate) type Store = Arc<dyn AssetStore>;

pub(crate) const ADD: ImportOptions = ImportOptions {
    unknown_classes: UnknownClasses::Add,
    transfer: Transfer::Copy,
    list: None,
    without_annotations: false,
    append: false,
    skip_near_duplicates: None,
};

pub(crate) fn branch() -> Branch {
    Branch::dataset("pets").unwrap()
}

pub(crate) async fn import(
    store: &Store,
    source: &Path,
    options: &ImportOptions,
) -> Result<ImportReport> {
    import_dataset(store, source, Format::Voc, &branch(), options, &|_| ()).await
}

pub(crate) async fn imported(store: &Store, source: &Path) -> (ImportReport, Vec<Record>) {
    let report = import(store, source, &ADD).await.unwrap();
    let records = records(store, &report.version.id).await;
    (report, records)
}

/// Returns a VOC folder with `count` images of one cat each.
pub(crate) fn voc(count: usize) -> PathBuf {
    let source = folder();
    for n in 0..count {
        put(&source, &format!("JPEGImages/{n}.jpg"), jpeg(n));
        let content = xml(&format!("{n}.jpg"), &object("cat", 10, 11, 19, 30));
        put(&source, &format!("Annotations/{n}.xml"), content);
    }
    source
}

pub(crate) fn reasons(report: &ImportReport) -> Vec<(&str, SkipReason)> {
    report.skipped.iter().map(|skip| (skip.path.as_str(), skip.kind)).collect()
}

pub(crate) async fn nothing_is_committed(store: &Store) {
    assert_eq!(
        store.log(&branch(), Default::default()).await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
}
