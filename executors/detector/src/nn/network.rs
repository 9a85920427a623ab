//! The network: forward in training and inference, backward.

use super::conv::ConvShape;
use super::elementwise as ew;
use super::map::Map;
use super::norm::{self, BatchStats, EPSILON};
use super::params::Params;
use super::structure::{Op, Structure};

/// Weight of a batch in the running statistics.
const STATS_MOMENTUM: f32 = 0.05;

/// What a training forward pass leaves for the backward pass.
#[derive(Debug)]
pub struct Trace {
    maps: Vec<Map>,
    normalized: Vec<(Map, BatchStats)>,
}

impl Trace {
    /// Returns the network's output, `n × h/8 × w/8` cells.
    pub fn output(&self) -> &Map {
        &self.maps[self.maps.len() - 1]
    }
}

impl Structure {
    /// Runs the network on a batch with the batch's own statistics, and updates the running ones.
    pub fn forward_train(&self, params: &mut Params, input: Map) -> Trace {
        let mut input = Some(input);
        let mut trace = Trace { maps: Vec::new(), normalized: Vec::new() };
        for op in &self.ops {
            let maps = &trace.maps;
            let map = match *op {
                Op::Input => input.take().unwrap_or_default(),
                Op::Unit { unit, x, relu } => {
                    let unit = &self.units[unit];
                    let weights = &params.values[unit.weight.clone()];
                    let z = unit.conv.forward(&maps[x], weights, None, false);
                    let stats = norm::batch_stats(&z);
                    let gamma = &params.values[unit.gamma.clone()];
                    let y =
                        norm::forward(&z, &stats, gamma, &params.values[unit.beta.clone()], relu);
                    blend(&mut params.buffers[unit.mean.clone()], &stats.mean);
                    blend(&mut params.buffers[unit.variance.clone()], &stats.variance);
                    trace.normalized.push((z, stats));
                    y
                }
                Op::AddRelu { a, b } => ew::add_relu(&maps[a], &maps[b]),
                Op::UpsampleAdd { coarse, fine } => ew::upsample_add(&maps[coarse], &maps[fine]),
                Op::Output { x } => self.forward_output(params, &maps[x]),
            };
            trace.maps.push(map);
        }
        trace
    }

    fn forward_output(&self, params: &Params, x: &Map) -> Map {
        let weights = &params.values[self.output.weight.clone()];
        let bias = &params.values[self.output.bias.clone()];
        self.output.conv.forward(x, weights, Some(bias), false)
    }

    /// Returns the gradient of the parameters, given that of the output.
    pub fn backward(&self, params: &Params, trace: &Trace, d_output: Map) -> Vec<f32> {
        let mut gradient = vec![0.0; self.parameters];
        let mut pending: Vec<Option<Map>> = self.ops.iter().map(|_| None).collect();
        let last = self.ops.len() - 1;
        pending[last] = Some(d_output);
        for (index, op) in self.ops.iter().enumerate().rev() {
            let Some(mut dy) = pending[index].take() else { continue };
            match *op {
                Op::Input => {}
                Op::Unit { unit, x, relu } => {
                    let y = relu.then(|| &trace.maps[index]);
                    let input = &trace.maps[x];
                    self.backward_unit(params, trace, unit, y, &mut dy, input, &mut gradient);
                    if !matches!(self.ops[x], Op::Input) {
                        let unit = &self.units[unit];
                        let weights = &params.values[unit.weight.clone()];
                        add(&mut pending[x], unit.conv.backward_input(input, weights, &dy));
                    }
                }
                Op::AddRelu { a, b } => {
                    ew::relu_backward(&trace.maps[index], &mut dy);
                    add(&mut pending[a], dy.clone());
                    add(&mut pending[b], dy);
                }
                Op::UpsampleAdd { coarse, fine } => {
                    add(&mut pending[coarse], ew::upsample_backward(&trace.maps[coarse], &dy));
                    add(&mut pending[fine], dy);
                }
                Op::Output { x } => {
                    let dx = self.backward_output(params, &trace.maps[x], &dy, &mut gradient);
                    add(&mut pending[x], dx);
                }
            }
        }
        gradient
    }

