//! Reading the sets of a training run, with checks.

use std::path::Path;

use rayon::prelude::*;

use crate::contract::annotation::{self, Annotation};
use crate::contract::index::{self, Entry};
use crate::contract::log::Log;
use crate::contract::settings::{InputSize, TrainSettings};
use crate::data::dataset::Sample;
use crate::data::picture::{self, Canvas};
use crate::error::{Error, Result};
use crate::nn::structure::STRIDE;

/// Most single warnings of one kind, before they are only counted.
const MAX_WARNINGS: usize = 20;

/// Reads a set. Images and annotations that cannot be read are left out with a warning.
pub fn read_set(
    name: &str,
    index_file: &Path,
    settings: &TrainSettings,
    log: &Log,
) -> Result<Vec<Sample>> {
    let entries = index::read(index_file)?;
    let read: Vec<_> = entries.par_iter().map(|entry| read_entry(entry, settings)).collect();
    let mut samples = Vec::with_capacity(read.len());
    let (mut left_out, mut unknown, mut degenerate) = (0, 0, 0);
    for result in read {
        match result {
            Ok((sample, annotation)) => {
                unknown += annotation.unknown;
                degenerate += annotation.degenerate;
                samples.push(Sample { truths: annotation.truths, ..sample });
            }
            Err(message) => {
                left_out += 1;
                if left_out <= MAX_WARNINGS {
                    log.warn(&format!("{name} set: image left out: {message}"));
                }
            }
        }
    }
    if left_out > MAX_WARNINGS {
        log.warn(&format!("{name} set: {left_out} images left out in all"));
    }
    if unknown > 0 {
        log.warn(&format!("{name} set: {unknown} boxes of classes not in class_names ignored"));
    }
    if degenerate > 0 {
        log.warn(&format!("{name} set: {degenerate} boxes without area ignored"));
    }
    let boxes: usize = samples.iter().map(|sample| sample.truths.len()).sum();
    log.info(&format!("{name} set: {} images, {boxes} boxes", samples.len()));
    Ok(samples)
}

fn read_entry(
    entry: &Entry,
    settings: &TrainSettings,
) -> std::result::Result<(Sample, Annotation), String> {
    let path = Path::new(&entry.asset);
    let size = picture::dimensions(path)?;
    let mut annotation = match &entry.annotation {
        Some(file) => annotation::read(file, settings.format, &settings.classes)?,
        None => Annotation::default(),
    };
    let (width, height) = (size.0 as f32, size.1 as f32);
    let before = annotation.truths.len();
    for truth in &mut annotation.truths {
        truth.rect = truth.rect.clip(width, height);
    }
    annotation.truths.retain(|truth| truth.rect.area() > 0.0);
    annotation.degenerate += before - annotation.truths.len();
    Ok((Sample { path: path.to_path_buf(), size, truths: Vec::new() }, annotation))
}

/// Fails unless something can be learnt from a training set.
pub fn check_training_set(samples: &[Sample], index_file: &Path) -> Result<()> {
    if samples.is_empty() {
        return Err(Error::dataset(format!(
            "the training set {} has no usable image; the log names what was left out and why",
            index_file.display()
        )));
    }
    if samples.iter().all(|sample| sample.truths.is_empty()) {
        return Err(Error::dataset(format!(
            "the training set {} has {} images but no box of any class in class_names; \
             label some objects first",
            index_file.display(),
            samples.len()
        )));
    }
    Ok(())
}

/// Returns the canvas for the wanted size. Where only the longest side is given, the canvas has
/// the median shape of the images.
pub fn canvas(size: InputSize, samples: &[Sample]) -> Canvas {
    let longest = match size {
        InputSize::Exact(canvas) => return canvas,
        InputSize::Longest(longest) => longest,
    };
    let mut ratios: Vec<f32> =
        samples.iter().map(|sample| sample.size.0 as f32 / sample.size.1 as f32).collect();
    ratios.sort_by(f32::total_cmp);
    let ratio = ratios[ratios.len() / 2];
    Canvas::nearest(longest * ratio.min(1.0), longest / ratio.max(1.0))
}

/// Returns the mean log width and height of the boxes on the canvas, in output cells.
pub fn mean_log_size(samples: &[Sample], canvas: Canvas) -> [f32; 2] {
    let mut sums = [0.0f64; 2];
    let mut count = 0;
    for sample in samples {
        let factor = canvas.fit(sample.size.0, sample.size.1) / STRIDE as f32;
        for truth in &sample.truths {
            let rect = truth.rect.scale(factor);
            sums[0] += f64::from(rect.width().max(0.1).ln());
            sums[1] += f64::from(rect.height().max(0.1).ln());
            count += 1;
        }
    }
    sums.map(|sum| (sum / f64::from(count.max(1))) as f32)
}
