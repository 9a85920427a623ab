//! What goes wrong is reported with the contract's codes and a message that names it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{INFER, MINE, TRAIN, Task, Tasks, program, render, small};
use serde_json::{Value, json};

fn none() -> PathBuf {
    PathBuf::new()
}

fn train_with(parameters: Value) -> crate::common::Run {
    let task = Task::new();
    let train = task.pictures("train", 2, 1);
    task.run(TRAIN, [&train, &none(), &none()], parameters)
}

#[test]
fn parameters_out_of_range_or_of_another_type() {
    for (parameters, words) in [
        (json!({"steps": 0}), ["steps", "0", "from 1 to 1000000"]),
        (json!({"steps": "many"}), ["steps", "many", "from 1 to 1000000"]),
        (json!({"width": [1]}), ["width", "[1]", "from 0.5 to 2"]),
        (json!({"learning_rate": -1.0}), ["learning_rate", "-1", "to 0.1"]),
        (json!({"augment_hflip": "maybe"}), ["augment_hflip", "maybe", "true or false"]),
        (json!({"image_size": "256x"}), ["image_size", "256x", "64 to 1024"]),
        (json!({"image_size": 9999}), ["image_size", "9999", "64 to 1024"]),
        (json!({"class_names": []}), ["class_names", "0 names", "1 to 1000"]),
        (json!({"export_format": "coco:raw"}), ["export_format", "coco:raw", "ark:raw"]),
        (json!({"threads": -1}), ["threads", "-1", "from 0 to 1024"]),
    ] {
        train_with(parameters).assert_failure(300_001, &words);
    }
    let task = Task::new();
    let parameters = json!({"strategy": "best", "model_params_path": []});
    let run = task.run(MINE, [&none(), &none(), &none()], parameters);
    run.assert_failure(300_001, &["strategy", "best", "balmax"]);
}

#[test]
fn unknown_parameters_are_warned_about_and_reserved_ones_are_not() {
    let task = Task::new();
    let train = task.pictures("train", 2, 1);
    let parameters = small(json!({"steps": "2", "batch_size": 2.0, "momentum": 0.9}));
    let log = task.run(TRAIN, [&train, &none(), &none()], parameters).assert_success().log();
    assert!(log.contains("\"momentum\" is not known"), "{log}");
    assert_eq!(log.matches("is not known").count(), 1, "{log}");
}

#[test]
fn another_object_type() {
    train_with(json!({"object_type": 3})).assert_failure(300_005, &["object_type", "3"]);
}

#[test]
fn tasks_that_cannot_run() {
    let task = Task::new();
    let all = Tasks { training: true, mining: true, infer: false };
    for tasks in [Tasks::default(), all] {
        let run = task.run(tasks, [&none(), &none(), &none()], json!({}));
        run.assert_failure(300_001, &["run_training"]);
    }
}

#[test]
fn training_sets_without_anything_to_learn() {
    let task = Task::new();
    let missing = task.path("missing.tsv");
    let run = task.run(TRAIN, [&missing, &none(), &none()], json!({}));
    run.assert_failure(300_002, &["missing.tsv"]);

    let empty = task.file("empty", String::new());
    let run = task.run(TRAIN, [&empty, &none(), &none()], json!({}));
    run.assert_failure(300_002, &["empty.tsv", "no usable image"]);

    let (picture, _) = render(1);
    let asset = task.path("assets/plain.png");
    picture.save(&asset).unwrap();
    let annotation = task.path("annotations/plain.txt");
    fs::write(&annotation, "").unwrap();
    let line = format!("{}\t{}\n", asset.display(), annotation.display());
    let unlabelled = task.file("unlabelled", line);
    let run = task.run(TRAIN, [&unlabelled, &none(), &none()], json!({}));
    run.assert_failure(300_002, &["unlabelled.tsv", "1 images but no box"]);

    let line = format!("{}\t{}\n", task.path("gone.png").display(), annotation.display());
    let gone = task.file("gone", line);
    let run = task.run(TRAIN, [&gone, &none(), &none()], json!({}));
    run.assert_failure(300_002, &["gone.tsv", "no usable image"]);
    assert!(run.log().contains("gone.png"), "{}", run.log());
}

