//! Targets and loss.
//!
//! The class heat at a cell is a Gaussian around each box's centre (Zhou et al. 2019, Objects as
//! Points), learnt with the quality focal loss (Li et al. 2020). Cells near a centre also learn
//! the box: smooth L1 on centre offset and log size, and `1 − IoU` (Yu et al. 2016).

use rayon::prelude::*;

use super::boxes::Truth;
use crate::nn::map::Map;
use crate::nn::structure::{BOX_CHANNELS, STRIDE};

/// Standard deviation of the heat, as a part of the box's side.
const HEAT_SIGMA: f32 = 0.15;
/// Smallest standard deviation of the heat, in cells.
const HEAT_SIGMA_MIN: f32 = 0.6;
/// Cells with at least this heat learn the box.
const BOX_HEAT: f32 = 0.5;
/// Weight of the smooth L1 loss beside the class loss.
const L1_WEIGHT: f32 = 2.0;
/// Weight of the IoU loss beside the class loss.
const IOU_WEIGHT: f32 = 2.0;
/// Error below which smooth L1 is quadratic, in cells or log units.
const L1_KNEE: f32 = 0.1;
/// Log sizes, in cells, are read within this range, so that none overflows.
pub(super) const LOG_SIZE_RANGE: (f32, f32) = (-3.0, 5.0);

/// A value of the loss and its gradient with respect to the network's output.
#[derive(Debug)]
pub struct Loss {
    /// The loss per box.
    pub value: f32,
    /// The gradient, shaped like the output.
    pub gradient: Map,
}

/// What a cell should say about the box it belongs to, in cells.
#[derive(Debug, Clone, Copy)]
struct BoxTarget {
    /// Index of the box among those of the image, largest first.
    owner: usize,
    /// The heat at the cell, later divided by the sum over the box's cells.
    weight: f32,
    offset: [f32; 2],
    size: [f32; 2],
}

struct Targets {
    heat: Vec<f32>,
    boxes: Vec<Option<BoxTarget>>,
}

/// Returns the loss of `output` for a batch, given each image's boxes in pixels of the input.
pub fn loss(output: &Map, truths: &[Vec<Truth>], classes: usize) -> Loss {
    let targets: Vec<Targets> =
        truths.par_iter().map(|truths| Targets::new(output.h, output.w, truths, classes)).collect();
    let boxes: usize = truths.iter().map(Vec::len).sum();
    let box_weight: f32 =
        targets.iter().flat_map(|t| t.boxes.iter().flatten()).map(|b| b.weight).sum();
    let class_scale = 1.0 / boxes.max(1) as f32;
    let box_scale = 1.0 / box_weight.max(1.0);
    let mut gradient = output.zeros_like();
    let (rows, len, c) = (output.rows(), output.image_len(), output.c);
    let values: Vec<f64> = gradient
        .data_mut()
        .par_chunks_mut(len)
        .zip(&targets)
        .enumerate()
        .map(|(i, (gradient, target))| {
            let mut value = 0.0f64;
            let mut index = 0;
            for range in rows.ranges() {
                let cells = output.image(i)[range.clone()].chunks_exact(c);
                for (cell, gradient) in cells.zip(gradient[range].chunks_exact_mut(c)) {
                    let heat = &target.heat[index * classes..(index + 1) * classes];
                    let logits = &cell[BOX_CHANNELS..BOX_CHANNELS + classes];
                    for (k, (logit, heat)) in logits.iter().zip(heat).enumerate() {
                        let (v, g) = quality_focal(*logit, *heat);
                        value += f64::from(v * class_scale);
                        gradient[BOX_CHANNELS + k] = g * class_scale;
                    }
                    if let Some(target) = &target.boxes[index] {
                        let (v, g) = box_loss(cell, target);
                        let scale = target.weight * box_scale;
                        value += f64::from(v * scale);
                        for (gradient, g) in gradient.iter_mut().zip(g) {
                            *gradient = g * scale;
                        }
                    }
                    index += 1;
                }
            }
            value
        })
        .collect();
    Loss { value: values.iter().sum::<f64>() as f32, gradient }
}

impl Targets {
    fn new(h: usize, w: usize, truths: &[Truth], classes: usize) -> Self {
        let mut targets = Self { heat: vec![0.0; h * w * classes], boxes: vec![None; h * w] };
        // Where boxes share a cell, the hotter one has it; at a tie the later, which is smaller.
        let mut order: Vec<&Truth> = truths.iter().collect();
        order.sort_by(|a, b| b.rect.area().total_cmp(&a.rect.area()));
        for (owner, truth) in order.iter().enumerate() {
            targets.draw(h, w, truth, owner, classes);
        }
        targets.balance(order.len());
        targets
    }

    /// Gives all boxes the same weight, however many cells they have.
    fn balance(&mut self, boxes: usize) {
        let mut sums = vec![0.0; boxes];
        for target in self.boxes.iter().flatten() {
            sums[target.owner] += target.weight;
        }
        for target in self.boxes.iter_mut().flatten() {
            target.weight /= sums[target.owner];
        }
    }

