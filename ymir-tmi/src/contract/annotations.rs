//! The annotation files of one asset: Pascal VOC and ark.

use std::fmt::Write as _;

use ymir_core::{Annotation, Asset, Attributes};

/// An annotation with the index of its class in `class_names`.
pub(super) struct Labeled<'a> {
    pub(super) class: usize,
    pub(super) annotation: &'a Annotation,
}

/// The corners of a box in whole pixels, both inclusive, as VOC and ark files have them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Corners {
    xmin: i64,
    ymin: i64,
    xmax: i64,
    ymax: i64,
}

impl Corners {
    /// Rounds the edges of the part inside the image; a box keeps at least one pixel.
    fn of(labeled: &Labeled<'_>, asset: &Asset) -> Option<Self> {
        let inside = labeled.annotation.bbox.clip(asset.width, asset.height)?;
        let axis = |start: f64, size: f64, bound: u32| {
            let last = i64::from(bound) - 1;
            let min = (start.round() as i64).min(last);
            (min, ((start + size).round() as i64 - 1).clamp(min, last))
        };
        let (xmin, xmax) = axis(inside.x, inside.w, asset.width);
        let (ymin, ymax) = axis(inside.y, inside.h, asset.height);
        Some(Self { xmin, ymin, xmax, ymax })
    }
}

/// Returns whether some of a box lies within its image, so that it can be written.
pub(super) fn is_inside(annotation: &Annotation, asset: &Asset) -> bool {
    annotation.bbox.clip(asset.width, asset.height).is_some()
}

/// Returns the ark lines of an asset.
pub(super) fn ark(asset: &Asset, labeled: &[Labeled<'_>]) -> String {
    let mut text = String::new();
    for object in labeled {
        let Some(c) = Corners::of(object, asset) else { continue };
        let quality = object.annotation.quality.unwrap_or(-1.0);
        let angle = object.annotation.rotate_angle.unwrap_or(0.0);
        let _ = writeln!(
            text,
            "{}, {}, {}, {}, {}, {quality}, {angle}",
            object.class, c.xmin, c.ymin, c.xmax, c.ymax
        );
    }
    text
}

/// Returns the VOC document of an asset, with the nodes that the original adds.
pub(super) fn voc(
    asset: &Asset,
    file_name: &str,
    labeled: &[Labeled<'_>],
    names: &[String],
) -> String {
    // A channel count of 0 means that the header did not tell; readers expect a picture.
    let depth = if asset.channels == 0 { 3 } else { asset.channels };
    let mut text = String::with_capacity(320 + 480 * labeled.len());
    let _ = write!(
        text,
        "<annotation>\n\t<folder>assets</folder>\n\t<filename>{file_name}</filename>\n\
         \t<source>\n\t\t<database>unknown</database>\n\t\t<annotation>unknown</annotation>\n\
         \t\t<image>unknown</image>\n\t</source>\n\
         \t<size>\n\t\t<width>{}</width>\n\t\t<height>{}</height>\n\t\t<depth>{depth}</depth>\n\
         \t</size>\n\t<segmented>0</segmented>\n\t<image_quality>-1.0000</image_quality>\n",
        asset.width, asset.height,
    );
    for object in labeled {
        if let Some(corners) = Corners::of(object, asset) {
            voc_object(&mut text, object.annotation, corners, &names[object.class]);
        }
    }
    text.push_str("</annotation>\n");
    text
}

fn voc_object(text: &mut String, annotation: &Annotation, corners: Corners, name: &str) {
    let flags = annotation.flags;
    let _ = write!(
        text,
        "\t<object>\n\t\t<name>{}</name>\n\t\t<pose>unknown</pose>\n\
         \t\t<truncated>{}</truncated>\n\t\t<occluded>{}</occluded>\n\
         \t\t<bndbox>\n\t\t\t<xmin>{}</xmin>\n\t\t\t<ymin>{}</ymin>\n\t\t\t<xmax>{}</xmax>\n\
         \t\t\t<ymax>{}</ymax>\n\t\t\t<rotate_angle>{:.4}</rotate_angle>\n\t\t</bndbox>\n\
         \t\t<difficult>{}</difficult>\n",
        xml_text(name),
        u8::from(flags.truncated),
        u8::from(flags.occluded),
        corners.xmin,
        corners.ymin,
        corners.xmax,
        corners.ymax,
        annotation.rotate_angle.unwrap_or(0.0),
        u8::from(flags.difficult),
    );
    tags(text, &annotation.attributes);
    let _ = write!(
        text,
        "\t\t<confidence>{:.4}</confidence>\n\t\t<box_quality>{:.4}</box_quality>\n\t</object>\n",
        annotation.score.unwrap_or(-1.0),
        annotation.quality.unwrap_or(-1.0),
    );
}

/// Writes the attributes whose names can be names of XML nodes; the format has no others.
fn tags(text: &mut String, attributes: &Attributes) {
    let mut named = attributes.iter().filter(|(key, _)| is_node_name(key)).peekable();
    if named.peek().is_none() {
        return;
    }
    text.push_str("\t\t<tags>\n");
    for (key, value) in named {
        let _ = writeln!(text, "\t\t\t<{key}>{}</{key}>", xml_text(value));
    }
    text.push_str("\t\t</tags>\n");
}

fn is_node_name(key: &str) -> bool {
    key.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

/// Escapes text, without the characters that XML 1.0 cannot hold even escaped.
fn xml_text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\u{fffe}' | '\u{ffff}' => {}
            c if c.is_control() && !matches!(c, '\t' | '\n') => {}
            c => escaped.push(c),
        }
    }
    escaped
}
