use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};
use ymir_core::BBox;

use super::document::{Document, Object};
use super::losses::Field;
use super::voc_text::decode;
use super::voc_write::NO_POSE;

/// The size of an annotation file up to which it is read; a hundred thousand boxes fit.
pub(super) const MAX_BYTES: u64 = 32 << 20;
const MAX_DEPTH: usize = 64;
const MAX_OBJECTS: usize = 100_000;
const MAX_NAME: usize = 256;
/// How many attributes a file may have, of the image and its objects together. Each takes far more
/// memory than its few bytes in the file.
const MAX_TAGS: usize = 200_000;

/// What an element is, by its place.
#[derive(Debug, Clone, PartialEq)]
enum Node {
    Other,
    Root,
    Size,
    Object,
    BndBox,
    Tags,
    /// An element with attributes as elements of a name and a value, and one of these.
    Attributes,
    Attribute,
    /// An element whose text is a value: its own name, in lower case, with its parent's before it.
    Leaf(&'static str),
    /// An attribute, by its name.
    Tag(String),
}

/// Reads a Pascal VOC annotation file.
///
/// # Errors
///
/// Says what is wrong, and in which line.
pub(super) fn read(bytes: &[u8]) -> Result<Document, String> {
    let text = decode(bytes)?;
    let mut reader = Reader::from_str(&text);
    reader.config_mut().expand_empty_elements = true;
    let mut builder = Builder::default();
    loop {
        let event = match reader.read_event() {
            Ok(Event::Eof) => break,
            Ok(event) => event,
            Err(error) => return Err(at_line(&text, reader.error_position(), error)),
        };
        if let Err(error) = builder.handle(event) {
            return Err(at_line(&text, reader.buffer_position(), error));
        }
    }
    builder.finish().map_err(|error| at_line(&text, text.len() as u64, error))
}

fn at_line(text: &str, position: u64, error: impl std::fmt::Display) -> String {
    let end = usize::try_from(position).unwrap_or(usize::MAX).min(text.len());
    let line = 1 + text.as_bytes()[..end].iter().filter(|byte| **byte == b'\n').count();
    format!("line {line}: {error}")
}

#[derive(Default)]
struct Builder {
    document: Document,
    nodes: Vec<Node>,
    text: String,
    object: Partial,
    objects: u32,
    /// Name and value of the attribute that is open.
    attribute: [String; 2],
    tags: usize,
    has_root: bool,
}

/// An object while its element is open.
#[derive(Default)]
struct Partial {
    object: Object,
    has_box: bool,
    /// xmin, ymin, xmax, ymax, w, h.
    edges: [Option<f64>; 6],
    wrong: Option<String>,
}

impl Builder {
    fn handle(&mut self, event: Event<'_>) -> Result<(), String> {
        match event {
            Event::Start(start) => self.start(&start)?,
            Event::End(_) => self.end()?,
            Event::Text(text) => self.text.push_str(&text.xml10_content()),
            Event::CData(data) => self.text.push_str(&data.xml10_content()),
            Event::GeneralRef(reference) => self.text.push_str(&resolve(&reference)?),
            _ => {}
        }
        Ok(())
    }

    fn start(&mut self, start: &BytesStart<'_>) -> Result<(), String> {
        if self.nodes.len() == MAX_DEPTH {
            return Err(format!("elements are nested more than {MAX_DEPTH} deep"));
        }
        self.text.clear();
        let name = start.local_name();
        let name = name.as_ref();
        let node = match self.nodes.last() {
            None => self.root(name)?,
            Some(parent) => child(parent, name, start)?,
        };
        match node {
            Node::Object => {
                self.objects += 1;
                if self.objects as usize > MAX_OBJECTS {
                    return Err(format!("the file has more than {MAX_OBJECTS} objects"));
                }
                self.object = Partial::default();
                self.object.object.number = self.objects;
            }
            Node::BndBox => self.object.has_box = true,
            Node::Other if self.nodes.last() == Some(&Node::Object) => self.lose(name),
            Node::Attribute => {
                self.attribute = Default::default();
                self.count_tag()?;
            }
            Node::Tag(_) => self.count_tag()?,
            _ => {}
        }
        self.nodes.push(node);
        Ok(())
    }

    fn count_tag(&mut self) -> Result<(), String> {
        self.tags += 1;
        if self.tags > MAX_TAGS {
            return Err(format!("the file has more than {MAX_TAGS} tags"));
        }
        Ok(())
    }

    /// Counts an element of an object that is not read.
    fn lose(&mut self, name: &str) {
        if self.document.fields.len() < MAX_TAGS {
            self.document.fields.push(Field { of: "objects", name: name.to_owned() });
        }
    }

