//! The contract end to end: training, fine-tuning, inference and mining by the program.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{INFER, MINE, MINE_AND_INFER, TRAIN, Task, render, small, voc};
use serde_json::json;

fn none() -> PathBuf {
    PathBuf::new()
}

/// Trains on eight rendered pictures, which also serve for validation.
fn trained() -> (Task, PathBuf) {
    let task = Task::new();
    let train = task.pictures("train", 8, 1);
    task.run(TRAIN, [&train, &train, &none()], small(json!({}))).assert_success();
    (task, train)
}

fn iou(a: [f64; 4], b: [f64; 4]) -> f64 {
    let width = (a[2].min(b[2]) - a[0].max(b[0])).max(0.0);
    let height = (a[3].min(b[3]) - a[1].max(b[1])).max(0.0);
    let area = |r: [f64; 4]| (r[2] - r[0]) * (r[3] - r[1]);
    width * height / (area(a) + area(b) - width * height)
}

#[test]
fn learns_finds_and_mines() {
    let (task, train) = trained();
    let result = task.result();
    assert!(result["mAP"].as_f64().unwrap() > 0.9, "{result}");
    assert_eq!(result["best_stage_name"], "step_80");
    assert_eq!(result["model_stages"].as_object().unwrap().len(), 2);
    let stage = &result["model_stages"]["step_80"];
    assert_eq!(stage["files"], json!(["model.safetensors", "model.json"]));
    for key in ["timestamp", "mAP", "mAR", "tp", "fp", "fn"] {
        assert!(stage[key].is_number(), "{key} of {stage}");
    }
    let log = fs::read_to_string(task.path("out/ymir-executor-out.log")).unwrap();
    assert!(log.contains("step 80/80 loss") && log.contains("validation mAP"), "{log}");

    let candidates = task.candidates(&train);
    let model = task.model();
    let parameters = json!({"model_params_path": model, "score_threshold": 0.3});
    task.run(MINE_AND_INFER, [&none(), &none(), &candidates], parameters).assert_success();
    let detections = task.detections();
    assert_eq!(detections.as_object().unwrap().len(), 8);
    let mut found = 0;
    for i in 0..8 {
        let (_, objects) = render(1000 + i);
        let boxes = detections[format!("train{i}.png")]["boxes"].as_array().unwrap();
        let matches = |(rect, class): &crate::common::Object| {
            boxes.iter().any(|b| {
                let [x, y, w, h] = ["x", "y", "w", "h"].map(|k| b["box"][k].as_i64().unwrap());
                let edges = [x, y, x + w, y + h].map(|v| v as f64);
                b["class_name"] == crate::common::CLASSES[*class]
                    && iou(edges, rect.map(f64::from)) > 0.7
            })
        };
        found += objects.iter().filter(|object| matches(object)).count();
    }
    assert!(found >= 15, "{found} of 16 objects found closely");

    let scores = task.scores();
    assert_eq!(scores.len(), 8);
    assert!(scores.is_sorted_by(|a, b| a.1 >= b.1), "{scores:?}");
    let listed = fs::read_to_string(&candidates).unwrap();
    assert!(scores.iter().all(|(asset, _)| listed.contains(asset.as_str())));
}

#[test]
fn fine_tunes_with_other_classes() {
    let (task, train) = trained();
    let kept = task.path("kept");
    fs::rename(task.path("out/models"), &kept).unwrap();
    let model = ["model.safetensors", "model.json"].map(|f| kept.join("step_80").join(f));
    // The known class comes second now and the order of the annotation's indices changes with it.
    let relabelled: String = fs::read_to_string(&train)
        .unwrap()
        .lines()
        .enumerate()
        .map(|(i, line)| {
            let (asset, _) = line.split_once('\t').unwrap();
            let (_, objects) = render(1000 + i as u64);
            let annotation = task.path(&format!("annotations/voc{i}.xml"));
            fs::write(&annotation, voc(&objects)).unwrap();
            format!("{asset}\t{}\n", annotation.display())
        })
        .collect();
    let train = task.file("voc", relabelled);
    let parameters = small(json!({
        "pretrained_model_params": model, "class_names": ["triangle", " DISK"], "steps": 10,
        "export_format": "voc:raw", "evaluations": 1, "learning_rate": 0.0005,
    }));
    let run = task.run(TRAIN, [&train, &train, &none()], parameters);
    let log = run.assert_success().log();
    assert!(log.contains("1 of 2 classes known"), "{log}");
    assert!(log.contains("8 boxes of classes not in class_names ignored"), "{log}");
    let result = task.result();
    assert_eq!(result["best_stage_name"], "step_90");
    assert!(result["mAP"].as_f64().unwrap() > 0.8, "what was known is kept: {result}");
}

