use super::matching::{AREAS, Matched, Outcome, by_score};

/// The numbers of recall at which precision is read.
const RECALLS: usize = 101;

/// Precision and recall of one class.
pub(super) struct Curves {
    /// Average precision per area range and threshold; `None` where there is nothing to find.
    pub(super) precision: [Option<Vec<f64>>; 4],
    /// Recall per area range and threshold.
    pub(super) recall: [Option<Vec<f64>>; 4],
    /// Recall over all areas with 1 detection per image.
    pub(super) recall_at_1: Option<Vec<f64>>,
    /// Recall over all areas with 10 detections per image.
    pub(super) recall_at_10: Option<Vec<f64>>,
}

/// Computes precision and recall from the matches of one class.
pub(super) fn accumulate(matched: &Matched, thresholds: usize) -> Curves {
    let mut order: Vec<u32> = (0..matched.scores.len() as u32).collect();
    order.sort_by(|a, b| by_score(matched.scores[*a as usize], matched.scores[*b as usize]));
    let mut curve = Vec::with_capacity(order.len());
    let mut precision = [const { None }; 4];
    let mut recall = [const { None }; 4];
    for area in 0..AREAS.len() {
        if matched.positives[area] == 0 {
            continue;
        }
        let (mut precisions, mut recalls) = (Vec::new(), Vec::new());
        for threshold in 0..thresholds {
            let outcomes = Outcomes { matched, thresholds, area, threshold };
            let hits = outcomes.trace(&order, &mut curve);
            precisions.push(average_precision(&mut curve));
            recalls.push(hits as f64 / matched.positives[area] as f64);
        }
        precision[area] = Some(precisions);
        recall[area] = Some(recalls);
    }
    let recall_at = |limit: u32| {
        (matched.positives[0] > 0).then(|| {
            let hits =
                |threshold| Outcomes { matched, thresholds, area: 0, threshold }.hits_within(limit);
            (0..thresholds).map(|t| hits(t) as f64 / matched.positives[0] as f64).collect()
        })
    };
    Curves { precision, recall, recall_at_1: recall_at(1), recall_at_10: recall_at(10) }
}

/// The outcomes at one threshold and in one range of areas.
struct Outcomes<'a> {
    matched: &'a Matched,
    thresholds: usize,
    area: usize,
    threshold: usize,
}

impl Outcomes<'_> {
    fn get(&self, detection: usize) -> Outcome {
        let place = (detection * AREAS.len() + self.area) * self.thresholds + self.threshold;
        self.matched.outcomes[place]
    }

    /// Fills in the recall and the precision after each detection that is not ignored, and
    /// returns the number of hits.
    fn trace(&self, order: &[u32], curve: &mut Vec<(f64, f64)>) -> u64 {
        let positives = self.matched.positives[self.area] as f64;
        let (mut hits, mut misses) = (0u64, 0u64);
        curve.clear();
        for detection in order {
            match self.get(*detection as usize) {
                Outcome::Hit => hits += 1,
                Outcome::Miss => misses += 1,
                Outcome::Ignored => continue,
            }
            let tp = hits as f64;
            // The reference guards against 0 / 0 this way, and rounds alike.
            curve.push((tp / positives, tp / (misses as f64 + tp + f64::EPSILON)));
        }
        hits
    }

    fn hits_within(&self, limit: u32) -> usize {
        let ranks = self.matched.ranks.iter().enumerate();
        ranks.filter(|(i, rank)| **rank < limit && self.get(*i) == Outcome::Hit).count()
    }
}

/// Returns the mean of the interpolated precision at 101 recalls, from 0 to 1.
fn average_precision(curve: &mut [(f64, f64)]) -> f64 {
    for i in (1..curve.len()).rev() {
        curve[i - 1].1 = curve[i - 1].1.max(curve[i].1);
    }
    let mut at = 0;
    let mut sum = 0.0;
    for i in 0..RECALLS {
        let wanted = if i + 1 == RECALLS { 1.0 } else { i as f64 * 0.01 };
        while at < curve.len() && curve[at].0 < wanted {
            at += 1;
        }
        let Some((_, precision)) = curve.get(at) else { break };
        sum += precision;
    }
    sum / RECALLS as f64
}
