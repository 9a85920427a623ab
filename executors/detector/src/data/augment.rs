//! Random changes to training pictures, and the boxes that go with them.

use super::picture::{Canvas, Picture, Placement};
use crate::detect::boxes::{Rect, Truth};
use crate::nn::rng::Rng;

/// Which changes are made, and how strong they are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AugmentOptions {
    /// Swap left and right half of the time.
    pub hflip: bool,
    /// Swap top and bottom half of the time.
    pub vflip: bool,
    /// Zoom by a factor between `1 / (1 + scale)` and `1 + scale`, at a random place.
    pub scale: f32,
    /// Change brightness and the strength of each colour by up to this part.
    pub color: f32,
}

/// A box of which less than this part stays on the canvas is dropped.
const MIN_VISIBLE: f32 = 0.3;
/// A box with a side shorter than this, in canvas pixels, is dropped.
const MIN_SIDE: f32 = 2.0;

/// Returns a random placement of a picture on the canvas.
pub fn place(
    picture: &Picture,
    canvas: Canvas,
    options: &AugmentOptions,
    rng: &mut Rng,
) -> Placement {
    let mut placement = Placement::fit(picture, canvas);
    let limit = (1.0 + options.scale).ln();
    placement.scale *= rng.range(-limit, limit).exp();
    let sides = [(picture.width, canvas.width), (picture.height, canvas.height)];
    placement.origin =
        sides.map(|(side, room)| (room as f32 - side as f32 * placement.scale) * rng.uniform());
    let (hflip, vflip) = (rng.coin(), rng.coin());
    placement.hflip = options.hflip && hflip;
    placement.vflip = options.vflip && vflip;
    let contrast = rng.range(-options.color, options.color);
    placement.gain =
        [(); 3].map(|()| 1.0 + contrast + 0.5 * rng.range(-options.color, options.color));
    placement.shift = 0.5 * rng.range(-options.color, options.color);
    placement
}

/// Returns the boxes, given in pixels of the file, on the canvas.
pub fn move_truths(
    truths: &[Truth],
    picture: &Picture,
    placement: &Placement,
    canvas: Canvas,
) -> Vec<Truth> {
    truths.iter().filter_map(|truth| move_truth(truth, picture, placement, canvas)).collect()
}

fn move_truth(
    truth: &Truth,
    picture: &Picture,
    placement: &Placement,
    canvas: Canvas,
) -> Option<Truth> {
    let rect = &truth.rect;
    let x = [rect.x0, rect.x1].map(|x| x * picture.width as f32 / picture.file_width as f32);
    let y = [rect.y0, rect.y1].map(|y| y * picture.height as f32 / picture.file_height as f32);
    let flip = |[low, high]: [f32; 2], side: u32, flip: bool| match flip {
        true => [side as f32 - high, side as f32 - low],
        false => [low, high],
    };
    let x = flip(x, picture.width, placement.hflip);
    let y = flip(y, picture.height, placement.vflip);
    let [x0, x1] = x.map(|x| x * placement.scale + placement.origin[0]);
    let [y0, y1] = y.map(|y| y * placement.scale + placement.origin[1]);
    let whole = Rect { x0, y0, x1, y1 };
    let seen = whole.clip(canvas.width as f32, canvas.height as f32);
    let large = seen.width() >= MIN_SIDE && seen.height() >= MIN_SIDE;
    (large && seen.area() >= MIN_VISIBLE * whole.area())
        .then_some(Truth { rect: seen, class: truth.class })
}
