//! What goes wrong ends with the documented exit code, and says what to do.

use std::path::Path;

use crate::common::{Place, ymir};

/// Runs a command that must fail, both ways, and returns the text.
fn fails(place: &Place, arguments: &[&str], exit: i32, code: &str) -> String {
    let json = place.run(&[&["--json"], arguments].concat());
    assert_eq!(json.code, exit, "{arguments:?}: {json:?}");
    assert_eq!(json.error_code(), code, "{arguments:?}");
    let text = place.run(arguments);
    assert_eq!((text.code, text.stdout.as_str()), (exit, ""), "{arguments:?}: {text:?}");
    assert!(text.stderr.contains("error: "), "{arguments:?}: {text:?}");
    text.stderr
}

#[test]
fn without_a_workspace() {
    let place = Place::empty();
    let text = fails(&place, &["log"], 3, "not_found");
    assert!(text.contains("`init`"), "{text}");
    let ran = ymir().current_dir(place.dir.path()).arg("log").output().unwrap();
    assert_eq!(ran.status.code(), Some(3));
}

#[test]
fn usage() {
    let place = Place::empty();
    for wrong in [&["nonsense"][..], &["import"], &["train"], &["show"], &["demo", "--seeds", "0"]]
    {
        fails(&place, wrong, 2, "invalid_input");
    }
    let help = ymir().arg("--help").output().unwrap();
    assert!(help.status.success());
    let help = String::from_utf8(help.stdout).unwrap();
    assert!(help.contains("130") && help.contains("waiting for labels"), "{help}");
}

#[test]
fn names_and_versions_that_do_not_exist() {
    let place = Place::with_scenes();
    let text = fails(&place, &["show", "nothing"], 3, "not_found");
    assert!(text.contains("ymir log"), "{text}");
    fails(&place, &["show", "pool@v7"], 3, "not_found");
    fails(&place, &["show", "pool@vx"], 2, "invalid_input");
    fails(&place, &["log", "nothing"], 3, "not_found");
    fails(&place, &["diff", "pool", "nothing"], 3, "not_found");
    fails(&place, &["show", "pool", "--limit", "1", "--class", "dragon"], 3, "not_found");
    fails(&place, &["evaluate", "pool", "nothing"], 3, "not_found");
    fails(&place, &["show", "pool", "--kind", "model"], 3, "not_found");
}

#[test]
fn folders_that_are_no_voc() {
    let place = Place::with_scenes();
    fails(&place, &["import", "--voc", "not-there", "--into", "x"], 3, "not_found");
    std::fs::create_dir(place.path("hollow")).unwrap();
    let ran = place.run(&["--json", "import", "--voc", "hollow", "--into", "x"]);
    assert!([2, 3].contains(&ran.code), "{ran:?}");
    fails(&place, &["import", "--voc", "scenes", "--into", "bad name"], 2, "invalid_input");
    let ran = place.run(&["import", "--voc", "scenes", "--into", "x", "--split", "no-such"]);
    assert_eq!(ran.code, 3, "{ran:?}");
}

#[test]
fn unknown_classes_stop_an_import() {
    let place = Place::with_scenes();
    place.ok(&["init", "other"]);
    let arguments = ["--json", "--workspace", "other", "import", "--voc", "scenes", "--into", "x"];
    let run = || ymir().current_dir(place.dir.path()).args(arguments).output().unwrap();
    let ran = crate::common::Ran::from(run());
    assert_eq!((ran.code, ran.error_code().as_str()), (2, "invalid_input"), "{ran:?}");
    assert!(ran.stdout.contains("coin"), "the classes are named: {ran:?}");
}

#[test]
fn parameters_and_executors() {
    let place = Place::with_scenes();
    let train = ["train", "--training", "pool", "--validation", "validation", "--into", "m"];
    let with = |more: &[&'static str]| [&train[..], &["--classes", "coin"], more].concat();
    fails(&place, &with(&["-p", "steps"]), 2, "invalid_input");
    fails(&place, &with(&["-p", "steps=[1]"]), 2, "invalid_input");
    fails(&place, &with(&["--executor", "local:/not/there"]), 3, "not_found");
    fails(&place, &with(&["--executor", "nonsense"]), 2, "invalid_input");
    fails(&place, &with(&["--executor", "moon:base"]), 9, "unsupported");
    let classes = [&train[..], &["--classes", "dragon"]].concat();
    fails(&place, &classes, 3, "not_found");
    let text = fails(&place, &with(&["-p", "steps=-5"]), 5, "executor_failed");
    assert!(text.contains("steps"), "the executor's words are passed on: {text}");
}

#[test]
fn a_misspelt_parameter_is_not_passed_over() {
    let place = Place::with_scenes();
    let folder = place.path("executor");
    std::fs::create_dir_all(folder.join("img-man")).unwrap();
    let detector = Path::new(env!("CARGO_BIN_EXE_ymir")).with_file_name("ymir-detector");
    std::fs::copy(detector, folder.join("detector")).unwrap();
    let about = Path::new(env!("CARGO_MANIFEST_DIR")).join("../executors/detector/img-man");
    for file in about.read_dir().unwrap().flatten() {
        std::fs::copy(file.path(), folder.join("img-man").join(file.file_name())).unwrap();
    }
    let train = ["train", "--training", "pool", "--validation", "validation", "--into", "m"];
    let with = ["--classes", "coin", "--executor", "local:executor/detector", "-p", "stepps=10"];
    let text = fails(&place, &[&train[..], &with].concat(), 2, "invalid_input");
    assert!(text.contains("stepps") && text.contains("steps"), "{text}");
    let make = ["iterate", "p", "--pool", "pool", "--validation", "validation", "--oracle", "pool"];
    let with = ["--classes", "coin", "--executor", "local:executor/detector"];
    let arguments = [&make[..], &with, &["--mine-param", "steps=10"]].concat();
    fails(&place, &arguments, 2, "invalid_input");
}

#[test]
fn a_damaged_workspace() {
    let place = Place::with_scenes();
    std::fs::write(place.path("workspace/ymir.json"), "{").unwrap();
    fails(&place, &["log"], 8, "corrupted");
}

#[test]
fn projects_that_lack_something_or_are_about_other_data() {
    let place = Place::with_scenes();
    let text = fails(&place, &["iterate", "p"], 3, "not_found");
    assert!(text.contains("--pool") && text.contains("--classes"), "{text}");
    let make = ["iterate", "p", "--step", "--pool", "pool", "--validation", "validation"];
    let make = [&make[..], &["--classes", "coin", "--oracle", "pool"]].concat();
    place.ok(&make);
    let text = fails(&place, &["iterate", "p", "--pool", "validation"], 4, "already_exists");
    assert!(text.contains("pool"), "{text}");
    fails(&place, &["iterate", "p", "--target", "1.5"], 2, "invalid_input");
    fails(&place, &["iterate", "nothing", "--stop"], 3, "not_found");
}
