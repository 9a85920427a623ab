//! Import of a repository that the original's own command made (see `tools/make-mir-repo`).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use flate2::read::GzDecoder;
use git2::{Oid, Repository, Signature};
use serde::Deserialize;
use ymir_assets::formats::Progress;
use ymir_assets::mir::{
    MirClassOutcome, MirLeftOutKind, MirOptions, MirReport, MirSkip, MirVersion, import_mir,
};
use ymir_core::{
    AssetStore, BBox, Branch, BranchKind, Class, ClassId, ErrorKind, Name, Record, TaskKind,
    TaskRecord, Transfer, UnknownClasses, VersionId,
};

use ymir_testkit::double::{Fault, FaultyAssetStore, StoreMethod, When};

mod common;

use common::{add_class, add_class_with, commit, folder, record, records, store_tests};

type Store = Arc<dyn AssetStore>;

/// Unpacks the repository with its images and models; `media` and `models` beside `repo`.
fn original() -> PathBuf {
    let folder = folder();
    let packed = include_bytes!("data/mir/mir.tar.gz");
    tar::Archive::new(GzDecoder::new(&packed[..])).unpack(&folder).unwrap();
    folder
}

fn options(original: &Path) -> MirOptions {
    MirOptions {
        media: Some(original.join("media")),
        models: Some(original.join("models")),
        ..MirOptions::default()
    }
}

async fn import(store: &Store, original: &Path, options: &MirOptions) -> MirReport {
    import_mir(store, &original.join("repo"), options, &|_| {}).await.unwrap()
}

fn version<'a>(report: &'a MirReport, name: &str) -> &'a MirVersion {
    report.versions.iter().find(|version| version.name == name).unwrap()
}

async fn named(store: &Store, version: &VersionId) -> BTreeMap<String, Record> {
    let records = records(store, version).await.into_iter();
    records.map(|record| (record.asset.file_name.clone(), record)).collect()
}

async fn task(store: &Store, version: &VersionId) -> TaskRecord {
    store.manifest(version).await.unwrap().task
}

fn class(store: &ymir_core::ClassTable, name: &str) -> Class {
    Class::Id(store.find(name).unwrap())
}

async fn nothing_is_there(store: &Store) {
    for kind in BranchKind::ALL {
        assert_eq!(store.branches(kind).await.unwrap(), []);
    }
    assert!(store.classes().await.unwrap().is_empty());
}

/// What `mir show` printed of a version.
#[derive(Debug, Deserialize)]
struct Shown {
    assets: u64,
    pred: usize,
    gt: usize,
    code: i32,
}

async fn all_versions_come_over_with_the_counts_that_the_original_shows(store: Store) {
    let original = original();
    let seen = Mutex::new(Vec::new());
    let note = |progress| seen.lock().unwrap().push(progress);
    let (repo, options) = (original.join("repo"), options(&original));
    let report = import_mir(&store, &repo, &options, &note).await.unwrap();
    let shown = fs::read(original.join("show.json")).unwrap();
    let shown: BTreeMap<String, Shown> = serde_json::from_slice(&shown).unwrap();

    let annotated =
        |records: &[Record]| records.iter().filter(|r| !r.annotations.is_empty()).count();
    let (mut taken, mut not_taken) = (0, 0);
    for (name, shown) in &shown {
        if shown.code != 0 || shown.assets == 0 {
            not_taken += 1;
            let skipped = report.skipped.iter().find(|skipped| skipped.name == *name).unwrap();
            let kind = if shown.code != 0 { MirSkip::Failed } else { MirSkip::Empty };
            assert_eq!((skipped.kind, skipped.return_code.unwrap_or(0)), (kind, shown.code));
            continue;
        }
        taken += 1;
        let version = version(&report, name);
        let truth = records(&store, &version.version.id).await;
        assert_eq!((version.assets, truth.len() as u64), (shown.assets, shown.assets), "{name}");
        assert_eq!(annotated(&truth), shown.gt, "{name}");
        let found = match &version.predictions {
            Some(predictions) => records(&store, &predictions.id).await,
            None => Vec::new(),
        };
        assert_eq!(annotated(&found), shown.pred, "{name}");
        assert!(version.is_new && version.left_out == 0);
    }
    assert_eq!((taken, not_taken), (11, 5));
    assert_eq!((report.versions.len(), report.made(), report.images), (11, 11, 12));
    assert!(report.is_complete() && report.left_out.is_empty(), "{report:?}");
    let master = report.skipped.iter().find(|skipped| skipped.name == "master").unwrap();
    assert_eq!(master.kind, MirSkip::NoDataset);
    let failed = report.skipped.iter().find(|skipped| skipped.name == "broken@t06").unwrap();
    assert!(failed.reason.contains("160005") && failed.reason.contains("unicorn"), "{failed:?}");

    let seen = seen.into_inner().unwrap();
    assert_eq!(seen.first(), Some(&Progress { done: 0, total: 12 }));
    assert_eq!(seen.last(), Some(&Progress { done: 12, total: 12 }));
}

