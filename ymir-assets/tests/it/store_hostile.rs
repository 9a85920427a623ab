//! Tries that are whole to git, yet not what this library writes: a repository may be anyone's.

use std::path::Path;

use git2::{ObjectType, Oid, Repository, Signature};
use ymir_assets::GitAssetStore;
use ymir_core::{
    AssetStore, Base, Branch, CommitRequest, DiffOptions, Edits, ErrorKind, Expect, FindOptions,
    Manifest, PageOptions, Version, VersionId,
};
use ymir_testkit::generate::records::SyntheticRecords;

const RECORDS: SyntheticRecords = SyntheticRecords { assets: 3, boxes: 5, classes: 2, seed: 1 };
/// The summary of a node with one child of one asset without annotations.
const ONE: &[u8] = &[0x0a, 1, 1, 0x12, 1, 1, 0x1a, 1, 0, 0x22, 1, 0, 0x2a, 1, 0];

async fn filled(root: &Path) -> (GitAssetStore, Version) {
    let store = GitAssetStore::init(root).unwrap();
    store.add_classes(&RECORDS.new_classes()).await.unwrap();
    let request = CommitRequest {
        branch: Branch::dataset("a").unwrap(),
        base: Base::Empty,
        edits: Edits::put(vec![RECORDS.shaped(0)]),
        expect: Expect::New,
        manifest: Manifest::default(),
        message: String::new(),
    };
    let version = store.commit(request).await.unwrap();
    (store, version)
}

/// Makes a version whose root has these entries, with the manifest of another version.
fn forge(repo: &Repository, like: &Version, entries: &[(&str, Oid)]) -> VersionId {
    let commit = repo.find_commit(Oid::from_bytes(like.id.as_bytes()).unwrap()).unwrap();
    let manifest = commit.tree().unwrap().get_name("manifest.pb").unwrap().id();
    let tree = |entries: &[(&str, Oid)]| {
        let mut builder = repo.treebuilder(None).unwrap();
        for (name, oid) in entries {
            let kind = repo.odb().unwrap().read_header(*oid).unwrap().1;
            let mode = if kind == ObjectType::Tree { 0o040_000 } else { 0o100_644 };
            builder.insert(*name, *oid, mode).unwrap();
        }
        builder.write().unwrap()
    };
    let root = tree(&[("assets", tree(entries)), ("manifest.pb", manifest)]);
    let root = repo.find_tree(root).unwrap();
    let who = Signature::now("x", "x@x").unwrap();
    let oid = repo.commit(None, &who, &who, "forged", &root, &[]).unwrap();
    VersionId::try_from(oid.as_bytes()).unwrap()
}

/// Together they look at every column.
const QUERIES: [&str; 3] = [
    "width>1 or aspect>1 or bytes<2 or channels=9 or type:png or name:a* or camera=3",
    "area<2 or score>0.5 or quality>0.5 or flag:crowd or box.colour=red or unlisted:a",
    "boxes(box_width_px>1)>2 and not class!='class 0'",
];

