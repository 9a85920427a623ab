//! The repository as stock git sees it, and what happens when it is damaged.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ymir_assets::GitAssetStore;
use ymir_core::{
    AssetStore, Base, Branch, BranchKind, CommitRequest, DiffOptions, Edit, Edits, ErrorKind,
    Expect, Manifest, PageOptions, Selector, Version,
};
use ymir_testkit::generate::records::SyntheticRecords;

const RECORDS: SyntheticRecords = SyntheticRecords { assets: 700, boxes: 2, classes: 3, seed: 5 };

fn branch() -> Branch {
    Branch::dataset("train").unwrap()
}

async fn commit(store: &GitAssetStore, edits: Edits) -> Version {
    let request = CommitRequest {
        branch: branch(),
        base: Base::Tip,
        edits,
        expect: Expect::Any,
        manifest: Manifest::default(),
        message: "Import the first\n\nWith details.".into(),
    };
    store.commit(request).await.unwrap()
}

async fn filled(root: &Path) -> (GitAssetStore, Version) {
    let store = GitAssetStore::init(root).unwrap();
    store.add_classes(&RECORDS.new_classes()).await.unwrap();
    let version = commit(&store, RECORDS.edits()).await;
    (store, version)
}

fn git(dir: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git").args(arguments).current_dir(dir).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

async fn count(store: &GitAssetStore) -> u64 {
    let tip = store.resolve(&branch(), &Selector::Latest).await.unwrap();
    let options = PageOptions { limit: usize::MAX, ..Default::default() };
    let page = store.page(&tip.id, options).await.unwrap();
    assert_eq!(page.records.len() as u64, page.total);
    page.total
}

#[tokio::test(flavor = "multi_thread")]
async fn stock_git_reads_log_and_objects() {
    let dir = tempfile::tempdir().unwrap();
    let (_, version) = filled(dir.path()).await;
    let repo = dir.path().join("repo.git");
    assert_eq!(git(&repo, &["fsck", "--full", "--strict"]), "");
    let log = git(&repo, &["log", "--format=%H %an <%ae> %s%n%b", "datasets/train"]);
    assert!(log.starts_with(&format!("{} YMIR <ymir@localhost> Import the first", version.id)));
    assert!(log.contains("With details.") && log.contains("Assets: 700"), "{log}");
    let tree = git(&repo, &["ls-tree", "--name-only", "datasets/train"]);
    assert_eq!(tree, "assets\nmanifest.pb\n");
    let nodes = git(&repo, &["ls-tree", "--name-only", "datasets/train:assets"]);
    assert_eq!(nodes.lines().count(), 17);
    assert_eq!(nodes.lines().last(), Some("summary.pb"));
    let assets = git(&repo, &["rev-parse", "datasets/train:assets"]);
    assert_eq!(assets.trim(), version.content.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clone_is_a_store() {
    let dir = tempfile::tempdir().unwrap();
    let (store, version) = filled(&dir.path().join("a")).await;
    fs::create_dir(dir.path().join("b")).unwrap();
    git(dir.path(), &["clone", "-q", "--bare", "a/repo.git", "b/repo.git"]);
    let clone = GitAssetStore::open(&dir.path().join("b")).unwrap();
    assert_eq!(clone.log(&branch(), Default::default()).await.unwrap(), [version]);
    assert_eq!(count(&clone).await, 700);
    assert_eq!(clone.classes().await.unwrap(), store.classes().await.unwrap());
    // It goes on by itself, and the first one fetches from it.
    let next = commit(&clone, Edits::put(vec![RECORDS.record(800)])).await;
    let repo = dir.path().join("a/repo.git");
    git(&repo, &["fetch", "-q", "../../b/repo.git", "datasets/train:datasets/train"]);
    assert_eq!(store.resolve(&branch(), &Selector::Latest).await.unwrap(), next);
    assert_eq!(count(&store).await, 701);
}

#[tokio::test(flavor = "multi_thread")]
async fn stock_git_may_collect_garbage_and_pack_refs() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = filled(dir.path()).await;
    let repo = dir.path().join("repo.git");
    git(&repo, &["gc", "-q", "--prune=now"]);
    assert!(!repo.join("refs/heads/datasets/train").exists());
    assert_eq!(store.branches(BranchKind::Dataset).await.unwrap().len(), 1);
    assert_eq!(count(&GitAssetStore::open(dir.path()).unwrap()).await, 700);
    // A handle that was open before goes on, over the packed ref.
    let next = commit(&store, Edits::put(vec![RECORDS.record(900)])).await;
    assert_eq!(next.number, 2);
    assert_eq!(count(&store).await, 701);
    assert_eq!(git(&repo, &["fsck", "--full", "--strict"]), "");
}

/// A pack that stock git wrote has deltas and stays by itself; those around it are joined all the
/// same.
#[tokio::test]
async fn a_pack_of_stock_git_does_not_keep_others_from_being_joined() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = filled(dir.path()).await;
    for n in 0..8 {
        commit(&store, Edits::put(vec![RECORDS.record(1000 + n)])).await;
    }
    git(&dir.path().join("repo.git"), &["gc", "-q", "--prune=now"]);
    let of_git = packs(dir.path());
    assert_eq!(of_git.len(), 1);
    let listed = git(dir.path(), &["verify-pack", "-v", of_git[0].to_str().unwrap()]);
    assert!(listed.contains("chain length"), "it has deltas: {listed}");
    for n in 0..80 {
        commit(&store, Edits::put(vec![RECORDS.record(2000 + n)])).await;
    }
    let packs = packs(dir.path());
    assert!(packs.len() < 40, "{} packs", packs.len());
    assert!(packs.contains(&of_git[0]));
    git(&dir.path().join("repo.git"), &["fsck", "--full", "--strict", "--no-dangling"]);
}

#[test]
fn init_and_open_say_what_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let kind = |result: ymir_core::Result<GitAssetStore>| result.unwrap_err().kind();
    assert_eq!(kind(GitAssetStore::open(dir.path())), ErrorKind::NotFound);
    assert_eq!(kind(GitAssetStore::open(&dir.path().join("absent"))), ErrorKind::NotFound);
    GitAssetStore::init(dir.path()).unwrap();
    assert_eq!(kind(GitAssetStore::init(dir.path())), ErrorKind::AlreadyExists);
    let format = dir.path().join("repo.git/ymir/format");
    fs::write(&format, "4\n").unwrap();
    let error = GitAssetStore::open(dir.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.message().contains("newer version"), "{error}");
    fs::write(&format, "two").unwrap();
    assert_eq!(kind(GitAssetStore::open(dir.path())), ErrorKind::Corrupted);
    fs::write(&format, "1\n").unwrap();
    fs::remove_file(dir.path().join("repo.git/HEAD")).unwrap();
    assert_eq!(kind(GitAssetStore::open(dir.path())), ErrorKind::Corrupted);
    // An init that was interrupted leaves nothing in the way of the next.
    let other = tempfile::tempdir().unwrap();
    fs::create_dir(other.path().join(".repo-half")).unwrap();
    GitAssetStore::init(other.path()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_of_a_newer_format_is_unsupported() {
    let dir = tempfile::tempdir().unwrap();
    let (store, version) = filled(dir.path()).await;
    let repo = dir.path().join("repo.git");
    // Field 1, the format version, as 4; then the commit that stock git makes of it.
    fs::write(dir.path().join("m"), [0x08, 0x04]).unwrap();
    let path = dir.path().join("m");
    let blob = git(&repo, &["hash-object", "-w", path.to_str().unwrap()]);
    let tree = format!("040000 tree {}\tassets\n100644 blob {blob}", version.content);
    fs::write(&path, format!("{}\tmanifest.pb\n", tree.trim_end())).unwrap();
    let script = format!("git mktree < '{}'", path.display());
    let output = Command::new("sh").args(["-c", &script]).current_dir(&repo).output().unwrap();
    let tree = String::from_utf8(output.stdout).unwrap();
    let identity = ["-c", "user.name=x", "-c", "user.email=x@x"];
    let commit = [&identity[..], &["commit-tree", tree.trim(), "-m", "new"]].concat();
    let id = git(&repo, &commit).trim().parse().unwrap();
    let error = store.manifest(&id).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
}

/// Returns all packs of a store.
fn packs(root: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(root.join("repo.git/objects/pack")).unwrap();
    let files = files.map(|file| file.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|e| e == "pack")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_bytes_are_corrupted_and_never_a_panic() {
    let dir = tempfile::tempdir().unwrap();
    let (_, version) = filled(dir.path()).await;
    let largest = packs(dir.path()).into_iter().max_by_key(|p| fs::metadata(p).unwrap().len());
    let pack = largest.unwrap();
    let whole = fs::read(&pack).unwrap();
    let mut failures = 0;
    for place in (12..whole.len() - 20).step_by(whole.len() / 150) {
        let mut damaged = whole.clone();
        damaged[place] ^= 0x10;
        fs::remove_file(&pack).unwrap();
        fs::write(&pack, &damaged).unwrap();
        let store = GitAssetStore::open(dir.path()).unwrap();
        let options = PageOptions { limit: usize::MAX, ..Default::default() };
        match store.page(&version.id, options).await {
            Ok(page) => assert_eq!(page.total, 700),
            Err(error) => {
                // The header of the commit itself may be what is damaged.
                let kinds = [ErrorKind::Corrupted, ErrorKind::NotFound];
                assert!(kinds.contains(&error.kind()), "{error:?}");
                if error.kind() == ErrorKind::Corrupted {
                    let context: Vec<_> = error.context().iter().map(|(k, _)| k.as_str()).collect();
                    assert!(context.contains(&"object") && context.contains(&"version"), "{error}");
                }
                failures += 1;
            }
        }
        let _ = store.asset_ids(&version.id, None).await;
        let _ = store.resolve(&branch(), &Selector::Latest).await;
    }
    assert!(failures > 100, "only {failures} failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_pack_is_corrupted() {
    let dir = tempfile::tempdir().unwrap();
    let (store, first) = filled(dir.path()).await;
    let before = packs(dir.path());
    let second = commit(&store, Edits::put(vec![RECORDS.record(900)])).await;
    for pack in before {
        fs::remove_file(pack.with_extension("idx")).unwrap();
        fs::remove_file(pack).unwrap();
    }
    let store = GitAssetStore::open(dir.path()).unwrap();
    // The newest version can be read as far as it is there itself.
    assert_eq!(store.manifest(&second.id).await.unwrap().summary.assets, 701);
    let error = store.page(&second.id, PageOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupted);
    assert!(error.to_string().contains(&second.id.to_string()), "{error}");
    let error = store.diff(&second.id, &second.id, DiffOptions::default()).await;
    assert_eq!(error.unwrap(), []);
    assert_eq!(
        store.log(&branch(), Default::default()).await.unwrap_err().kind(),
        ErrorKind::Corrupted
    );
    assert_eq!(store.version(&first.id).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ref_without_its_commit_is_corrupted() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = filled(dir.path()).await;
    let path = dir.path().join("repo.git/refs/heads/datasets/train");
    for text in ["0123456789012345678901234567890123456789\n", "", "not hex", "ref: refs/heads/x"] {
        fs::write(&path, text).unwrap();
        let error = store.resolve(&branch(), &Selector::Latest).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupted, "{text:?}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn locks_of_the_dead_are_broken_and_those_of_git_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = filled(dir.path()).await;
    let repo = dir.path().join("repo.git");
    let lock = repo.join("refs/heads/datasets/train.lock");
    // As a process of ours leaves it that is killed between lock and rename.
    fs::write(repo.join("ymir/tmp/value"), "0123").unwrap();
    fs::hard_link(repo.join("ymir/tmp/value"), &lock).unwrap();
    assert_eq!(commit(&store, Edits::none()).await.number, 2);
    // As stock git has it for a moment.
    fs::write(&lock, "").unwrap();
    let other = lock.clone();
    let released = tokio::task::spawn_blocking(move || {
        std::thread::sleep(std::time::Duration::from_millis(50));
        fs::remove_file(other).unwrap();
    });
    assert_eq!(commit(&store, Edits::none()).await.number, 3);
    released.await.unwrap();
    assert!(!lock.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_commit_leaves_no_files() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = filled(dir.path()).await;
    let files = || {
        let walk = walkdir::WalkDir::new(dir.path().join("repo.git")).sort_by_file_name();
        walk.into_iter().map(|entry| entry.unwrap().into_path()).collect::<Vec<_>>()
    };
    let before = files();
    let failing = RECORDS.iter().take(5000).map(|r| Ok(ymir_core::Edit::Put(r)));
    let failing = failing.chain([Err(ymir_core::Error::invalid("broken off"))]);
    let request = CommitRequest {
        branch: branch(),
        base: Base::Tip,
        edits: Edits::new(failing),
        expect: Expect::Any,
        manifest: Manifest::default(),
        message: String::new(),
    };
    store.commit(request).await.unwrap_err();
    assert_eq!(files(), before);
}

/// The bytes of the format must not change unnoticed, by a new version of zstd for example: equal
/// records in old and new versions would have different ids.
#[tokio::test(flavor = "multi_thread")]
async fn the_bytes_of_the_format_are_fixed() {
    let dir = tempfile::tempdir().unwrap();
    let (_, version) = filled(dir.path()).await;
    assert_eq!(version.content.to_string(), "36747e9b69374f95f7dd389fa2ebec2dd445daa5");
}

/// What shapes and keypoints add to the format; records without any have the bytes above.
#[tokio::test(flavor = "multi_thread")]
async fn the_bytes_of_shapes_are_fixed() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = filled(dir.path()).await;
    let records = (0..300).map(|n| Ok(Edit::Put(RECORDS.shaped(n))));
    let version = commit(&store, Edits::new(records)).await;
    assert_eq!(version.content.to_string(), "0330d6c610c7ed588c9748ee575fa2fa0d444403");
    let ids: Vec<_> = (0..300).map(|n| RECORDS.record(n).asset.id).collect();
    let back = store.get(&version.id, &ids).await.unwrap();
    for (n, record) in back.into_iter().enumerate() {
        assert_eq!(record.unwrap(), RECORDS.shaped(n as u64));
    }
}
