//! Mining and inference: one pass over the candidate images serves both.

use std::collections::BTreeMap;
use std::path::Path;

use rayon::prelude::*;

use super::Report;
use super::detector::Detector;
use crate::contract::env::Env;
use crate::contract::index::{self, Entry};
use crate::contract::results::{self, ImageResult};
use crate::contract::settings::{MiningSettings, ScanSettings};
use crate::data::picture::{self, Picture};
use crate::detect::boxes::Detection;
use crate::error::{Code, Error, Result};
use crate::model::Model;

/// Images that are decoded and looked at together.
const BATCH: usize = 32;

/// Results gathered over the images.
struct Findings {
    scores: Vec<(String, f64)>,
    detections: BTreeMap<String, ImageResult>,
    unreadable: usize,
}

/// Looks at the candidate images and writes what mining and inference ask for.
pub fn scan(env: &Env, settings: &ScanSettings, report: Report<'_>) -> Result<()> {
    let model = Model::load("model_params_path", &settings.model)?;
    let candidates = index::read(&env.input.candidate_index_file)?;
    report.log.info(&format!(
        "{} images, {} classes, input {:?}",
        candidates.len(),
        model.meta.class_names.len(),
        model.meta.input
    ));
    let canvas = model.meta.canvas();
    let options = settings.decode_options();
    let detector = Detector::new(&model.structure, &model.params, canvas, options);
    let mut findings = Findings { scores: Vec::new(), detections: BTreeMap::new(), unreadable: 0 };
    for (batch, entries) in candidates.chunks(BATCH).enumerate() {
        let loaded: Vec<std::result::Result<Picture, String>> = entries
            .par_iter()
            .map(|entry| picture::load(Path::new(&entry.asset), canvas, 1.0))
            .collect();
        let pictures: Vec<&Picture> = loaded.iter().flatten().collect();
        let mut detected = detector.detect(&pictures).into_iter();
        for (entry, picture) in entries.iter().zip(&loaded) {
            match picture {
                Ok(_) => {
                    let detections = detected.next().unwrap_or_default();
                    findings.add(entry, &detections, &model, settings, report);
                }
                Err(message) => findings.skip(entry, message, settings, report),
            }
        }
        let done = (batch * BATCH + entries.len()) as f64;
        report.monitor.progress(done / (candidates.len() + 1) as f64);
    }
    finish(env, settings, findings, &candidates, report)
}

impl Findings {
    fn add(
        &mut self,
        entry: &Entry,
        detections: &[Detection],
        model: &Model,
        settings: &ScanSettings,
        report: Report<'_>,
    ) {
        let name = file_name(&entry.asset);
        if let Some(mining) = &settings.mining {
            let score = mining_score(mining, detections, model, &name);
            self.scores.push((entry.asset.clone(), score));
        }
        if let Some(infer) = &settings.infer {
            let kept = above(detections, infer.score_threshold);
            let result = ImageResult::new(kept, &model.meta.class_names);
            if self.detections.insert(name, result).is_some() {
                report.log.warn(&format!(
                    "two images have the file name of {}; only the last one's detections are kept",
                    entry.asset
                ));
            }
        }
    }

    fn skip(&mut self, entry: &Entry, message: &str, settings: &ScanSettings, report: Report<'_>) {
        report.log.warn(&format!("image skipped: {message}"));
        self.unreadable += 1;
        if settings.infer.is_some() {
            self.detections.insert(file_name(&entry.asset), ImageResult::new(&[], &[]));
        }
    }
}

fn mining_score(
    mining: &MiningSettings,
    detections: &[Detection],
    model: &Model,
    name: &str,
) -> f64 {
    let kept = above(detections, mining.score_threshold);
    mining.strategy.score(kept, model.structure.classes, name, mining.seed)
}

/// Returns the detections at or above a score, given them best first.
fn above(detections: &[Detection], score: f32) -> &[Detection] {
    &detections[..detections.partition_point(|detection| detection.score >= score)]
}

fn file_name(asset: &str) -> String {
    Path::new(asset)
        .file_name()
        .map_or_else(|| asset.to_string(), |name| name.to_string_lossy().into_owned())
}

fn finish(
    env: &Env,
    settings: &ScanSettings,
    findings: Findings,
    candidates: &[Entry],
    report: Report<'_>,
) -> Result<()> {
    if !candidates.is_empty() && findings.unreadable == candidates.len() {
        return Err(Error::new(
            Code::ImageFormat,
            format!(
                "none of the {} images of {} can be read; the log names each",
                candidates.len(),
                env.input.candidate_index_file.display()
            ),
        ));
    }
    if settings.mining.is_some() {
        results::write_mining(&env.output.mining_result_file, findings.scores)?;
    }
    if settings.infer.is_some() {
        results::write_infer(&env.output.infer_result_file, findings.detections)?;
    }
    report.log.info("results written");
    Ok(())
}
