//! The model file: weights as safetensors, and a small JSON file that says what they are.

use std::fs;
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
        let side =
            |side: &usize| side.is_multiple_of(SIDE_MULTIPLE) && *side > 0 && *side as f32 <= SIDE_RANGE.1;
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
        for (name, shape, values) in self.tensors() {
            let content: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
            bytes.push((name, shape, content));
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
            let target = place.slice_mut(&mut self.params);
            if tensor.dtype() != Dtype::F32 || tensor.shape() != place.shape {
                return Err(format!(
                    "tensor {name} is {:?} {:?}, but must be F32 {:?}",
                    tensor.dtype(),
                    tensor.shape(),
                    place.shape
                ));
            }
            for (value, bytes) in target.iter_mut().zip(tensor.data().chunks_exact(4)) {
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

    fn tensors(&self) -> Vec<(String, Vec<usize>, &[f32])> {
        places(&self.structure)
            .into_iter()
            .map(|(name, place)| {
                let values = if place.buffer { &self.params.buffers } else { &self.params.values };
                (name, place.shape.clone(), &values[place.range.clone()])
            })
            .collect()
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

/// Where a tensor of the file lies in [`Params`].
struct Place {
    buffer: bool,
    range: std::ops::Range<usize>,
    shape: Vec<usize>,
}

impl Place {
    fn slice_mut<'a>(&self, params: &'a mut Params) -> &'a mut [f32] {
        let values = if self.buffer { &mut params.buffers } else { &mut params.values };
        &mut values[self.range.clone()]
    }
}

/// Returns the tensors of the file. Convolutions are `kernel × kernel × inputs × outputs`.
fn places(structure: &Structure) -> Vec<(String, Place)> {
    let mut places = Vec::new();
    for unit in &structure.units {
        let conv = unit.conv;
        let shape = vec![conv.kernel, conv.kernel, conv.inputs, conv.outputs];
        let mut add =
            |part: &str, buffer: bool, range: &std::ops::Range<usize>, shape: &[usize]| {
                let place = Place { buffer, range: range.clone(), shape: shape.to_vec() };
                places.push((format!("{}.{part}", unit.name), place));
            };
        add("weight", false, &unit.weight, &shape);
        add("gamma", false, &unit.gamma, &[conv.outputs]);
        add("beta", false, &unit.beta, &[conv.outputs]);
        add("mean", true, &unit.mean, &[conv.outputs]);
        add("variance", true, &unit.variance, &[conv.outputs]);
    }
    let output = &structure.output;
    let shape = vec![1, 1, output.conv.inputs, output.conv.outputs];
    let weight = Place { buffer: false, range: output.weight.clone(), shape };
    let shape = vec![output.conv.outputs];
    let bias = Place { buffer: false, range: output.bias.clone(), shape };
    places.push(("output.weight".into(), weight));
    places.push(("output.bias".into(), bias));
    places
}

fn read_bounded(path: &Path, limit: u64) -> std::result::Result<Vec<u8>, String> {
    let size = fs::metadata(path).map_err(|e| e.to_string())?.len();
    if size > limit {
        return Err(format!("it has {size} bytes, more than a model of this executor can have"));
    }
    fs::read(path).map_err(|e| e.to_string())
}
