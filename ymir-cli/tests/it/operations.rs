//! The commands that make datasets of datasets.

use crate::common::Place;
use serde_json::json;

#[test]
fn datasets_are_filtered_and_intersected_by_what_they_have() {
    let place = Place::with_scenes();
    let shown = place.json(&["show", "pool"]);
    let coins = &shown["classes"]["coin"]["assets"];
    let made = place.json(&["filter", "pool", "class:coin", "--into", "coins"]);
    assert_eq!((&made["assets"], &made["existed"]), (coins, &json!(false)));
    let again = place.json(&["filter", "pool", "class:coin", "--into", "coins"]);
    assert_eq!((&again["id"], &again["existed"]), (&made["id"], &json!(true)));
    assert!(place.ok(&["filter", "pool", "class:coin", "--into", "coins"]).contains("before"));

    let small = "class:coin and area<0.05 and not negative";
    let listed = place.json(&["show", "pool", "--where", small, "--limit", "100"]);
    let made = place.json(&["filter", "pool", small, "--into", "small"]);
    assert_eq!(made["assets"], listed["total"]);
    let counted = place.json(&["show", "pool", "--where", small]);
    assert_eq!((&counted["total"], &counted["records"]), (&listed["total"], &json!([])));

    let shared = place.json(&["intersect", "pool", "coins", "small", "--into", "shared"]);
    assert_eq!(shared["content"], made["content"]);
    let rest = place.json(&["exclude", "pool", "coins", "--into", "rest"]);
    let without = place.json(&["filter", "pool", "not class:coin", "--into", "without"]);
    assert_eq!(rest["content"], without["content"]);
    let joined = place.json(&["merge", "rest", "coins", "--into", "joined"]);
    assert_eq!(joined["content"], shown["content"]);
    let wrong = place.run(&["--json", "filter", "pool", "class:coin and area<x", "--into", "a"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.stdout.contains("column 21 of the query"), "{wrong:?}");
    assert_eq!(place.run(&["filter", "pool", "class:cow", "--into", "a"]).code, 3);
}

#[test]
fn a_dataset_is_split_and_relabeled() {
    let place = Place::with_scenes();
    let made = place.json(&["split", "pool", "train=0.75", "val=0.25", "--seed", "3"]);
    let parts: Vec<_> = made["made"].as_array().unwrap().iter().map(|p| &p["assets"]).collect();
    assert_eq!(parts, [&json!(18), &json!(6)]);
    assert_eq!(place.run(&["split", "pool", "train=2"]).code, 2);
    assert_eq!(place.run(&["split", "pool", "train"]).code, 2);

    let before = place.json(&["show", "pool"])["classes"].clone();
    let number = |classes: &serde_json::Value, class: &str| {
        classes[class]["annotations"].as_u64().unwrap_or(0)
    };
    place.json(&["relabel", "pool", "coin=disc", "washer=disc", "gear=", "--into", "new"]);
    let after = place.json(&["show", "new"])["classes"].clone();
    assert_eq!(number(&after, "disc"), number(&before, "coin") + number(&before, "washer"));
    assert_eq!(number(&after, "gear") + number(&after, "coin"), 0);
    assert_eq!(number(&after, "star"), number(&before, "star"));
    assert_eq!(place.run(&["relabel", "pool", "cow=cat", "--into", "new"]).code, 3);
    assert_eq!(place.run(&["relabel", "pool", "coin=a", "coin=b", "--into", "new"]).code, 2);
}

#[test]
fn a_dataset_is_copied_to_another_workspace() {
    let place = Place::with_scenes();
    let other = place.path("other");
    let other = other.to_str().unwrap();
    place.ok(&["init", other, "--classes", "gear"]);
    let made = place.json(&["copy", "validation", "--to", other]);
    assert_eq!((&made["name"], &made["assets"]), (&json!("validation"), &json!(8)));
    let there =
        crate::common::ymir().args(["--workspace", other, "--json", "show", "validation"]).output();
    let there: serde_json::Value = serde_json::from_slice(&there.unwrap().stdout).unwrap();
    assert_eq!(there["classes"], place.json(&["show", "validation"])["classes"]);
    let folder = place.path("exported");
    let exported = crate::common::ymir()
        .args(["--workspace", other, "export", "validation", "--voc", folder.to_str().unwrap()])
        .output();
    assert!(exported.unwrap().status.success());
    let strict = ["copy", "pool", "--to", other, "--into", "x", "--unknown-classes", "stop"];
    place.ok(&strict);
    assert_eq!(place.json(&["copy", "validation", "--to", other])["existed"], json!(true));
}

#[test]
fn datasets_are_sampled_fused_and_compared() {
    let place = Place::with_scenes();
    let tenth = place.json(&["sample", "pool", "--rate", "0.25", "--seed", "3", "--into", "some"]);
    assert_eq!(tenth["assets"], json!(6));
    let again = place.json(&["sample", "pool", "--count", "6", "--seed", "3", "--into", "same"]);
    assert_eq!(again["content"], tenth["content"]);
    assert_eq!(place.run(&["sample", "pool", "--into", "none"]).code, 2);

    let all = place.json(&["fuse", "pool", "validation", "--into", "all"]);
    assert_eq!(all["assets"], json!(32));
    let rest =
        ["fuse", "all", "--exclude", "validation", "--where", "class:coin", "--into", "rest"];
    let coins = place.json(&["filter", "pool", "class:coin", "--into", "coins"]);
    assert_eq!(place.json(&rest)["content"], coins["content"]);
    let few = ["fuse", "all", "--count", "5", "--seed", "1", "--into", "few"];
    assert_eq!(place.json(&few)["assets"], json!(5));
    assert_eq!(place.json(&few)["existed"], json!(true));
    assert_eq!(place.run(&["fuse", "pool", "--count", "1", "--rate", "1", "--into", "x"]).code, 2);

    place.ok(&["relabel", "pool", "coin=disc", "--into", "new"]);
    let compared = place.json(&["compare", "pool", "new"]);
    assert_eq!(
        (&compared["added"]["assets"], &compared["removed"]["assets"]),
        (&json!(0), &json!(0))
    );
    assert_eq!(compared["before"]["assets"], coins["assets"]);
    assert_eq!(compared["before"]["classes"]["coin"], compared["after"]["classes"]["disc"]);
    assert!(place.ok(&["compare", "pool", "few"]).contains("removed"));
}

#[test]
fn images_that_look_alike_are_listed_and_dropped() {
    let place = Place::with_scenes();
    let found = place.json(&["near-duplicates", "pool", "--distance", "16"]);
    let groups = found["groups"].as_array().unwrap();
    let dropped: usize = groups.iter().map(|group| group.as_array().unwrap().len() - 1).sum();
    let apart = place.json(&["dedup", "pool", "--distance", "16", "--into", "apart"]);
    assert_eq!(apart["assets"], json!(24 - dropped));
    let none = place.json(&["near-duplicates", "apart", "--distance", "16"]);
    assert_eq!(none["groups"], json!([]));
    assert_eq!(place.run(&["near-duplicates", "pool", "--distance", "17"]).code, 2);
}

#[test]
fn a_dataset_is_edited() {
    let place = Place::with_scenes();
    let coins = place.json(&["show", "pool", "--where", "class:coin", "--limit", "100"]);
    let set = ["edit", "pool", "--where", "class:coin", "--set", "site=roof", "-m", "Say where"];
    let report = place.json(&set);
    assert_eq!(report["changed"], coins["total"]);
    assert_eq!(report["version"]["message"], json!("Say where"));
    assert_eq!(place.json(&["show", "pool", "--where", "site=roof"])["total"], coins["total"]);
    assert!(place.ok(&set).contains("nothing changed"));

    let id = coins["records"][0]["id"].as_str().unwrap();
    let changes = place.path("changes.jsonl");
    let add = json!({"op": "add_annotations", "asset": id,
                     "annotations": [{"class": "coin", "bbox": [1, 2, 3, 4]}]});
    let replace = json!({"op": "replace_annotation", "asset": id, "index": 0,
                         "annotation": {"class": "COIN", "bbox": {"x": 5, "y": 6, "w": 7, "h": 8}}});
    std::fs::write(&changes, format!("{add}\n\n{replace}\n")).unwrap();
    let changes = changes.to_str().unwrap();
    let refused = place.run(&["--json", "edit", "pool", "--from", changes]);
    assert_eq!(refused.error_code(), "invalid_input", "{refused:?}");
    let edit = ["edit", "pool@v2", "--from", changes];
    let report = place.json(&edit);
    assert_eq!((&report["annotations_added"], &report["changed"]), (&json!(2), &json!(1)));
    let late = place.run(&[&["--json"], &edit[..]].concat());
    assert_eq!(late.error_code(), "conflict", "{late:?}");

    let digits = &id[..12];
    let removed = place.json(&["edit", "pool", "--remove", "--asset", digits, "-m", "Blurred"]);
    assert_eq!(removed["removed"], json!(1));
    let missing = place.run(&["--json", "edit", "pool", "--remove", "--asset", id]);
    assert_eq!(missing.error_code(), "not_found");
    std::fs::write(place.path("bad.jsonl"), "{\"op\": \"remove\", \"asset\": 3}\n").unwrap();
    let bad = place.run(&["edit", "pool", "--from", place.path("bad.jsonl").to_str().unwrap()]);
    assert!(bad.code == 2 && bad.stderr.contains("line: 1"), "{bad:?}");
}

#[test]
fn labeling_jobs_are_listed() {
    let place = Place::with_scenes();
    assert!(place.ok(&["label", "--list"]).contains("no labeling jobs"));
    let folder = place.path("labels");
    let folder = folder.to_str().unwrap();
    let label = ["label", "pool", "--classes", "coin", "--into", "x", "--no-wait"];
    let waiting = place.run(&[&["--json"], &label[..], &["--folder", folder]].concat());
    let job = waiting.object()["job"].clone();
    let listed = place.json(&["label", "--list"]);
    assert_eq!((&listed["job"]["id"], &listed["state"]), (&job, &json!("open")));
    assert!(listed["job"]["place"].as_str().unwrap().starts_with(folder));
}