    /// Sets an attribute of the object that is open, or else of the image.
    fn set(&mut self, name: String, text: String) {
        let attributes = match self.nodes.contains(&Node::Object) {
            true => &mut self.object.object.attributes,
            false => &mut self.document.attributes,
        };
        attributes.insert(name, text);
    }

    fn root(&mut self, name: &str) -> Result<Node, String> {
        if self.has_root {
            return Err("the file has more than one root element".to_owned());
        }
        self.has_root = true;
        match name {
            "annotation" => Ok(Node::Root),
            _ => Err(format!("the root element is <{name}>, and must be <annotation>")),
        }
    }

    fn end(&mut self) -> Result<(), String> {
        let text = std::mem::take(&mut self.text);
        match self.nodes.pop() {
            // An export wrote it, and its spaces are its own.
            Some(Node::Leaf("original_filename")) => self.document.original_filename = Some(text),
            Some(Node::Leaf(name)) => self.leaf(name, text.trim()),
            Some(Node::Tag(name)) => self.set(name, text),
            Some(Node::Attribute) => {
                let [name, value] = std::mem::take(&mut self.attribute);
                if !name.is_empty() {
                    self.set(name, value);
                }
            }
            Some(Node::Object) => match std::mem::take(&mut self.object).finish() {
                Ok(object) => self.document.objects.push(object),
                Err((number, reason)) => self.document.dropped.push((number, reason)),
            },
            _ => {}
        }
        Ok(())
    }

    fn leaf(&mut self, name: &'static str, text: &str) {
        if text.is_empty() {
            return;
        }
        let document = &mut self.document;
        match name {
            "filename" => document.filename = Some(text.to_owned()),
            "folder" => document.folder = Some(text.to_owned()),
            "attribute/name" => self.attribute[0] = text.to_owned(),
            "attribute/value" => self.attribute[1] = text.to_owned(),
            "size/width" => document.width = whole(text),
            "size/height" => document.height = whole(text),
            "image_quality" => {
                if text.parse::<f64>().is_ok_and(|quality| quality >= 0.0) {
                    document.attributes.insert(name.to_owned(), text.to_owned());
                }
            }
            _ => self.object.leaf(name, text),
        }
    }

    fn finish(self) -> Result<Document, String> {
        if !self.nodes.is_empty() {
            return Err("the file ends before its last element does".to_owned());
        }
        if !self.has_root {
            return Err("the file has no <annotation> element".to_owned());
        }
        Ok(self.document)
    }
}

/// Returns what an element is that stands in another.
fn child(parent: &Node, name: &str, start: &BytesStart<'_>) -> Result<Node, String> {
    const OF_ROOT: [&str; 4] = ["filename", "folder", "original_filename", "image_quality"];
    const OF_OBJECT: [&str; 8] = [
        "name",
        "pose",
        "difficult",
        "truncated",
        "occluded",
        "crowd",
        "confidence",
        "box_quality",
    ];
    const OF_BOX: [&str; 7] = ["xmin", "ymin", "xmax", "ymax", "w", "h", "rotate_angle"];
    let among = |names: &[&'static str]| {
        names.iter().find(|known| **known == name).map_or(Node::Other, |known| Node::Leaf(known))
    };
    Ok(match (parent, name) {
        (Node::Root, "object") => Node::Object,
        (Node::Root, "size") => Node::Size,
        (Node::Root | Node::Object, "tags") => Node::Tags,
        (Node::Root | Node::Object, "attributes") => Node::Attributes,
        (Node::Attributes, "attribute") => Node::Attribute,
        (Node::Attribute, "name") => Node::Leaf("attribute/name"),
        (Node::Attribute, "value") => Node::Leaf("attribute/value"),
        (Node::Root, _) => among(&OF_ROOT),
        (Node::Object, "bndbox") => Node::BndBox,
        (Node::Object, _) => among(&OF_OBJECT),
        (Node::BndBox, _) => among(&OF_BOX),
        (Node::Size, "width") => Node::Leaf("size/width"),
        (Node::Size, "height") => Node::Leaf("size/height"),
        (Node::Tags, _) => Node::Tag(tag_name(name, start)?),
        _ => Node::Other,
    })
}

/// Returns the name of an attribute: that of the element, or, for one that no element can have,
/// what `<tag name="…">` says.
fn tag_name(name: &str, start: &BytesStart<'_>) -> Result<String, String> {
    if name != "tag" {
        return Ok(name.to_owned());
    }
    match start.try_get_attribute("name").map_err(|error| error.to_string())? {
        None => Ok(name.to_owned()),
        Some(attribute) => quick_xml::escape::unescape(&attribute.value)
            .map(|name| name.into_owned())
            .map_err(|error| error.to_string()),
    }
}

/// Returns the text of an entity: one of XML's own five, or a character by its number. Entities
/// that a file defines for itself are refused, so that none can blow up.
pub(super) fn resolve(reference: &BytesRef<'_>) -> Result<String, String> {
    if let Some(character) = reference.resolve_char_ref().map_err(|error| error.to_string())? {
        return Ok(character.to_string());
    }
    let name = reference.xml10_content();
    match quick_xml::escape::resolve_xml_entity(&name) {
        Some(text) => Ok(text.to_owned()),
        None => Err(format!("the entity &{name}; is none of XML's own")),
    }
}

impl Partial {
    fn leaf(&mut self, name: &'static str, text: &str) {
        let edge = match name {
            "name" => return self.object.name = text.to_owned(),
            "pose" => {
                if text != NO_POSE {
                    let attributes = &mut self.object.attributes;
                    attributes.entry(name.to_owned()).or_insert(text.to_owned());
                }
                return;
            }
            "difficult" => return self.object.flags.difficult = is_set(text),
            "truncated" => return self.object.flags.truncated = is_set(text),
            "occluded" => return self.object.flags.occluded = is_set(text),
            "crowd" => return self.object.flags.crowd = is_set(text),
            "confidence" => return self.object.score = self.optional(name, text),
            "box_quality" => return self.object.quality = self.optional(name, text),
            "rotate_angle" => return self.object.rotate_angle = self.number(name, text),
            "xmin" => 0,
            "ymin" => 1,
            "xmax" => 2,
            "ymax" => 3,
            "w" => 4,
            _ => 5,
        };
        self.edges[edge] = self.number(name, text);
    }

