use std::fmt::Display;

use ymir_core::{Annotation, Attributes, ClassTable, Record};

use super::voc_text::escape_into;

/// What stands for an unknown pose.
pub(super) const NO_POSE: &str = "Unspecified";
/// An attribute of assets that the format has an element for.
const IMAGE_QUALITY: &str = "image_quality";
const POSE: &str = "pose";

/// Returns the Pascal VOC annotation file of a record.
pub(super) fn write(record: &Record, file_name: &str, classes: &ClassTable) -> String {
    let mut xml = Xml { text: String::with_capacity(512 + 400 * record.annotations.len()) };
    let asset = &record.asset;
    xml.open(0, "annotation");
    xml.leaf(1, "folder", "JPEGImages");
    xml.leaf(1, "filename", file_name);
    if file_name != asset.file_name {
        xml.leaf(1, "original_filename", &asset.file_name);
    }
    xml.open(1, "size");
    xml.leaf(2, "width", asset.width);
    xml.leaf(2, "height", asset.height);
    xml.leaf(2, "depth", asset.channels);
    xml.close(1, "size");
    xml.leaf(1, "segmented", 0);
    let is_quality =
        |text: &str| text.trim() == text && text.parse::<f64>().is_ok_and(|quality| quality >= 0.0);
    let quality = asset.attributes.get(IMAGE_QUALITY).filter(|text| is_quality(text));
    if let Some(quality) = quality {
        xml.leaf(1, IMAGE_QUALITY, quality);
    }
    xml.tags(1, &asset.attributes, quality.map(|_| IMAGE_QUALITY));
    for annotation in &record.annotations {
        xml.object(annotation, classes);
    }
    xml.close(0, "annotation");
    xml.text
}

struct Xml {
    text: String,
}

impl Xml {
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

    fn object(&mut self, annotation: &Annotation, classes: &ClassTable) {
        let pose = annotation
            .attributes
            .get(POSE)
            .filter(|pose| !pose.is_empty() && pose.trim() == *pose && *pose != NO_POSE);
        let flags = annotation.flags;
        self.open(1, "object");
        self.leaf(2, "name", classes.name_of(&annotation.class).unwrap_or_default());
        self.leaf(2, POSE, pose.map_or(NO_POSE, String::as_str));
        self.leaf(2, "truncated", u8::from(flags.truncated));
        self.leaf(2, "difficult", u8::from(flags.difficult));
        self.leaf(2, "occluded", u8::from(flags.occluded));
        if flags.crowd {
            self.leaf(2, "crowd", 1);
        }
        self.bndbox(annotation);
        for (name, value) in [("box_quality", annotation.quality), ("confidence", annotation.score)]
        {
            if let Some(value) = value {
                self.leaf(2, name, value);
            }
        }
        self.tags(2, &annotation.attributes, pose.map(|_| POSE));
        self.close(1, "object");
    }

    /// Writes a box by its inclusive edges, and its exact size beside them where the edges do not
    /// give it back to the last bit.
    fn bndbox(&mut self, annotation: &Annotation) {
        let bbox = annotation.bbox;
        self.open(2, "bndbox");
        let (xmax, ymax) = (bbox.x + bbox.w - 1.0, bbox.y + bbox.h - 1.0);
        for (name, value) in [("xmin", bbox.x), ("ymin", bbox.y), ("xmax", xmax), ("ymax", ymax)] {
            self.leaf(3, name, value);
        }
        if xmax - bbox.x + 1.0 != bbox.w {
            self.leaf(3, "w", bbox.w);
        }
        if ymax - bbox.y + 1.0 != bbox.h {
            self.leaf(3, "h", bbox.h);
        }
        if let Some(angle) = annotation.rotate_angle {
            self.leaf(3, "rotate_angle", angle);
        }
        self.close(2, "bndbox");
    }

    /// Writes attributes, except the one that has an element of its own.
    fn tags(&mut self, depth: usize, attributes: &Attributes, except: Option<&str>) {
        let mut attributes = attributes.iter().filter(|(name, _)| Some(name.as_str()) != except);
        let Some(first) = attributes.next() else { return };
        self.open(depth, "tags");
        for (name, value) in std::iter::once(first).chain(attributes) {
            if is_element_name(name) {
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

fn is_element_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
        && !name.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("xml"))
}
