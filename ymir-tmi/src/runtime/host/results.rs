use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Value, json};
use ymir_core::{Annotation, AssetId, BBox, Class, Error, Result, Shape, Timestamp, TmiKind};

use crate::contract::{DetectionDetails, check_relative};

/// A checkpoint that a function of the host program saves.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HostStage {
    /// The name, such as `epoch_50`; one that exists is replaced.
    pub name: String,
    /// Its files, one at least: relative to [`HostTask::models_dir`](super::HostTask::models_dir),
    /// or absolute. They are copied.
    pub files: Vec<PathBuf>,
    /// Metrics by name: `mAP`, 0 to 1, tells which stage is the best.
    pub metrics: BTreeMap<String, f64>,
    /// Whether this is the best stage so far, whatever the metrics say.
    pub best: bool,
}

/// What a function of the host program found on an image.
#[derive(Debug, Clone, PartialEq)]
pub struct HostDetection {
    /// The class.
    pub class_name: String,
    /// The box in pixels.
    pub bbox: BBox,
    /// The confidence, 0 to 1.
    pub score: f64,
    /// The rotation around the centre in radians.
    pub rotate_angle: Option<f64>,
    /// What is known beyond that: shape, keypoints, quality, marks, attributes.
    pub details: DetectionDetails,
}

impl HostDetection {
    /// Returns an upright detection.
    pub fn new(class_name: String, bbox: BBox, score: f64) -> Self {
        Self { class_name, bbox, score, rotate_angle: None, details: DetectionDetails::default() }
    }

    /// Returns what an annotation says.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if its class is no name, or it has no score.
    pub fn of(annotation: Annotation) -> Result<Self> {
        let Annotation { class, bbox, score, rotate_angle, .. } = annotation;
        let Class::Name(class_name) = class else {
            return Err(Error::invalid("a detection needs the name of its class"));
        };
        let score = score.ok_or_else(|| {
            let message = "a detection needs a score from 0 to 1";
            Error::invalid(message).with("class_name", &class_name)
        })?;
        let Annotation { shape, keypoints, quality, flags, attributes, .. } = annotation;
        let details = DetectionDetails { shape, keypoints, quality, flags, attributes };
        Ok(Self { class_name, bbox, score, rotate_angle, details })
    }

    /// Returns it as the contract has it.
    fn to_json(&self) -> Result<Value> {
        let Self { class_name, bbox, score, rotate_angle, details } = self;
        let invalid = |field: &str, rule: &str| {
            let message = format!("a detection's {field} must be {rule}");
            Err(Error::invalid(message).with("field", field))
        };
        if !bbox.is_valid() {
            return invalid("bbox", "finite, with a width and height over 0");
        }
        if !(0.0..=1.0).contains(score) {
            return invalid("score", "between 0 and 1");
        }
        if rotate_angle.is_some_and(|angle| !angle.is_finite()) {
            return invalid("rotate_angle", "finite");
        }
        let mut corners = json!(bbox);
        if let Some(angle) = rotate_angle {
            corners["rotate_angle"] = json!(angle);
        }
        let mut found = json!({ "box": corners, "class_name": class_name, "score": score });
        if *details != DetectionDetails::default() {
            check(details, *bbox)?;
            found["ymir"] = json!(details);
        }
        Ok(found)
    }
}

/// Checks what can be told of details without the size of the image, which their commit knows.
fn check(details: &DetectionDetails, bbox: BBox) -> Result<()> {
    let annotation = details.clone().on(Annotation::new(Class::Name(String::new()), bbox));
    let (width, height) = match &annotation.shape {
        Some(Shape::Mask(mask)) => (mask.width(), mask.height()),
        _ => (bbox.w as u32, bbox.h as u32),
    };
    annotation.check(width, height)
}

/// A checkpoint whose files are in its folder.
#[derive(Debug, Serialize)]
pub(super) struct SavedStage {
    #[serde(skip)]
    best: bool,
    stage_name: String,
    files: Vec<String>,
    timestamp: i64,
    #[serde(flatten)]
    metrics: BTreeMap<String, f64>,
}

impl SavedStage {
    /// Checks a stage and copies its files to where they belong.
    pub(super) fn copy(models: &Path, stage: HostStage) -> Result<Self> {
        let invalid = |field: &str, reason: &str| {
            Err(Error::invalid(format!("a stage cannot be saved: {reason}"))
                .with("stage", &stage.name)
                .with("field", field))
        };
        if stage.name.contains('/') || check_relative(&stage.name).is_err() {
            return invalid("name", "its name must be that of a folder");
        }
        if stage.files.is_empty() {
            return invalid(
                "files",
                "name one file at least; write it to the model directory first",
            );
        }
        if let Some((metric, _)) = stage.metrics.iter().find(|(_, value)| !value.is_finite()) {
            return invalid(metric, "a metric must be finite");
        }
        let folder = models.join(&stage.name);
        let files = stage.files.iter().map(|file| copy_into(models, &folder, file));
        Ok(Self {
            best: stage.best,
            files: files.collect::<Result<_>>()?,
            stage_name: stage.name,
            timestamp: Timestamp::now().as_second(),
            metrics: stage.metrics,
        })
    }
}

