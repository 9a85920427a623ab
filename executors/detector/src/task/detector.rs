//! A trained model applied to pictures.

use rayon::prelude::*;

use crate::data::picture::{self, Canvas, Picture, Placement, Shape};
use crate::detect::boxes::Detection;
use crate::detect::decode::{DecodeOptions, decode};
use crate::nn::map::Map;
use crate::nn::network::Frozen;
use crate::nn::params::Params;
use crate::nn::structure::Structure;

/// A network ready to detect.
#[derive(Debug)]
pub struct Detector {
    network: Frozen,
    classes: usize,
    canvas: Canvas,
    options: DecodeOptions,
}

impl Detector {
    /// Returns a detector with the given values, for pictures on the given canvas.
    pub fn new(
        structure: &Structure,
        params: &Params,
        canvas: Canvas,
        options: DecodeOptions,
    ) -> Self {
        let network = Frozen::new(structure, params);
        Self { network, classes: structure.classes, canvas, options }
    }

    /// Returns the detections on each picture, best first, in pixels of its file.
    pub fn detect(&self, pictures: &[&Picture]) -> Vec<Vec<Detection>> {
        let mut input = Map::zeros(pictures.len(), self.canvas.height, self.canvas.width, 3);
        let (shape, len) = (Shape::of(&input), input.image_len());
        input.data_mut().par_chunks_mut(len).zip(pictures).for_each(|(input, picture)| {
            let placement = Placement::fit(picture, self.canvas);
            picture::draw(picture, &placement, input, &shape);
        });
        let output = self.network.forward(input);
        pictures
            .par_iter()
            .enumerate()
            .map(|(i, picture)| {
                let factor = 1.0 / self.canvas.fit(picture.file_width, picture.file_height);
                let (width, height) = (picture.file_width as f32, picture.file_height as f32);
                let mut detections = decode(&output, i, self.classes, self.options);
                for detection in &mut detections {
                    detection.rect = detection.rect.scale(factor).clip(width, height);
                }
                detections.retain(|detection| detection.rect.area() > 0.0);
                detections
            })
            .collect()
    }
}
