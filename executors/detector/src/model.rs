//! The model file: weights as safetensors, and a small JSON file that says what they are.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use crate::contract::settings::{MAX_CLASSES, SIDE_RANGE, WIDTH_RANGE};
use crate::data::picture::Canvas;
use crate::error::{Error, Result};
use crate::nn::params::Params;
use crate::nn::structure::{BOX_CHANNELS, SIDE_MULTIPLE, Structure};

/// Name of the weights file.
pub const WEIGHTS_FILE: &str = "model.safetensors";
/// Name of the description file.
pub const META_FILE: &str = "model.json";

/// Value of [`Meta::format`].
const FORMAT: &str = "ymir-detector";
/// Value of [`Meta::version`]; it changes when the network's structure does.
const VERSION: u32 = 1;
/// Largest weights file that is read: twice the size of the largest network.
const MAX_WEIGHTS_BYTES: u64 = 64 << 20;
/// Largest description file that is read.
const MAX_META_BYTES: u64 = 1 << 20;

/// What the weights are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Meta {
    /// Always `ymir-detector`.
    pub format: String,
    /// Version of the format.
    pub version: u32,
    /// Class names, in the order of the output's channels.
    pub class_names: Vec<String>,
    /// Width multiplier of the network.
    pub width: f32,
    /// Width and height of the network's input, in pixels.
    pub input: [usize; 2],
    /// Training steps behind the weights.
    pub step: usize,
    /// Mean average precision at IoU 0.5 on the validation set; none without one.
    pub map: Option<f64>,
}

/// A model in memory.
#[derive(Debug, Clone)]
pub struct Model {
    /// What it is.
    pub meta: Meta,
    /// Its network.
    pub structure: Structure,
    /// Its values.
    pub params: Params,
}

impl Meta {
    /// Returns the description of a new model.
    pub fn new(class_names: Vec<String>, width: f32, canvas: Canvas) -> Self {
        Self {
            format: FORMAT.into(),
            version: VERSION,
            class_names,
            width,
            input: [canvas.width, canvas.height],
            step: 0,
            map: None,
        }
    }

    /// Returns the size of the network's input.
    pub fn canvas(&self) -> Canvas {
        Canvas { width: self.input[0], height: self.input[1] }
    }

    fn check(&self) -> std::result::Result<(), String> {
        if self.format != FORMAT || self.version != VERSION {
            return Err(format!(
                "it is {:?} version {}, but this executor reads {FORMAT:?} version {VERSION}",
                self.format, self.version
            ));
        }
        if !(1..=MAX_CLASSES).contains(&self.class_names.len()) {
            return Err(format!("it has {} classes", self.class_names.len()));
        }
        if !(WIDTH_RANGE.0..=WIDTH_RANGE.1).contains(&self.width) {
            return Err(format!("its width is {}", self.width));
        }
        let side = |side: &usize| {
            side.is_multiple_of(SIDE_MULTIPLE) && *side > 0 && *side as f32 <= SIDE_RANGE.1
        };
        if !self.input.iter().all(side) {
            return Err(format!("its input is {:?} pixels", self.input));
        }
        Ok(())
    }
}