/// What a function gave so far.
#[derive(Debug, Default)]
pub(super) struct Results {
    stages: Vec<SavedStage>,
    best: Option<String>,
    predictions: BTreeMap<AssetId, Vec<Value>>,
    scores: BTreeMap<AssetId, f64>,
}

impl Results {
    pub(super) fn save_stage(&mut self, models: &Path, stage: SavedStage) -> Result<()> {
        if stage.best {
            self.best = Some(stage.stage_name.clone());
        }
        self.stages.retain(|known| known.stage_name != stage.stage_name);
        self.stages.push(stage);
        self.write_stages(models)
    }

    /// Writes `result.yaml`; JSON is YAML.
    fn write_stages(&self, models: &Path) -> Result<()> {
        let map = |stage: &&SavedStage| stage.metrics.get("mAP").copied();
        // Of equal ones the later.
        let by_map = self.stages.iter().filter(|stage| map(stage).is_some());
        let highest =
            by_map.max_by(|a, b| map(a).partial_cmp(&map(b)).unwrap_or(std::cmp::Ordering::Equal));
        let named = self.stages.iter().find(|stage| self.best.as_ref() == Some(&stage.stage_name));
        let Some(best) = named.or(highest).or(self.stages.last()) else { return Ok(()) };
        let stages: BTreeMap<_, _> =
            self.stages.iter().map(|stage| (&stage.stage_name, stage)).collect();
        let mut document = json!({ "best_stage_name": best.stage_name, "model_stages": stages });
        if let Some(map) = best.metrics.get("mAP") {
            document["mAP"] = json!(map);
        }
        write(&models.join("result.yaml"), document.to_string().as_bytes())
    }

    pub(super) fn predict(&mut self, asset: &AssetId, detections: &[HostDetection]) -> Result<()> {
        let boxes = detections.iter().map(|found| {
            found
                .to_json()
                .map_err(|e| e.with("asset", asset).with("class_name", &found.class_name))
        });
        self.predictions.insert(*asset, boxes.collect::<Result<_>>()?);
        Ok(())
    }

    pub(super) fn score(&mut self, asset: &AssetId, score: f64) -> Result<()> {
        if !score.is_finite() {
            return Err(Error::invalid("a score must be finite").with("asset", asset));
        }
        self.scores.insert(*asset, score);
        Ok(())
    }

    /// Writes what the contract expects in `out`, of a run of these kinds; `assets` is where the
    /// executor sees the images.
    pub(super) fn finish(&self, out: &Path, assets: &Path, kinds: &[TmiKind]) -> Result<()> {
        if kinds.contains(&TmiKind::Training) && self.stages.is_empty() {
            let message = "the training saved no stage; call `save_stage` with the model's files";
            return Err(Error::invalid(message));
        }
        if kinds.contains(&TmiKind::Inference) {
            let images: serde_json::Map<_, _> = self
                .predictions
                .iter()
                .map(|(id, boxes)| (id.to_string(), json!({ "boxes": boxes })))
                .collect();
            let document = json!({ "detection": images }).to_string();
            write(&out.join("infer-result.json"), document.as_bytes())?;
        }
        if kinds.contains(&TmiKind::Mining) {
            if self.scores.is_empty() {
                let message = "the mining scored no asset; call `score` for each candidate";
                return Err(Error::invalid(message));
            }
            let mut scores: Vec<_> = self.scores.iter().collect();
            scores.sort_by(|a, b| b.1.total_cmp(a.1));
            let lines = scores.iter().map(|(id, score)| {
                format!("{}\t{score:?}\n", assets.join(id.to_string()).display())
            });
            write(&out.join("result.tsv"), lines.collect::<String>().as_bytes())?;
        }
        Ok(())
    }
}

/// Copies a model file into the folder of its stage; returns its path below that.
fn copy_into(models: &Path, folder: &Path, file: &Path) -> Result<String> {
    let source = models.join(file);
    let inside = source.strip_prefix(folder).or_else(|_| source.strip_prefix(models));
    let name = match (inside, source.file_name()) {
        (Ok(inside), _) => inside.to_owned(),
        (Err(_), Some(name)) => PathBuf::from(name),
        (Err(_), None) => source.clone(),
    };
    let name = name.to_str().filter(|name| check_relative(name).is_ok()).ok_or_else(|| {
        Error::invalid("a model file needs a path of UTF-8 without `..`")
            .with("path", file.display())
    })?;
    let target = folder.join(name);
    if target != source {
        let failed = |error| Error::io("cannot copy a model file into its stage", &source, error);
        fs::create_dir_all(target.parent().unwrap_or(folder)).map_err(failed)?;
        fs::copy(&source, &target).map_err(failed)?;
    } else if !source.is_file() {
        let missing = std::io::ErrorKind::NotFound.into();
        return Err(Error::io("the file of a stage does not exist", &source, missing));
    }
    Ok(name.to_owned())
}

/// Writes a file whole, so that no reader sees it half written.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |error| Error::io("cannot write a result", path, error);
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    file.persist(path).map(drop).map_err(|error| failed(error.error))
}
