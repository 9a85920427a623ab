use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;
use ymir_core::BBox;

use super::canvas::Canvas;
use super::compose;
use crate::generate::rng::SplitMix64;

/// The classes, the rare one last.
const CLASSES: [&str; 4] = ["coin", "washer", "gear", "star"];
/// The quality of the JPEG files, 1 to 100.
const QUALITY: u8 = 85;

/// What scenes are made of.
#[derive(Debug, Clone, PartialEq)]
pub struct SceneOptions {
    /// How many scenes there are.
    pub count: u64,
    /// The seed of every random choice.
    pub seed: u64,
    /// The width in pixels; one outside 32 to 4096 is taken as the nearest.
    pub width: u32,
    /// The height in pixels; one outside 32 to 4096 is taken as the nearest.
    pub height: u32,
    /// The share of scenes with one object or none, 0 to 1: labeling them teaches little.
    pub easy: f32,
    /// The share of the other scenes that have the rare class, 0 to 1.
    pub rare: f32,
}

impl Default for SceneOptions {
    /// 400 scenes of 192 × 144 pixels, half of them easy, 15 % of the others with the rare class.
    fn default() -> Self {
        Self { count: 400, seed: 1, width: 192, height: 144, easy: 0.5, rare: 0.15 }
    }
}

/// One rendered scene.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// The name of its file.
    pub file_name: String,
    /// The width in pixels.
    pub width: u32,
    /// The height in pixels.
    pub height: u32,
    /// The image.
    pub jpeg: Vec<u8>,
    /// The objects: index into [`class_names`], and the box around what is seen of it, in whole
    /// pixels.
    pub boxes: Vec<(usize, BBox)>,
}

/// Returns the names of the classes.
pub fn class_names() -> &'static [&'static str] {
    &CLASSES
}

/// Returns a scene: the same for the same options and index, on every machine.
///
/// ```
/// use ymir_testkit::generate::scenes::{SceneOptions, render};
///
/// let options = SceneOptions::default();
/// assert_eq!(render(&options, 3), render(&options, 3));
/// ```
pub fn render(options: &SceneOptions, index: u64) -> Scene {
    let mut rng = SplitMix64::of_part(options.seed, index);
    let (width, height) = (options.width.clamp(32, 4096), options.height.clamp(32, 4096));
    let mut canvas = Canvas::new(width, height);
    let boxes = compose::compose(&mut canvas, options, &mut rng);
    let file_name = format!("scene_{index:05}.jpg");
    Scene { file_name, width, height, jpeg: encode(&canvas), boxes }
}

fn encode(canvas: &Canvas) -> Vec<u8> {
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, QUALITY)
        .encode(&canvas.bytes(), canvas.width, canvas.height, ExtendedColorType::Rgb8)
        .expect("an image of a valid size can be written to memory");
    jpeg
}
