//! A repository that the original's own command made (see `tools/make-mir-repo`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::read::GzDecoder;
use ymir_assets::mir::{MirOptions, MirReport, MirVersion, import_mir};
use ymir_core::{AssetStore, BranchKind, Record, VersionId};

use super::{folder, records};

pub(crate) type Store = Arc<dyn AssetStore>;

/// Unpacks the repository with its images and models; `media` and `models` beside `repo`.
pub(crate) fn original() -> PathBuf {
    let folder = folder();
    let packed = include_bytes!("../data/mir/mir.tar.gz");
    tar::Archive::new(GzDecoder::new(&packed[..])).unpack(&folder).unwrap();
    folder
}

pub(crate) fn options(original: &Path) -> MirOptions {
    MirOptions {
        media: Some(original.join("media")),
        models: Some(original.join("models")),
        ..MirOptions::default()
    }
}

pub(crate) async fn import(store: &Store, original: &Path, options: &MirOptions) -> MirReport {
    import_mir(store, &original.join("repo"), options, &|_| {}).await.unwrap()
}

pub(crate) fn version<'a>(report: &'a MirReport, name: &str) -> &'a MirVersion {
    report.versions.iter().find(|version| version.name == name).unwrap()
}

pub(crate) async fn named(store: &Store, version: &VersionId) -> BTreeMap<String, Record> {
    let records = records(store, version).await.into_iter();
    records.map(|record| (record.asset.file_name.clone(), record)).collect()
}

pub(crate) async fn nothing_is_there(store: &Store) {
    for kind in BranchKind::ALL {
        assert_eq!(store.branches(kind).await.unwrap(), []);
    }
    assert!(store.classes().await.unwrap().is_empty());
}
