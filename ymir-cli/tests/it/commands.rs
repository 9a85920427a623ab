//! Every command does its job, for people and for programs.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::Stdio;

use crate::common::{Place, tiny};
use serde_json::json;

#[test]
fn a_workspace_is_made_once_and_found_from_below() {
    let place = Place::empty();
    let refused = place.run(&["--json", "init", "--classes", "cat,do\ng"]);
    assert_eq!((refused.code, place.path("workspace").exists()), (2, false));
    let no_text = place.dir.path().join(OsStr::from_bytes(b"x\xe9"));
    assert_eq!(
        crate::common::ymir().arg("init").arg(&no_text).output().unwrap().status.code(),
        Some(2)
    );
    assert!(!no_text.exists());
    let made = place.run(&["--json", "init", "--classes", "cat,dog"]);
    assert_eq!(made.code, 0, "{made:?}");
    assert_eq!(made.object()["classes"], json!(["cat", "dog"]));
    let again = place.run(&["--json", "init"]);
    assert_eq!((again.code, again.error_code().as_str()), (4, "already_exists"));
    let below = place.path("workspace/some/folder");
    std::fs::create_dir_all(&below).unwrap();
    let found = crate::common::ymir().current_dir(below).arg("log").output().unwrap();
    assert!(found.status.success(), "{found:?}");
}

#[test]
fn datasets_are_imported_listed_shown_compared_and_exported() {
    let place = Place::with_scenes();
    let listed = place.run(&["--json", "log"]);
    let names: Vec<_> = listed.objects().iter().map(|o| o["name"].clone()).collect();
    assert_eq!(names, [json!("pool"), json!("validation")]);
    assert!(place.ok(&["log"]).contains("pool@v1"));
    assert_eq!(place.run(&["--json", "log", "pool"]).objects().len(), 1);

    let shown = place.json(&["show", "pool", "--limit", "5", "--offset", "2"]);
    assert_eq!((&shown["assets"], &shown["total"]), (&json!(24), &json!(24)));
    assert_eq!(shown["records"].as_array().unwrap().len(), 5);
    let class = shown["classes"].as_object().unwrap().iter().next().unwrap();
    let filtered = place.json(&["show", "pool", "--limit", "100", "--class", class.0]);
    assert_eq!(filtered["total"], class.1["assets"]);
    assert_eq!(filtered["records"].as_array().unwrap().len() as u64, class.1["assets"]);
    let text = place.ok(&["show", "pool", "--limit", "3"]);
    assert!(text.contains("24 assets") && text.contains("records 1 to 3 of 24"), "{text}");

    let diff = place.json(&["diff", "pool", "validation", "--limit", "3"]);
    assert_eq!((&diff["added"], &diff["removed"]), (&json!(8), &json!(24)));
    assert_eq!(diff["changes"].as_array().unwrap().len(), 3);
    let class = &diff["changes"][0]["annotations"][0]["class"];
    assert!(class.as_str().is_some_and(|name| name != "?"), "{diff}");
    assert!(place.ok(&["diff", "pool", "pool"]).contains("0 added, 0 removed, 0 changed"));

    let folder = place.path("exported");
    let folder = folder.to_str().unwrap();
    assert_eq!(place.json(&["export", "pool", "--voc", folder])["images"], json!(24));
    let back = place.json(&["import", "--voc", folder, "--into", "back"]);
    let content = |shown: &serde_json::Value| shown["content"].clone();
    assert_eq!(content(&back), content(&shown), "what is exported comes back the same");
    assert_eq!(place.run(&["export", "pool", "--voc", folder]).code, 4);
}

#[test]
fn images_are_imported_without_annotations_and_added_to_a_dataset() {
    let place = Place::with_scenes();
    let images = place.path("scenes/JPEGImages");
    let images = images.to_str().unwrap();
    let made = place.json(&["import", "--images", images, "--into", "all"]);
    assert_eq!((&made["imported"], &made["annotations"]), (&json!(32), &json!(0)));
    let list = place.path("list.txt");
    std::fs::write(&list, "scene_00001\nscene_00002\n").unwrap();
    let voc = place.path("scenes");
    let by_list = ["--voc", voc.to_str().unwrap(), "--list", list.to_str().unwrap(), "--link"];
    let two = place.json(&[&["import", "--into", "some"][..], &by_list].concat());
    assert_eq!((&two["imported"], &two["version"]), (&json!(2), &json!(1)));
    std::fs::write(&list, "scene_00003\n").unwrap();
    let one = place.json(&[&["import", "--into", "some", "--append"][..], &by_list].concat());
    assert_eq!(one["version"], json!(2));
    assert_eq!(place.json(&["show", "some"])["assets"], json!(3));
}