/// Reads a version in every way; each works or says that it is corrupted.
async fn read(store: &GitAssetStore, like: &Version, id: VersionId) -> bool {
    let mut kinds = Vec::new();
    let options = PageOptions { limit: usize::MAX, ..Default::default() };
    kinds.push(store.page(&id, options).await.err());
    let class = Some(ymir_core::ClassId(0));
    kinds.push(store.page(&id, PageOptions { class, ..options }).await.err());
    kinds.push(store.get(&id, &[RECORDS.record(0).asset.id]).await.err());
    kinds.push(store.asset_ids(&id, class).await.err());
    for query in QUERIES.map(|text| text.parse().unwrap()) {
        kinds.push(store.find(&id, &query, FindOptions::default()).await.err());
        kinds.push(store.count(&id, &query).await.err());
    }
    kinds.push(store.diff(&like.id, &id, DiffOptions::default()).await.err());
    let request = CommitRequest {
        branch: Branch::dataset("on-top").unwrap(),
        base: Base::Version(id),
        edits: Edits::put(RECORDS.iter().collect()),
        expect: Expect::Any,
        manifest: Manifest::default(),
        message: String::new(),
    };
    kinds.push(store.commit(request).await.err());
    for error in kinds.iter().flatten() {
        assert_eq!(error.kind(), ErrorKind::Corrupted, "{error:?}");
    }
    kinds.iter().any(Option::is_some)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_leaf_is_corrupted_and_never_a_panic() {
    let dir = tempfile::tempdir().unwrap();
    let (store, version) = filled(dir.path()).await;
    let repo = Repository::open(dir.path().join("repo.git")).unwrap();
    let assets = repo.find_tree(Oid::from_bytes(version.content.as_bytes()).unwrap()).unwrap();
    let (leaf, summary) = (assets.get(0).unwrap(), assets.get(1).unwrap());
    let name = leaf.name().unwrap();
    let file = repo.find_blob(leaf.id()).unwrap().content().to_vec();
    let message = zstd::bulk::decompress(&file, 1 << 20).unwrap();

    let mut files = vec![Vec::new(), b"garbage".to_vec(), file[..file.len() / 2].to_vec()];
    // A frame that says that it holds 2^62 bytes.
    files.push(
        [&[0x28, 0xb5, 0x2f, 0xfd, 0xe0][..], &(1u64 << 62).to_le_bytes(), &[1, 0, 0]].concat(),
    );
    files.push(zstd::bulk::compress(&vec![0xff; 100_000], 1).unwrap());
    let mutated = (0..message.len()).step_by(2).flat_map(|place| {
        [0x01, 0x80].map(|bit| {
            let mut message = message.clone();
            message[place] ^= bit;
            message
        })
    });
    let cut = (0..message.len()).step_by(7).map(|end| message[..end].to_vec());
    files.extend(mutated.chain(cut).map(|message| zstd::bulk::compress(&message, 1).unwrap()));

    let mut corrupted = 0;
    for file in &files {
        let entries = [(name, repo.blob(file).unwrap()), ("summary.pb", summary.id())];
        let id = forge(&repo, &version, &entries);
        corrupted += usize::from(read(&store, &version, id).await);
    }
    assert!(corrupted > files.len() / 4, "only {corrupted} of {}", files.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_node_is_corrupted_and_never_a_panic() {
    let dir = tempfile::tempdir().unwrap();
    let (store, version) = filled(dir.path()).await;
    let repo = Repository::open(dir.path().join("repo.git")).unwrap();
    let blob = |data: &[u8]| repo.blob(data).unwrap();
    let (one, leaf) = (blob(ONE), blob(b"leaf"));
    let empty = repo.treebuilder(None).unwrap().write().unwrap();
    // More assets than numbers can count, and a class column that is longer than it says.
    let huge = [&[0x0a, 10][..], &[0xff; 9], &[1], &ONE[3..]].concat();
    let classes = [&ONE[..ONE.len() - 1], &[9], &[0x32, 1, 0]].concat();
    let cases: [&[(&str, Oid)]; 9] = [
        &[],
        &[("0", leaf)],
        &[("0", empty), ("summary.pb", one)],
        &[("0", leaf), ("1", leaf), ("summary.pb", one)],
        &[("g", leaf), ("summary.pb", one)],
        &[("00", leaf), ("summary.pb", one)],
        &[("0", leaf), ("summary.pb", blob(&huge))],
        &[("0", leaf), ("summary.pb", blob(&classes))],
        &[("0", leaf), ("summary.pb", blob(b"garbage"))],
    ];
    for (n, entries) in cases.iter().enumerate() {
        let id = forge(&repo, &version, entries);
        assert!(read(&store, &version, id).await, "case {n} was read");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trie_without_end_is_corrupted() {
    let dir = tempfile::tempdir().unwrap();
    let (store, version) = filled(dir.path()).await;
    let repo = Repository::open(dir.path().join("repo.git")).unwrap();
    // One child of 300 assets, as inner nodes have, at each of more levels than there are digits.
    let many = [0x0a, 2, 0xac, 2, 0x12, 1, 0, 0x1a, 1, 0, 0x22, 1, 0, 0x2a, 1, 1];
    let many = [&many[..], &[0x32, 1, 0, 0x3a, 2, 0xac, 2, 0x42, 2, 0xac, 2]].concat();
    let summary = repo.blob(&many).unwrap();
    let digits = RECORDS.record(0).asset.id.to_string().repeat(2);
    let mut node = repo.treebuilder(None).unwrap().write().unwrap();
    for place in (0..70).rev() {
        let mut builder = repo.treebuilder(None).unwrap();
        builder.insert(&digits[place..=place], node, 0o040_000).unwrap();
        builder.insert("summary.pb", summary, 0o100_644).unwrap();
        node = builder.write().unwrap();
    }
    let top = repo.find_tree(node).unwrap();
    let child = (&digits[..1], top.get(0).unwrap().id());
    let id = forge(&repo, &version, &[child, ("summary.pb", summary)]);
    assert!(read(&store, &version, id).await);
    // Each way by itself, as one failure would have been enough for the line above.
    let options = PageOptions { limit: usize::MAX, ..Default::default() };
    let wanted = [RECORDS.record(0).asset.id];
    assert_eq!(store.page(&id, options).await.unwrap_err().kind(), ErrorKind::Corrupted);
    assert_eq!(store.get(&id, &wanted).await.unwrap_err().kind(), ErrorKind::Corrupted);
    assert_eq!(store.asset_ids(&id, None).await.unwrap_err().kind(), ErrorKind::Corrupted);
}
