//! Pixels of PNG files, and runs of them.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::Path;

use png::{BitDepth, ColorType, Decoder, Encoder, Limits};
use ymir_core::Mask;

use super::super::intake::{Refusal, read_file};
use super::super::report::SkipReason;
use super::colours::voc_colour;

/// The most bytes of a mask file, and the most that its pixels take.
const MAX_FILE: u64 = 256 << 20;
const MAX_PIXELS: usize = 1 << 28;

/// A picture whose pixels are numbers.
#[derive(Debug)]
pub(super) struct Pixels {
    pub(super) width: u32,
    pub(super) height: u32,
    /// Row by row; a colour is a number above 0xffffff.
    values: Vec<u32>,
    palette: Vec<[u8; 3]>,
}

const COLOUR: u32 = 1 << 24;

impl Pixels {
    /// Reads a PNG file: numbers in gray or with a palette, or colours.
    pub(super) fn read(path: &Path) -> Result<Self, Refusal> {
        let bytes = read_file(path, MAX_FILE)?;
        Self::decode(&bytes).map_err(|reason| (SkipReason::BadAnnotation, reason))
    }

    fn decode(bytes: &[u8]) -> Result<Self, String> {
        let wrong = |error: png::DecodingError| format!("the mask cannot be read: {error}");
        let mut decoder =
            Decoder::new_with_limits(Cursor::new(bytes), Limits { bytes: MAX_PIXELS });
        decoder.set_transformations(png::Transformations::IDENTITY);
        let mut reader = decoder.read_info().map_err(wrong)?;
        let (width, height) = reader.info().size();
        let pixels = u64::from(width) * u64::from(height);
        let size = reader.output_buffer_size().filter(|size| *size <= MAX_PIXELS);
        let Some(size) = size.filter(|_| pixels <= MAX_PIXELS as u64) else {
            return Err(format!("the mask is larger than {MAX_PIXELS} pixels"));
        };
        let mut buffer = vec![0; size];
        let frame = reader.next_frame(&mut buffer).map_err(wrong)?;
        let palette = reader.info().palette.as_deref().unwrap_or_default();
        let palette = palette.chunks_exact(3).map(|c| [c[0], c[1], c[2]]).collect();
        let row = |row: &[u8]| values(row, frame.color_type, frame.bit_depth, width as usize);
        let rows = buffer.chunks_exact(frame.line_size.max(1)).take(height as usize);
        Ok(Self { width, height, values: rows.flat_map(row).collect(), palette })
    }

    /// Returns what a value is: a number, and a colour, of itself or of the palette.
    pub(super) fn meaning(&self, value: u32) -> (Option<u32>, Option<[u8; 3]>) {
        if value >= COLOUR {
            let [_, r, g, b] = value.to_be_bytes();
            return (None, Some([r, g, b]));
        }
        (Some(value), self.palette.get(value as usize).copied())
    }

    pub(super) fn value(&self, column: u32, row: u32) -> u32 {
        self.values[row as usize * self.width as usize + column as usize]
    }

    /// Returns the mask of each value, with the place of its first pixel down the columns.
    pub(super) fn masks(&self) -> BTreeMap<u32, (Mask, u32)> {
        let mut runs: BTreeMap<u32, Vec<(u32, u32)>> = BTreeMap::new();
        let mut last: Option<(u32, u32, u32)> = None;
        let places = (0..self.width).flat_map(|x| (0..self.height).map(move |y| (x, y)));
        for (place, (x, y)) in (0..).zip(places) {
            let value = self.value(x, y);
            match &mut last {
                Some((known, _, count)) if *known == value => *count += 1,
                _ => {
                    if let Some((value, start, count)) = last.replace((value, place, 1)) {
                        runs.entry(value).or_default().push((start, count));
                    }
                }
            }
        }
        if let Some((value, start, count)) = last {
            runs.entry(value).or_default().push((start, count));
        }
        let mask = |(value, runs): (u32, Vec<(u32, u32)>)| {
            let first = runs.first()?.0;
            Some((value, (from_runs(self.width, self.height, &runs)?, first)))
        };
        runs.into_iter().filter_map(mask).collect()
    }
}

/// Returns the mask of runs down the columns, in their order.
fn from_runs(width: u32, height: u32, runs: &[(u32, u32)]) -> Option<Mask> {
    let mut counts = Vec::with_capacity(2 * runs.len() + 1);
    let mut end = 0;
    for (start, count) in runs {
        counts.extend([start - end, *count]);
        end = start + count;
    }
    counts.push(width.checked_mul(height)? - end);
    Mask::new(width, height, counts).ok()
}

fn values(row: &[u8], colour: ColorType, depth: BitDepth, width: usize) -> Vec<u32> {
    let bits = depth as usize;
    let sample = |i: usize| match bits {
        16 => u32::from(u16::from_be_bytes([row[2 * i], row[2 * i + 1]])),
        8 => u32::from(row[i]),
        _ => {
            let byte = row[i * bits / 8];
            u32::from(byte >> (8 - bits - i * bits % 8)) & ((1 << bits) - 1)
        }
    };
    let channels = colour.samples();
    let pixel = |i: usize| match colour {
        ColorType::Rgb | ColorType::Rgba => {
            let channel = |k| sample(i * channels + k) >> (bits - 8);
            COLOUR | channel(0) << 16 | channel(1) << 8 | channel(2)
        }
        _ => sample(i * channels),
    };
    (0..width).map(pixel).collect()
}

/// Returns a PNG file of numbers with the colours of Pascal VOC.
pub(super) fn encode(
    width: u32,
    height: u32,
    numbers: &[u8],
) -> Result<Vec<u8>, png::EncodingError> {
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, width, height);
    encoder.set_color(ColorType::Indexed);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_palette((0..=255).flat_map(voc_colour).collect::<Vec<u8>>());
    let mut writer = encoder.write_header()?;
    writer.write_image_data(numbers)?;
    writer.finish()?;
    Ok(file)
}