    fn number(&mut self, name: &str, text: &str) -> Option<f64> {
        let number = text.parse().ok().filter(|number: &f64| number.is_finite());
        if number.is_none() && self.wrong.is_none() {
            let shown: String = text.chars().take(40).collect();
            self.wrong = Some(format!("<{name}> is no finite number: {shown:?}"));
        }
        number
    }

    /// Reads a number that is below 0 where it is not set.
    fn optional(&mut self, name: &str, text: &str) -> Option<f64> {
        self.number(name, text).filter(|number| *number >= 0.0)
    }

    fn finish(mut self) -> Result<Object, (u32, String)> {
        let number = self.object.number;
        let [xmin, ymin, xmax, ymax, w, h] = self.edges;
        let failed = |reason: &str| Err((number, reason.to_owned()));
        if let Some(reason) = self.wrong {
            return Err((number, reason));
        }
        let name = &self.object.name;
        if name.is_empty() {
            return failed("it has no class name (<name>)");
        }
        if name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
            return failed("its class name is too long or has control characters");
        }
        let (Some(xmin), Some(ymin), Some(xmax), Some(ymax)) = (xmin, ymin, xmax, ymax) else {
            return failed(match self.has_box {
                true => "its <bndbox> lacks one of xmin, ymin, xmax, ymax",
                false => "it has no <bndbox>",
            });
        };
        let (w, h) = (size(xmin, xmax, w), size(ymin, ymax, h));
        self.object.bbox = BBox { x: xmin, y: ymin, w, h };
        if !self.object.bbox.is_valid() {
            let edges = [("xmin", xmin), ("ymin", ymin), ("xmax", xmax), ("ymax", ymax)];
            let edges = edges.map(|(name, edge)| format!("{name} {}", short(edge))).join(", ");
            return Err((number, format!("its box is inverted or empty: {edges}")));
        }
        Ok(self.object)
    }
}

/// Shows a number in a few digits.
fn short(number: f64) -> String {
    if number.abs() < 1e16 { number.to_string() } else { format!("{number:e}") }
}

/// Returns the size between two inclusive edges. An exact size that an export wrote beside them,
/// since no edge gives it back to the last bit, is taken if it is the same but for rounding.
fn size(min: f64, max: f64, exact: Option<f64>) -> f64 {
    let size = max - min + 1.0;
    let tolerance = 1e-6 * max.abs().max(min.abs()).max(1.0);
    exact.filter(|exact| (exact - size).abs() <= tolerance).unwrap_or(size)
}

/// Reads a mark: 1, true, or, as in some datasets, a fraction.
fn is_set(text: &str) -> bool {
    text.eq_ignore_ascii_case("true")
        || text.eq_ignore_ascii_case("yes")
        || text.parse().is_ok_and(|number: f64| number > 0.0)
}

fn whole(text: &str) -> Option<u32> {
    let number: f64 = text.parse().ok()?;
    (number >= 1.0 && number <= f64::from(u32::MAX)).then_some(number as u32)
}
