//! Import of a repository that the original's own command made (see `tools/make-mir-repo`).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Mutex;

use serde::Deserialize;
use ymir_core::Progress;
use ymir_core::{
    BBox, Branch, BranchKind, Class, ClassId, ErrorKind, Name, OUTCOME, ObjectType, Record, Shape,
    TaskKind, TaskRecord, Transfer, UnknownClasses, VersionId,
};
use ymir_mir::{MirClassOutcome, MirOptions, MirReport, MirSkip, import_mir};

use crate::common::{Store, import, named, nothing_is_there, options, original, version};
use crate::common::{add_class, add_class_with, commit, record, records, store_tests};

async fn task(store: &Store, version: &VersionId) -> TaskRecord {
    store.manifest(version).await.unwrap().task
}

fn class(store: &ymir_core::ClassTable, name: &str) -> Class {
    Class::Id(store.find(name).unwrap())
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
    let pets = store.log(&Branch::dataset("pets").unwrap(), Default::default()).await.unwrap();
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

async fn shapes_and_outcomes_come_over_and_the_report_says_what_is_lost(store: Store) {
    let original = original();
    let report = import(&store, &original, &options(&original)).await;
    let shapes = named(&store, &version(&report, "shapes@t07").version.id).await;
    let polygon = &shapes["img_00.jpg"].annotations[0];
    assert_eq!((polygon.bbox, polygon.flags.crowd), (BBox::new(5.0, 5.0, 10.0, 8.0), false));
    let ring = vec![[5.0, 5.0], [15.0, 5.0], [10.0, 13.0]];
    assert_eq!(polygon.shape, Some(Shape::Polygons(vec![ring])));
    let mask = &shapes["img_01.jpg"].annotations[0];
    assert_eq!((mask.bbox, mask.flags.crowd), (BBox::new(0.0, 0.0, 64.0, 48.0), true));
    // Its counts, `0PT1, are not those of an image of this size.
    assert_eq!(mask.shape, None);
    let manifest = store.manifest(&version(&report, "shapes@t07").version.id).await.unwrap();
    assert_eq!(manifest.object_type, ObjectType::InstanceSegmentation);
    let lost = |name: &str, what: &str| {
        let lost = report.not_carried.iter().find(|l| l.name == name && l.what.contains(what));
        lost.map(|lost| lost.count)
    };
    assert_eq!(lost("shapes@t07", "malformed outlines and masks"), Some(1));
    let judged = version(&report, "judged@t03");
    let predictions = &judged.predictions.as_ref().unwrap().id;
    let records = records(&store, predictions).await;
    let outcomes = records.iter().flat_map(|record| &record.annotations);
    let outcomes: BTreeSet<_> = outcomes.map(|a| a.attributes[OUTCOME].as_str()).collect();
    assert_eq!(outcomes, BTreeSet::from(["fp", "tp"]));
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
    let other = crate::common::store();
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

async fn without_tags_the_branches_tell_the_versions(store: Store) {
    let original = original();
    let packed = original.join("repo/.git/packed-refs");
    let refs = fs::read_to_string(&packed).unwrap();
    let refs: Vec<_> = refs.lines().filter(|line| !line.contains("refs/tags/")).collect();
    // As a clone has them, with a branch that is only another name.
    let refs = refs.join("\n").replace("refs/heads/", "refs/remotes/origin/");
    let few = refs.lines().find(|line| line.ends_with("/few")).unwrap();
    let alias = few.replace("/few", "/alias");
    fs::write(&packed, format!("{refs}\n{alias}\n")).unwrap();
    let report = import(&store, &original, &options(&original)).await;
    assert_eq!((report.versions.len(), report.models.len()), (11, 2));
    assert_eq!(version(&report, "pets@t02").version.number, 2);
    let alias = report.skipped.iter().find(|skipped| skipped.name == "alias").unwrap();
    assert_eq!(alias.kind, MirSkip::NoCommit);
}

store_tests!(
    all_versions_come_over_with_the_counts_that_the_original_shows,
    branches_are_datasets_and_tasks_their_versions_in_order,
    records_are_what_the_original_has,
    shapes_and_outcomes_come_over_and_the_report_says_what_is_lost,
    the_original_task_is_in_the_lineage,
    models_come_over_where_their_packages_are,
    the_same_import_again_makes_nothing,
    the_usual_folders_are_found_and_links_give_the_same,
    classes_are_mapped_by_name_and_alias,
    unknown_classes_stop_or_are_ignored_or_kept,
    without_a_class_table_the_names_on_annotations_count,
    other_datasets_of_the_same_name_are_not_mixed_up,
    without_tags_the_branches_tell_the_versions,
);
