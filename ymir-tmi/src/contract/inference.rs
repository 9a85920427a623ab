use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::io::{BufReader, Read};
use std::path::Path;

use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde::{Deserialize, Serialize};
use ymir_core::{Annotation, AssetId, Attributes, BBox, Class, Flags, Keypoint, Result, Shape};

use super::OutDir;
use super::out::{failed, missing, show};

const FILE: &str = "infer-result.json";
const MAX_BYTES: u64 = 2 << 30;

/// The most boxes that one image may have.
const MAX_BOXES: usize = 10_000;

/// What is known of a predicted object beyond the contract's box, class and score. The contract has
/// no place for it; it stands beside them under the key `ymir`, which other platforms pass over.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DetectionDetails {
    /// The outline or the pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shape: Option<Shape>,
    /// Points that have a meaning.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keypoints: Vec<Keypoint>,
    /// The quality of the box.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quality: Option<f64>,
    /// Marks.
    pub flags: Flags,
    /// Free attributes.
    #[serde(skip_serializing_if = "Attributes::is_empty")]
    pub attributes: Attributes,
}

impl DetectionDetails {
    /// Returns an annotation with these details.
    pub fn on(self, annotation: Annotation) -> Annotation {
        let Self { shape, keypoints, quality, flags, attributes } = self;
        Annotation { shape, keypoints, quality, flags, attributes, ..annotation }
    }
}

/// What an inference executor wrote.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct InferenceResult {
    /// The predictions of each asset that the file names, under the class names that it gives.
    pub annotations: BTreeMap<AssetId, Vec<Annotation>>,
    /// Boxes left out because they have no score.
    pub without_score: u64,
    /// Boxes left out because they have no size, or a score beyond 0 to 1.
    pub invalid: u64,
}

/// Returns the predictions that an inference executor wrote. `known` tells whether an asset was
/// among the candidates; a file name means the asset whose id is its stem, wherever it lies.
///
/// # Errors
///
/// `ExecutorFailed` if the file is missing, a link, too long, or no such document (`NaN` is no
/// JSON), names an unknown asset or one twice, or more than 10,000 boxes for one; place and image
/// are named.
pub fn read_inference(dir: &Path, known: &dyn Fn(&AssetId) -> bool) -> Result<InferenceResult> {
    let (file, size) = OutDir::open(dir)?.file(FILE)?.ok_or_else(|| missing(FILE))?;
    if size > MAX_BYTES {
        return Err(failed(FILE, "", format!("it is longer than {MAX_BYTES} bytes")));
    }
    let image = RefCell::new(String::new());
    let mut json = serde_json::Deserializer::from_reader(BufReader::new(file.take(MAX_BYTES)));
    let seed = DocumentSeed { known, image: &image };
    let result = seed.deserialize(&mut json).and_then(|result| json.end().map(|()| result));
    result.map_err(|error| {
        let image = image.borrow();
        let field = match image.as_str() {
            "" => String::new(),
            image => format!("detection.{image}"),
        };
        failed(FILE, field, error.to_string())
    })
}

#[derive(Deserialize)]
struct RawImage {
    #[serde(alias = "annotations")]
    boxes: RawBoxes,
}

/// The boxes of an image; reading ends where there are too many.
struct RawBoxes(Vec<RawBox>);

impl<'de> Deserialize<'de> for RawBoxes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_seq(BoxesVisitor)
    }
}

struct BoxesVisitor;

impl<'de> Visitor<'de> for BoxesVisitor {
    type Value = RawBoxes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of boxes")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<RawBoxes, A::Error> {
        let mut boxes = Vec::new();
        while let Some(raw) = list.next_element()? {
            if boxes.len() == MAX_BOXES {
                let message = format!("an image has more than {MAX_BOXES} boxes");
                return Err(A::Error::custom(message));
            }
            boxes.push(raw);
        }
        Ok(RawBoxes(boxes))
    }
}

#[derive(Deserialize)]
struct RawBox {
    r#box: RawCorners,
    class_name: String,
    #[serde(default)]
    score: Option<f64>,
    #[serde(default)]
    ymir: Option<Box<DetectionDetails>>,
}

#[derive(Deserialize)]
struct RawCorners {
    x: f64,
    y: f64,
    w: f64,
    h: f64,
    #[serde(default)]
    rotate_angle: Option<f64>,
}

/// The whole document: an object with `detection`.
struct DocumentSeed<'a> {
    known: &'a dyn Fn(&AssetId) -> bool,
    image: &'a RefCell<String>,
}

impl<'de> DeserializeSeed<'de> for DocumentSeed<'_> {
    type Value = InferenceResult;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for DocumentSeed<'_> {
    type Value = InferenceResult;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with `detection`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut result = None;
        while let Some(key) = map.next_key::<String>()? {
            if key != "detection" {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            if result.is_some() {
                return Err(A::Error::duplicate_field("detection"));
            }
            let seed = DetectionSeed { known: self.known, image: self.image };
            result = Some(map.next_value_seed(seed)?);
        }
        result.ok_or_else(|| A::Error::missing_field("detection"))
    }
}

/// The images of `detection`, read one by one.
struct DetectionSeed<'a> {
    known: &'a dyn Fn(&AssetId) -> bool,
    image: &'a RefCell<String>,
}

impl<'de> DeserializeSeed<'de> for DetectionSeed<'_> {
    type Value = InferenceResult;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for DetectionSeed<'_> {
    type Value = InferenceResult;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of file names with their boxes")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut result = InferenceResult::default();
        while let Some(name) = map.next_key::<String>()? {
            *self.image.borrow_mut() = show(&name);
            let asset = Path::new(&name).file_stem().and_then(|stem| stem.to_str()?.parse().ok());
            let Some(asset) = asset.filter(|asset| (self.known)(asset)) else {
                return Err(A::Error::custom("the file name is none of the candidates'"));
            };
            let image: RawImage = map.next_value()?;
            let annotations = image.boxes.0.into_iter().filter_map(|raw| result.annotation(raw));
            let annotations = annotations.collect();
            if result.annotations.insert(asset, annotations).is_some() {
                return Err(A::Error::custom("the image is there twice"));
            }
        }
        self.image.borrow_mut().clear();
        Ok(result)
    }
}

impl InferenceResult {
    /// Returns the annotation of a box, or counts why there is none.
    fn annotation(&mut self, raw: RawBox) -> Option<Annotation> {
        let Some(score) = raw.score else {
            self.without_score += 1;
            return None;
        };
        let corners = raw.r#box;
        let bbox = BBox::new(corners.x, corners.y, corners.w, corners.h);
        if !bbox.is_valid() || !(0.0..=1.0).contains(&score) {
            self.invalid += 1;
            return None;
        }
        let mut annotation = Annotation::new(Class::Name(raw.class_name), bbox).with_score(score);
        annotation.rotate_angle = corners.rotate_angle.filter(|angle| *angle != 0.0);
        let details = raw.ymir.map(|details| *details).unwrap_or_default();
        Some(details.on(annotation))
    }
}