async fn branches_are_datasets_and_tasks_their_versions_in_order(store: Store) {
    let original = original();
    let report = import(&store, &original, &options(&original)).await;
    let datasets = report.datasets.iter().map(|d| (d.branch.as_str(), d.versions));
    let expected = [
        ("broken", 1),
        ("copied", 1),
        ("dogs", 1),
        ("few", 1),
        ("joined", 1),
        ("judged", 1),
        ("mined", 1),
        ("pets", 2),
        ("shapes", 1),
        ("team/bare", 1),
    ];
    assert_eq!(datasets.collect::<Vec<_>>(), expected);
    let pets = store.log(&Branch::dataset("pets").unwrap()).await.unwrap();
    let ids = ["pets@t02", "pets@t01"].map(|name| version(&report, name).version.id);
    assert_eq!(pets.iter().map(|version| version.id).collect::<Vec<_>>(), ids);
    let team = &report.datasets[9];
    assert!(team.name.starts_with("team_bare-") && Name::new(&*team.name).is_ok(), "{team:?}");
    assert_eq!(version(&report, "team/bare@t04").version.branch.name.as_str(), team.name);
    let predicted = store.branches(BranchKind::Prediction).await.unwrap();
    let predicted: Vec<&str> = predicted.iter().map(Name::as_str).collect();
    assert_eq!(predicted, ["copied", "joined", "judged", "mined"]);
    // None comes before what it was made from.
    let place = |name: &str| report.versions.iter().position(|v| v.name == name).unwrap();
    assert!(place("pets@t01") < place("joined@t10") && place("judged@t03") < place("joined@t10"));
}

