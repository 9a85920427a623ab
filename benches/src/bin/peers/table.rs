#![allow(clippy::print_stdout, reason = "this is what a benchmark is for")]

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use crate::{Figures, Result};

/// Prints the figures, step by step, with their ratios to YMIR's.
pub(crate) fn print(all: &[Figures], missing: &[String]) {
    let mut steps: Vec<&str> = Vec::new();
    for figures in all {
        if !steps.contains(&figures.what.as_str()) {
            steps.push(&figures.what);
        }
    }
    println!("\nAfter each figure: how many times YMIR's it is.\n");
    println!("| step | by | CPU s | wall s, process | wall s, step | peak MiB | growth MB |");
    println!("|---|---|---|---|---|---|---|");
    for step in steps {
        let of_step = || all.iter().filter(|figures| figures.what == step);
        let ours = of_step().find(|figures| figures.peer == "YMIR");
        for figures in of_step() {
            println!("{}", line(figures, ours));
        }
    }
    let ours = all.iter().find(|figures| figures.peer == "YMIR" && !figures.numbers.is_empty());
    for figures in all.iter().filter(|figures| !figures.numbers.is_empty()) {
        let pairs = ours.iter().flat_map(|ours| figures.numbers.iter().zip(&ours.numbers));
        let worst = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        println!("\nThe twelve numbers of {}: {worst:.1e} off YMIR's at most.", figures.peer);
    }
    for reason in missing {
        println!("\nNot installed: {reason}");
    }
}

fn line(figures: &Figures, ours: Option<&Figures>) -> String {
    let cell = |of: fn(&Figures) -> f64, digits: usize| {
        let value = of(figures);
        let ratio = ours
            .filter(|ours| ours.peer != figures.peer)
            .map(|ours| value / of(ours))
            .filter(|ratio| ratio.is_finite())
            .map_or(String::new(), |ratio| format!(" ({})", significant(ratio)));
        format!("{value:.digits$}{ratio}")
    };
    let cells = [
        format!("{}, {}", figures.what, figures.size),
        figures.peer.to_owned(),
        cell(|figures| figures.cpu_s, 2),
        cell(|figures| figures.process_s, 2),
        cell(|figures| figures.wall_s, 4),
        cell(|figures| (figures.memory_bytes >> 20) as f64, 0),
        cell(|figures| figures.growth_bytes as f64 / 1e6, 2),
    ];
    format!("| {} |", cells.join(" | "))
}

/// Returns a ratio with two digits that say something.
fn significant(ratio: f64) -> String {
    if ratio >= 10.0 { format!("{ratio:.0}×") } else { format!("{ratio:.2}×") }
}

/// Appends the figures to a file, a line of JSON each.
pub(crate) fn append(path: &Path, all: &[Figures]) -> Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    for figures in all {
        let mut line = serde_json::to_value(figures)?;
        line["bench"] = "peers".into();
        writeln!(file, "{line}")?;
    }
    Ok(())
}