impl Model {
    /// Returns the contents of the model's files, by name.
    pub fn to_files(&self) -> Result<Vec<(&'static str, Vec<u8>)>> {
        let failed =
            |e: &dyn std::fmt::Display| Error::model(format!("cannot pack the model: {e}"));
        let mut bytes = Vec::new();
        for (name, place) in places(&self.structure) {
            let content: Vec<u8> =
                place.values(&self.params).flat_map(|value| value.to_le_bytes()).collect();
            bytes.push((name, place.shape, content));
        }
        let views: Vec<(String, TensorView<'_>)> = bytes
            .iter()
            .map(|(name, shape, content)| {
                TensorView::new(Dtype::F32, shape.clone(), content)
                    .map(|view| (name.clone(), view))
                    .map_err(|e| failed(&e))
            })
            .collect::<Result<_>>()?;
        let weights = safetensors::serialize(views, None).map_err(|e| failed(&e))?;
        let meta = serde_json::to_vec_pretty(&self.meta).map_err(|e| failed(&e))?;
        Ok(vec![(WEIGHTS_FILE, weights), (META_FILE, meta)])
    }

    /// Reads the first model among files named by the configuration's `key`.
    pub fn load(key: &str, files: &[PathBuf]) -> Result<Self> {
        let Some(weights) =
            files.iter().find(|p| p.extension().is_some_and(|e| e == "safetensors"))
        else {
            return Err(Error::model(format!(
                "{key} names no .safetensors file (found {files:?}); give the files of a model \
                 that this executor trained"
            )));
        };
        let meta = weights.with_file_name(META_FILE);
        let bad = |path: &Path, e: &dyn std::fmt::Display| {
            Error::model(format!("cannot load the model from {}: {e}", path.display()))
        };
        let text = read_bounded(&meta, MAX_META_BYTES).map_err(|e| bad(&meta, &e))?;
        let described: Meta = serde_json::from_slice(&text).map_err(|e| bad(&meta, &e))?;
        described.check().map_err(|e| bad(&meta, &e))?;
        let bytes = read_bounded(weights, MAX_WEIGHTS_BYTES).map_err(|e| bad(weights, &e))?;
        let tensors = SafeTensors::deserialize(&bytes).map_err(|e| bad(weights, &e))?;
        let structure = Structure::new(described.width, described.class_names.len());
        let values = vec![0.0; structure.parameters];
        let params = Params { values, buffers: vec![0.0; structure.buffers] };
        let mut model = Self { meta: described, structure, params };
        model.fill(&tensors).map_err(|e| bad(weights, &e))?;
        Ok(model)
    }

    fn fill(&mut self, tensors: &SafeTensors<'_>) -> std::result::Result<(), String> {
        for (name, place) in places(&self.structure) {
            let tensor = tensors.tensor(&name).map_err(|e| e.to_string())?;
            if tensor.dtype() != Dtype::F32 || tensor.shape() != place.shape {
                return Err(format!(
                    "tensor {name} is {:?} {:?}, but must be F32 {:?}",
                    tensor.dtype(),
                    tensor.shape(),
                    place.shape
                ));
            }
            let values = place.values_mut(&mut self.params);
            for (value, bytes) in values.zip(tensor.data().chunks_exact(4)) {
                *value = f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
                if !value.is_finite() {
                    return Err(format!("tensor {name} holds {value}"));
                }
            }
        }
        for unit in &self.structure.units {
            if self.params.buffers[unit.variance.clone()].iter().any(|v| *v < 0.0) {
                return Err(format!("tensor {}.variance holds a negative value", unit.name));
            }
        }
        Ok(())
    }

    /// Returns this model for other classes: classes of the same name keep their outputs, others
    /// start afresh. Returns also how many were kept.
    pub fn with_classes(&self, class_names: &[String], seed: u64) -> (Self, usize) {
        let structure = Structure::new(self.meta.width, class_names.len());
        let mut params = Params::random(&structure, [0.0; 2], seed);
        // Only the last convolution depends on the classes, and it comes last.
        let shared = structure.output.weight.start;
        params.values[..shared].copy_from_slice(&self.params.values[..shared]);
        params.buffers.copy_from_slice(&self.params.buffers);
        let mut copy = |from: usize, to: usize| {
            let (old, new) = (&self.structure.output, &structure.output);
            for row in 0..new.conv.inputs {
                params.values[new.weight.start + row * new.conv.outputs + to] =
                    self.params.values[old.weight.start + row * old.conv.outputs + from];
            }
            params.values[new.bias.start + to] = self.params.values[old.bias.start + from];
        };
        for channel in 0..BOX_CHANNELS {
            copy(channel, channel);
        }
        let mut kept = 0;
        for (class, name) in class_names.iter().enumerate() {
            if let Some(old) = self.meta.class_names.iter().position(|n| same_class(n, name)) {
                copy(BOX_CHANNELS + old, BOX_CHANNELS + class);
                kept += 1;
            }
        }
        let meta = Meta { class_names: class_names.to_vec(), ..self.meta.clone() };
        (Self { meta, structure, params }, kept)
    }

    /// Returns an untrained model.
    pub fn random(meta: Meta, log_size: [f32; 2], seed: u64) -> Self {
        let structure = Structure::new(meta.width, meta.class_names.len());
        let params = Params::random(&structure, log_size, seed);
        Self { meta, structure, params }
    }
}

fn same_class(a: &str, b: &str) -> bool {
    a.trim().to_lowercase() == b.trim().to_lowercase()
}

/// Where a tensor of the file lies in [`Params`]: in rows as long as its last dimension.
struct Place {
    buffer: bool,
    range: Range<usize>,
    shape: Vec<usize>,
    /// Values from one row to the next. The output's channels are padded in memory only, so that
    /// a file for another number of classes does not fit.
    stride: usize,
}

impl Place {
    fn new(buffer: bool, range: &Range<usize>, shape: &[usize], stride: usize) -> Self {
        Self { buffer, range: range.clone(), shape: shape.to_vec(), stride }
    }

