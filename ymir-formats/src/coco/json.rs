//! A COCO document, read from its beginning to its end without ever holding it.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::io::BufRead;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::super::losses::Field;
use super::lenient::{Id, Number, Numbers};
use super::segmentation::Segmentation;

#[derive(Debug, Deserialize)]
pub(super) struct Image {
    pub(super) id: Option<Id>,
    pub(super) file_name: String,
    pub(super) width: Option<Number>,
    pub(super) height: Option<Number>,
    pub(super) attributes: Option<Value>,
    pub(super) license: Option<IgnoredAny>,
    pub(super) flickr_url: Option<IgnoredAny>,
    pub(super) coco_url: Option<IgnoredAny>,
    pub(super) date_captured: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Annotation {
    pub(super) image_id: Option<Id>,
    pub(super) category_id: Option<Id>,
    pub(super) bbox: Option<Numbers>,
    pub(super) segmentation: Option<Segmentation>,
    pub(super) iscrowd: Option<Number>,
    pub(super) keypoints: Option<Numbers>,
    #[serde(alias = "confidence")]
    pub(super) score: Option<Number>,
    pub(super) rotate_angle: Option<Number>,
    pub(super) quality: Option<Number>,
    pub(super) difficult: Option<Number>,
    pub(super) truncated: Option<Number>,
    pub(super) occluded: Option<Number>,
    pub(super) attributes: Option<Value>,
    pub(super) caption: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Category {
    pub(super) id: Id,
    pub(super) name: String,
    pub(super) supercategory: Option<String>,
    pub(super) keypoints: Option<IgnoredAny>,
}

/// What takes in a document as it is read.
pub(super) trait Sink {
    fn image(&mut self, image: Image);
    fn annotation(&mut self, annotation: Annotation);
    fn category(&mut self, category: Category);
    /// Takes a field that is not read.
    fn field(&mut self, field: Field);
    /// Takes the name of a list that is there, before its items.
    fn list(&mut self, _name: &'static str) {}
}

/// Why a document cannot be read.
#[derive(Debug)]
pub(super) struct Fault {
    /// The list and the item in it; empty outside of the lists.
    pub(super) place: String,
    /// With line and column.
    pub(super) reason: String,
    pub(super) line: usize,
    pub(super) column: usize,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place.as_str() {
            "" => f.write_str(&self.reason),
            place => write!(f, "{place}: {}", self.reason),
        }
    }
}

/// Reads a document into a sink.
///
/// # Errors
///
/// Says what is wrong, in which item of which list, and in which line and column.
pub(super) fn read(mut file: impl BufRead, sink: &mut dyn Sink) -> Result<(), Fault> {
    let place = Cell::new(("", 0));
    skip_mark(&mut file).map_err(|error| Fault {
        place: String::new(),
        reason: error.to_string(),
        line: 0,
        column: 0,
    })?;
    let mut deserializer = serde_json::Deserializer::from_reader(file);
    let document = Document { sink, place: &place };
    document.deserialize(&mut deserializer).and_then(|()| deserializer.end()).map_err(|error| {
        let place = match place.get() {
            ("", _) => String::new(),
            (list, item) => format!("{list}[{item}]"),
        };
        let (line, column) = (error.line(), error.column());
        Fault { place, reason: error.to_string(), line, column }
    })
}

/// Passes over the mark that some programs put before UTF-8.
fn skip_mark(file: &mut impl BufRead) -> std::io::Result<()> {
    let mark = "\u{feff}".as_bytes();
    if file.fill_buf()?.starts_with(mark) {
        file.consume(mark.len());
    }
    Ok(())
}

struct Document<'a> {
    sink: &'a mut dyn Sink,
    /// The list and the item in it that is being read.
    place: &'a Cell<(&'static str, usize)>,
}

impl<'de> DeserializeSeed<'de> for Document<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Document<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a COCO document: an object with images, annotations and categories")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { sink, place } = self;
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            match key.as_ref() {
                "images" => {
                    let take: fn(&mut dyn Sink, _) = |sink, image| sink.image(image);
                    map.next_value_seed(List { name: "images", place, sink, take })?;
                }
                "annotations" => {
                    let take: fn(&mut dyn Sink, _) = |sink, found| sink.annotation(found);
                    map.next_value_seed(List { name: "annotations", place, sink, take })?;
                }
                "categories" => {
                    let take: fn(&mut dyn Sink, _) = |sink, category| sink.category(category);
                    map.next_value_seed(List { name: "categories", place, sink, take })?;
                }
                name => {
                    sink.field(Field { of: "documents", name: name.to_owned() });
                    map.next_value::<IgnoredAny>()?;
                }
            }
            place.set(("", 0));
        }
        Ok(())
    }
}

/// Reads a list item by item.
struct List<'a, T> {
    name: &'static str,
    place: &'a Cell<(&'static str, usize)>,
    sink: &'a mut dyn Sink,
    take: fn(&mut dyn Sink, T),
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for List<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for List<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the list of {}", self.name)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        self.sink.list(self.name);
        for i in 0.. {
            self.place.set((self.name, i));
            let field = |name| self.sink.field(Field { of: self.name, name });
            match seq.next_element_seed(Item { field, item: PhantomData })? {
                Some(item) => (self.take)(self.sink, item),
                None => break,
            }
        }
        Ok(())
    }
}

/// Reads an item, and tells which of its fields are not read.
struct Item<T, F: FnMut(String)> {
    field: F,
    item: PhantomData<fn() -> T>,
}

impl<'de, T: Deserialize<'de>, F: FnMut(String)> DeserializeSeed<'de> for Item<T, F> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(mut self, deserializer: D) -> Result<T, D::Error> {
        serde_ignored::deserialize(deserializer, |path| {
            // What is typed as ignored is told by who reads it.
            if let serde_ignored::Path::Map { parent: serde_ignored::Path::Root, key } = path {
                (self.field)(key);
            }
        })
    }
}