    #[allow(clippy::too_many_arguments)]
    fn backward_unit(
        &self,
        params: &Params,
        trace: &Trace,
        unit: usize,
        y: Option<&Map>,
        dy: &mut Map,
        x: &Map,
        gradient: &mut [f32],
    ) {
        let (z, stats) = &trace.normalized[unit];
        let unit = &self.units[unit];
        let grads = norm::backward(z, stats, &params.values[unit.gamma.clone()], y, dy);
        gradient[unit.gamma.clone()].copy_from_slice(&grads.gamma);
        gradient[unit.beta.clone()].copy_from_slice(&grads.beta);
        unit.conv.backward_weight(x, dy, &mut gradient[unit.weight.clone()]);
    }

    fn backward_output(&self, params: &Params, x: &Map, dy: &Map, gradient: &mut [f32]) -> Map {
        let output = &self.output;
        output.conv.backward_weight(x, dy, &mut gradient[output.weight.clone()]);
        let bias = &mut gradient[output.bias.clone()];
        for i in 0..dy.n {
            for y in 0..dy.h {
                for cell in dy.row(i, y).chunks_exact(dy.c) {
                    for (sum, value) in bias.iter_mut().zip(cell) {
                        *sum += value;
                    }
                }
            }
        }
        output.conv.backward_input(x, &params.values[output.weight.clone()], dy)
    }
}

fn blend(running: &mut [f32], batch: &[f32]) {
    for (running, batch) in running.iter_mut().zip(batch) {
        *running += STATS_MOMENTUM * (batch - *running);
    }
}

fn add(pending: &mut Option<Map>, gradient: Map) {
    match pending {
        Some(sum) => ew::accumulate(sum, &gradient),
        None => *pending = Some(gradient),
    }
}

/// A network ready for inference: normalisation folded into the convolutions.
#[derive(Debug)]
pub struct Frozen {
    ops: Vec<Op>,
    convs: Vec<(ConvShape, Vec<f32>, Vec<f32>)>,
    output: (ConvShape, Vec<f32>, Vec<f32>),
}

impl Frozen {
    /// Folds the running statistics of `params` into its weights.
    pub fn new(structure: &Structure, params: &Params) -> Self {
        let convs = structure
            .units
            .iter()
            .map(|unit| {
                let outputs = unit.conv.outputs;
                let scale: Vec<f32> = params.values[unit.gamma.clone()]
                    .iter()
                    .zip(&params.buffers[unit.variance.clone()])
                    .map(|(gamma, variance)| gamma / (variance + EPSILON).sqrt())
                    .collect();
                let weights = params.values[unit.weight.clone()]
                    .chunks(outputs)
                    .flat_map(|row| row.iter().zip(&scale).map(|(w, s)| w * s))
                    .collect();
                let bias = params.values[unit.beta.clone()]
                    .iter()
                    .zip(&params.buffers[unit.mean.clone()])
                    .zip(&scale)
                    .map(|((beta, mean), scale)| beta - mean * scale)
                    .collect();
                (unit.conv, weights, bias)
            })
            .collect();
        let output = &structure.output;
        Self {
            ops: structure.ops.clone(),
            convs,
            output: (
                output.conv,
                params.values[output.weight.clone()].to_vec(),
                params.values[output.bias.clone()].to_vec(),
            ),
        }
    }

    /// Returns the output for a batch of pictures, `n × h/8 × w/8` cells.
    pub fn forward(&self, input: Map) -> Map {
        let mut input = Some(input);
        let mut maps: Vec<Map> = Vec::with_capacity(self.ops.len());
        for op in &self.ops {
            let map = match *op {
                Op::Input => input.take().unwrap_or_default(),
                Op::Unit { unit, x, relu } => {
                    let (conv, weights, bias) = &self.convs[unit];
                    conv.forward(&maps[x], weights, Some(bias), relu)
                }
                Op::AddRelu { a, b } => ew::add_relu(&maps[a], &maps[b]),
                Op::UpsampleAdd { coarse, fine } => ew::upsample_add(&maps[coarse], &maps[fine]),
                Op::Output { x } => {
                    let (conv, weights, bias) = &self.output;
                    conv.forward(&maps[x], weights, Some(bias), false)
                }
            };
            maps.push(map);
        }
        maps.pop().unwrap_or_default()
    }
}