    /// Returns the values in the order of the file.
    fn values<'a>(&self, params: &'a Params) -> impl Iterator<Item = &'a f32> + use<'a> {
        let values = if self.buffer { &params.buffers } else { &params.values };
        let columns = self.columns();
        values[self.range.clone()].chunks(self.stride).flat_map(move |row| &row[..columns])
    }

    /// Returns the values in the order of the file, for writing.
    fn values_mut<'a>(
        &self,
        params: &'a mut Params,
    ) -> impl Iterator<Item = &'a mut f32> + use<'a> {
        let values = if self.buffer { &mut params.buffers } else { &mut params.values };
        let columns = self.columns();
        let rows = values[self.range.clone()].chunks_mut(self.stride);
        rows.flat_map(move |row| &mut row[..columns])
    }

    fn columns(&self) -> usize {
        self.shape.last().copied().unwrap_or(self.stride)
    }
}

/// Returns the tensors of the file. Convolutions are `kernel × kernel × inputs × outputs`.
fn places(structure: &Structure) -> Vec<(String, Place)> {
    let mut places = Vec::new();
    for unit in &structure.units {
        let conv = unit.conv;
        let n = conv.outputs;
        let shape = [conv.kernel, conv.kernel, conv.inputs, n];
        let mut add = |part: &str, place| places.push((format!("{}.{part}", unit.name), place));
        add("weight", Place::new(false, &unit.weight, &shape, n));
        add("gamma", Place::new(false, &unit.gamma, &[n], n));
        add("beta", Place::new(false, &unit.beta, &[n], n));
        add("mean", Place::new(true, &unit.mean, &[n], n));
        add("variance", Place::new(true, &unit.variance, &[n], n));
    }
    let output = &structure.output;
    let (used, padded) = (BOX_CHANNELS + structure.classes, output.conv.outputs);
    let shape = [1, 1, output.conv.inputs, used];
    places.push(("output.weight".into(), Place::new(false, &output.weight, &shape, padded)));
    places.push(("output.bias".into(), Place::new(false, &output.bias, &[used], padded)));
    places
}

fn read_bounded(path: &Path, limit: u64) -> std::result::Result<Vec<u8>, String> {
    let size = fs::metadata(path).map_err(|e| e.to_string())?.len();
    if size > limit {
        return Err(format!("it has {size} bytes, more than a model of this executor can have"));
    }
    fs::read(path).map_err(|e| e.to_string())
}
