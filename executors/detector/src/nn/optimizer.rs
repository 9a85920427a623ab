//! AdamW (Loshchilov and Hutter 2019) with gradient clipping and a cosine schedule.

use super::params::Params;
use super::structure::Structure;

const BETA1: f32 = 0.9;
const BETA2: f32 = 0.99;
const EPSILON: f32 = 1e-8;
/// Longest gradient, as a Euclidean norm, that is used as it is.
const CLIP: f64 = 5.0;
/// Steps over which the learning rate rises from zero.
const WARM_UP: usize = 20;
/// Longest memory, in steps, of the average of the weights is `1 / (1 − decay)`.
const AVERAGE_DECAY: f32 = 0.99;

/// State of the optimiser, with an exponential moving average of the weights.
#[derive(Debug)]
pub struct Optimizer {
    first: Vec<f32>,
    second: Vec<f32>,
    decays: Vec<bool>,
    step: usize,
    steps: usize,
    learning_rate: f32,
    weight_decay: f32,
    averaged: Params,
}

impl Optimizer {
    /// Returns the optimiser for `steps` steps from `params`.
    pub fn new(
        structure: &Structure,
        params: &Params,
        steps: usize,
        learning_rate: f32,
        weight_decay: f32,
    ) -> Self {
        let len = params.values.len();
        let mut decays = vec![false; len];
        let weights = structure.units.iter().map(|unit| unit.weight.clone());
        for range in weights.chain([structure.output.weight.clone()]) {
            decays[range].fill(true);
        }
        Self {
            first: vec![0.0; len],
            second: vec![0.0; len],
            decays,
            step: 0,
            steps,
            learning_rate,
            weight_decay,
            averaged: params.clone(),
        }
    }

    /// Returns the averaged weights, which are better than the last ones.
    pub fn averaged(&self) -> &Params {
        &self.averaged
    }

    /// Returns the learning rate of the coming step.
    fn rate(&self) -> f32 {
        let warm_up = WARM_UP.min(self.steps / 4);
        let rise = ((self.step + 1) as f32 / (warm_up + 1) as f32).min(1.0);
        let progress = self.step as f32 / self.steps.max(1) as f32;
        self.learning_rate * rise * 0.5 * (1.0 + (std::f32::consts::PI * progress).cos())
    }

    /// Changes `params` by one step along `gradient`, and the average with them.
    pub fn step(&mut self, params: &mut Params, gradient: &[f32]) {
        let rate = self.rate();
        self.step += 1;
        let norm = gradient.iter().map(|g| f64::from(*g) * f64::from(*g)).sum::<f64>().sqrt();
        let scale = if norm > CLIP { (CLIP / norm) as f32 } else { 1.0 };
        let correct1 = 1.0 - BETA1.powi(self.step as i32);
        let correct2 = 1.0 - BETA2.powi(self.step as i32);
        let moments = self.first.iter_mut().zip(&mut self.second);
        let values = params.values.iter_mut().zip(gradient).zip(moments).zip(&self.decays);
        for (((value, gradient), (first, second)), decays) in values {
            let gradient = gradient * scale;
            *first += (1.0 - BETA1) * (gradient - *first);
            *second += (1.0 - BETA2) * (gradient * gradient - *second);
            let update = (*first / correct1) / ((*second / correct2).sqrt() + EPSILON);
            let decay = if *decays { self.weight_decay * *value } else { 0.0 };
            *value -= rate * (update + decay);
        }
        // Early on, the average must forget the first weights faster than its final memory does.
        let decay = AVERAGE_DECAY.min((1.0 + self.step as f32) / (10.0 + self.step as f32));
        self.averaged.average(params, decay);
    }
}
