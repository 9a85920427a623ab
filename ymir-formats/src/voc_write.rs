use std::fmt::Display;

use ymir_core::{Annotation, Asset, Attributes};

use super::edges;
use super::voc_text::escape_into;

/// What stands for an unknown pose.
pub(super) const NO_POSE: &str = "Unspecified";
/// An attribute of assets that the format has an element for.
const IMAGE_QUALITY: &str = "image_quality";
const POSE: &str = "pose";

/// How a file says what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Numbers as they are, to the last bit; nothing where nothing is known.
    Exact,
    /// As the original exports for its executors: whole pixels inside the image, four digits after
    /// the point, and a value where none is known.
    Executor,
}

/// Returns the Pascal VOC annotation file of an asset with objects, each with the name of its class.
pub(super) fn write<'a>(
    asset: &Asset,
    file_name: &str,
    objects: impl IntoIterator<Item = (&'a str, &'a Annotation)>,
    dialect: Dialect,
) -> String {
    let mut xml = Xml { text: String::with_capacity(2048), dialect };
    xml.open(0, "annotation");
    xml.head(asset, file_name);
    for (name, annotation) in objects {
        xml.object(name, annotation, asset);
    }
    xml.close(0, "annotation");
    xml.text
}

struct Xml {
    text: String,
    dialect: Dialect,
}

impl Xml {
    fn is_exact(&self) -> bool {
        self.dialect == Dialect::Exact
    }

    /// Writes what is said of the image.
    fn head(&mut self, asset: &Asset, file_name: &str) {
        self.leaf(1, "folder", if self.is_exact() { "JPEGImages" } else { "assets" });
        self.leaf(1, "filename", file_name);
        if self.is_exact() && file_name != asset.file_name {
            self.leaf(1, "original_filename", &asset.file_name);
        }
        if !self.is_exact() {
            self.open(1, "source");
            for part in ["database", "annotation", "image"] {
                self.leaf(2, part, "unknown");
            }
            self.close(1, "source");
        }
        self.open(1, "size");
        self.leaf(2, "width", asset.width);
        self.leaf(2, "height", asset.height);
        // 0 channels mean that the header did not tell; executors expect a picture.
        let depth = if self.is_exact() || asset.channels > 0 { asset.channels } else { 3 };
        self.leaf(2, "depth", depth);
        self.close(1, "size");
        self.leaf(1, "segmented", 0);
        let quality = |text: &String| text.parse::<f64>().ok().filter(|quality| *quality >= 0.0);
        let text = asset.attributes.get(IMAGE_QUALITY).filter(|text| text.trim() == text.as_str());
        if !self.is_exact() {
            return self.number(1, IMAGE_QUALITY, text.and_then(quality), -1.0);
        }
        let text = text.filter(|text| quality(text).is_some());
        if let Some(text) = text {
            self.leaf(1, IMAGE_QUALITY, text);
        }
        self.tags(1, &asset.attributes, text.map(|_| IMAGE_QUALITY));
    }

    /// Writes a number, or a default where executors expect one.
    fn number(&mut self, depth: usize, name: &str, value: Option<f64>, default: f64) {
        match (self.dialect, value) {
            (Dialect::Executor, value) => {
                self.leaf(depth, name, format_args!("{:.4}", value.unwrap_or(default)));
            }
            (Dialect::Exact, Some(value)) => self.leaf(depth, name, value),
            (Dialect::Exact, None) => {}
        }
    }

    fn indent(&mut self, depth: usize) {
        self.text.extend(std::iter::repeat_n('\t', depth));
    }

    fn open(&mut self, depth: usize, name: &str) {
        self.indent(depth);
        self.text.extend(["<", name, ">\n"]);
    }

    fn close(&mut self, depth: usize, name: &str) {
        self.indent(depth);
        self.text.extend(["</", name, ">\n"]);
    }

