//! What a task says.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// An image with its annotations.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Task {
    pub(super) data: BTreeMap<String, Value>,
    #[serde(default, deserialize_with = "answers")]
    pub(super) annotations: Vec<Answer>,
    #[serde(default, deserialize_with = "answers", skip_serializing_if = "Vec::is_empty")]
    pub(super) predictions: Vec<Answer>,
}

/// Reads answers. Some exports have their numbers in their places, or nothing: a number counts as one
/// that was taken back.
fn answers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Answer>, D::Error> {
    let all: Option<Vec<Told>> = Option::deserialize(deserializer)?;
    Ok(all.unwrap_or_default().into_iter().map(|told| told.0).collect())
}

/// An answer, or its number alone.
struct Told(Answer);

impl<'de> Deserialize<'de> for Told {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ToldVisitor)
    }
}

struct ToldVisitor;

impl<'de> Visitor<'de> for ToldVisitor {
    type Value = Told;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an answer")
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Told, E> {
        let (was_cancelled, ground_truth) = (Some(true), None);
        Ok(Told(Answer { result: Vec::new(), was_cancelled, ground_truth }))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Told, A::Error> {
        Answer::deserialize(MapAccessDeserializer::new(map)).map(Told)
    }
}

/// What one annotator or model said.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Answer {
    #[serde(default)]
    pub(super) result: Vec<Region>,
    #[serde(default, skip_serializing)]
    pub(super) was_cancelled: Option<bool>,
    /// Whether it is the one that counts.
    #[serde(default, skip_serializing)]
    pub(super) ground_truth: Option<bool>,
}

/// One object.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Region {
    /// What regions that are about the same place share.
    #[serde(default, skip_serializing)]
    pub(super) id: Option<Value>,
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) from_name: String,
    #[serde(default)]
    pub(super) to_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) original_width: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) original_height: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) score: Option<f64>,
    #[serde(default)]
    pub(super) value: Place,
}

/// Where it is, in percent of the size of the image.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Place {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) x: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) y: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) width: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) height: Option<f64>,
    /// In degrees, clockwise around the corner (x, y).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rotation: Option<f64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) points: Vec<[f64; 2]>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) rectanglelabels: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) polygonlabels: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) choices: Vec<String>,
}
