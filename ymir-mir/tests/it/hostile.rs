//! Import of a repository of the original that is damaged, incomplete or none, and imports that
//! break off.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use git2::{Oid, Repository, Signature};
use ymir_core::{Branch, BranchKind, ErrorKind, VersionId};
use ymir_mir::{MirLeftOutKind, MirOptions, MirReport, MirSkip, import_mir};
use ymir_testkit::double::{Fault, FaultyAssetStore, StoreMethod, When};

use crate::common::{Store, import, nothing_is_there, options, original, version};
use crate::common::{folder, records, store_tests};

async fn images_that_are_missing_or_wrong_are_left_out_until_they_are_there(store: Store) {
    let original = original();
    let report = import(&crate::common::store(), &original, &options(&original)).await;
    assert_eq!(report.versions.len(), 11);
    let media = original.join("media");
    let name = "eda6454eb0a7665dbe3e8ca60945d6de599227bf"; // img_03
    let place = media.join("bf").join(name);
    let away = original.join("away");
    fs::rename(&place, &away).unwrap();
    let wrong = "a7709369ba84e95bc73b8b778e3734c5c42f62fc"; // img_02
    let right = fs::read(media.join("fc").join(wrong)).unwrap();
    fs::write(media.join("fc").join(wrong), &right[..right.len() - 10]).unwrap();

    let report = import(&store, &original, &options(&original)).await;
    assert!(!report.is_complete());
    let left_out: BTreeMap<_, _> =
        report.left_out.iter().map(|l| (&*l.sha1, (&*l.file_name, l.kind))).collect();
    assert_eq!(left_out[name], ("img_03.jpg", MirLeftOutKind::Missing));
    assert_eq!(left_out[wrong], ("img_02.jpg", MirLeftOutKind::WrongContent));
    assert_eq!((left_out.len(), report.images), (2, 10));
    let pets = version(&report, "pets@t01");
    assert_eq!((pets.assets, pets.left_out), (8, 2));
    assert_eq!(records(&store, &pets.version.id).await.len(), 6);
    let again = import(&store, &original, &options(&original)).await;
    assert_eq!((again.made(), again.left_out), (0, report.left_out.clone()));

    // Also without the folder of two digits.
    fs::rename(&away, media.join(name)).unwrap();
    fs::write(media.join("fc").join(wrong), right).unwrap();
    let repaired = import(&store, &original, &options(&original)).await;
    assert!(repaired.is_complete());
    let whole = &version(&repaired, "pets@t01").version;
    assert_eq!(records(&store, &whole.id).await.len(), 8);
    assert_eq!(whole.number, 3, "behind those that were made before");
    let unchanged = version(&repaired, "mined@t15");
    assert_eq!(unchanged.is_new, version(&report, "mined@t15").left_out > 0);
}

/// Adds a commit with these files to the repository, with a tag.
fn add_commit(original: &Path, tag: &str, of: &str, files: &[(&str, &[u8])]) -> Oid {
    let repository = Repository::open(original.join("repo")).unwrap();
    let parent = repository.revparse_single(of).unwrap().peel_to_commit().unwrap();
    let mut tree = repository.treebuilder(Some(&parent.tree().unwrap())).unwrap();
    for (name, content) in files {
        let _ = tree.remove(name);
        if !content.is_empty() {
            tree.insert(name, repository.blob(content).unwrap(), 0o100_644).unwrap();
        }
    }
    let tree = repository.find_tree(tree.write().unwrap()).unwrap();
    let who = Signature::now("mir", "mir@localhost").unwrap();
    let commit = repository.commit(None, &who, &who, "Broken", &tree, &[&parent]).unwrap();
    repository.reference(&format!("refs/tags/{tag}"), commit, true, "").unwrap();
    commit
}

/// Returns a protobuf field with bytes.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, content.len() as u8][..], content].concat()
}

async fn damaged_commits_are_named_and_the_others_imported(store: Store) {
    let original = original();
    let entry = [field(1, b"../../../../etc/passwd"), field(2, b"")].concat();
    let escape = field(1, &entry);
    let cases: [(&str, &str, &[u8]); 5] = [
        ("bad@1", "metadatas.mir", b"no protobuf at all"),
        ("bad@2", "metadatas.mir", &escape),
        ("bad@3", "annotations.mir", b""),
        ("bad@4", "annotations.mir", b"\x1a\xff\xff\xff\xff\x0f"),
        ("bad@5", "tasks.mir", b"\x12\x03t99"),
    ];
    let mut commits = Vec::new();
    for (tag, file, content) in &cases {
        commits.push(add_commit(&original, tag, "pets@t01", &[(file, content)]));
    }
    let report = import(&store, &original, &options(&original)).await;
    assert_eq!((report.versions.len(), report.is_complete()), (11, false));
    for ((tag, file, _), commit) in cases.iter().zip(&commits) {
        let skipped = report.skipped.iter().find(|skipped| skipped.name == *tag).unwrap();
        assert_eq!(
            (skipped.kind, &skipped.commit),
            (MirSkip::Damaged, &commit.to_string()),
            "{tag}"
        );
        let context = &skipped.error.as_ref().unwrap().context;
        assert!(context.contains(&("file".to_owned(), (*file).to_owned())), "{tag}: {context:?}");
        assert!(context.contains(&("commit".to_owned(), commit.to_string())), "{tag}: {context:?}");
    }
    let escape = report.skipped.iter().find(|skipped| skipped.name == "bad@2").unwrap();
    assert!(escape.error.as_ref().unwrap().context.iter().any(|(_, v)| v.contains("passwd")));
}

