//! What a task says.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An image with its annotations.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Task {
    pub(super) data: BTreeMap<String, Value>,
    #[serde(default)]
    pub(super) annotations: Vec<Answer>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) predictions: Vec<Answer>,
}

/// What one annotator or model said.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Answer {
    #[serde(default)]
    pub(super) result: Vec<Region>,
    #[serde(default, skip_serializing)]
    pub(super) was_cancelled: Option<bool>,
}

/// One object.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Region {
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