#[test]
fn bad_images_and_annotations_in_a_good_training_set_are_left_out() {
    let task = Task::new();
    let train = task.pictures("train", 3, 1);
    let mut lines = fs::read_to_string(&train).unwrap();
    let (picture, _) = render(9);
    let good = task.path("assets/good.png");
    picture.save(&good).unwrap();
    // The header is whole, the pixels are not.
    let bytes = fs::read(&good).unwrap();
    fs::write(task.path("assets/cut.png"), &bytes[..bytes.len() / 2]).unwrap();
    fs::write(task.path("annotations/ok.txt"), "0, 1, 1, 20, 20, 1.0, 0.0\n9, 1, 1, 5, 5\n")
        .unwrap();
    fs::write(task.path("annotations/bad.txt"), "0, 1, nonsense\n").unwrap();
    for (asset, annotation) in
        [("cut.png", "ok.txt"), ("good.png", "bad.txt"), ("good.png", "ok.txt")]
    {
        let [asset, annotation] =
            [task.path("assets").join(asset), task.path("annotations").join(annotation)];
        lines += &format!("{}\t{}\n", asset.display(), annotation.display());
    }
    let train = task.file("mixed", lines);
    let parameters = small(json!({"steps": 2}));
    let log = task.run(TRAIN, [&train, &none(), &none()], parameters).assert_success().log();
    assert!(log.contains("bad.txt is malformed: line 1"), "{log}");
    assert!(log.contains("cut.png"), "{log}");
    assert!(log.contains("2 boxes of classes not in class_names ignored"), "{log}");
}

#[test]
fn no_image_that_can_be_read() {
    let (task, model) = model();
    let broken = task.path("assets/broken.png");
    fs::write(&broken, "not an image").unwrap();
    let candidates = task.file("candidates", format!("{}\n", broken.display()));
    let parameters = json!({"model_params_path": model});
    let run = task.run(INFER, [&none(), &none(), &candidates], parameters);
    run.assert_failure(300_003, &["none of the 1 images"]);
}

/// Trains for one step and returns the model's files.
fn model() -> (Task, Vec<PathBuf>) {
    let task = Task::new();
    let train = task.pictures("train", 2, 1);
    let parameters = small(json!({"steps": 1, "evaluations": 1}));
    task.run(TRAIN, [&train, &none(), &none()], parameters).assert_success();
    let model = task.model();
    (task, model)
}

#[test]
fn models_that_are_missing_corrupt_or_hostile() {
    let (task, model) = model();
    let candidates = task.candidates(&task.path("train.tsv"));
    let (weights, meta) = (fs::read(&model[0]).unwrap(), fs::read_to_string(&model[1]).unwrap());
    let infer = |files: &[PathBuf]| {
        let parameters = json!({"model_params_path": files});
        task.run(INFER, [&none(), &none(), &candidates], parameters)
    };
    infer(&[]).assert_failure(300_004, &["model_params_path", ".safetensors"]);
    infer(&[task.path("no.safetensors")]).assert_failure(300_004, &["cannot load"]);

    let with_weights = |bytes: &[u8]| fs::write(&model[0], bytes).unwrap();
    // A header that claims to be larger than any memory.
    let mut huge = u64::MAX.to_le_bytes().to_vec();
    huge.extend_from_slice(b"{}");
    let mut infinite = weights.clone();
    let end = infinite.len();
    infinite[end - 4..].copy_from_slice(&f32::INFINITY.to_le_bytes());
    for bytes in [&weights[..weights.len() / 2], &weights[..4], &[], &huge, &infinite] {
        with_weights(bytes);
        infer(&model).assert_failure(300_004, &["model.safetensors"]);
    }
    with_weights(&weights);

    let replaced = |from: &str, to: &str| {
        assert!(meta.contains(from), "{meta}");
        meta.replace(from, to)
    };
    for text in [
        String::new(),
        replaced("\"width\": 0.5", "\"width\": 1e30"),
        replaced("\"width\": 0.5", "\"width\": 1.0"),
        replaced("96,", "95,"),
        replaced("96,", "4000000000,"),
        replaced("\"version\": 1", "\"version\": 2"),
        replaced("\"disk\",", ""),
        replaced("\"disk\",", &"\"disk\",".repeat(5000)),
    ] {
        fs::write(&model[1], text).unwrap();
        infer(&model).assert_failure(300_004, &["cannot load the model"]);
    }
    fs::write(&model[1], &meta).unwrap();
    infer(&model).assert_success();

    let parameters = small(json!({"pretrained_model_params": [task.path("no.safetensors")]}));
    let run = task.run(TRAIN, [&task.path("train.tsv"), &none(), &none()], parameters);
    run.assert_failure(300_004, &["cannot load"]);
}

#[test]
fn no_env_file() {
    let output = program(Path::new("/nowhere/env.yaml"));
    assert!(!output.status.success());
    let log = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(log.contains("/nowhere/env.yaml") && log.contains("YMIR_ENV_FILE"), "{log}");
}
