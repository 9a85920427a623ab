use std::cmp::Ordering;

use ymir_core::BBox;

use super::collect::{ClassBoxes, Detection, Truth};

/// The ranges of the area of an object that are looked at: all, small, medium, large.
pub(super) const AREAS: [(f64, f64); 4] =
    [(0.0, 1e10), (0.0, 1024.0), (1024.0, 9216.0), (9216.0, 1e10)];

/// What became of a detection at one threshold and in one range of areas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Hit,
    Miss,
    Ignored,
}

/// The detections of one class that count, matched; image after image, in each by falling score.
pub(super) struct Matched {
    pub(super) scores: Vec<f64>,
    /// The place of the detection among those of its image, from 0.
    pub(super) ranks: Vec<u32>,
    /// For each detection [`AREAS`] × thresholds.
    pub(super) outcomes: Vec<Outcome>,
    /// The objects to be found in each range of areas.
    pub(super) positives: [u64; 4],
}

/// Matches the detections of one class with its ground truth, image by image.
pub(super) fn match_class(boxes: &ClassBoxes, thresholds: &[f64], max: usize) -> Matched {
    let mut matched = Matched {
        scores: Vec::with_capacity(boxes.detections.len()),
        ranks: Vec::with_capacity(boxes.detections.len()),
        outcomes: Vec::new(),
        positives: [0; 4],
    };
    let (mut truths, mut detections) = (&boxes.truths[..], &boxes.detections[..]);
    let mut scratch = Scratch::default();
    loop {
        let next = truths.first().map(|t| t.image).into_iter();
        let Some(image) = next.chain(detections.first().map(|d| d.image)).min() else { break };
        let (here, rest) = truths.split_at(truths.partition_point(|t| t.image == image));
        truths = rest;
        let (found, rest) = detections.split_at(detections.partition_point(|d| d.image == image));
        detections = rest;
        scratch.match_image(here, found, thresholds, max, &mut matched);
    }
    matched
}

/// Orders by falling score; what is not a number comes last, as NumPy sorts it.
pub(super) fn by_score(a: f64, b: f64) -> Ordering {
    b.partial_cmp(&a).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

/// The buffers of one image, kept for the next.
#[derive(Default)]
pub(super) struct Scratch {
    order: Vec<usize>,
    ious: Vec<f64>,
    truths: Vec<(usize, bool)>,
    taken: Vec<bool>,
}

impl Scratch {
    fn match_image(
        &mut self,
        truths: &[Truth],
        detections: &[Detection],
        thresholds: &[f64],
        max: usize,
        matched: &mut Matched,
    ) {
        self.rank(truths, detections, max);
        let first = matched.outcomes.len();
        let per_detection = AREAS.len() * thresholds.len();
        matched.outcomes.resize(first + self.order.len() * per_detection, Outcome::Miss);
        for (rank, d) in self.order.iter().enumerate() {
            matched.scores.push(detections[*d].score);
            matched.ranks.push(rank as u32);
        }
        for (a, range) in AREAS.iter().enumerate() {
            self.sort_truths(truths, *range);
            matched.positives[a] += self.truths.iter().filter(|(_, ignore)| !ignore).count() as u64;
            for (t, threshold) in thresholds.iter().enumerate() {
                self.taken.clear();
                self.taken.resize(truths.len(), false);
                for rank in 0..self.order.len() {
                    let area = detections[self.order[rank]].bbox.area();
                    let outcome = self.match_one(truths, rank, *threshold);
                    let outcome = outcome.unwrap_or_else(|| match outside(area, *range) {
                        true => Outcome::Ignored,
                        false => Outcome::Miss,
                    });
                    let place = first + rank * per_detection + a * thresholds.len() + t;
                    matched.outcomes[place] = outcome;
                }
            }
        }
    }

    /// Matches the detections of one class on one image at one threshold, whatever their areas.
    /// Returns what became of each, and tells of each object whether it was left over.
    pub(super) fn mark_image(
        &mut self,
        truths: &[Truth],
        detections: &[Detection],
        threshold: f64,
    ) -> (Vec<Outcome>, Vec<bool>) {
        self.rank(truths, detections, detections.len());
        self.sort_truths(truths, AREAS[0]);
        self.taken.clear();
        self.taken.resize(truths.len(), false);
        let mut outcomes = vec![Outcome::Miss; detections.len()];
        for rank in 0..self.order.len() {
            if let Some(outcome) = self.match_one(truths, rank, threshold) {
                outcomes[self.order[rank]] = outcome;
            }
        }
        let left = |(truth, taken): (&Truth, &bool)| !truth.ignore && !taken;
        (outcomes, truths.iter().zip(&self.taken).map(left).collect())
    }

    /// Orders the detections by their scores, up to a number, and compares each with each object.
    fn rank(&mut self, truths: &[Truth], detections: &[Detection], max: usize) {
        self.order.clear();
        self.order.extend(0..detections.len());
        self.order.sort_by(|a, b| by_score(detections[*a].score, detections[*b].score));
        self.order.truncate(max);
        self.ious.clear();
        for d in &self.order {
            self.ious.extend(truths.iter().map(|truth| iou(&detections[*d].bbox, truth)));
        }
    }

    /// Puts the objects that are to be found in front of those that are ignored.
    fn sort_truths(&mut self, truths: &[Truth], range: (f64, f64)) {
        let ignored = |truth: &Truth| truth.ignore || outside(truth.bbox.area(), range);
        self.truths.clear();
        self.truths.extend(truths.iter().enumerate().map(|(g, truth)| (g, ignored(truth))));
        self.truths.sort_by_key(|(_, ignore)| *ignore);
    }

    /// Takes the best object that is left for a detection; `None` if there is none. Of equal ones
    /// the last wins, and an ignored one only if no other fits: that is how the reference does it.
    fn match_one(&mut self, truths: &[Truth], rank: usize, threshold: f64) -> Option<Outcome> {
        let ious = &self.ious[rank * truths.len()..(rank + 1) * truths.len()];
        let mut best = threshold.min(1.0 - 1e-10);
        let mut found: Option<(usize, bool)> = None;
        for (g, ignore) in &self.truths {
            if self.taken[*g] && !truths[*g].crowd {
                continue;
            }
            if *ignore && found.is_some_and(|(_, ignored)| !ignored) {
                break;
            }
            if ious[*g] < best {
                continue;
            }
            best = ious[*g];
            found = Some((*g, *ignore));
        }
        let (g, ignore) = found?;
        self.taken[g] = true;
        Some(if ignore { Outcome::Ignored } else { Outcome::Hit })
    }
}

fn outside(area: f64, range: (f64, f64)) -> bool {
    area < range.0 || area > range.1
}

/// Returns the intersection over union; with a crowd over the detection's own area.
fn iou(detection: &BBox, truth: &Truth) -> f64 {
    if !truth.crowd {
        return detection.iou(&truth.bbox);
    }
    let (d, g) = (detection, &truth.bbox);
    let w = (d.w + d.x).min(g.w + g.x) - d.x.max(g.x);
    let h = (d.h + d.y).min(g.h + g.y) - d.y.max(g.y);
    if w <= 0.0 || h <= 0.0 { 0.0 } else { w * h / d.area() }
}
