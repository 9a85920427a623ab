//! The parameters of each task, read from the configuration.

use std::path::PathBuf;

use super::annotation::{AnnotationFormat, Classes};
use super::config::{Config, wrong};
use crate::data::augment::AugmentOptions;
use crate::data::picture::Canvas;
use crate::detect::decode::DecodeOptions;
use crate::detect::mining::Strategy;
use crate::error::{Code, Error, Result};

/// Largest number of classes.
pub const MAX_CLASSES: usize = 1000;
/// Smallest and largest width multiplier.
pub const WIDTH_RANGE: (f32, f32) = (0.5, 2.0);
/// Smallest and largest side of the network's input, in pixels.
pub const SIDE_RANGE: (f32, f32) = (64.0, 1024.0);

/// Detections below this score do not enter the average precision.
pub const EVALUATION_SCORE: f32 = 0.01;

/// Size of the network's input as the user gave it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum InputSize {
    /// The longest side; the other follows from the images.
    Longest(f32),
    /// Both sides.
    Exact(Canvas),
}

/// Parameters of training.
#[derive(Debug, Clone)]
pub struct TrainSettings {
    /// Classes to learn.
    pub classes: Classes,
    /// How annotations are written.
    pub format: AnnotationFormat,
    /// Files of a model to start from; none to start afresh.
    pub pretrained: Vec<PathBuf>,
    /// Width multiplier of the network.
    pub width: f32,
    /// Size of the network's input.
    pub input_size: InputSize,
    /// Number of steps.
    pub steps: usize,
    /// Images per step.
    pub batch_size: usize,
    /// Largest learning rate.
    pub learning_rate: f32,
    /// Weight decay.
    pub weight_decay: f32,
    /// Seed of everything random.
    pub seed: u64,
    /// Random changes to images.
    pub augment: AugmentOptions,
    /// How often the validation set is scored.
    pub evaluations: usize,
    /// Stages kept.
    pub max_stages: usize,
    /// Smallest score that counts in tp, fp and fn.
    pub score_threshold: f32,
    /// Overlap above which detections suppress each other.
    pub nms_iou: f32,
    /// Bytes for decoded images.
    pub cache_bytes: usize,
}

impl TrainSettings {
    /// Reads and checks the parameters.
    pub fn read(config: &Config) -> Result<Self> {
        let classes = config.texts("class_names")?;
        if classes.is_empty() || classes.len() > MAX_CLASSES {
            return Err(wrong(
                "class_names",
                &format!("a list of {} names", classes.len()),
                &format!("a list of 1 to {MAX_CLASSES} names"),
            ));
        }
        Ok(Self {
            classes: Classes::new(classes),
            format: annotation_format(config)?,
            pretrained: config.paths("pretrained_model_params")?,
            width: config.number("width", WIDTH_RANGE.0..=WIDTH_RANGE.1)?,
            input_size: input_size(config)?,
            steps: config.number("steps", 1..=1_000_000)?,
            batch_size: config.number("batch_size", 1..=256)?,
            learning_rate: config.number("learning_rate", 1e-6..=0.1)?,
            weight_decay: config.number("weight_decay", 0.0..=1.0)?,
            seed: config.number("seed", 0..=i64::MAX as u64)?,
            augment: AugmentOptions {
                hflip: config.flag("augment_hflip")?,
                vflip: config.flag("augment_vflip")?,
                scale: config.number("augment_scale", 0.0..=2.0)?,
                color: config.number("augment_color", 0.0..=1.0)?,
            },
            evaluations: config.number("evaluations", 1..=100)?,
            max_stages: config.number("max_stages", 1..=100)?,
            score_threshold: score(config, "score_threshold")?,
            nms_iou: config.number("nms_iou", 0.0..=1.0)?,
            cache_bytes: config.number("cache_mb", 0..=1usize << 20)? << 20,
        })
    }
}

/// Parameters of mining, inference, or both in one run.
#[derive(Debug, Clone)]
pub struct ScanSettings {
    /// The model's files.
    pub model: Vec<PathBuf>,
    /// Parameters of mining; none if it does not run.
    pub mining: Option<MiningSettings>,
    /// Parameters of inference; none if it does not run.
    pub infer: Option<InferSettings>,
    /// Overlap above which detections suppress each other.
    pub nms_iou: f32,
}

/// Parameters of mining alone.
#[derive(Debug, Clone, Copy)]
pub struct MiningSettings {
    /// How images are scored.
    pub strategy: Strategy,
    /// Smallest score of a detection that is looked at.
    pub score_threshold: f32,
    /// Seed of the random strategy.
    pub seed: u64,
}

/// Parameters of inference alone.
#[derive(Debug, Clone, Copy)]
pub struct InferSettings {
    /// Smallest score of a detection that is reported.
    pub score_threshold: f32,
}

impl ScanSettings {
    /// Reads and checks the parameters.
    pub fn read(config: &Config, mining: bool, infer: bool) -> Result<Self> {
        let mining = mining.then(|| {
            Ok(MiningSettings {
                strategy: config.choice("strategy", &Strategy::ALL)?,
                score_threshold: score(config, "mining_score_threshold")?,
                seed: config.number("seed", 0..=i64::MAX as u64)?,
            })
        });
        let infer =
            infer.then(|| Ok(InferSettings { score_threshold: score(config, "score_threshold")? }));
        Ok(Self {
            model: config.paths("model_params_path")?,
            mining: mining.transpose()?,
            infer: infer.transpose()?,
            nms_iou: config.number("nms_iou", 0.0..=1.0)?,
        })
    }

    /// Returns how to decode detections for all tasks of the run.
    pub fn decode_options(&self) -> DecodeOptions {
        let mining = self.mining.map(|m| m.score_threshold);
        let infer = self.infer.map(|i| i.score_threshold);
        let score_threshold = mining.into_iter().chain(infer).fold(1.0, f32::min);
        DecodeOptions { score_threshold, nms_iou: self.nms_iou }
    }
}

/// Returns the number of threads to use.
pub fn threads(config: &Config) -> Result<usize> {
    config.number("threads", 0..=1024)
}

/// Fails unless the task is about object detection.
pub fn check_object_type(config: &Config) -> Result<()> {
    match config.text("object_type")?.as_str() {
        "" | "2" => Ok(()),
        other => Err(Error::new(
            Code::ObjectType,
            format!("object_type is {other}, but this executor does detection (2) only"),
        )),
    }
}

fn score(config: &Config, key: &str) -> Result<f32> {
    config.number(key, 0.001..=0.999)
}

fn annotation_format(config: &Config) -> Result<AnnotationFormat> {
    let given = config.text("export_format")?;
    match given.split(':').next().unwrap_or_default() {
        "voc" | "" => Ok(AnnotationFormat::Voc),
        "ark" => Ok(AnnotationFormat::Ark),
        _ => Err(wrong("export_format", &format!("{given:?}"), "ark:raw or voc:raw")),
    }
}

fn input_size(config: &Config) -> Result<InputSize> {
    let given = config.text("image_size")?;
    let (low, high) = SIDE_RANGE;
    let wanted =
        format!("the longest side from {low} to {high} pixels, or width and height as in 256x192");
    let sides: Option<Vec<f32>> = given
        .split(['x', 'X', '×'])
        .map(|side| side.trim().parse().ok().filter(|side| (low..=high).contains(side)))
        .collect();
    match sides.as_deref() {
        Some([longest]) => Ok(InputSize::Longest(*longest)),
        Some([width, height]) => Ok(InputSize::Exact(Canvas::nearest(*width, *height))),
        _ => Err(wrong("image_size", &format!("{given:?}"), &wanted)),
    }
}