fn bytes_of(task: &Task, name: &str) -> Vec<u8> {
    fs::read(task.path("out").join(name)).unwrap()
}

#[test]
fn results_do_not_depend_on_threads() {
    let run = |threads: usize| {
        let task = Task::new();
        let train = task.pictures("train", 6, 2);
        let parameters = small(json!({"threads": threads, "steps": 8, "evaluations": 1}));
        task.run(TRAIN, [&train, &train, &none()], parameters).assert_success();
        let candidates = task.candidates(&train);
        let parameters = json!({
            "model_params_path": task.model(), "threads": threads, "score_threshold": 0.02,
            "mining_score_threshold": 0.02,
        });
        task.run(MINE_AND_INFER, [&none(), &none(), &candidates], parameters).assert_success();
        let scores: Vec<f64> = task.scores().into_iter().map(|(_, score)| score).collect();
        let weights = bytes_of(&task, "models/step_8/model.safetensors");
        (weights, bytes_of(&task, "infer-result.json"), scores)
    };
    let (one, two) = (run(1), run(2));
    assert!(one.0 == two.0, "weights differ");
    assert!(one.1 == two.1, "detections differ");
    assert_eq!(one.2, two.2);
    assert!(run(2) == two, "a second run differs");
}

#[test]
fn every_strategy_scores_every_readable_image() {
    let (task, train) = trained();
    let broken = task.path("assets/broken.jpg");
    fs::write(&broken, b"\xff\xd8\xff\xe0 not really").unwrap();
    let mut listed = fs::read_to_string(task.candidates(&train)).unwrap();
    listed += &format!("{}\n{}\n", broken.display(), task.path("assets/missing.png").display());
    let candidates = task.file("candidates", listed);
    for strategy in ["balmax", "entropy", "least_confidence", "margin", "random"] {
        let parameters = json!({"model_params_path": task.model(), "strategy": strategy});
        let run = task.run(MINE, [&none(), &none(), &candidates], parameters);
        let log = run.assert_success().log();
        assert!(log.contains("broken.jpg") && log.contains("missing.png"), "{log}");
        let scores = task.scores();
        assert_eq!(scores.len(), 8, "{strategy}");
        assert!(scores.iter().all(|(_, score)| score.is_finite()));
    }
    let parameters = json!({"model_params_path": task.model()});
    task.run(INFER, [&none(), &none(), &candidates], parameters).assert_success();
    assert_eq!(task.detections()["broken.jpg"], json!({"boxes": []}));
}

#[test]
fn keeps_a_bounded_number_of_stages() {
    let task = Task::new();
    let train = task.pictures("train", 4, 3);
    let parameters = small(json!({"steps": 10, "evaluations": 5, "max_stages": 2}));
    task.run(TRAIN, [&train, &none(), &none()], parameters).assert_success();
    let result = task.result();
    assert_eq!(result["best_stage_name"], "step_10", "without validation the last is best");
    let named: Vec<&String> = result["model_stages"].as_object().unwrap().keys().collect();
    assert_eq!(named, ["step_10", "step_8"]);
    let mut folders: Vec<_> = fs::read_dir(task.path("out/models"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    folders.sort();
    assert_eq!(folders, ["result.yaml", "step_10", "step_8"]);
}

#[test]
fn a_candidate_index_may_be_empty() {
    let (task, _) = trained();
    let candidates = task.file("candidates", String::new());
    let parameters = json!({"model_params_path": task.model()});
    let inputs: [&Path; 3] = [&none(), &none(), &candidates];
    task.run(MINE_AND_INFER, inputs, parameters).assert_success();
    assert!(task.scores().is_empty());
    assert_eq!(task.detections(), json!({}));
}