    fn draw(&mut self, h: usize, w: usize, truth: &Truth, owner: usize, classes: usize) {
        let rect = truth.rect.scale(1.0 / STRIDE as f32);
        let size = [rect.width(), rect.height()];
        let center = [(rect.x0 + rect.x1) / 2.0, (rect.y0 + rect.y1) / 2.0];
        let sigma = size.map(|side| (HEAT_SIGMA * side).max(HEAT_SIGMA_MIN));
        let nearest =
            [(center[0].max(0.0) as usize).min(w - 1), (center[1].max(0.0) as usize).min(h - 1)];
        let [columns, rows] = [(0, w), (1, h)].map(|(axis, len)| {
            let reach = 3.0 * sigma[axis];
            let first = (center[axis] - reach).max(0.0) as usize;
            first.min(len)..((center[axis] + reach).max(0.0).ceil() as usize + 1).min(len)
        });
        for y in rows {
            for x in columns.clone() {
                let offset = [center[0] - (x as f32 + 0.5), center[1] - (y as f32 + 0.5)];
                let distance = (offset[0] / sigma[0]).powi(2) + (offset[1] / sigma[1]).powi(2);
                // The cell that holds the centre is fully hot, wherever in it the centre lies.
                let heat = if [x, y] == nearest { 1.0 } else { (-0.5 * distance).exp() };
                let cell = y * w + x;
                let best = &mut self.heat[cell * classes + truth.class];
                *best = best.max(heat);
                let rival = self.boxes[cell].map_or(0.0, |b| b.weight);
                if heat >= BOX_HEAT && heat >= rival {
                    self.boxes[cell] = Some(BoxTarget { owner, weight: heat, offset, size });
                }
            }
        }
    }
}

/// Returns the quality focal loss `(t − p)² · BCE(p, t)` and its derivative by the logit.
fn quality_focal(logit: f32, target: f32) -> (f32, f32) {
    let exp = (-logit.abs()).exp();
    let p = if logit >= 0.0 { 1.0 / (1.0 + exp) } else { exp / (1.0 + exp) };
    let entropy = logit.max(0.0) + exp.ln_1p() - target * logit;
    let error = target - p;
    let gradient = -error.powi(3) - 2.0 * error * p * (1.0 - p) * entropy;
    (error * error * entropy, gradient)
}

/// Returns the loss of one cell's box and its derivative by the four box channels.
fn box_loss(cell: &[f32], target: &BoxTarget) -> (f32, [f32; BOX_CHANNELS]) {
    let wanted = [target.offset[0], target.offset[1], target.size[0].ln(), target.size[1].ln()];
    let mut value = 0.0;
    let mut gradient = [0.0; BOX_CHANNELS];
    for (k, wanted) in wanted.into_iter().enumerate() {
        let (v, g) = smooth_l1(cell[k] - wanted);
        value += L1_WEIGHT * v;
        gradient[k] += L1_WEIGHT * g;
    }
    let (v, g) = iou_loss(cell, target);
    value += IOU_WEIGHT * v;
    for (gradient, g) in gradient.iter_mut().zip(g) {
        *gradient += IOU_WEIGHT * g;
    }
    (value, gradient)
}

fn smooth_l1(error: f32) -> (f32, f32) {
    if error.abs() < L1_KNEE {
        (0.5 * error * error / L1_KNEE, error / L1_KNEE)
    } else {
        (error.abs() - 0.5 * L1_KNEE, error.signum())
    }
}

/// Returns `1 − IoU` of a cell's box with its target and the derivative by the box channels.
fn iou_loss(cell: &[f32], target: &BoxTarget) -> (f32, [f32; BOX_CHANNELS]) {
    let mut overlap = [0.0f32; 2];
    // Derivatives of the overlap's side by the offset and by the log size.
    let mut by_offset = [0.0f32; 2];
    let mut by_log = [0.0f32; 2];
    let mut side = [0.0f32; 2];
    for axis in 0..2 {
        let log = cell[2 + axis].clamp(LOG_SIZE_RANGE.0, LOG_SIZE_RANGE.1);
        side[axis] = log.exp();
        let (low, high) = (cell[axis] - side[axis] / 2.0, cell[axis] + side[axis] / 2.0);
        let goal_low = target.offset[axis] - target.size[axis] / 2.0;
        let goal_high = target.offset[axis] + target.size[axis] / 2.0;
        overlap[axis] = high.min(goal_high) - low.max(goal_low);
        let (inner_high, inner_low) = (high < goal_high, low > goal_low);
        by_offset[axis] = f32::from(inner_high) - f32::from(inner_low);
        let half = side[axis] / 2.0 * f32::from(cell[2 + axis] == log);
        by_log[axis] = half * (f32::from(inner_high) + f32::from(inner_low));
    }
    if overlap[0] <= 0.0 || overlap[1] <= 0.0 {
        return (1.0, [0.0; BOX_CHANNELS]);
    }
    let common = overlap[0] * overlap[1];
    let area = side[0] * side[1];
    let union = area + target.size[0] * target.size[1] - common;
    let iou = common / union;
    // d iou = ((union + common) · d common − common · d area) / union²
    let common_weight = (union + common) / (union * union);
    let area_weight = common / (union * union);
    let mut gradient = [0.0; BOX_CHANNELS];
    for axis in 0..2 {
        let other = overlap[1 - axis];
        gradient[axis] = -common_weight * other * by_offset[axis];
        gradient[2 + axis] = -common_weight * other * by_log[axis] + area_weight * area;
    }
    (1.0 - iou, gradient)
}
