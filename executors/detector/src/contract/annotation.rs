//! Annotation files: Pascal VOC XML and ark text.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use quick_xml::de;
use serde::Deserialize;

use crate::detect::boxes::{Rect, Truth};

/// How annotations are written, from the configuration's `export_format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnnotationFormat {
    /// Pascal VOC XML.
    Voc,
    /// One line a box: `class_index, xmin, ymin, xmax, ymax, quality, rotate_angle`.
    Ark,
}

/// Class names and their indices. Names match without regard to case and surrounding spaces.
#[derive(Debug, Clone)]
pub struct Classes {
    names: Vec<String>,
    indices: HashMap<String, usize>,
}

impl Classes {
    /// Returns the table of the given names; of equal names the first counts.
    pub fn new(names: Vec<String>) -> Self {
        let mut indices = HashMap::new();
        for (index, name) in names.iter().enumerate() {
            indices.entry(Self::key(name)).or_insert(index);
        }
        Self { names, indices }
    }

    /// Returns the names in order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Returns the index of a name.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.indices.get(&Self::key(name)).copied()
    }

    fn key(name: &str) -> String {
        name.trim().to_lowercase()
    }
}

/// The boxes of an annotation file.
#[derive(Debug, Default)]
pub struct Annotation {
    /// Boxes of known classes, in pixels.
    pub truths: Vec<Truth>,
    /// Number of boxes of other classes, left out.
    pub unknown: usize,
    /// Number of boxes without area or with coordinates that are not numbers, left out.
    pub degenerate: usize,
}

impl Annotation {
    /// Adds a box by its inclusive corners: `xmax` is the last column inside.
    fn push(&mut self, class: Option<usize>, [xmin, ymin, xmax, ymax]: [f32; 4]) {
        let Some(class) = class else {
            self.unknown += 1;
            return;
        };
        let rect = Rect { x0: xmin, y0: ymin, x1: xmax + 1.0, y1: ymax + 1.0 };
        let finite = [xmin, ymin, xmax, ymax].iter().all(|v| v.is_finite() && v.abs() < 1e6);
        if finite && rect.width() > 0.0 && rect.height() > 0.0 {
            self.truths.push(Truth { rect, class });
        } else {
            self.degenerate += 1;
        }
    }
}

/// Reads an annotation file, or says what is wrong with it.
pub fn read(
    path: &Path,
    format: AnnotationFormat,
    classes: &Classes,
) -> Result<Annotation, String> {
    let text =
        fs::read_to_string(path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
    let parsed = match format {
        AnnotationFormat::Voc => parse_voc(&text, classes),
        AnnotationFormat::Ark => parse_ark(&text, classes),
    };
    parsed.map_err(|e| format!("{} is malformed: {e}", path.display()))
}

#[derive(Deserialize)]
struct VocRoot {
    #[serde(default, rename = "object")]
    objects: Vec<VocObject>,
}

#[derive(Deserialize)]
struct VocObject {
    name: String,
    bndbox: VocBox,
}

#[derive(Deserialize)]
struct VocBox {
    xmin: f32,
    ymin: f32,
    xmax: f32,
    ymax: f32,
}

fn parse_voc(text: &str, classes: &Classes) -> Result<Annotation, String> {
    let root: VocRoot = de::from_str(text).map_err(|e| e.to_string())?;
    let mut annotation = Annotation::default();
    for VocObject { name, bndbox: b } in root.objects {
        annotation.push(classes.find(&name), [b.xmin, b.ymin, b.xmax, b.ymax]);
    }
    Ok(annotation)
}

fn parse_ark(text: &str, classes: &Classes) -> Result<Annotation, String> {
    let mut annotation = Annotation::default();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let fields: Vec<&str> = line.split(',').map(str::trim).collect();
        let numbers: Vec<f32> = fields.iter().take(5).map_while(|f| f.parse().ok()).collect();
        let [class, corners @ ..] = numbers.as_slice() else {
            return Err(format!("line {} has no class index: {line:?}", number + 1));
        };
        let Ok(corners) = <[f32; 4]>::try_from(corners) else {
            return Err(format!(
                "line {} must start with class_index, xmin, ymin, xmax, ymax: {line:?}",
                number + 1
            ));
        };
        let known = class.fract() == 0.0 && (0.0..classes.names().len() as f32).contains(class);
        annotation.push(known.then_some(*class as usize), corners);
    }
    Ok(annotation)
}
