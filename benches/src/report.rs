//! What was measured: a line for people, and one of JSON for the plots.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

/// One thing that was measured.
#[derive(Debug, Clone, Default)]
pub struct Row {
    what: String,
    times: Vec<Duration>,
    processor: Option<Duration>,
    memory: Option<u64>,
    growth: Option<u64>,
}

impl Row {
    /// Returns the row of something that was done once or more often, and took so long.
    pub fn new(what: impl Into<String>, mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self { what: what.into(), times, ..Self::default() }
    }

    /// Adds the processor time, of all threads, that doing it once took.
    pub fn processor(mut self, time: Duration) -> Self {
        self.processor = Some(time);
        self
    }

    /// Adds the most memory that the process had until then, in bytes.
    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory = Some(bytes);
        self
    }

    /// Adds the bytes that the store grew by.
    pub fn growth(mut self, bytes: u64) -> Self {
        self.growth = Some(bytes);
        self
    }

    /// Returns the time that a share of the runs did not exceed; `None` without times.
    fn quantile(&self, percent: usize) -> Option<Duration> {
        let last = self.times.len().checked_sub(1)?;
        Some(self.times[(self.times.len() * percent / 100).min(last)])
    }
}

/// Where rows go.
#[derive(Debug)]
pub struct Report {
    bench: String,
    size: u64,
    lines: Option<File>,
}

#[derive(Serialize)]
struct Line<'a> {
    bench: &'a str,
    size: u64,
    what: &'a str,
    runs: usize,
    wall_s: Option<f64>,
    p99_s: Option<f64>,
    cpu_s: Option<f64>,
    memory_bytes: Option<u64>,
    growth_bytes: Option<u64>,
}

impl Report {
    /// Returns the report of one benchmark at one size, which appends to a file of JSON lines if one
    /// is named.
    ///
    /// # Panics
    ///
    /// Panics if the file cannot be written.
    pub fn new(bench: &str, size: u64, lines: Option<&PathBuf>) -> Self {
        let open = |path| OpenOptions::new().create(true).append(true).open(path);
        let lines = lines.map(|path| open(path).expect("the file of results is writable"));
        Self { bench: bench.to_owned(), size, lines }
    }

    /// Prints what the columns of [`Report::row`] are.
    #[allow(clippy::print_stdout, reason = "this is what a benchmark is for")]
    pub fn heading(&self) {
        println!("\n{}: {} assets", self.bench, self.size);
        println!(
            "{:<52} {:>13} {:>13} {:>9} {:>9} {:>13}",
            "what", "median", "p99", "CPU", "peak", "growth"
        );
    }

    /// Prints a row and appends it to the file. Of fewer than a hundred runs the 99th percentile is
    /// the slowest.
    ///
    /// # Panics
    ///
    /// Panics if the file cannot be written.
    #[allow(clippy::print_stdout, reason = "this is what a benchmark is for")]
    pub fn row(&mut self, row: Row) {
        let (median, worst) = (row.quantile(50), row.quantile(99));
        let show = |time: Option<Duration>| {
            time.map_or(String::new(), |time| format!("{:.3} ms", time.as_secs_f64() * 1e3))
        };
        let processor =
            row.processor.map_or(String::new(), |time| format!("{:.2} s", time.as_secs_f64()));
        let memory = row.memory.map_or(String::new(), |bytes| format!("{} MiB", bytes >> 20));
        let growth = row.growth.map_or(String::new(), |bytes| format!("{bytes} B"));
        println!(
            "{:<52} {:>13} {:>13} {processor:>9} {memory:>9} {growth:>13}",
            row.what,
            show(median),
            show(worst),
        );
        let Some(file) = &mut self.lines else { return };
        let seconds = |time: Option<Duration>| time.map(|time| time.as_secs_f64());
        let line = Line {
            bench: &self.bench,
            size: self.size,
            what: row.what.trim(),
            runs: row.times.len(),
            wall_s: seconds(median),
            p99_s: seconds(worst),
            cpu_s: seconds(row.processor),
            memory_bytes: row.memory,
            growth_bytes: row.growth,
        };
        let line = serde_json::to_string(&line).expect("figures are JSON");
        writeln!(file, "{line}").expect("the file of results is writable");
    }
}
