//! A task folder as the platform lays it out, with rendered pictures, and the program run over it.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use image::{Rgb, RgbImage};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The classes of rendered pictures: red disks and blue squares.
pub(crate) const CLASSES: [&str; 2] = ["disk", "square"];

/// Exclusive corners of an object, and its class.
pub(crate) type Object = ([u32; 4], usize);

/// Which tasks run.
#[derive(Clone, Copy, Default)]
pub(crate) struct Tasks {
    pub(crate) training: bool,
    pub(crate) mining: bool,
    pub(crate) infer: bool,
}

pub(crate) const TRAIN: Tasks = Tasks { training: true, mining: false, infer: false };
pub(crate) const INFER: Tasks = Tasks { training: false, mining: false, infer: true };
pub(crate) const MINE: Tasks = Tasks { training: false, mining: true, infer: false };
pub(crate) const MINE_AND_INFER: Tasks = Tasks { training: false, mining: true, infer: true };

/// A task folder.
pub(crate) struct Task {
    pub(crate) dir: TempDir,
}

/// How a run ended.
pub(crate) struct Run {
    pub(crate) output: Output,
    pub(crate) monitor: String,
}

impl Run {
    /// Returns the log on standard output.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }

    /// Fails unless the run succeeded.
    #[track_caller]
    pub(crate) fn assert_success(&self) -> &Self {
        assert!(self.output.status.success(), "{}\n{}", self.log(), self.monitor);
        assert_eq!(self.monitor.lines().next().unwrap_or("").split('\t').nth(3), Some("3"));
        self
    }

    /// Fails unless the run failed with a return code, and a message that holds all the words.
    #[track_caller]
    pub(crate) fn assert_failure(&self, code: u32, words: &[&str]) {
        let stderr = String::from_utf8_lossy(&self.output.stderr);
        assert!(!self.output.status.success(), "succeeded:\n{}", self.log());
        assert!(!stderr.contains("panicked"), "{stderr}");
        let fields: Vec<&str> = self.monitor.lines().next().unwrap_or("").split('\t').collect();
        assert_eq!(fields[3..5], ["4", code.to_string().as_str()], "{}", self.monitor);
        for word in words {
            assert!(fields[5].contains(word), "{:?} lacks {word:?}", fields[5]);
        }
    }
}

