//! What a user gives of an annotation beyond its box.

use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value as Json;
use ymir::{Keypoint, Shape, Visibility};

use crate::convert::request;

const VISIBILITY: &str = "`visibility` is 0 or \"absent\", 1 or \"hidden\", 2 or \"visible\"";

/// Shape and keypoints of an annotation.
#[derive(Default, Deserialize)]
pub(super) struct Details {
    #[serde(default)]
    pub(super) shape: Option<Shape>,
    #[serde(default)]
    keypoints: Vec<Point>,
}

/// A keypoint, whose visibility may be COCO's number.
#[derive(Deserialize)]
struct Point {
    x: f64,
    y: f64,
    #[serde(deserialize_with = "visibility")]
    visibility: Visibility,
}

fn visibility<'de, D: Deserializer<'de>>(from: D) -> Result<Visibility, D::Error> {
    let given = Json::deserialize(from)?;
    let known = match &given {
        Json::Number(number) => (0..=2)
            .find(|known| number.as_f64() == Some(f64::from(*known)))
            .and_then(Visibility::from_number),
        _ => Visibility::deserialize(&given).ok(),
    };
    known.ok_or_else(|| D::Error::custom(VISIBILITY))
}

impl Details {
    /// Reads what was given, which may be arrays.
    pub(super) fn given(
        py: Python<'_>,
        shape: Option<&Bound<'_, PyAny>>,
        keypoints: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        if shape.is_none() && keypoints.is_none() {
            return Ok(Self::default());
        }
        let fields = PyDict::new(py);
        for (name, value) in [("shape", shape), ("keypoints", keypoints)] {
            if let Some(value) = value {
                fields.set_item(name, value)?;
            }
        }
        request("an annotation", &fields)
    }

    pub(super) fn keypoints(&self) -> Vec<Keypoint> {
        let point =
            |Point { x, y, visibility }: &Point| Keypoint { x: *x, y: *y, visibility: *visibility };
        self.keypoints.iter().map(point).collect()
    }
}
