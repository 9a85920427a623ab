//! Commands that run executors: tasks, and the steps of a project.

use std::path::Path;

use crate::place::Place;
use crate::{Case, IMPORT, workspace};

/// An executor that learns nothing, and whose results follow from what it is given.
fn executor() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = path.join("../ymir/tests/common/executor.sh").canonicalize();
    format!("local:{}", path.expect("the executor is there").display())
}

/// A workspace with a dataset to learn from and one to validate on.
fn filled() -> Place {
    let place = workspace();
    let splits = [("pool", "base"), ("validation", "one0")];
    for (name, split) in splits {
        let command = ["import", "--voc", "data", "--into", name, "--unknown-classes", "add"];
        place.ok(&[&["--workspace", "ws"], &command[..], &["--split", split]].concat());
    }
    place
}

fn train(executor: &str) -> Vec<&str> {
    let data = ["--training", "pool", "--validation", "validation", "--classes", "coin"];
    [&["train"], &data[..], &["--into", "m", "--executor", executor]].concat()
}

/// The same with a model.
fn trained(executor: &str) -> Place {
    let place = filled();
    place.ok(&[&["--workspace", "ws"], &train(executor)[..]].concat());
    place
}

#[test]
fn training() {
    Case::new("train", filled(), &train(&executor())).survive();
}

#[test]
fn inference() {
    let executor = executor();
    let data = ["--dataset", "pool", "--model", "m", "--into", "found"];
    let command = [&["infer"], &data[..], &["--executor", &executor]].concat();
    Case::new("infer", trained(&executor), &command).survive();
}

#[test]
fn mining() {
    let executor = executor();
    let data = ["--candidates", "pool", "--model", "m", "--count", "2", "--into", "chosen"];
    let command = [&["mine"], &data[..], &["--executor", &executor]].concat();
    Case::new("mine", trained(&executor), &command).survive();
}

#[test]
fn project() {
    let executor = executor();
    let data = ["--pool", "pool", "--validation", "validation", "--oracle", "pool"];
    let size = ["--labels-per-iteration", "2", "--max-iterations", "1", "--classes", "coin"];
    let command = [&["iterate", "p"], &data[..], &size, &["--executor", &executor]].concat();
    Case::new("iterate", filled(), &command).survive();
}

#[test]
fn joining_datasets() {
    let place = filled();
    place.ok(&[&["--workspace", "ws"], &IMPORT[..], &["one1"]].concat());
    let command = ["fuse", "pool", "validation", "d", "--into", "all"];
    Case::new("fuse", place, &command).survive();
}
