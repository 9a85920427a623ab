use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::ImageFormat;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use ymir::{Asset, BBox, MediaType};

use super::html::escape;

/// A box on a picture: ground truth, or a prediction if it has a score.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    pub(super) class: String,
    pub(super) bbox: BBox,
    pub(super) score: Option<f64>,
}

/// A picture with boxes.
#[derive(Debug)]
pub(super) struct Picture {
    name: String,
    width: u32,
    height: u32,
    /// The picture made small, as a JPEG file in Base64; none if it cannot be decoded.
    data: Option<String>,
    marks: Vec<Mark>,
}

impl Picture {
    /// Returns a picture whose longer side has so many pixels at most.
    pub(super) fn new(asset: &Asset, bytes: &[u8], marks: Vec<Mark>, side: u32) -> Self {
        Self {
            name: asset.file_name.clone(),
            width: asset.width,
            height: asset.height,
            data: thumbnail(bytes, asset.media_type, side),
            marks,
        }
    }

    /// Returns a figure with the picture, its boxes, and what they are in words.
    pub(super) fn html(&self, with_labels: bool) -> String {
        let (width, height) = (self.width.max(1), self.height.max(1));
        let unit = f64::from(width.max(height)) / 100.0;
        let mut svg = format!(
            "<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{}\">",
            escape(&self.words())
        );
        match &self.data {
            Some(data) => svg.push_str(&format!(
                "<image href=\"data:image/jpeg;base64,{data}\" width=\"{width}\" height=\"{height}\" preserveAspectRatio=\"none\"/>"
            )),
            None => svg.push_str(&format!(
                "<text x=\"50%\" y=\"50%\" text-anchor=\"middle\" font-size=\"{:.1}\">cannot be decoded</text>",
                6.0 * unit
            )),
        }
        for mark in &self.marks {
            svg.push_str(&mark.svg(unit, f64::from(width), with_labels));
        }
        svg.push_str("</svg>");
        format!("<figure>{svg}<figcaption>{}</figcaption></figure>\n", escape(&self.name))
    }

    /// Says what is on the picture.
    fn words(&self) -> String {
        let list = |marks: Vec<String>| match marks.is_empty() {
            true => "nothing".to_owned(),
            false => marks.join(", "),
        };
        let truth = self.marks.iter().filter(|mark| mark.score.is_none());
        let truth: Vec<_> = truth.map(|mark| mark.class.clone()).collect();
        let found = self.marks.iter().filter_map(|mark| Some((mark, mark.score?)));
        let found: Vec<_> =
            found.map(|(mark, score)| format!("{} {score:.2}", mark.class)).collect();
        let truth =
            if truth.is_empty() { String::new() } else { format!("there: {}; ", list(truth)) };
        format!("{}: {truth}found: {}", self.name, list(found))
    }
}

impl Mark {
    fn svg(&self, unit: f64, width: f64, with_label: bool) -> String {
        let BBox { x, y, w, h } = self.bbox;
        let kind = if self.score.is_some() { "found" } else { "truth" };
        let mut svg = format!(
            "<rect class=\"{kind}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{w:.1}\" height=\"{h:.1}\"/>"
        );
        let Some(score) = self.score.filter(|_| with_label) else { return svg };
        let size = 3.8 * unit;
        let text = format!("{} {score:.2}", self.class);
        let length = text.chars().count() as f64 * size * 0.64;
        let left = x.min(width - length).max(0.0);
        let base = if y > size * 1.2 { y - size * 0.25 } else { y + size };
        svg.push_str(&format!(
            "<text class=\"tag\" x=\"{left:.1}\" y=\"{base:.1}\" font-size=\"{size:.1}\" stroke-width=\"{:.2}\">{}</text>",
            size * 0.22,
            escape(&text)
        ));
        svg
    }
}

/// Returns a picture made small, as a JPEG file in Base64.
fn thumbnail(bytes: &[u8], media_type: MediaType, side: u32) -> Option<String> {
    let format = match media_type {
        MediaType::Jpeg => ImageFormat::Jpeg,
        MediaType::Png => ImageFormat::Png,
        MediaType::Bmp => ImageFormat::Bmp,
        MediaType::Webp => ImageFormat::WebP,
        _ => return None,
    };
    let mut reader = image::ImageReader::with_format(std::io::Cursor::new(bytes), format);
    let mut limits = image::Limits::default();
    limits.max_alloc = Some(512 << 20);
    reader.limits(limits);
    let picture = reader.decode().ok()?;
    let picture = match picture.width().max(picture.height()) > side {
        true => picture.resize(side, side, FilterType::Triangle),
        false => picture,
    };
    let mut jpeg = Vec::new();
    picture.to_rgb8().write_with_encoder(JpegEncoder::new_with_quality(&mut jpeg, 82)).ok()?;
    Some(STANDARD.encode(jpeg))
}
