//! Many writers in threads and processes, and writers that are killed.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::join_all;
use ymir_assets::GitAssetStore;
use ymir_core::{
    Asset, AssetId, AssetStore, Base, BlobSource, Branch, CommitRequest, Edit, Edits, Expect,
    FsckOptions, GarbageOptions, Manifest, MediaType, PageOptions, Record, Selector,
};

/// Tells this program that it is to be a writer: the directory, a tab, its name, a tab, how many
/// threads it has, a tab, how many commits each makes.
const WRITER: &str = "YMIR_TEST_WRITER";

fn branch() -> Branch {
    Branch::dataset("shared").unwrap()
}

fn asset(name: &str) -> AssetId {
    AssetId::of(name.as_bytes())
}

fn put(name: &str) -> Edits {
    let asset = Asset {
        id: asset(name),
        width: 1,
        height: 1,
        channels: 1,
        byte_size: 1,
        media_type: MediaType::Png,
        file_name: name.to_owned(),
        attributes: Default::default(),
    };
    Edits::put(vec![Record { asset, annotations: Vec::new() }])
}

async fn commit(store: &GitAssetStore, edits: Edits) -> ymir_core::Version {
    let request = CommitRequest {
        branch: branch(),
        base: Base::Tip,
        edits,
        expect: Expect::Any,
        manifest: Manifest::default(),
        message: "Write".into(),
    };
    store.commit(request).await.unwrap()
}

/// Not a test by itself: the other tests run this program again with only this one.
#[tokio::test(flavor = "multi_thread")]
async fn writer() {
    let Ok(order) = std::env::var(WRITER) else { return };
    let parts: Vec<&str> = order.split('\t').collect();
    let [root, name, threads, commits] = parts[..] else { panic!("malformed order {order:?}") };
    let store = Arc::new(GitAssetStore::open(Path::new(root)).unwrap());
    let commits: usize = commits.parse().unwrap();
    let write = |thread: usize| {
        let (store, name) = (store.clone(), name.to_owned());
        tokio::spawn(async move {
            for n in 0..commits {
                let asset = format!("{name}-{thread}-{n}");
                commit(&store, put(&asset)).await;
                // Only now the parent may rely on it.
                use std::io::Write;
                writeln!(std::io::stdout().lock(), "\ncommitted {asset}").unwrap();
            }
        })
    };
    let threads: usize = threads.parse().unwrap();
    join_all((0..threads).map(write)).await.into_iter().for_each(|joined| joined.unwrap());
}

