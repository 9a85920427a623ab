//! What a store that is open for long holds on to.
#![cfg(target_os = "linux")]

use std::path::Path;

use ymir_assets::GitAssetStore;
use ymir_core::{
    Asset, AssetId, AssetStore, Base, Branch, CommitRequest, Edits, Expect, Manifest, MediaType,
    Record, Selector,
};

/// Returns how many packs of a store this process has open.
fn open_packs(root: &Path) -> usize {
    let root = root.canonicalize().unwrap();
    let files = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    let files = files.filter_map(|file| std::fs::read_link(file.path()).ok());
    files.filter(|file| file.starts_with(&root) && file.to_string_lossy().contains(".pack")).count()
}

async fn commit(store: &GitAssetStore, name: &str) {
    let asset = Asset {
        id: AssetId::of(name.as_bytes()),
        width: 1,
        height: 1,
        channels: 1,
        byte_size: 1,
        media_type: MediaType::Png,
        file_name: name.to_owned(),
        attributes: Default::default(),
    };
    let request = CommitRequest {
        branch: Branch::dataset("long").unwrap(),
        base: Base::Tip,
        edits: Edits::put(vec![Record { asset, annotations: Vec::new() }]),
        expect: Expect::Any,
        manifest: Manifest::default(),
        message: "Write".into(),
    };
    store.commit(request).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_open_for_long_lets_go_of_packs_that_are_gone() {
    let dir = tempfile::tempdir().unwrap();
    let store = GitAssetStore::init(dir.path()).unwrap();
    let reader = GitAssetStore::open(dir.path()).unwrap();
    let branch = Branch::dataset("long").unwrap();
    let mut most = 0;
    for n in 0..200 {
        commit(&store, &n.to_string()).await;
        reader.resolve(&branch, &Selector::Latest).await.unwrap();
        most = most.max(open_packs(dir.path()));
    }
    assert!(most > 0, "the files of the packs are seen");
    assert!(most < 100, "{most} packs are open at once");
}
