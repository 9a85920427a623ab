//! Decoding a file and fitting the picture to the network's input.

use std::fs;
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::{ImageReader, Limits};

use crate::nn::map::Map;
use crate::nn::structure::SIDE_MULTIPLE;

/// Largest file that is read.
const MAX_FILE_BYTES: u64 = 512 << 20;
/// Longest side that is decoded, in pixels.
const MAX_SIDE: u32 = 30_000;
/// Most memory that a decoder may take.
const MAX_DECODE_BYTES: u64 = 1 << 30;

/// Size of the network's input, in pixels, both multiples of [`SIDE_MULTIPLE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Canvas {
    /// Width.
    pub width: usize,
    /// Height.
    pub height: usize,
}

impl Canvas {
    /// Returns the canvas nearest to the wanted size.
    pub fn nearest(width: f32, height: f32) -> Self {
        let [width, height] = [width, height]
            .map(|side| ((side / SIDE_MULTIPLE as f32).round() as usize).max(1) * SIDE_MULTIPLE);
        Self { width, height }
    }

    /// Returns the factor that makes a picture just fit into the canvas.
    pub fn fit(&self, width: u32, height: u32) -> f32 {
        (self.width as f32 / width as f32).min(self.height as f32 / height as f32)
    }
}

/// A picture in 8-bit RGB, possibly smaller than its file's.
#[derive(Debug, Clone)]
pub struct Picture {
    /// Width of the pixels held.
    pub width: u32,
    /// Height of the pixels held.
    pub height: u32,
    /// Width in the file.
    pub file_width: u32,
    /// Height in the file.
    pub file_height: u32,
    /// `height × width × 3` bytes.
    pub rgb: Vec<u8>,
}

/// Returns width and height from a file's header, or what is wrong with it.
pub fn dimensions(path: &Path) -> Result<(u32, u32), String> {
    let reader = ImageReader::open(path)
        .and_then(ImageReader::with_guessed_format)
        .map_err(|e| format!("cannot read {}: {e}", path.display()))?;
    let size = quietly(path, || reader.into_dimensions().map_err(|e| e.to_string()))?;
    match size {
        (0, _) | (_, 0) => Err(format!("{} has no pixels", path.display())),
        (w, h) if w.max(h) > MAX_SIDE => Err(format!(
            "{} is {w}×{h} pixels; sides up to {MAX_SIDE} are supported",
            path.display()
        )),
        size => Ok(size),
    }
}

/// Returns the picture in a file, shrunk to fit `oversample` times the canvas, or what is wrong
/// with the file. The format is read off the content, not off the name.
pub fn load(path: &Path, canvas: Canvas, oversample: f32) -> Result<Picture, String> {
    let cannot_read = |e| format!("cannot read {}: {e}", path.display());
    if fs::metadata(path).map_err(cannot_read)?.len() > MAX_FILE_BYTES {
        return Err(format!("{} is larger than {MAX_FILE_BYTES} bytes", path.display()));
    }
    let bytes = fs::read(path).map_err(cannot_read)?;
    let rgb = quietly(path, || {
        let mut reader = ImageReader::new(Cursor::new(bytes))
            .with_guessed_format()
            .map_err(|e| e.to_string())?;
        let mut limits = Limits::default();
        limits.max_image_width = Some(MAX_SIDE);
        limits.max_image_height = Some(MAX_SIDE);
        limits.max_alloc = Some(MAX_DECODE_BYTES);
        reader.limits(limits);
        Ok(reader.decode().map_err(|e| e.to_string())?.into_rgb8())
    })?;
    let (width, height) = rgb.dimensions();
    if width == 0 || height == 0 {
        return Err(format!("{} has no pixels", path.display()));
    }
    let whole =
        Picture { width, height, file_width: width, file_height: height, rgb: rgb.into_raw() };
    let factor = canvas.fit(width, height) * oversample;
    if factor < 1.0 { shrink(whole, factor) } else { Ok(whole) }
}

/// Runs a decoder on a stranger's file: a panic in it is an error like any other.
fn quietly<T>(path: &Path, decode: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(decode))
        .unwrap_or_else(|_| Err("the decoder failed".into()))
        .map_err(|e| format!("cannot decode {}: {e}", path.display()))
}

