//! From the network's output to detections.

use super::boxes::{Detection, Rect};
use super::loss::LOG_SIZE_RANGE;
use crate::nn::map::Map;
use crate::nn::structure::{BOX_CHANNELS, STRIDE};

/// Most candidates of an image that go into the suppression of overlaps.
const MAX_CANDIDATES: usize = 1000;
/// Most detections of an image.
const MAX_DETECTIONS: usize = 300;

/// How to read detections off the output.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DecodeOptions {
    /// Smallest score.
    pub score_threshold: f32,
    /// Detections of one class that overlap a better one by more than this IoU are dropped.
    pub nms_iou: f32,
}

/// Returns the detections of image `i`, best first, in pixels of the network's input.
pub fn decode(output: &Map, i: usize, classes: usize, options: DecodeOptions) -> Vec<Detection> {
    let mut candidates = Vec::new();
    for y in 0..output.h {
        for (x, cell) in output.row(i, y).chunks_exact(output.c).enumerate() {
            collect(cell, x, y, classes, options.score_threshold, &mut candidates);
        }
    }
    // The sort is stable, so equal scores stay in the order of the cells.
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
    candidates.truncate(MAX_CANDIDATES);
    suppress(candidates, options.nms_iou)
}

fn collect(
    cell: &[f32],
    x: usize,
    y: usize,
    classes: usize,
    threshold: f32,
    candidates: &mut Vec<Detection>,
) {
    let logits = &cell[BOX_CHANNELS..BOX_CHANNELS + classes];
    let limit = (threshold / (1.0 - threshold)).ln();
    if !logits.iter().any(|logit| *logit >= limit) {
        return;
    }
    let stride = STRIDE as f32;
    let center = [x as f32 + 0.5 + cell[0], y as f32 + 0.5 + cell[1]];
    let half =
        [cell[2], cell[3]].map(|log| log.clamp(LOG_SIZE_RANGE.0, LOG_SIZE_RANGE.1).exp() / 2.0);
    let rect = Rect {
        x0: (center[0] - half[0]) * stride,
        y0: (center[1] - half[1]) * stride,
        x1: (center[0] + half[0]) * stride,
        y1: (center[1] + half[1]) * stride,
    };
    for (class, logit) in logits.iter().enumerate().filter(|(_, logit)| **logit >= limit) {
        let others = logits.iter().enumerate().filter(|(other, _)| *other != class);
        let runner_up = others.map(|(_, logit)| sigmoid(*logit)).fold(0.0, f32::max);
        candidates.push(Detection { rect, class, score: sigmoid(*logit), runner_up });
    }
}

fn sigmoid(logit: f32) -> f32 {
    1.0 / (1.0 + (-logit).exp())
}

/// Keeps, best first, the candidates that no better one of their class covers.
fn suppress(candidates: Vec<Detection>, nms_iou: f32) -> Vec<Detection> {
    let mut kept: Vec<Detection> = Vec::new();
    for candidate in candidates {
        let covered = |other: &Detection| {
            other.class == candidate.class && other.rect.iou(&candidate.rect) > nms_iou
        };
        if !kept.iter().any(covered) {
            kept.push(candidate);
            if kept.len() == MAX_DETECTIONS {
                break;
            }
        }
    }
    kept
}
