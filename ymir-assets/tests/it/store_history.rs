//! Looking versions up by number, fingerprint and task: what it reads, and that it is right whatever
//! stock git, a crash or another process did to the repository.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ymir_assets::GitAssetStore;
use ymir_core::{
    AssetStore, Base, Branch, CommitRequest, Edits, ErrorKind, Expect, LogOptions, Manifest,
    Selector, TaskId, TaskRecord, Version,
};

fn branch(name: &str) -> Branch {
    Branch::dataset(name).unwrap()
}

fn task(text: &str) -> TaskId {
    TaskId::new(format!("t_{text}")).unwrap()
}

/// Commits what the work of a name made, by the task of the same name.
async fn made(store: &GitAssetStore, name: &str, work: &str) -> Version {
    let record = TaskRecord {
        fingerprint: work.to_owned(),
        task: Some(task(work)),
        ..TaskRecord::default()
    };
    let request = CommitRequest {
        branch: branch(name),
        base: Base::Tip,
        edits: Edits::none(),
        expect: Expect::Any,
        manifest: Manifest { task: record, ..Manifest::default() },
        message: format!("Make {work}"),
    };
    store.commit(request).await.unwrap()
}

async fn number(store: &GitAssetStore, name: &str, number: u64) -> Result<Version, ErrorKind> {
    let found = store.resolve(&branch(name), &Selector::Number(number)).await;
    found.map_err(|error| error.kind())
}

/// Checks every way to look up versions against those that a branch is to have, oldest first.
async fn assert_has(root: &Path, name: &str, expected: &[Version], not: &[&str]) {
    let store = GitAssetStore::open(root).unwrap();
    let newest_first: Vec<Version> = expected.iter().rev().cloned().collect();
    assert_eq!(store.log(&branch(name), LogOptions::default()).await.unwrap(), newest_first);
    for (i, version) in expected.iter().enumerate() {
        assert_eq!(number(&store, name, i as u64 + 1).await.as_ref(), Ok(version));
        let work = version.message.strip_prefix("Make ").unwrap();
        let found = store.find_by_fingerprint(&branch(name), work).await.unwrap();
        assert_eq!(found.as_ref(), Some(version));
        let found = store.find_by_task(&branch(name), &task(work)).await.unwrap();
        assert_eq!(found.as_ref(), Some(version));
        let by_id = Selector::Id(version.id.to_string());
        assert_eq!(store.resolve(&branch(name), &by_id).await.unwrap(), *version);
    }
    let beyond = number(&store, name, expected.len() as u64 + 1).await;
    assert_eq!(beyond, Err(ErrorKind::NotFound));
    for work in not {
        assert_eq!(store.find_by_fingerprint(&branch(name), work).await.unwrap(), None);
        assert_eq!(store.find_by_task(&branch(name), &task(work)).await.unwrap(), None);
    }
}

fn git(dir: &Path, arguments: &[&str]) {
    let done = Command::new("git").args(arguments).current_dir(dir).status().unwrap();
    assert!(done.success(), "git {arguments:?}");
}

fn history(root: &Path, name: &str) -> PathBuf {
    root.join("repo.git/ymir/history/datasets").join(name)
}

async fn series(store: &GitAssetStore, name: &str, works: &[&str]) -> Vec<Version> {
    let mut versions = Vec::new();
    for work in works {
        versions.push(made(store, name, work).await);
    }
    versions
}

#[tokio::test]
async fn what_is_read_does_not_grow_with_the_branch() {
    let dir = tempfile::tempdir().unwrap();
    let store = GitAssetStore::init(dir.path()).unwrap();
    for (name, versions) in [("short", 4), ("long", 100)] {
        for n in 0..versions {
            made(&store, name, &format!("{name}{n}")).await;
        }
    }
    let mut reads = Vec::new();
    for name in ["short", "long"] {
        let (branch, oldest) = (branch(name), format!("{name}0"));
        let mut of_branch = Vec::new();
        for look in 0..6 {
            // A handle of its own, so that nothing is in memory.
            let store = GitAssetStore::open(dir.path()).unwrap();
            let first = match look {
                0 => store.resolve(&branch, &Selector::Number(1)).await.ok(),
                1 => store.find_by_fingerprint(&branch, &oldest).await.unwrap(),
                2 => store.find_by_task(&branch, &task(&oldest)).await.unwrap(),
                3 => store.find_by_fingerprint(&branch, "nobody's").await.unwrap(),
                4 => {
                    let page = LogOptions { before: Some(3), limit: 2 };
                    store.log(&branch, page).await.unwrap().pop()
                }
                _ => {
                    let newest = LogOptions { before: None, limit: 2 };
                    store.log(&branch, newest).await.unwrap().pop()
                }
            };
            assert_eq!(first.is_some(), look != 3, "{name} {look}");
            of_branch.push(store.stats().objects_read);
        }
        reads.push(of_branch);
    }
    assert_eq!(reads[0], reads[1]);
}

