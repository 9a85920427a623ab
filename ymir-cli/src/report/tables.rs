use ymir::Selection;

use super::html::{escape, table};
use crate::demo::{Comparison, Span, strategy_name};
use crate::output::{metric, seconds};

const BOTH: [Selection; 2] = [Selection::Mined, Selection::Random];

/// Returns the table of the means over the seeds.
pub(super) fn means(comparison: &Comparison) -> String {
    let seeds = comparison.seeds().len();
    let headings = ["Iteration", "Labels", "Mined", "Random", "Difference"].map(str::to_owned);
    let mut rows = Vec::new();
    for iteration in 1..=comparison.iterations() {
        let [mined, random] = BOTH.map(|selection| comparison.span(selection, iteration));
        rows.push(vec![
            iteration.to_string(),
            format!("{:.0}", comparison.labels(iteration)),
            range(mined, seeds),
            range(random, seeds),
            difference(mined.map(|span| span.mean), random.map(|span| span.mean)),
        ]);
    }
    table(&format!("AP at IoU 0.5, mean of {seeds} seeds (lowest to highest)"), &headings, &rows)
}

/// Returns the table of the means over the iterations, a row for each seed.
pub(super) fn seeds(comparison: &Comparison) -> String {
    let headings = ["Seed", "Mined", "Random", "Difference"].map(str::to_owned);
    let mut rows = Vec::new();
    for seed in comparison.seeds() {
        let [mined, random] = BOTH.map(|selection| {
            comparison.of(selection).find(|curve| curve.seed == seed).and_then(|curve| curve.mean())
        });
        rows.push(vec![seed.to_string(), metric(mined), metric(random), difference(mined, random)]);
    }
    let [mined, random] = BOTH.map(|selection| comparison.mean(selection));
    rows.push(vec!["all".to_owned(), metric(mined), metric(random), difference(mined, random)]);
    table("Mean AP at IoU 0.5 of the iterations after the first", &headings, &rows)
}

/// Returns the table of the average precision per class, mined over random.
pub(super) fn classes(comparison: &Comparison, classes: &[String]) -> String {
    let mut headings = vec!["Class".to_owned()];
    let iterations = 1..=comparison.iterations();
    headings.extend(iterations.clone().map(|n| format!("{:.0} labels", comparison.labels(n))));
    let mut rows = Vec::new();
    for class in classes {
        for selection in BOTH {
            let name = strategy_name(selection);
            let mut row = vec![format!("{} <span class=\"quiet\">{name}</span>", escape(class))];
            let span = |n| comparison.class_span(selection, n, class).map(|span| span.mean);
            row.extend(iterations.clone().map(|n| metric(span(n))));
            rows.push(row);
        }
    }
    table("AP at IoU 0.5 per class, mean of the seeds", &headings, &rows)
}

/// Returns the table of every iteration of every loop.
pub(super) fn iterations(comparison: &Comparison) -> String {
    let headings = ["Loop", "Iteration", "Labels", "AP50", "AP", "Time"].map(str::to_owned);
    let mut rows = Vec::new();
    for curve in &comparison.curves {
        for line in &curve.lines {
            rows.push(vec![
                escape(curve.project.as_str()),
                line.iteration.to_string(),
                line.labels.to_string(),
                metric(Some(line.metric)),
                metric(line.metrics.get("AP").copied()),
                seconds(line.seconds),
            ]);
        }
    }
    table("Every iteration of every loop", &headings, &rows)
}

fn range(span: Option<Span>, seeds: usize) -> String {
    match span {
        Some(span) if seeds > 1 => {
            format!("{:.3} <span class=\"quiet\">{:.3}–{:.3}</span>", span.mean, span.min, span.max)
        }
        span => metric(span.map(|span| span.mean)),
    }
}

fn difference(mined: Option<f64>, random: Option<f64>) -> String {
    match (mined, random) {
        (Some(mined), Some(random)) => {
            let difference = mined - random;
            let class = match difference {
                difference if difference >= 0.0005 => "up",
                difference if difference <= -0.0005 => "down",
                _ => return "0.000".to_owned(),
            };
            let sign = if difference > 0.0 { '+' } else { '\u{2212}' };
            format!("<span class=\"{class}\">{sign}{:.3}</span>", difference.abs())
        }
        _ => "–".to_owned(),
    }
}
