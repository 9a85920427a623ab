use std::fmt::Write;

use ymir::Selection;

use crate::demo::{Comparison, Span};

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 124.0;
const TOP: f64 = 16.0;
const BOTTOM: f64 = 48.0;

/// One line of the chart: labels bought, and the metric there.
struct Series {
    name: &'static str,
    points: Vec<(f64, Span)>,
}

/// Returns the chart of the metric over the labels bought, a line for each way to choose, with a
/// band from the lowest to the highest seed.
pub(super) fn curve(comparison: &Comparison) -> String {
    let series = [
        series(comparison, Selection::Random, "random"),
        series(comparison, Selection::Mined, "mined"),
    ];
    let spans = || series.iter().flat_map(|series| &series.points);
    if spans().next().is_none() {
        return "<p>No iteration is finished.</p>\n".to_owned();
    }
    let x_min = spans().map(|(x, _)| *x).fold(f64::INFINITY, f64::min);
    let x_max = spans().map(|(x, _)| *x).fold(0.0, f64::max).max(x_min + 1.0);
    let highest = spans().map(|(_, span)| span.max).fold(0.05, f64::max);
    let step = if highest > 0.5 {
        0.2
    } else if highest > 0.2 {
        0.1
    } else {
        0.02
    };
    let scale = Scale { x_min, x_max, y_max: (highest / step).ceil() * step };
    let mut svg = format!(
        "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">",
        words(comparison)
    );
    axes(&mut svg, &scale, step, &ticks(comparison));
    for series in &series {
        draw(&mut svg, &scale, series);
    }
    names(&mut svg, &scale, &series);
    svg.push_str("</svg>\n");
    svg
}

struct Scale {
    x_min: f64,
    x_max: f64,
    y_max: f64,
}

impl Scale {
    fn x(&self, labels: f64) -> f64 {
        let part = (labels - self.x_min) / (self.x_max - self.x_min);
        LEFT + part * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, metric: f64) -> f64 {
        HEIGHT - BOTTOM - metric / self.y_max * (HEIGHT - TOP - BOTTOM)
    }
}

fn series(comparison: &Comparison, selection: Selection, name: &'static str) -> Series {
    let iterations = 1..=comparison.iterations();
    let point = |n| Some((comparison.labels(n), comparison.span(selection, n)?));
    Series { name, points: iterations.filter_map(point).collect() }
}

/// Returns the places of the iterations on the axis; not all where there are many.
fn ticks(comparison: &Comparison) -> Vec<f64> {
    let count = comparison.iterations();
    let every = count.div_ceil(12).max(1) as usize;
    (1..=count).step_by(every).map(|n| comparison.labels(n)).collect()
}

// Writing to a String cannot fail, so the results of `write!` below are not looked at.

fn axes(svg: &mut String, scale: &Scale, step: f64, ticks: &[f64]) {
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    for i in 0..=(scale.y_max / step).round() as u32 {
        let value = f64::from(i) * step;
        let y = scale.y(value);
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\"/>\
             <text class=\"axis\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{value:.*}</text>",
            LEFT - 8.0,
            y + 4.0,
            if step < 0.1 { 2 } else { 1 },
        );
    }
    for labels in ticks {
        let x = scale.x(*labels);
        let _ = write!(
            svg,
            "<text class=\"axis\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{labels:.0}</text>",
            bottom + 18.0,
        );
    }
    let _ = write!(
        svg,
        "<text class=\"axis\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">labeled images</text>\
         <text class=\"axis\" transform=\"translate(14 {:.1}) rotate(-90)\" text-anchor=\"middle\">AP at IoU 0.5</text>",
        (LEFT + right) / 2.0,
        HEIGHT - 8.0,
        (TOP + bottom) / 2.0,
    );
}

fn draw(svg: &mut String, scale: &Scale, series: &Series) {
    let place = |(x, y): (f64, f64)| format!("{:.1},{:.1}", scale.x(x), scale.y(y));
    let upper = series.points.iter().map(|(x, span)| place((*x, span.max)));
    let lower = series.points.iter().rev().map(|(x, span)| place((*x, span.min)));
    let band: Vec<_> = upper.chain(lower).collect();
    let line: Vec<_> = series.points.iter().map(|(x, span)| place((*x, span.mean))).collect();
    let name = series.name;
    let _ = write!(
        svg,
        "<polygon class=\"band {name}\" points=\"{}\"/><polyline class=\"line {name}\" points=\"{}\"/>",
        band.join(" "),
        line.join(" ")
    );
    for (labels, span) in &series.points {
        let (x, y) = (scale.x(*labels), scale.y(span.mean));
        let title = format!(
            "<title>{name}, {labels:.0} labels: {:.3} ({:.3} to {:.3})</title>",
            span.mean, span.min, span.max
        );
        let _ = match name {
            "mined" => write!(
                svg,
                "<circle class=\"dot mined\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4.5\">{title}</circle>"
            ),
            _ => write!(
                svg,
                "<rect class=\"dot random\" x=\"{:.1}\" y=\"{:.1}\" width=\"8\" height=\"8\">{title}</rect>",
                x - 4.0,
                y - 4.0
            ),
        };
    }
}

/// Writes the names beside the ends of the lines, apart from each other.
fn names(svg: &mut String, scale: &Scale, series: &[Series]) {
    let mut ends: Vec<_> = series
        .iter()
        .filter_map(|series| Some((series, series.points.last()?)))
        .map(|(series, (x, span))| (series.name, scale.x(*x), scale.y(span.mean), span.mean))
        .collect();
    ends.sort_by(|a, b| a.2.total_cmp(&b.2));
    let mut last = f64::NEG_INFINITY;
    for (name, x, y, value) in ends {
        let y = (y + 4.0).max(last + 17.0);
        last = y;
        let _ = write!(
            svg,
            "<text class=\"name {name}\" x=\"{:.1}\" y=\"{y:.1}\">{name} {value:.3}</text>",
            x + 12.0
        );
    }
}

fn words(comparison: &Comparison) -> String {
    let last = comparison.iterations();
    let of = |selection| {
        let (first, last) = (comparison.span(selection, 1)?, comparison.span(selection, last)?);
        Some(format!("{:.3} to {:.3}", first.mean, last.mean))
    };
    let text = |selection| of(selection).unwrap_or_else(|| "not measured".to_owned());
    format!(
        "Average precision over labeled images. Mined: {}. Random: {}. The table below has all figures.",
        text(Selection::Mined),
        text(Selection::Random)
    )
}