impl Task {
    pub(crate) fn new() -> Self {
        let task = Self { dir: TempDir::new().unwrap() };
        for folder in ["assets", "annotations", "out"] {
            fs::create_dir(task.path(folder)).unwrap();
        }
        task
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Renders pictures with their annotations in ark and returns the index file.
    pub(crate) fn pictures(&self, index: &str, count: usize, seed: u64) -> PathBuf {
        let mut lines = String::new();
        for i in 0..count {
            let (picture, objects) = render(seed * 1000 + i as u64);
            let asset = self.path(&format!("assets/{index}{i}.png"));
            picture.save(&asset).unwrap();
            let annotation = self.path(&format!("annotations/{index}{i}.txt"));
            fs::write(&annotation, ark(&objects)).unwrap();
            lines += &format!("{}\t{}\n", asset.display(), annotation.display());
        }
        self.file(index, lines)
    }

    /// Writes an index of the pictures of another, without annotations.
    pub(crate) fn candidates(&self, index: &Path) -> PathBuf {
        let text = fs::read_to_string(index).unwrap();
        let lines =
            text.lines().map(|line| format!("{}\n", line.split('\t').next().unwrap())).collect();
        self.file("candidates", lines)
    }

    pub(crate) fn file(&self, name: &str, text: String) -> PathBuf {
        let path = self.path(&format!("{name}.tsv"));
        fs::write(&path, text).unwrap();
        path
    }

    /// Runs the program with the training, validation and candidate index and parameters over
    /// those common to all tests.
    pub(crate) fn run(
        &self,
        tasks: Tasks,
        [train, val, candidates]: [&Path; 3],
        parameters: Value,
    ) -> Run {
        let mut config = json!({
            "task_id": "t1", "class_names": CLASSES, "gpu_id": "", "object_type": 2,
            "export_format": "ark:raw", "shm_size": "16G",
        });
        for (key, value) in parameters.as_object().unwrap() {
            config[key] = value.clone();
        }
        let config_file = self.path("config.yaml");
        fs::write(&config_file, config.to_string()).unwrap();
        let out = |name: &str| self.path("out").join(name);
        let env = json!({
            "protocol_version": "1.1.0", "task_id": "t1",
            "run_training": tasks.training, "run_mining": tasks.mining,
            "run_infer": tasks.infer, "manifest_file": "/img-man/manifest.yaml",
            "input": {
                "root_dir": self.dir.path(), "training_index_file": train,
                "val_index_file": val, "candidate_index_file": candidates,
                "config_file": config_file,
            },
            "output": {
                "root_dir": self.path("out"), "models_dir": out("models"),
                "tensorboard_dir": out("tensorboard"),
                "training_result_file": out("models/result.yaml"),
                "mining_result_file": out("result.tsv"),
                "infer_result_file": out("infer-result.json"),
                "monitor_file": out("monitor.txt"),
                "executor_log_file": out("ymir-executor-out.log"),
            },
        });
        let env_file = self.path("env.yaml");
        fs::write(&env_file, env.to_string()).unwrap();
        let output = program(&env_file);
        let monitor = fs::read_to_string(out("monitor.txt")).unwrap();
        Run { output, monitor }
    }

    /// Returns the files of the best stage.
    pub(crate) fn model(&self) -> Vec<PathBuf> {
        let best = self.result()["best_stage_name"].as_str().unwrap().to_string();
        ["model.safetensors", "model.json"]
            .map(|file| self.path("out/models").join(&best).join(file))
            .to_vec()
    }

    /// Returns `result.yaml`.
    pub(crate) fn result(&self) -> Value {
        let text = fs::read_to_string(self.path("out/models/result.yaml")).unwrap();
        serde_norway::from_str(&text).unwrap()
    }

    /// Returns the detections of `infer-result.json`.
    pub(crate) fn detections(&self) -> Value {
        let text = fs::read_to_string(self.path("out/infer-result.json")).unwrap();
        serde_json::from_str::<Value>(&text).unwrap()["detection"].clone()
    }

    /// Returns the lines of `result.tsv`.
    pub(crate) fn scores(&self) -> Vec<(String, f64)> {
        let text = fs::read_to_string(self.path("out/result.tsv")).unwrap();
        let split = |line: &str| {
            let (asset, score) = line.split_once('\t').unwrap();
            (asset.to_string(), score.parse().unwrap())
        };
        text.lines().map(split).collect()
    }
}

/// Runs the program for an `env.yaml`.
pub(crate) fn program(env_file: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ymir-detector"))
        .env("YMIR_ENV_FILE", env_file)
        .output()
        .unwrap()
}

/// Parameters of a small network that learns the rendered pictures within seconds.
pub(crate) fn small(more: Value) -> Value {
    let mut parameters = json!({
        "width": 0.5, "image_size": 96, "steps": 80, "evaluations": 2, "seed": 1,
        "augment_scale": 0.2,
    });
    for (key, value) in more.as_object().unwrap() {
        parameters[key] = value.clone();
    }
    parameters
}

/// Returns a picture of 96 × 72 pixels with a disk and a square, and where they are.
pub(crate) fn render(seed: u64) -> (RgbImage, Vec<Object>) {
    let mut rng = ymir_detector::nn::rng::Rng::new(seed);
    let mut picture = RgbImage::from_fn(96, 72, |_, _| {
        let grey = 100 + rng.index(40) as u8;
        Rgb([grey, grey, grey])
    });
    let mut objects = Vec::new();
    // One half each, so that the two do not overlap.
    for (class, left) in [0, 48].into_iter().enumerate() {
        let side = 18 + rng.index(16) as u32;
        let x0 = left + rng.index(48 - side as usize) as u32;
        let y0 = rng.index(72 - side as usize) as u32;
        for y in 0..side {
            for x in 0..side {
                let center = (side - 1) as f32 / 2.0;
                let from = (x as f32 - center).hypot(y as f32 - center);
                if class == 1 || from <= side as f32 / 2.0 {
                    let color = if class == 0 { [220, 40, 40] } else { [40, 60, 220] };
                    picture.put_pixel(x0 + x, y0 + y, Rgb(color));
                }
            }
        }
        objects.push(([x0, y0, x0 + side, y0 + side], class));
    }
    (picture, objects)
}

/// Returns the ark annotation of objects; its corners are inclusive.
pub(crate) fn ark(objects: &[Object]) -> String {
    objects
        .iter()
        .map(|([x0, y0, x1, y1], class)| {
            format!("{class}, {x0}, {y0}, {}, {}, 0.0, 0.0\n", x1 - 1, y1 - 1)
        })
        .collect()
}

/// Returns the VOC annotation of objects; its corners are inclusive.
pub(crate) fn voc(objects: &[Object]) -> String {
    let object = |([x0, y0, x1, y1], class): &Object| {
        format!(
            "<object><name>{}</name><box_quality>1.0</box_quality><tags><a>b</a></tags>\
             <bndbox><xmin>{x0}</xmin><ymin>{y0}</ymin><xmax>{}</xmax><ymax>{}</ymax>\
             <rotate_angle>0.0</rotate_angle></bndbox></object>",
            CLASSES[*class],
            x1 - 1,
            y1 - 1
        )
    };
    let objects: String = objects.iter().map(object).collect();
    format!("<annotation><image_quality>-1.0</image_quality>{objects}</annotation>")
}