#[test]
fn a_workspace_is_checked_and_cleaned() {
    let place = Place::with_scenes();
    let sound = place.json(&["fsck", "--blobs"]);
    assert_eq!((&sound["assets"], &sound["problems"]), (&json!(32), &json!([])));
    assert!(place.ok(&["fsck"]).contains("all is well"));
    let blobs = place.path("workspace/blobs");
    std::fs::create_dir_all(blobs.join("00")).unwrap();
    let unused = blobs.join("00").join("0".repeat(62));
    std::fs::write(&unused, "nobody's").unwrap();
    assert_eq!(place.json(&["gc"])["kept_young"], json!(1));
    assert_eq!(place.json(&["gc", "--grace", "0", "--dry-run"])["bytes"], json!(8));
    assert!(place.ok(&["gc", "--grace", "0"]).contains("1 files"));
    assert!(!unused.exists());
    assert_eq!(place.run(&["gc", "--grace=-1"]).code, 2);

    let record = &place.json(&["show", "pool", "--limit", "1"])["records"][0];
    let id = record["asset"]["id"].as_str().or(record["id"].as_str()).unwrap().to_owned();
    std::fs::remove_file(blobs.join(&id[..2]).join(&id[2..])).unwrap();
    let damaged = place.run(&["fsck"]);
    assert_eq!(damaged.code, 8);
    assert!(damaged.stdout.contains(&id), "{damaged:?}");
}

#[test]
fn a_model_is_trained_used_and_evaluated_step_by_step() {
    let place = Place::with_scenes();
    let classes = "coin,washer,gear,star";
    let first: &[&str] =
        &["train", "--training", "pool", "--validation", "validation", "--classes", classes];
    let train = [first, &["--into", "m"], &tiny("-p")].concat();
    let model = place.json(&train);
    assert_eq!((&model["kind"], &model["existed"]), (&json!("model"), &json!(false)));
    let again = place.json(&train);
    assert_eq!((&again["id"], &again["existed"]), (&model["id"], &json!(true)));
    let anew = place.json(&[&train[..], &["--again"]].concat());
    assert_eq!((&anew["version"], &anew["existed"]), (&json!(2), &json!(false)));
    assert_eq!(anew["stages"], model["stages"]);
    let tuned = place.json(&[&train[..], &["--from", "m@v1", "--seed", "3"]].concat());
    assert_eq!(tuned["version"], json!(3));
    let shown = place.json(&["show", "m@v3"]);
    assert_eq!(shown["lineage"]["inputs"][2]["version"], json!("m@v1"));
    assert!(place.ok(&["show", "m"]).contains("(best)"));

    let found = place.json(&["infer", "--dataset", "validation", "--model", "m", "--into", "p"]);
    assert_eq!((&found["kind"], &found["assets"]), (&json!("prediction"), &json!(8)));
    let figures = place.json(&["evaluate", "validation", "p"]);
    let ap50 = figures["AP50"].as_f64().unwrap();
    assert!((0.0..=1.0).contains(&ap50), "{figures}");
    assert_eq!(figures["images"], json!(8));
    assert!(place.ok(&["evaluate", "validation", "p", "--classes", "coin"]).contains("coin"));

    let outcomes = ["outcomes", "validation", "p"];
    let all = place.json(&[&outcomes[..], &["all", "--limit", "100"]].concat());
    let marks = |outcome: &str| {
        let records = all["records"].as_array().unwrap().iter();
        let annotations = records.flat_map(|record| record["annotations"].as_array().unwrap());
        annotations.filter(|a| a["attributes"]["outcome"] == outcome).count() as u64
    };
    let objects = place.json(&["show", "validation"])["annotations"].as_u64().unwrap();
    assert_eq!(marks("tp") + marks("fn"), objects);
    // Nobody is as sure as this: every object is missed.
    let sure = ["outcome:fn", "--min-score", "1"];
    assert_eq!(place.json(&[&outcomes[..], &sure].concat())["total"], json!(8));
    let made = place.json(&[&outcomes[..], &sure, &["--into", "missed"]].concat());
    assert_eq!((&made["assets"], &made["annotations"]), (&json!(8), &json!(objects)));
    assert!(place.ok(&[&outcomes[..], &["outcome:fn", "--iou", "1"]].concat()).contains(" fp"));
    assert_eq!(place.run(&[&outcomes[..], &["outcome:missed"]].concat()).code, 2);
    assert_eq!(place.run(&[&outcomes[..], &["outcome:fn", "--iou", "50"]].concat()).code, 2);

    let folder = place.path("predicted");
    place.ok(&["export", "p", "--voc", folder.to_str().unwrap(), "--predictions"]);

    let mine = ["mine", "--candidates", "pool", "--model", "m", "--count", "5", "--into", "chosen"];
    let mined = place.json(&[&mine[..], &["--predictions", "said"]].concat());
    assert_eq!((&mined["assets"], &mined["annotations"]), (&json!(5), &json!(0)));
    assert_eq!(mined["made"].as_array().unwrap().len(), 2);

    let label = ["label", "chosen", "--classes", classes, "--into", "labeled"];
    let labeled =
        place.json(&[&label[..], &["--oracle", "pool", "--pre-annotations", "said"]].concat());
    assert_eq!(labeled["assets"], json!(5));
    assert!(labeled["annotations"].as_u64().unwrap() > 0);
}