fn start_writer(root: &Path, name: &str, threads: usize, commits: usize) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["store_processes::writer", "--exact", "--nocapture", "--test-threads", "1"])
        .env(WRITER, format!("{}\t{name}\t{threads}\t{commits}", root.display()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Returns what the writer says it committed, as it says it.
fn committed(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines
        .map_while(Result::ok)
        .filter_map(|line| line.split_once("committed ").map(|(_, asset)| asset.to_owned()))
}

fn fsck(root: &Path) {
    let output = Command::new("git")
        .args(["fsck", "--full", "--strict", "--no-dangling"])
        .current_dir(root.join("repo.git"))
        .output()
        .unwrap();
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "{text}");
    assert!(!text.contains("error") && !text.contains("warning"), "{text}");
}

/// Returns the names of all assets of the newest version, after a check of the numbers.
async fn names(store: &GitAssetStore) -> BTreeSet<String> {
    let log = store.log(&branch(), Default::default()).await.unwrap();
    let tip = log.first().unwrap();
    let numbers: Vec<u64> = log.iter().rev().map(|version| version.number).collect();
    assert_eq!(numbers, (1..=tip.number).collect::<Vec<_>>());
    let options = PageOptions { limit: usize::MAX, ..Default::default() };
    let page = store.page(&tip.id, options).await.unwrap();
    page.records.into_iter().map(|record| record.asset.file_name).collect()
}

/// Reads the newest version over and over until the writers are done; each time it must have all
/// that it had before. Returns how often.
async fn read_meanwhile(root: PathBuf, done: Arc<AtomicBool>) -> usize {
    let (mut reads, mut before) = (0, BTreeSet::new());
    while !done.load(Ordering::Relaxed) {
        // Another handle each time, with nothing cached.
        let store = GitAssetStore::open(&root).unwrap();
        if store.branches(branch().kind).await.unwrap().is_empty() {
            continue;
        }
        let now = names(&store).await;
        assert!(before.is_subset(&now), "lost: {:?}", before.difference(&now));
        before = now;
        reads += 1;
    }
    reads
}

/// Joins packs and deletes garbage over and over until the writers are done.
async fn clean_meanwhile(root: PathBuf, done: Arc<AtomicBool>) -> usize {
    let store = GitAssetStore::open(&root).unwrap();
    let mut runs = 0;
    while !done.load(Ordering::Relaxed) {
        store.collect_garbage(GarbageOptions::default()).await.unwrap();
        runs += 1;
    }
    runs
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_processes_lose_nothing_while_others_read_and_clean() {
    const PROCESSES: usize = 8;
    const COMMITS: usize = 25;
    let dir = tempfile::tempdir().unwrap();
    let store = GitAssetStore::init(dir.path()).unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let readers =
        [(); 2].map(|()| tokio::spawn(read_meanwhile(dir.path().to_owned(), done.clone())));
    let cleaner = tokio::spawn(clean_meanwhile(dir.path().to_owned(), done.clone()));
    let start = |n| start_writer(dir.path(), &format!("p{n}"), 1, COMMITS);
    let mut children: Vec<Child> = (0..PROCESSES).map(start).collect();
    // Two threads of one process besides.
    let own = |thread: usize| {
        let store = store.clone();
        tokio::spawn(async move {
            for n in 0..COMMITS {
                commit(&store, put(&format!("own-{thread}-{n}"))).await;
            }
        })
    };
    join_all((0..2).map(own)).await.into_iter().for_each(|joined| joined.unwrap());
    for child in &mut children {
        assert_eq!(committed(child).count(), COMMITS);
        assert!(child.wait().unwrap().success());
    }
    done.store(true, Ordering::Relaxed);
    for reader in readers {
        assert!(reader.await.unwrap() > 0);
    }
    assert!(cleaner.await.unwrap() > 0);
    assert_eq!(names(&store).await.len(), (PROCESSES + 2) * COMMITS);
    assert_eq!(
        store.log(&branch(), Default::default()).await.unwrap().len(),
        (PROCESSES + 2) * COMMITS
    );
    fsck(dir.path());
}

/// Whoever commits, joins packs or deletes garbage may stop anywhere, with every lock there is.
#[tokio::test(flavor = "multi_thread")]
async fn readers_wait_for_no_lock() {
    let dir = tempfile::tempdir().unwrap();
    let store = GitAssetStore::init(dir.path()).unwrap();
    let blobs = store.put_blobs(vec![BlobSource::Bytes(b"image".to_vec())]).await.unwrap();
    for n in 0..40 {
        commit(&store, put(&format!("{n}"))).await;
    }
    let locks = std::fs::read_dir(dir.path().join("repo.git/ymir/locks")).unwrap();
    let mut locks: Vec<PathBuf> = locks.map(|entry| entry.unwrap().path()).collect();
    assert!(locks.iter().any(|path| path.ends_with("packs")), "{locks:?}");
    locks.push(dir.path().join("blobs/lock"));
    let held: Vec<File> = locks.iter().map(|path| File::open(path).unwrap()).collect();
    held.iter().for_each(|lock| lock.lock().unwrap());
    let read = async {
        let store = GitAssetStore::open(dir.path()).unwrap();
        assert_eq!(names(&store).await.len(), 40);
        let tip = store.resolve(&branch(), &Selector::Latest).await.unwrap();
        store.get(&tip.id, &[asset("3")]).await.unwrap();
        store.count(&tip.id, &"name:3*".parse().unwrap()).await.unwrap();
        assert_eq!(store.read_blob(&blobs[0].id).await.unwrap(), b"image");
        let whole = FsckOptions { blobs: true };
        assert_eq!(store.fsck(whole).await.unwrap().versions, 40);
    };
    tokio::time::timeout(Duration::from_secs(120), read).await.expect("a reader waits for a lock");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_writer_loses_nothing_that_was_committed() {
    let dir = tempfile::tempdir().unwrap();
    GitAssetStore::init(dir.path()).unwrap();
    let mut acknowledged = BTreeSet::new();
    for round in 0..10usize {
        let mut child = start_writer(dir.path(), &format!("r{round}"), 1 + round % 3, usize::MAX);
        let mut lines = committed(&mut child);
        acknowledged.extend(lines.by_ref().take(3 + round * 2));
        // Somewhere within the next commit.
        std::thread::sleep(Duration::from_micros(1500 * round as u64));
        child.kill().unwrap();
        child.wait().unwrap();
        acknowledged.extend(lines);
        let store = GitAssetStore::open(dir.path()).unwrap();
        let names = names(&store).await;
        assert!(acknowledged.is_subset(&names), "{:?}", acknowledged.difference(&names));
        fsck(dir.path());
    }
    // And another writer goes on at once.
    let store = GitAssetStore::open(dir.path()).unwrap();
    commit(&store, put("after")).await;
    assert!(names(&store).await.contains("after"));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_small_commits_stay_few_packs() {
    let dir = tempfile::tempdir().unwrap();
    let store = GitAssetStore::init(dir.path()).unwrap();
    let reader = GitAssetStore::open(dir.path()).unwrap();
    commit(&store, put("first")).await;
    let before = names(&reader).await;
    for n in 0..70 {
        commit(&store, put(&format!("{n}"))).await;
    }
    let files = std::fs::read_dir(dir.path().join("repo.git/objects/pack")).unwrap();
    let packs = files.filter(|file| {
        file.as_ref().unwrap().path().extension().is_some_and(|extension| extension == "pack")
    });
    assert!(packs.count() < 40);
    // A reader that had the packs open that are gone now finds everything.
    assert_eq!(before.len(), 1);
    assert_eq!(names(&reader).await.len(), 71);
    fsck(dir.path());
}

/// An edit taken out by the time it is committed leaves the others alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_removal_and_an_addition_at_once_are_both_kept() {
    let dir = tempfile::tempdir().unwrap();
    let store = GitAssetStore::init(dir.path()).unwrap();
    commit(&store, put("old")).await;
    let remove = Edits::from(vec![Edit::Remove(asset("old"))]);
    let (a, b) = tokio::join!(commit(&store, remove), commit(&store, put("new")));
    assert_ne!(a.number, b.number);
    assert_eq!(names(&store).await, BTreeSet::from(["new".to_owned()]));
}