    fn leaf(&mut self, depth: usize, name: &str, value: impl Display) {
        self.indent(depth);
        self.text.extend(["<", name, ">"]);
        escape_into(&mut self.text, &value.to_string());
        self.text.extend(["</", name, ">\n"]);
    }

    /// Writes an object, unless executors could not find it on the image.
    fn object(&mut self, name: &str, annotation: &Annotation, asset: &Asset) {
        let edges = match self.dialect {
            Dialect::Exact => Some(edges::exact(annotation.bbox)),
            Dialect::Executor => edges::pixels(annotation.bbox, asset),
        };
        let Some(edges) = edges else { return };
        let pose = annotation
            .attributes
            .get(POSE)
            .filter(|pose| !pose.is_empty() && pose.trim() == *pose && *pose != NO_POSE)
            .filter(|_| self.is_exact());
        let unknown = if self.is_exact() { NO_POSE } else { "unknown" };
        let flags = annotation.flags;
        self.open(1, "object");
        self.leaf(2, "name", name);
        self.leaf(2, POSE, pose.map_or(unknown, String::as_str));
        self.leaf(2, "truncated", u8::from(flags.truncated));
        self.leaf(2, "occluded", u8::from(flags.occluded));
        if self.is_exact() && flags.crowd {
            self.leaf(2, "crowd", 1);
        }
        self.bndbox(annotation, edges);
        self.leaf(2, "difficult", u8::from(flags.difficult));
        self.tags(2, &annotation.attributes, pose.map(|_| POSE));
        self.number(2, "confidence", annotation.score, -1.0);
        self.number(2, "box_quality", annotation.quality, -1.0);
        self.close(1, "object");
    }

    /// Writes a box by its inclusive edges, and its exact size beside them where the edges do not
    /// give it back to the last bit.
    fn bndbox(&mut self, annotation: &Annotation, edges: edges::Edges) {
        let bbox = annotation.bbox;
        self.open(2, "bndbox");
        for (name, value) in ["xmin", "ymin", "xmax", "ymax"].into_iter().zip(edges) {
            self.leaf(3, name, value);
        }
        let [left, top, right, bottom] = edges;
        for (name, size, shown) in
            [("w", bbox.w, right - left + 1.0), ("h", bbox.h, bottom - top + 1.0)]
        {
            if self.is_exact() && size != shown {
                self.leaf(3, name, size);
            }
        }
        self.number(3, "rotate_angle", annotation.rotate_angle, 0.0);
        self.close(2, "bndbox");
    }

    /// Returns whether a name can be that of an element: executors are shown no others, and names of
    /// every script.
    fn is_element_name(&self, name: &str) -> bool {
        let is_letter =
            |c: char| if self.is_exact() { c.is_ascii_alphabetic() } else { c.is_alphabetic() };
        let is_number = |c: char| if self.is_exact() { c.is_ascii_digit() } else { c.is_numeric() };
        let mut characters = name.chars();
        characters.next().is_some_and(|first| is_letter(first) || first == '_')
            && characters.all(|c| is_letter(c) || is_number(c) || matches!(c, '_' | '-' | '.'))
            && !name.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("xml"))
    }

    /// Writes attributes, except the one that has an element of its own.
    fn tags(&mut self, depth: usize, attributes: &Attributes, except: Option<&str>) {
        let is_written =
            |name: &str| Some(name) != except && (self.is_exact() || self.is_element_name(name));
        let written: Vec<_> = attributes.iter().filter(|(name, _)| is_written(name)).collect();
        if written.is_empty() {
            return;
        }
        self.open(depth, "tags");
        for (name, value) in written {
            if self.is_element_name(name) {
                self.leaf(depth + 1, name, value);
                continue;
            }
            self.indent(depth + 1);
            self.text.push_str("<tag name=\"");
            escape_into(&mut self.text, name);
            self.text.push_str("\">");
            escape_into(&mut self.text, value);
            self.text.push_str("</tag>\n");
        }
        self.close(depth, "tags");
    }
}
