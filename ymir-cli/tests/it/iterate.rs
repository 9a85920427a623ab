//! The loop of a project, step by step and to its end, and the demo.

use crate::common::{Place, Ran, fsck, tiny};
use serde_json::json;

fn definition() -> Vec<&'static str> {
    let data = ["--pool", "pool", "--validation", "validation", "--oracle", "pool"];
    let size = ["--labels-per-iteration", "6", "--max-iterations", "2", "--seed", "5"];
    let classes = ["--classes", "coin,washer,gear,star"];
    [&data[..], &size, &classes, &tiny("--train-param")].concat()
}

#[test]
fn a_project_is_carried_to_its_end_and_further() {
    let place = Place::with_scenes();
    let ran = place.run(&[&["--json", "iterate", "p"][..], &definition()].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    let objects = ran.objects();
    assert_eq!(objects.len(), 3, "two iterations and the end: {objects:?}");
    for (i, object) in objects[..2].iter().enumerate() {
        assert_eq!(object["iteration"], json!(i + 1));
        assert_eq!(object["labels"], json!(6 * (i + 1)));
        assert!(object["metric"].is_f64() && object["seconds"].is_f64(), "{object}");
        assert!(object["metrics"]["AP50"].is_f64(), "{object}");
        assert_eq!(object["earlier"], json!(false));
    }
    assert_eq!(objects[2]["end"], json!("budget_exhausted"));

    let again = place.run(&[&["--json", "iterate", "p"][..], &definition()].concat()).objects();
    assert_eq!(again[1]["model"], objects[1]["model"], "nothing is done twice");
    assert_eq!(again[1]["earlier"], json!(true));
    let more = place.run(&["--json", "iterate", "p", "--max-iterations", "3"]).objects();
    assert_eq!((more.len(), &more[2]["labels"]), (4, &json!(18)));

    let shown = place.json(&["show", "p", "--kind", "project"]);
    assert_eq!(shown["iterations"].as_array().unwrap().len(), 3);
    let text = place.ok(&["show", "p", "--kind", "project"]);
    assert!(text.contains("budget") && text.contains("all steps"), "{text}");
    let text = place.ok(&["iterate", "p"]);
    assert!(text.contains("iteration") && text.contains("ended"), "{text}");
    fsck(&place.path("workspace"));
}

#[test]
fn steps_one_by_one_with_people_in_between() {
    let place = Place::with_scenes();
    let labels = place.path("labels");
    let data = ["--pool", "pool", "--validation", "validation", "--classes", "coin"];
    let apart = ["--skip-near-duplicates", "0", "--folder", labels.to_str().unwrap()];
    let make = [&["iterate", "p"][..], &data, &apart].concat();
    let step = place.json(&[&make[..], &["--step"]].concat());
    assert_eq!((&step["step"], &step["count"]), (&json!("prepare_mining"), &json!(24)));
    let step = place.json(&["iterate", "p", "--step", "--labels", "4"]);
    assert_eq!((&step["step"], &step["count"]), (&json!("mine"), &json!(4)));
    let waits = place.run(&["--json", "iterate", "p", "--step", "--no-wait"]);
    assert_eq!((waits.code, &waits.object()["total"]), (10, &json!(4)), "{waits:?}");
    let shown = place.ok(&["show", "p", "--kind", "project"]);
    assert!(shown.contains("skip near duplicates 0"), "{shown}");
    let other = place.run(&["iterate", "p", "--classes", "gear"]);
    assert!(other.code == 4 && other.stderr.contains("classes"), "{other:?}");
    let waits = place.run(&["iterate", "p", "--no-wait", "--skip-near-duplicates", "3"]);
    assert!(waits.code == 10 && waits.stdout.contains("waiting for labels"), "{waits:?}");
    place.ok(&["iterate", "p", "--stop"]);
    let ended = place.json(&["iterate", "p", "--step"]);
    assert_eq!(ended["end"], json!("stopped"));
    // With the oracle in place of people the same project goes on.
    let on = ["iterate", "p", "--oracle", "pool", "--max-iterations", "1", "--step"];
    let step = place.json(&on);
    assert_eq!((&step["step"], &step["count"]), (&json!("label"), &json!(4)));
}

#[test]
fn the_demo_runs_resumes_and_writes_a_report() {
    let place = Place::empty();
    let demo = |more: &[&str]| -> Ran {
        let mut command = crate::common::ymir();
        command.current_dir(place.dir.path()).args(["--json", "demo", "--quick", "--dir", "d"]);
        command.args(more).output().unwrap().into()
    };
    let ran = demo(&["--iterations", "1"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.objects().len(), 3);
    let ran = demo(&[]);
    let objects = ran.objects();
    assert_eq!((ran.code, objects.len()), (0, 5), "{objects:?}");
    let earlier: Vec<_> = objects[..4].iter().map(|o| o["earlier"] == json!(true)).collect();
    assert_eq!(earlier, [true, false, true, false]);
    for object in &objects[..4] {
        assert!(object["labels"].is_u64() && object["metric"].is_f64(), "{object}");
    }
    let first = |n: usize| &objects[n]["metric"];
    assert_eq!(first(0), first(2), "the first iteration is the same for both ways to choose");
    assert!(objects[4]["comparison"]["mined"].is_f64());

    let report = std::fs::read_to_string(place.path("d/report.html")).unwrap();
    well_formed(&report);
    for part in ["<svg", "data:image/jpeg;base64,", "coin", "mined-1", "Iteration 2", "<table"] {
        assert!(report.contains(part), "the report lacks {part}");
    }
    assert!(!report.contains("http://") && !report.contains("https://"), "it needs no network");

    let other =
        demo(&["--voc", "d/scenes", "--pool-split", "pool", "--validation-split", "validation"]);
    assert_eq!((other.code, other.error_code().as_str()), (4, "already_exists"));
}

#[test]
fn the_demo_runs_on_a_folder_of_ones_own() {
    let place = Place::with_scenes();
    let mut command = crate::common::ymir();
    command.current_dir(place.dir.path());
    command.args(["demo", "--quick", "--voc", "scenes", "--pool-split", "pool"]);
    command.args(["--validation-split", "validation", "--iterations", "1", "--report", "r.html"]);
    command.args(tiny("--train-param"));
    let ran = Ran::from(command.output().unwrap());
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("mined AP50") && ran.stdout.contains("r.html"), "{ran:?}");
    well_formed(&std::fs::read_to_string(place.path("r.html")).unwrap());
}

/// Checks that every element of a page is closed, in the right order.
fn well_formed(page: &str) {
    const VOID: [&str; 2] = ["meta", "!doctype"];
    let mut open = Vec::new();
    let body = page.split_once("</style>").map_or(page, |(_, body)| body);
    for part in body.split('<').skip(1) {
        let (tag, _) = part.split_once('>').unwrap_or_else(|| panic!("not closed: {part}"));
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap_or_default();
        match tag.starts_with('/') {
            true => match open.pop() {
                Some(last) => assert_eq!(last, name),
                // What was opened before the style sheet.
                None => assert!(["head", "html"].contains(&name), "{name} was not open"),
            },
            false if tag.ends_with('/') || VOID.contains(&name) => {}
            false => open.push(name),
        }
    }
    assert!(open.is_empty(), "never closed: {open:?}");
}