async fn records_are_what_the_original_has(store: Store) {
    let original = original();
    let report = import(&store, &original, &options(&original)).await;
    let table = store.classes().await.unwrap();
    let (cat, dog, zebra) = (class(&table, "cat"), class(&table, "puppy"), class(&table, "zebra"));
    assert_eq!(table.name(ClassId(1)), Some("dog"));

    let pets = named(&store, &version(&report, "pets@t02").version.id).await;
    let first = &pets["img_00.jpg"];
    let asset = &first.asset;
    assert_eq!((asset.width, asset.height, asset.channels), (64, 48, 3));
    let attributes: Vec<_> =
        asset.attributes.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(attributes, [("camera", "c0"), ("image_quality", "0.5"), ("weather", "sunny")]);
    assert_eq!(store.read_blob(&asset.id).await.unwrap().len() as u64, asset.byte_size);
    let [one, two] = &first.annotations[..] else { panic!("{first:?}") };
    // Pascal VOC's (5, 6, 20, 25), edges included.
    assert_eq!((one.bbox, &one.class), (BBox::new(5.0, 6.0, 16.0, 20.0), &cat));
    assert_eq!((one.quality, one.score, one.rotate_angle), (Some(0.9), None, None));
    assert_eq!(one.attributes["pose"], "left");
    assert_eq!((two.bbox, &two.class), (BBox::new(1.0, 1.0, 12.0, 13.0), &zebra));
    assert_eq!((two.quality, two.rotate_angle), (None, Some(0.25)));
    assert_eq!(pets["img_01.jpg"].annotations[1].class, dog);
    assert!(pets["img_07.jpg"].annotations.is_empty());

    let judged = version(&report, "judged@t03");
    let found = named(&store, &judged.predictions.as_ref().unwrap().id).await;
    assert_eq!(found.len(), 10, "images without predictions too");
    let scores: Vec<_> =
        found["img_04.jpg"].annotations.iter().map(|a| (a.score, &a.class)).collect();
    assert_eq!(scores, [(Some(0.875), &cat), (Some(0.25), &dog)]);
    assert!(found["img_03.jpg"].annotations.is_empty());
    let kinds: Vec<_> =
        [&found["img_10.png"], &found["img_11.bmp"]].map(|r| r.asset.media_type.mime()).into();
    assert_eq!(kinds, ["image/png", "image/bmp"]);

    let joined = named(&store, &version(&report, "joined@t10").version.id).await;
    assert_eq!(joined["img_00.jpg"].asset.attributes["split"], "train");
    assert_eq!(joined["img_09.jpg"].asset.attributes["split"], "val");
}

async fn shapes_keep_their_boxes_and_the_report_says_what_is_lost(store: Store) {
    let original = original();
    let report = import(&store, &original, &options(&original)).await;
    let shapes = named(&store, &version(&report, "shapes@t07").version.id).await;
    let polygon = &shapes["img_00.jpg"].annotations[0];
    assert_eq!((polygon.bbox, polygon.flags.crowd), (BBox::new(5.0, 5.0, 10.0, 8.0), false));
    let mask = &shapes["img_01.jpg"].annotations[0];
    assert_eq!((mask.bbox, mask.flags.crowd), (BBox::new(0.0, 0.0, 64.0, 48.0), true));
    let lost = |name: &str, what: &str| {
        let lost = report.not_carried.iter().find(|l| l.name == name && l.what.contains(what));
        lost.map(|lost| lost.count)
    };
    assert_eq!(lost("shapes@t07", "polygons"), Some(1));
    assert_eq!(lost("shapes@t07", "masks"), Some(1));
    assert_eq!(lost("broken@t05", "semantic"), Some(1));
    assert!(lost("judged@t03", "TP, FP, FN").is_some());
    assert_eq!(lost("judged@t03", "but for its averages"), Some(1));
    assert_eq!(lost("pets@t01", ""), None);
}

async fn the_original_task_is_in_the_lineage(store: Store) {
    let original = original();
    let report = import(&store, &original, &options(&original)).await;
    let id = |name: &str| version(&report, name).version.id;
    let joined = task(&store, &id("joined@t10")).await;
    assert_eq!((joined.kind, joined.task.unwrap().as_str()), (TaskKind::Merge, "t10"));
    let inputs: Vec<_> = joined.inputs.iter().map(|i| (i.role.as_str(), i.version)).collect();
    assert_eq!(inputs, [("training", id("pets@t01")), ("validation", id("judged@t03"))]);
    assert_eq!(joined.parameters["mir_src_revs"], "\"tr:pets@t01;va:judged@t03\"");
    assert_eq!(
        joined.parameters["mir_commit"],
        format!("{:?}", version(&report, "joined@t10").commit)
    );
    assert_eq!(joined.started.to_string().len(), "2026-01-01T00:00:00Z".len());
    assert!(joined.started.as_second() > 1_700_000_000);
    let few = task(&store, &id("few@t09")).await;
    assert_eq!((few.kind, &*few.parameters["mir_kind"]), (TaskKind::Select, "\"sampling\""));
    assert!(few.parameters["mir_message"].contains("count: 4"));
    assert_eq!(task(&store, &id("dogs@t08")).await.input("source"), Some(id("pets@t02")));

    let mined = version(&report, "mined@t15");
    assert_eq!(task(&store, &mined.version.id).await.executor, "docker:ymir/miner:1.0");
    let predictions = mined.predictions.as_ref().unwrap().id;
    let manifest = store.manifest(&predictions).await.unwrap();
    let model = report.models.iter().find(|model| model.name == "model@t12").unwrap();
    let model = model.version.as_ref().unwrap().id;
    let info = manifest.prediction.unwrap();
    assert_eq!((info.model, info.dataset), (model, mined.version.id));
    assert_eq!(manifest.task.input("model"), Some(model));
    assert_eq!((manifest.task.metrics["fp"], manifest.task.metrics["fn"]), (5.0, 7.0));
    let judged = version(&report, "judged@t03").predictions.as_ref().unwrap().id;
    let judged = task(&store, &judged).await;
    assert!((judged.metrics["mAP"] - 0.388_888_9).abs() < 1e-6);
    // Its model is known by what was said of it only.
    assert!(judged.parameters["mir_model"].contains(&"f".repeat(40)));
}

