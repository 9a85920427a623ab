//! A training or validation set: images with boxes, decoded once and cached within bounds.

use std::path::PathBuf;
use std::sync::Arc;

use rayon::prelude::*;

use super::picture::{self, Canvas, Picture};
use crate::contract::log::Log;
use crate::detect::boxes::Truth;

/// An image with its ground truth, in pixels of the file.
#[derive(Debug, Clone)]
pub struct Sample {
    /// The image file.
    pub path: PathBuf,
    /// Its size, from the header.
    pub size: (u32, u32),
    /// Its boxes.
    pub truths: Vec<Truth>,
}

/// Images with their pictures, of which as many are held decoded as the budget allows.
#[derive(Debug)]
pub struct Cached {
    samples: Vec<Sample>,
    pictures: Vec<Option<Arc<Picture>>>,
    canvas: Canvas,
    oversample: f32,
}

/// Pictures that are decoded before the budget is looked at again.
const BLOCK: usize = 64;

impl Cached {
    /// Decodes the samples' pictures for a canvas, up to `budget` bytes, which is reduced by what
    /// was used. Samples that cannot be decoded are left out with a warning.
    pub fn new(
        samples: Vec<Sample>,
        canvas: Canvas,
        oversample: f32,
        budget: &mut usize,
        log: &Log,
    ) -> Self {
        let mut cached = Self { samples: Vec::new(), pictures: Vec::new(), canvas, oversample };
        for block in samples.chunks(BLOCK) {
            if *budget == 0 {
                cached.samples.extend_from_slice(block);
                cached.pictures.resize(cached.samples.len(), None);
                continue;
            }
            let loaded: Vec<_> = block
                .par_iter()
                .map(|sample| picture::load(&sample.path, canvas, oversample))
                .collect();
            for (sample, picture) in block.iter().zip(loaded) {
                match picture {
                    Ok(picture) => cached.push(sample, picture, budget),
                    Err(message) => log.warn(&format!("image left out: {message}")),
                }
            }
        }
        cached
    }

    fn push(&mut self, sample: &Sample, picture: Picture, budget: &mut usize) {
        let fits = picture.rgb.len() <= *budget;
        *budget = if fits { *budget - picture.rgb.len() } else { 0 };
        self.samples.push(sample.clone());
        self.pictures.push(fits.then(|| Arc::new(picture)));
    }

    /// Returns the samples.
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// Returns the picture of sample `index`, or what is wrong with its file.
    pub fn picture(&self, index: usize) -> Result<Arc<Picture>, String> {
        match &self.pictures[index] {
            Some(picture) => Ok(Arc::clone(picture)),
            None => {
                picture::load(&self.samples[index].path, self.canvas, self.oversample).map(Arc::new)
            }
        }
    }
}