#[test]
fn a_folder_of_labels_is_waited_for() {
    let place = Place::with_scenes();
    let folder = place.path("labels");
    let label =
        ["label", "validation", "--classes", "coin", "--into", "x", "--no-wait", "--folder"];
    let label = [&label[..], &[folder.to_str().unwrap()]].concat();
    let waits = place.run(&[&["--json"], &label[..]].concat());
    assert_eq!(waits.code, 10, "{waits:?}");
    assert_eq!((&waits.object()["waiting"], &waits.object()["total"]), (&json!(true), &json!(8)));
    assert!(folder.read_dir().unwrap().next().is_some(), "the job is in the folder");
    let text = place.run(&label);
    assert!(text.code == 10 && text.stdout.contains("0 of 8"), "{text:?}");
    let cancel = [&label[..label.len() - 3], &label[label.len() - 2..], &["--cancel"]].concat();
    let other: Vec<_> = cancel.iter().map(|a| if *a == "x" { "y" } else { *a }).collect();
    let refused = place.run(&other);
    assert!(refused.code == 3 && refused.stderr.contains("no labeling job"), "{refused:?}");
    assert_eq!(place.run(&cancel).code, 0);
    assert_eq!(place.run(&cancel).code, 3);
}

#[test]
fn what_a_labeler_left_out_is_told() {
    let place = Place::with_scenes();
    place.ok(&["sample", "pool", "--count", "18", "--into", "answers"]);
    let label = ["label", "pool", "--classes", "coin", "--into", "x", "--oracle", "answers"];
    let told = place.run(&label);
    assert!(told.stderr.contains("6 of 24 assets came back without an answer"), "{told:?}");
    let object = place.json(&label);
    assert_eq!((&object["labeled"], &object["total"]), (&json!(18), &json!(24)));
}

#[test]
fn who_reads_only_the_beginning_disturbs_nothing() {
    let place = Place::with_scenes();
    let mut command = place.command(&["show", "pool", "--limit", "24"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert!(ended.status.success() && ended.stderr.is_empty(), "{ended:?}");
}

#[test]
fn a_repository_of_the_original_is_imported_and_found_again() {
    let place = Place::empty();
    place.ok(&["init", place.path("workspace").to_str().unwrap()]);
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/../ymir-mir/tests/data/mir");
    let mut unpack = std::process::Command::new("tar");
    unpack.arg("-xzf").arg(format!("{data}/mir.tar.gz")).arg("-C").arg(place.dir.path());
    assert!(unpack.status().unwrap().success());
    let import = ["import", "--mir", "repo"];
    let lost = place.run(&[&["--json"], &import[..]].concat());
    assert_eq!((lost.code, lost.error_code().as_str()), (2, "invalid_input"));

    let empty = place.run(&[&["--json"], &import[..], &["--media", "workspace/blobs"]].concat());
    assert_eq!((empty.code, empty.error_code().as_str()), (3, "not_found"));

    let folders = ["--media", "media", "--models", "models", "--link"];
    let text = place.ok(&[&import[..], &folders].concat());
    assert!(text.contains("10 datasets with 11 versions: 11 new"), "{text}");
    assert!(text.contains("judged@v1 from judged@t03 with predictions"), "{text}");
    assert!(text.contains("broken@t06: its task failed with code 160005"), "{text}");
    let again = place.json(&import);
    assert_eq!(again["images"], json!(0));
    assert!(again["versions"].as_array().unwrap().iter().all(|v| v["is_new"] == json!(false)));
    assert_eq!(place.json(&["show", "pets", "--limit", "1"])["total"], json!(10));
    // Also of a model that is known by name only.
    let evaluated = place.json(&["evaluate", "judged", "judged"]);
    assert_eq!(evaluated["images"], json!(10));
    let refused = place.run(&["import", "--mir", "repo", "--into", "one"]);
    assert_eq!(refused.code, 2);
}
