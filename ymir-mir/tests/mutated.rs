//! Repositories of the original whose files have changed bytes: an import says what is damaged, or
//! makes a version that is whole. This is a test program of its own: it limits the memory of its
//! process.

#[path = "it/common.rs"]
#[allow(dead_code, unused_imports, unused_macros, reason = "this program uses a part")]
mod common;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use git2::{Repository, Signature, Tree};
use ymir_assets::GitAssetStore;
use ymir_core::{Error, ErrorKind, FsckOptions, UnknownClasses};
use ymir_mir::{MirOptions, MirReport, MirSkip, import_mir};
use ymir_testkit::generate::rng::SplitMix64;

use common::{Store, folder, options, original, records};

/// How many damaged repositories are imported, by so many threads.
const CASES: u64 = 3000;
const THREADS: u64 = 12;
/// The store is checked after so many imports.
const CHECKED: u64 = 125;
/// No import takes so much memory, whatever a length in a file says.
const MEMORY: u64 = 4 << 30;

const FILES: [&str; 3] = ["metadatas.mir", "annotations.mir", "tasks.mir"];
/// Boxes, keywords and tags; masks and outlines; predictions with marks; a model.
const COMMITS: [&str; 6] =
    ["pets@t01", "pets@t02", "shapes@t07", "judged@t03", "trained@t13", "mined@t15"];

/// Changes a file; `other` is the same file of another commit.
fn mutate(bytes: &mut Vec<u8>, other: &[u8], random: &mut SplitMix64) {
    match random.below(4) {
        // Mostly still a message: another letter, another number.
        0 | 1 if !bytes.is_empty() => {
            let at = random.below(bytes.len() as u64) as usize;
            bytes[at] ^= 1 << random.below(3);
        }
        // A message too, in which the fields of both count.
        2 => bytes.extend(other),
        _ => (0..=random.below(3)).for_each(|_| tear(bytes, random)),
    }
}

/// Changes, deletes, repeats or adds bytes.
fn tear(bytes: &mut Vec<u8>, random: &mut SplitMix64) {
    if bytes.is_empty() {
        bytes.push(random.next_u64() as u8);
    }
    let at = random.below(bytes.len() as u64) as usize;
    let end = (at + 1 + random.below(24) as usize).min(bytes.len());
    match random.below(6) {
        0 => bytes[at] = random.next_u64() as u8,
        // Lengths and numbers of several bytes.
        1 => bytes[at] |= 0x80,
        2 => drop(bytes.drain(at..end)),
        3 => {
            let again = bytes[at..end].to_vec();
            bytes.splice(at..at, again);
        }
        4 => {
            let number = [0xff, 0xff, 0xff, 0xff, 0x0f];
            bytes.splice(at..at, number[random.below(5) as usize..].iter().copied());
        }
        _ => bytes.truncate(at),
    }
}

/// A copy of the original's repository, in which each case stands alone.
struct Bench {
    original: PathBuf,
    repository: Repository,
    trees: Vec<git2::Oid>,
}

impl Bench {
    fn new() -> Self {
        let original = original();
        let repository = Repository::open(original.join("repo")).unwrap();
        let tree = |name: &&str| {
            let commit = repository.revparse_single(name).unwrap().peel_to_commit().unwrap();
            commit.tree_id()
        };
        let trees = COMMITS.iter().map(tree).collect();
        std::fs::write(original.join("repo/.git/packed-refs"), "").unwrap();
        Self { original, repository, trees }
    }