async fn models_come_over_where_their_packages_are(store: Store) {
    let original = original();
    let report = import(&store, &original, &options(&original)).await;
    let names: Vec<_> = report.models.iter().map(|m| (&*m.name, m.version.is_some())).collect();
    assert_eq!(names, [("model@t12", true), ("trained@t13", true)]);
    let trained = report.models[1].version.as_ref().unwrap();
    let manifest = store.manifest(&trained.id).await.unwrap();
    let model = manifest.model.unwrap();
    assert_eq!(
        (&*model.best_stage, &model.class_names[..]),
        ("epoch_2", &["cat", "dog"].map(String::from)[..])
    );
    let stage = model.stage(None).unwrap();
    let files: Vec<_> = stage.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!((files, stage.metrics["mAP"]), (vec!["best.bin", "net.yaml"], 0.75));
    assert_eq!(store.read_blob(&stage.files[0].blob).await.unwrap(), b"best.bin");
    assert_eq!(model.attachments.iter().map(|f| &*f.path).collect::<Vec<_>>(), ["ymir-info.yaml"]);
    let task = manifest.task;
    assert_eq!((task.kind, &*task.executor), (TaskKind::Train, "docker:ymir/trainer:1.0"));
    assert!(task.config.contains("class_names:\n- cat\n"));
    let pets = version(&report, "pets@t01").version.id;
    assert_eq!((task.input("training"), task.metrics["mAP"]), (Some(pets), 0.75));
    assert!(report.skipped.iter().any(|s| s.name == "trained@t13" && s.kind == MirSkip::Empty));

    // A package with other bytes than its name says makes no model, and says so.
    let package = original.join("models").join(&report.models[0].hash);
    fs::write(&package, "something else").unwrap();
    fs::remove_file(original.join("models").join(&report.models[1].hash)).unwrap();
    let other = common::store();
    let report = import(&other, &original, &options(&original)).await;
    let reasons: Vec<_> = report.models.iter().map(|m| m.reason.clone().unwrap()).collect();
    assert!(reasons[0].contains("other bytes") && reasons[1].contains("does not have it"));
    assert_eq!(other.branches(BranchKind::Model).await.unwrap(), []);
}

async fn the_same_import_again_makes_nothing(store: Store) {
    let original = original();
    let first = import(&store, &original, &options(&original)).await;
    let classes = store.classes().await.unwrap();
    // As a bare repository, in another place, without the images: nothing of them is needed.
    let bare = original.join("elsewhere.git");
    fs::rename(original.join("repo/.git"), &bare).unwrap();
    let options = MirOptions {
        labels: Some(original.join("repo/.mir/labels.yaml")),
        ..MirOptions::default()
    };
    let again = import_mir(&store, &bare, &options, &|_| {}).await.unwrap();
    assert_eq!((again.made(), again.images, again.media.clone()), (0, 0, None));
    let ids = |report: &MirReport| {
        let ids =
            report.versions.iter().map(|v| (v.version.id, v.predictions.as_ref().map(|p| p.id)));
        ids.collect::<Vec<_>>()
    };
    assert_eq!(ids(&again), ids(&first));
    assert!(again.models.iter().all(|model| model.version.is_some() && !model.is_new));
    assert_eq!(store.classes().await.unwrap(), classes);
    assert!(again.classes.iter().all(|class| class.outcome == MirClassOutcome::Mapped));
}

