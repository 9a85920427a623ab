//! The commands that make datasets of datasets.

mod common;

use common::Place;
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
        common::ymir().args(["--workspace", other, "--json", "show", "validation"]).output();
    let there: serde_json::Value = serde_json::from_slice(&there.unwrap().stdout).unwrap();
    assert_eq!(there["classes"], place.json(&["show", "validation"])["classes"]);
    let folder = place.path("exported");
    let exported = common::ymir()
        .args(["--workspace", other, "export", "validation", "--voc", folder.to_str().unwrap()])
        .output();
    assert!(exported.unwrap().status.success());
    let strict = ["copy", "pool", "--to", other, "--into", "x", "--unknown-classes", "stop"];
    place.ok(&strict);
    assert_eq!(place.json(&["copy", "validation", "--to", other])["existed"], json!(true));
}
