use serde_json::{Value, json};
use ymir::{Name, Selection};

use super::strategy_name;
use crate::commands::iterate::Line;
use crate::output::{Table, metric};

/// What one loop reached.
#[derive(Debug, Clone)]
pub(crate) struct Curve {
    pub(crate) seed: u64,
    pub(crate) selection: Selection,
    pub(crate) project: Name,
    pub(crate) lines: Vec<Line>,
}

impl Curve {
    /// Returns the mean metric of the iterations after the first, which is the same for all ways to
    /// choose; of all of them if there is but one.
    pub(crate) fn mean(&self) -> Option<f64> {
        let skip = usize::from(self.lines.len() > 1);
        mean(self.lines.iter().skip(skip).map(|line| line.metric))
    }

    /// Returns the last metric.
    pub(crate) fn last(&self) -> Option<f64> {
        self.lines.last().map(|line| line.metric)
    }
}

/// The mean and the range of a metric over the seeds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Span {
    pub(crate) mean: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

/// Mined against random selection.
#[derive(Debug, Clone)]
pub(crate) struct Comparison {
    /// All loops.
    pub(crate) curves: Vec<Curve>,
}

impl Comparison {
    pub(crate) fn new(curves: Vec<Curve>) -> Self {
        Self { curves }
    }

    /// Returns the loops of one way to choose.
    pub(crate) fn of(&self, selection: Selection) -> impl Iterator<Item = &Curve> {
        self.curves.iter().filter(move |curve| curve.selection == selection)
    }

    /// Returns the seeds, in their order.
    pub(crate) fn seeds(&self) -> Vec<u64> {
        self.of(Selection::Mined).map(|curve| curve.seed).collect()
    }

    /// Returns how many iterations the longest loop has.
    pub(crate) fn iterations(&self) -> u32 {
        let last = self.curves.iter().filter_map(|curve| curve.lines.last());
        last.map(|line| line.iteration).max().unwrap_or(0)
    }

    /// Returns the metrics of an iteration over the seeds.
    pub(crate) fn span(&self, selection: Selection, iteration: u32) -> Option<Span> {
        span(self.lines(selection, iteration).map(|line| line.metric))
    }

    /// Returns the average precisions of a class in an iteration over the seeds.
    pub(crate) fn class_span(
        &self,
        selection: Selection,
        iteration: u32,
        class: &str,
    ) -> Option<Span> {
        let key = format!("AP50/{class}");
        span(self.lines(selection, iteration).filter_map(|line| line.metrics.get(&key).copied()))
    }

    /// Returns the labels that were bought by an iteration: the mean over the seeds.
    pub(crate) fn labels(&self, iteration: u32) -> f64 {
        let lines = self.curves.iter().flat_map(|curve| &curve.lines);
        mean(lines.filter(|l| l.iteration == iteration).map(|l| l.labels as f64)).unwrap_or(0.0)
    }

    /// Returns the mean over seeds and iterations of a way to choose.
    pub(crate) fn mean(&self, selection: Selection) -> Option<f64> {
        mean(self.of(selection).filter_map(Curve::mean))
    }

    /// Returns the loop that ended best; of equal ones the first.
    pub(crate) fn best(&self) -> Option<&Curve> {
        self.curves
            .iter()
            .filter(|curve| curve.last().is_some())
            .reduce(|best, curve| if curve.last() > best.last() { curve } else { best })
    }

    fn lines(&self, selection: Selection, iteration: u32) -> impl Iterator<Item = &Line> {
        let lines = self.of(selection).flat_map(|curve| &curve.lines);
        lines.filter(move |line| line.iteration == iteration)
    }

    /// Returns the comparison as people read it.
    pub(crate) fn text(&self) -> String {
        let mut table =
            Table::new(&[">iteration", ">labels", ">mined AP50", ">random AP50", ">difference"]);
        let difference = |mined: Option<f64>, random: Option<f64>| match (mined, random) {
            (Some(mined), Some(random)) => format!("{:+.3}", mined - random),
            _ => "–".to_owned(),
        };
        for iteration in 1..=self.iterations() {
            let of = |selection| self.span(selection, iteration).map(|span| span.mean);
            let (mined, random) = (of(Selection::Mined), of(Selection::Random));
            table.row([
                iteration.to_string(),
                format!("{:.0}", self.labels(iteration)),
                metric(mined),
                metric(random),
                difference(mined, random),
            ]);
        }
        let mut means = Table::new(&["", ">mined", ">random", ">difference"]);
        for seed in self.seeds() {
            let of = |selection| self.of(selection).find(|c| c.seed == seed).and_then(Curve::mean);
            let (mined, random) = (of(Selection::Mined), of(Selection::Random));
            let name = format!("seed {seed}");
            means.row([name, metric(mined), metric(random), difference(mined, random)]);
        }
        let (mined, random) = (self.mean(Selection::Mined), self.mean(Selection::Random));
        means.row([
            "all seeds".to_owned(),
            metric(mined),
            metric(random),
            difference(mined, random),
        ]);
        let count = self.seeds().len();
        format!(
            "Mean of {count} seeds\n{}\nMean of the iterations after the first, which is the same for both\n{}",
            table.render(),
            means.render()
        )
    }

    /// Returns the comparison as JSON.
    pub(crate) fn object(&self) -> Value {
        let both = [Selection::Mined, Selection::Random];
        let iteration = |iteration: u32| {
            let mut value = json!({ "iteration": iteration, "labels": self.labels(iteration) });
            for selection in both {
                value[strategy_name(selection)] = self
                    .span(selection, iteration)
                    .map(|span| json!({ "mean": span.mean, "min": span.min, "max": span.max }))
                    .into();
            }
            value
        };
        let seed = |seed: u64| {
            let mut value = json!({ "seed": seed });
            for selection in both {
                let curve = self.of(selection).find(|curve| curve.seed == seed);
                value[strategy_name(selection)] = json!(curve.and_then(Curve::mean));
            }
            value
        };
        json!({
            "iterations": (1..=self.iterations()).map(iteration).collect::<Vec<_>>(),
            "seeds": self.seeds().into_iter().map(seed).collect::<Vec<_>>(),
            "mined": self.mean(Selection::Mined),
            "random": self.mean(Selection::Random),
        })
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (count, sum) = values.fold((0_u32, 0.0), |(count, sum), value| (count + 1, sum + value));
    (count > 0).then(|| sum / f64::from(count))
}

fn span(values: impl Iterator<Item = f64>) -> Option<Span> {
    let values: Vec<f64> = values.collect();
    let mean = mean(values.iter().copied())?;
    let min = values.iter().copied().fold(f64::INFINITY, f64::min);
    let max = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    Some(Span { mean, min, max })
}