async fn images_that_are_missing_or_wrong_are_left_out_until_they_are_there(store: Store) {
    let original = original();
    let report = import(&common::store(), &original, &options(&original)).await;
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

async fn the_usual_folders_are_found_and_links_give_the_same(store: Store) {
    let original = original();
    fs::create_dir_all(original.join("sandbox/0001")).unwrap();
    for (from, to) in
        [("media", "ymir-assets"), ("models", "ymir-models"), ("repo", "sandbox/0001/repo")]
    {
        fs::rename(original.join(from), original.join(to)).unwrap();
    }
    let repo = original.join("sandbox/0001/repo");
    fs::rename(repo.join(".mir/labels.yaml"), original.join("sandbox/0001/labels.yaml")).unwrap();
    let options = MirOptions { transfer: Transfer::HardLink, ..MirOptions::default() };
    let report = import_mir(&store, &repo, &options, &|_| {}).await.unwrap();
    assert!(report.media.unwrap().ends_with("/ymir-assets"));
    assert!(report.labels.unwrap().ends_with("/sandbox/0001/labels.yaml"));
    assert_eq!((report.versions.len(), report.models.len()), (11, 2));
}

async fn classes_are_mapped_by_name_and_alias(store: Store) {
    add_class(&store, "bird").await;
    add_class_with(&store, "Hound", &["kitten"]).await;
    let original = original();
    let report = import(&store, &original, &options(&original)).await;
    let table = store.classes().await.unwrap();
    let names: Vec<_> = table.entries().iter().map(|entry| entry.name.as_str()).collect();
    // `dog` is known by its alias; `cat` has an alias that means `Hound` here, and so has it.
    let classes: Vec<_> = report
        .classes
        .iter()
        .map(|c| (c.number, &*c.name, c.class.unwrap().0, c.outcome))
        .collect();
    use MirClassOutcome::{Added, Mapped};
    assert_eq!(names, ["bird", "Hound", "person", "zebra"]);
    let expected = [
        (0, "cat", 1, Mapped),
        (1, "dog", 1, Mapped),
        (2, "person", 2, Added),
        (3, "zebra", 3, Added),
    ];
    assert_eq!(classes, expected);
    assert_eq!(table.find("puppy"), Some(ClassId(1)));
    assert_eq!(report.classes[3].annotations, 22);
}

async fn unknown_classes_stop_or_are_ignored_or_kept(store: Store) {
    let original = original();
    let with = |unknown_classes| MirOptions { unknown_classes, ..options(&original) };
    let repo = original.join("repo");
    let error = import_mir(&store, &repo, &with(UnknownClasses::Stop), &|_| {}).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("zebra (22)"), "{error}");
    nothing_is_there(&store).await;

    add_class(&store, "cat").await;
    let report = import(&store, &original, &with(UnknownClasses::Ignore)).await;
    let pets = named(&store, &version(&report, "pets@t01").version.id).await;
    assert_eq!(pets["img_00.jpg"].annotations.len(), 1);
    assert_eq!(store.classes().await.unwrap().len(), 1);
    let outcomes: Vec<_> = report.classes.iter().map(|class| class.outcome).collect();
    use MirClassOutcome::{Ignored, Mapped};
    assert_eq!(outcomes, [Mapped, Ignored, Ignored, Ignored]);

    let report = import(&store, &original, &with(UnknownClasses::Keep)).await;
    assert_eq!(report.made(), 11, "another strategy is other work");
    let pets = named(&store, &version(&report, "pets@t01").version.id).await;
    assert_eq!(pets["img_00.jpg"].annotations[1].class, Class::Name("zebra".to_owned()));
}