fn shrink(picture: Picture, factor: f32) -> Result<Picture, String> {
    let [width, height] = [picture.width, picture.height]
        .map(|side| ((side as f32 * factor).round() as u32).clamp(1, side));
    let source = ImageRef::new(picture.width, picture.height, &picture.rgb, PixelType::U8x3)
        .map_err(|e| e.to_string())?;
    let mut target = Image::new(width, height, PixelType::U8x3);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    Resizer::new().resize(&source, &mut target, &options).map_err(|e| e.to_string())?;
    Ok(Picture { width, height, rgb: target.into_vec(), ..picture })
}

/// Where a picture goes on the canvas, and its colours.
#[derive(Debug, Clone, Copy)]
pub struct Placement {
    /// Canvas pixels per pixel of the picture.
    pub scale: f32,
    /// Place of the picture's top left corner on the canvas.
    pub origin: [f32; 2],
    /// Whether left and right are swapped.
    pub hflip: bool,
    /// Whether top and bottom are swapped.
    pub vflip: bool,
    /// Factor of each colour, 1 for none.
    pub gain: [f32; 3],
    /// Added to all colours, 0 for none; 1 is from black to white.
    pub shift: f32,
}

impl Placement {
    /// Returns the placement of inference: as large as fits, in the top left corner.
    pub fn fit(picture: &Picture, canvas: Canvas) -> Self {
        Self {
            scale: canvas.fit(picture.width, picture.height),
            origin: [0.0; 2],
            hflip: false,
            vflip: false,
            gain: [1.0; 3],
            shift: 0.0,
        }
    }
}

/// Grey around a picture smaller than the canvas, and the centre of the normalised colours.
const MIDDLE: f32 = 0.5;
/// Width of the normalised colours: black is −2, white is 2.
const SPREAD: f32 = 0.25;

/// One axis of bilinear sampling: for each canvas pixel, the two source pixels and the second's
/// weight; none outside the picture.
fn taps(len: usize, side: u32, scale: f32, origin: f32, flip: bool) -> Vec<Option<[f32; 3]>> {
    let side = side as f32;
    (0..len)
        .map(|i| {
            let at = (i as f32 + 0.5 - origin) / scale;
            let at = if flip { side - at } else { at };
            (at >= 0.0 && at < side).then(|| {
                let low = (at - 0.5).clamp(0.0, side - 1.0);
                [low.floor(), (low.floor() + 1.0).min(side - 1.0), low.fract()]
            })
        })
        .collect()
}

/// Draws a picture into image `i` of a batch of inputs with three channels.
pub fn draw(picture: &Picture, placement: &Placement, input: &mut [f32], map: &Shape) {
    let xs = taps(map.w, picture.width, placement.scale, placement.origin[0], placement.hflip);
    let ys = taps(map.h, picture.height, placement.scale, placement.origin[1], placement.vflip);
    let factor = placement.gain.map(|gain| gain / (255.0 * SPREAD));
    let offset = placement.gain.map(|gain| (gain * -MIDDLE + placement.shift) / SPREAD);
    let line = picture.width as usize * 3;
    for (range, tap) in map.rows.ranges().zip(&ys) {
        let Some([top, bottom, mix_y]) = *tap else { continue };
        let top = &picture.rgb[top as usize * line..][..line];
        let bottom = &picture.rgb[bottom as usize * line..][..line];
        for (out, tap) in input[range].chunks_exact_mut(3).zip(&xs) {
            let Some([left, right, mix_x]) = *tap else { continue };
            let (left, right) = (left as usize * 3, right as usize * 3);
            for k in 0..3 {
                let value = |row: &[u8], x: usize| f32::from(row[x + k]);
                let upper = value(top, left) + mix_x * (value(top, right) - value(top, left));
                let lower =
                    value(bottom, left) + mix_x * (value(bottom, right) - value(bottom, left));
                out[k] = (upper + mix_y * (lower - upper)) * factor[k] + offset[k];
            }
        }
    }
}

/// The shape of one image of a batch of inputs.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    w: usize,
    h: usize,
    rows: crate::nn::map::Rows,
}

impl Shape {
    /// Returns the shape of each image of a batch.
    pub fn of(input: &Map) -> Self {
        Self { w: input.w, h: input.h, rows: input.rows() }
    }
}