#[tokio::test]
async fn a_branch_that_was_reset_forgets_what_was_behind() {
    let dir = tempfile::tempdir().unwrap();
    let store = GitAssetStore::init(dir.path()).unwrap();
    let mut versions = series(&store, "a", &["one", "two", "three", "four"]).await;
    let repo = dir.path().join("repo.git");
    let second = versions[1].id.to_string();
    git(&repo, &["update-ref", "refs/heads/datasets/a", &second]);
    versions.truncate(2);
    assert_has(dir.path(), "a", &versions, &["three", "four"]).await;
    // The handle that has seen the others, too.
    assert_eq!(store.find_by_fingerprint(&branch("a"), "four").await.unwrap(), None);
    versions.push(made(&store, "a", "other").await);
    assert_has(dir.path(), "a", &versions, &["three", "four"]).await;
    git(&repo, &["update-ref", "-d", "refs/heads/datasets/a"]);
    let anew = series(&store, "a", &["anew"]).await;
    assert_has(dir.path(), "a", &anew, &["one", "other"]).await;
}

#[tokio::test]
async fn a_clone_finds_all_and_sees_what_is_fetched() {
    let dir = tempfile::tempdir().unwrap();
    let (here, there) = (dir.path().join("a"), dir.path().join("b"));
    let store = GitAssetStore::init(&here).unwrap();
    let mut versions = series(&store, "a", &["one", "two"]).await;
    fs::create_dir(&there).unwrap();
    git(dir.path(), &["clone", "-q", "--bare", "a/repo.git", "b/repo.git"]);
    assert_has(&there, "a", &versions, &["three"]).await;
    versions.extend(series(&store, "a", &["three", "four"]).await);
    git(&there.join("repo.git"), &["fetch", "-q", "origin", "+refs/heads/*:refs/heads/*"]);
    assert_has(&there, "a", &versions, &[]).await;
    git(&there.join("repo.git"), &["branch", "-m", "datasets/a", "datasets/b"]);
    assert_has(&there, "b", &versions, &[]).await;
}

#[tokio::test]
async fn a_history_that_a_crash_left_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = GitAssetStore::init(dir.path()).unwrap();
    let mut versions = series(&store, "a", &["one", "two"]).await;
    let file = history(dir.path(), "a");
    let older = fs::read(&file).unwrap();
    versions.extend(series(&store, "a", &["three", "four"]).await);
    let whole = fs::read(&file).unwrap();
    assert!(whole.starts_with(&older));
    let mut flipped = whole.clone();
    flipped[60] ^= 1;
    let mut longer = whole.clone();
    longer.extend_from_slice(&whole[16..]);
    let cuts = [0, 7, 16, 20, 16 + 40, 16 + 41, whole.len() - 1].map(|end| whole[..end].to_vec());
    for left in cuts.into_iter().chain([older, flipped, longer, vec![0; 500]]) {
        fs::write(&file, &left).unwrap();
        assert_has(dir.path(), "a", &versions, &["five"]).await;
        // Whoever looked has put it right.
        assert!(fs::read(&file).unwrap().starts_with(&whole), "{} bytes", left.len());
    }
    fs::remove_dir_all(dir.path().join("repo.git/ymir")).unwrap();
    assert_has(dir.path(), "a", &versions, &["five"]).await;
    // A commit behind a gap does not hide it.
    fs::write(&file, &whole[..16 + 40]).unwrap();
    let store = GitAssetStore::open(dir.path()).unwrap();
    versions.push(made(&store, "a", "five").await);
    assert_has(dir.path(), "a", &versions, &["six"]).await;
}

#[tokio::test]
async fn two_handles_see_what_the_other_commits() {
    let dir = tempfile::tempdir().unwrap();
    let first = GitAssetStore::init(dir.path()).unwrap();
    let second = GitAssetStore::open(dir.path()).unwrap();
    let mut versions = Vec::new();
    for n in 0..6 {
        let (writer, reader) = if n % 3 == 0 { (&first, &second) } else { (&second, &first) };
        let work = format!("w{n}");
        versions.push(made(writer, "a", &work).await);
        let found = reader.find_by_fingerprint(&branch("a"), &work).await.unwrap();
        assert_eq!(found.as_ref(), versions.last());
    }
    assert_has(dir.path(), "a", &versions, &["w6"]).await;
}

#[tokio::test]
async fn a_shallow_clone_knows_what_it_lacks() {
    let dir = tempfile::tempdir().unwrap();
    let (here, there) = (dir.path().join("a"), dir.path().join("b"));
    let store = GitAssetStore::init(&here).unwrap();
    let versions = series(&store, "a", &["one", "two", "three"]).await;
    fs::create_dir(&there).unwrap();
    let url = format!("file://{}", here.join("repo.git").display());
    git(&there, &["init", "-q", "--bare", "repo.git"]);
    let repo = there.join("repo.git");
    let all = "refs/heads/datasets/a:refs/heads/datasets/a";
    git(&repo, &["fetch", "-q", "--depth", "2", &url, all]);
    let clone = GitAssetStore::open(&there).unwrap();
    assert_eq!(number(&clone, "a", 2).await.as_ref(), Ok(&versions[1]));
    let newest = LogOptions { before: None, limit: 2 };
    assert_eq!(clone.log(&branch("a"), newest).await.unwrap().len(), 2);
    let found = clone.find_by_fingerprint(&branch("a"), "two").await.unwrap();
    assert_eq!(found.as_ref(), Some(&versions[1]));
    assert_eq!(number(&clone, "a", 1).await, Err(ErrorKind::Corrupted));
    let lacking = clone.find_by_task(&branch("a"), &task("one")).await.unwrap_err();
    assert_eq!(lacking.kind(), ErrorKind::Corrupted);
    git(&repo, &["fetch", "-q", "--unshallow", &url, all]);
    assert_eq!(number(&clone, "a", 1).await.as_ref(), Ok(&versions[0]));
    assert_has(&there, "a", &versions, &[]).await;
}
