//! Results: stages of training, scores of mining, detections of inference.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Serialize;

use super::monitor::write_atomic;
use crate::detect::average_precision::MATCH_IOU;
use crate::detect::boxes::Detection;
use crate::error::{Code, Error, Result};

/// One stage in `result.yaml`.
#[derive(Debug, Clone, Serialize)]
pub struct Stage {
    /// Name, also of its folder.
    pub stage_name: String,
    /// Files in the folder.
    pub files: Vec<String>,
    /// Seconds since 1970.
    pub timestamp: u64,
    /// Mean average precision at IoU 0.5 on the validation set.
    #[serde(rename = "mAP")]
    pub map: f64,
    /// Mean recall at IoU 0.5 on the validation set.
    #[serde(rename = "mAR")]
    pub mar: f64,
    /// Correct detections at or above the score threshold.
    pub tp: usize,
    /// Wrong detections at or above the score threshold.
    pub fp: usize,
    /// Boxes not found at or above the score threshold.
    #[serde(rename = "fn")]
    pub fn_: usize,
}

#[derive(Serialize)]
struct TrainingResult<'a> {
    best_stage_name: &'a str,
    #[serde(rename = "mAP")]
    map: f64,
    model_stages: BTreeMap<&'a str, &'a Stage>,
    evaluate_config: EvaluateConfig,
}

#[derive(Serialize)]
struct EvaluateConfig {
    iou_thr: f32,
    conf_thr: f32,
}

/// Writes `result.yaml`.
pub fn write_training(
    path: &Path,
    stages: &[Stage],
    best: &Stage,
    score_threshold: f32,
) -> Result<()> {
    let result = TrainingResult {
        best_stage_name: &best.stage_name,
        map: best.map,
        model_stages: stages.iter().map(|stage| (stage.stage_name.as_str(), stage)).collect(),
        evaluate_config: EvaluateConfig { iou_thr: MATCH_IOU, conf_thr: score_threshold },
    };
    let text = serde_norway::to_string(&result).map_err(|e| cannot_write(path, &e))?;
    write_atomic(path, text.as_bytes()).map_err(|e| cannot_write(path, &e))
}

/// Writes mining scores, highest first; equal scores in the order of the paths.
pub fn write_mining(path: &Path, mut scores: Vec<(String, f64)>) -> Result<()> {
    scores.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let lines: String =
        scores.iter().map(|(asset, score)| format!("{asset}\t{score:.6}\n")).collect();
    write_atomic(path, lines.as_bytes()).map_err(|e| cannot_write(path, &e))
}

#[derive(Serialize)]
struct InferResult {
    detection: BTreeMap<String, ImageResult>,
}

/// The detections on one image, as inference reports them.
#[derive(Debug, Serialize)]
pub struct ImageResult {
    boxes: Vec<BoxResult>,
}

#[derive(Debug, Serialize)]
struct BoxResult {
    #[serde(rename = "box")]
    rect: BoxRect,
    class_name: String,
    score: f64,
}

#[derive(Debug, Serialize)]
struct BoxRect {
    x: i64,
    y: i64,
    w: i64,
    h: i64,
}

impl ImageResult {
    /// Returns the result for detections in pixels of the file; coordinates are rounded, since the
    /// platform stores whole pixels.
    pub fn new(detections: &[Detection], class_names: &[String]) -> Self {
        let boxes = detections
            .iter()
            .map(|detection| {
                let rect = &detection.rect;
                let [x, y, right, bottom] =
                    [rect.x0, rect.y0, rect.x1, rect.y1].map(|edge| edge.round() as i64);
                BoxResult {
                    rect: BoxRect { x, y, w: (right - x).max(1), h: (bottom - y).max(1) },
                    class_name: class_names[detection.class].clone(),
                    score: (f64::from(detection.score) * 1e6).round() / 1e6,
                }
            })
            .collect();
        Self { boxes }
    }
}

/// Writes the detections, keyed by file name.
pub fn write_infer(path: &Path, detection: BTreeMap<String, ImageResult>) -> Result<()> {
    let text =
        serde_json::to_vec(&InferResult { detection }).map_err(|e| cannot_write(path, &e))?;
    write_atomic(path, &text).map_err(|e| cannot_write(path, &e))
}

/// Writes a stage's files into its folder, which appears complete or not at all.
pub fn write_stage(models_dir: &Path, name: &str, files: &[(&str, Vec<u8>)]) -> Result<()> {
    let folder = models_dir.join(name);
    let partial = models_dir.join(format!(".{name}.partial"));
    let write = || -> std::io::Result<()> {
        fs::create_dir_all(&partial)?;
        for (file, content) in files {
            fs::write(partial.join(file), content)?;
        }
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::rename(&partial, &folder)
    };
    write().map_err(|e| cannot_write(&folder, &e))
}

fn cannot_write(path: &Path, error: &dyn std::fmt::Display) -> Error {
    Error::new(Code::Failed, format!("cannot write {}: {error}", path.display()))
}