async fn a_repository_with_nothing_readable_is_an_error(store: Store) {
    let original = original();
    let commit = add_commit(&original, "bad@1", "pets@t01", &[("metadatas.mir", b"damaged")]);
    let packed = original.join("repo/.git/packed-refs");
    fs::write(&packed, "").unwrap();
    let repo = original.join("repo");
    let error = import_mir(&store, &repo, &options(&original), &|_| {}).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupted);
    let text = error.to_string();
    assert!(text.contains(&commit.to_string()) && text.contains("metadatas.mir"), "{text}");

    // An object that is gone.
    let missing = "0123456789012345678901234567890123456789";
    fs::remove_file(original.join("repo/.git/refs/tags/bad@1")).unwrap();
    fs::write(&packed, format!("{missing} refs/tags/gone@1\n")).unwrap();
    let error = import_mir(&store, &repo, &options(&original), &|_| {}).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupted);
    assert!(error.to_string().contains(missing), "{error}");
    nothing_is_there(&store).await;
}

async fn what_is_no_repository_of_the_original_is_refused(store: Store) {
    let empty = folder();
    let run = async |path: &Path| {
        import_mir(&store, path, &MirOptions::default(), &|_| {}).await.unwrap_err()
    };
    let error = run(&empty).await;
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("no git repository"), "{error}");
    assert_eq!(run(&empty.join("nowhere")).await.kind(), ErrorKind::NotFound);
    let other = Repository::init(empty.join("other")).unwrap();
    let who = Signature::now("a", "a@localhost").unwrap();
    let tree = other.find_tree(other.treebuilder(None).unwrap().write().unwrap()).unwrap();
    other.commit(Some("HEAD"), &who, &who, "Other", &tree, &[]).unwrap();
    let error = run(&empty.join("other")).await;
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("no dataset of the original"), "{error}");

    let original = original();
    let error = run(&original.join("repo")).await;
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("media folder"), "{error}");
    nothing_is_there(&store).await;
}

async fn the_repository_is_not_changed(store: Store) {
    let original = original();
    let before = snapshot(&original.join("repo"));
    import(&store, &original, &options(&original)).await;
    assert_eq!(snapshot(&original.join("repo")), before);
}

#[tokio::test]
async fn an_import_that_breaks_off_anywhere_is_completed_by_the_next() {
    let original = original();
    let whole = crate::common::store();
    let whole = contents(&whole, &import(&whole, &original, &options(&original)).await).await;
    for call in 1..=17 {
        for when in [When::Before, When::After] {
            let memory = crate::common::store();
            let (method, kind) = (StoreMethod::Commit, ErrorKind::Unexpected);
            let fault = Fault { method, call, kind, when };
            let faulty: Store = Arc::new(FaultyAssetStore::new(memory.clone(), vec![fault]));
            let (repo, options) = (original.join("repo"), options(&original));
            let error = import_mir(&faulty, &repo, &options, &|_| {}).await.unwrap_err();
            assert_eq!(error.kind(), kind, "commit {call}");
            let report = import_mir(&memory, &repo, &options, &|_| {}).await.unwrap();
            assert_eq!(contents(&memory, &report).await, whole, "commit {call}, {when:?}");
        }
    }
}

#[tokio::test]
async fn two_imports_at_once_make_one_of_each() {
    let (original, store) = (original(), crate::common::git_store());
    let options = options(&original);
    let run = || import(&store, &original, &options);
    let (one, two) = futures::join!(run(), run());
    assert_eq!(contents(&store, &one).await, contents(&store, &two).await);
    // One may have made a dataset, and the other its predictions.
    assert!(one.made() + two.made() >= 11);
    let pets = store.log(&Branch::dataset("pets").unwrap(), Default::default()).await.unwrap();
    assert_eq!(pets.len(), 2);
}

/// Returns what all branches hold, and checks that the report names each version once.
async fn contents(store: &Store, report: &MirReport) -> Vec<(String, u64, VersionId)> {
    let mut all = Vec::new();
    for kind in BranchKind::ALL {
        for name in store.branches(kind).await.unwrap() {
            let versions = store.log(&Branch::new(kind, name), Default::default()).await.unwrap();
            all.extend(versions.iter().map(|v| (v.branch.to_string(), v.number, v.content)));
        }
    }
    let named = report.versions.iter().map(|v| 1 + usize::from(v.predictions.is_some()));
    assert_eq!(named.sum::<usize>() + report.models.len(), all.len());
    all
}

fn snapshot(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = walkdir::WalkDir::new(folder).into_iter().map(Result::unwrap);
    let files = files.filter(|entry| entry.file_type().is_file());
    files.map(|entry| (entry.path().to_owned(), fs::read(entry.path()).unwrap())).collect()
}

store_tests!(
    images_that_are_missing_or_wrong_are_left_out_until_they_are_there,
    damaged_commits_are_named_and_the_others_imported,
    a_repository_with_nothing_readable_is_an_error,
    what_is_no_repository_of_the_original_is_refused,
    the_repository_is_not_changed,
);