async fn without_a_class_table_the_names_on_annotations_count(store: Store) {
    let original = original();
    fs::remove_file(original.join("repo/.mir/labels.yaml")).unwrap();
    let report = import(&store, &original, &options(&original)).await;
    assert_eq!(report.labels, None);
    let names: Vec<_> = report.classes.iter().map(|class| (class.number, &*class.name)).collect();
    assert_eq!(names, [(0, "cat"), (1, "dog"), (2, "person"), (3, "zebra")]);
    let pets = named(&store, &version(&report, "pets@t02").version.id).await;
    assert_eq!(pets["img_00.jpg"].annotations.len(), 2);
    fs::write(original.join("repo/.mir/labels.yaml"), "labels: [{id: 4, name: cat}]").unwrap();
    let error = import_mir(&store, &original.join("repo"), &options(&original), &|_| {}).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupted);
    assert!(error.to_string().contains("labels.yaml") && error.to_string().contains("number 4"));
}

async fn other_datasets_of_the_same_name_are_not_mixed_up(store: Store) {
    commit(&store, &Branch::dataset("pets").unwrap(), vec![record(1, vec![])]).await;
    let original = original();
    let repo = original.join("repo");
    let error = import_mir(&store, &repo, &options(&original), &|_| {}).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert!(error.to_string().contains("datasets/pets"), "{error}");
    assert_eq!(store.branches(BranchKind::Dataset).await.unwrap().len(), 1);
    let options = MirOptions { prefix: "old-".to_owned(), ..options(&original) };
    let report = import(&store, &original, &options).await;
    assert_eq!(version(&report, "pets@t02").version.to_string(), "old-pets@v2");
    let options = MirOptions { prefix: "../".to_owned(), ..options };
    let error = import_mir(&store, &repo, &options, &|_| {}).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
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
    let whole = common::store();
    let whole = contents(&whole, &import(&whole, &original, &options(&original)).await).await;
    for call in 1..=17 {
        for when in [When::Before, When::After] {
            let memory = common::store();
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
    let (original, store) = (original(), common::git_store());
    let options = options(&original);
    let run = || import(&store, &original, &options);
    let (one, two) = futures::join!(run(), run());
    assert_eq!(contents(&store, &one).await, contents(&store, &two).await);
    // One may have made a dataset, and the other its predictions.
    assert!(one.made() + two.made() >= 11);
    let pets = store.log(&Branch::dataset("pets").unwrap()).await.unwrap();
    assert_eq!(pets.len(), 2);
}

/// Returns what all branches hold, and checks that the report names each version once.
async fn contents(store: &Store, report: &MirReport) -> Vec<(String, u64, VersionId)> {
    let mut all = Vec::new();
    for kind in BranchKind::ALL {
        for name in store.branches(kind).await.unwrap() {
            let versions = store.log(&Branch::new(kind, name)).await.unwrap();
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
    all_versions_come_over_with_the_counts_that_the_original_shows,
    branches_are_datasets_and_tasks_their_versions_in_order,
    records_are_what_the_original_has,
    shapes_keep_their_boxes_and_the_report_says_what_is_lost,
    the_original_task_is_in_the_lineage,
    models_come_over_where_their_packages_are,
    the_same_import_again_makes_nothing,
    images_that_are_missing_or_wrong_are_left_out_until_they_are_there,
    the_usual_folders_are_found_and_links_give_the_same,
    classes_are_mapped_by_name_and_alias,
    unknown_classes_stop_or_are_ignored_or_kept,
    without_a_class_table_the_names_on_annotations_count,
    other_datasets_of_the_same_name_are_not_mixed_up,
    damaged_commits_are_named_and_the_others_imported,
    a_repository_with_nothing_readable_is_an_error,
    what_is_no_repository_of_the_original_is_refused,
    the_repository_is_not_changed,
);