    /// Makes a commit with a changed file the only one that has a tag; returns its id.
    fn damage(&self, seed: u64, tag: &str) -> String {
        let mut random = SplitMix64::of_part(0x6d69_7200, seed);
        let mut tree = || {
            let tree = self.trees[random.below(self.trees.len() as u64) as usize];
            self.repository.find_tree(tree).unwrap()
        };
        let (tree, other) = (tree(), tree());
        let name = FILES[random.below(FILES.len() as u64) as usize];
        let file = |tree: &Tree<'_>| {
            let blob = tree.get_name(name).unwrap().id();
            self.repository.find_blob(blob).unwrap().content().to_vec()
        };
        let mut bytes = file(&tree);
        mutate(&mut bytes, &file(&other), &mut random);
        let mut changed = self.repository.treebuilder(Some(&tree)).unwrap();
        changed.insert(name, self.repository.blob(&bytes).unwrap(), 0o100_644).unwrap();
        let tree = self.repository.find_tree(changed.write().unwrap()).unwrap();
        let who = Signature::now("mir", "mir@localhost").unwrap();
        let commit = self.repository.commit(None, &who, &who, "Damaged", &tree, &[]).unwrap();
        self.repository.reference(&format!("refs/tags/{tag}"), commit, true, "").unwrap();
        commit.to_string()
    }

    fn forget(&self, tag: &str) {
        self.repository.find_reference(&format!("refs/tags/{tag}")).unwrap().delete().unwrap();
    }
}

/// Checks that an error says where the damage is.
fn check_error(error: &Error, commit: &str) {
    let kinds = [ErrorKind::Corrupted, ErrorKind::InvalidInput, ErrorKind::ResourceExhausted];
    assert!(kinds.contains(&error.kind()), "{error:?}");
    let names =
        |key: &str, value: &str| error.context().iter().any(|(k, v)| k == key && v == value);
    assert!(names("commit", commit), "{error:?}");
    assert!(FILES.iter().any(|file| names("file", file)), "{error:?}");
}

/// Checks what was made of a commit, and returns how many versions that are.
async fn check_report(store: &Store, report: &MirReport, commit: &str) -> u64 {
    for version in &report.versions {
        assert_eq!(version.commit, commit);
        let assets = version.assets - version.left_out;
        assert_eq!(records(store, &version.version.id).await.len() as u64, assets);
        if let Some(predictions) = &version.predictions {
            records(store, &predictions.id).await;
        }
    }
    for skipped in report.skipped.iter().filter(|skipped| skipped.kind == MirSkip::Damaged) {
        let context = &skipped.error.as_ref().unwrap().context;
        assert!(context.contains(&("commit".to_owned(), commit.to_owned())), "{context:?}");
    }
    report.versions.len() as u64
}

/// Imports every so manieth case; returns how many gave a version, and how many an error.
async fn run(first: u64) -> (u64, u64) {
    let (bench, root) = (Bench::new(), folder().join("store"));
    let git = GitAssetStore::init(&root).unwrap();
    let store: Store = Arc::new(git);
    let (mut made, mut failed) = (0, 0);
    for (n, seed) in (first..CASES).step_by(THREADS as usize).enumerate() {
        let tag = format!("case{seed}@1");
        let commit = bench.damage(seed, &tag);
        let how = [UnknownClasses::Add, UnknownClasses::Keep, UnknownClasses::Ignore];
        let options =
            MirOptions { unknown_classes: how[n % how.len()], ..options(&bench.original) };
        match import(&store, &bench.original, &options).await {
            Ok(report) => made += check_report(&store, &report, &commit).await,
            Err(error) => {
                failed += 1;
                check_error(&error, &commit);
            }
        }
        bench.forget(&tag);
        if (n as u64 + 1).is_multiple_of(CHECKED) {
            let problems = store.fsck(FsckOptions::default()).await.unwrap().problems;
            assert_eq!(problems, [], "up to case {seed}");
        }
    }
    (made, failed)
}

async fn import(store: &Store, original: &Path, options: &MirOptions) -> Result<MirReport, Error> {
    import_mir(store, &original.join("repo"), options, &|_| {}).await
}

#[test]
fn changed_bytes_are_named_or_harmless() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let limit = Rlimit { current: Some(MEMORY), maximum: Some(MEMORY) };
    setrlimit(Resource::As, limit).unwrap();
    let threads: Vec<_> = (0..THREADS)
        .map(|first| {
            std::thread::spawn(move || {
                let mut runtime = tokio::runtime::Builder::new_current_thread();
                runtime.enable_all().build().unwrap().block_on(run(first))
            })
        })
        .collect();
    let counts = threads.into_iter().map(|thread| thread.join().unwrap());
    let (made, failed) = counts.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    // Both happen often, else the cases would try nothing.
    assert!(made > CASES / 10 && failed > CASES / 10, "{made} versions, {failed} errors");
}
