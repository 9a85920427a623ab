use std::io::Write;
use std::sync::Mutex;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::clean;

/// The part of the work after which a line is printed where there is no terminal.
const SPARSE: f64 = 0.25;

/// How far one piece of work is: a bar on a terminal, a few lines elsewhere, nothing if the user
/// wants quiet. It goes away when it is dropped.
#[derive(Debug)]
pub(crate) struct Bar {
    bar: Option<ProgressBar>,
    lines: Option<Mutex<Lines>>,
}

#[derive(Debug)]
struct Lines {
    label: String,
    next: f64,
}

impl Bar {
    pub(super) fn new(label: &str, drawn: Option<&MultiProgress>, lines: bool) -> Self {
        let bar = drawn.map(|bars| {
            let bar = bars.add(ProgressBar::new(1000).with_style(style()));
            bar.set_prefix(clean(label));
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        let lines = lines.then(|| Mutex::new(Lines { label: label.to_owned(), next: SPARSE }));
        Self { bar, lines }
    }

    /// Says how much is done, 0 to 1, and what is being done.
    pub(crate) fn set(&self, fraction: f64, message: &str) {
        if let Some(bar) = &self.bar {
            bar.set_position((fraction.clamp(0.0, 1.0) * 1000.0) as u64);
            bar.set_message(clean(message));
        }
        let Some(lines) = &self.lines else { return };
        let mut lines = lines.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if fraction >= lines.next {
            let percent = (fraction * 100.0).floor();
            let text = clean(&format!("{}: {percent} % {message}", lines.label));
            lines.next = ((fraction / SPARSE).floor() + 1.0) * SPARSE;
            // Progress is not worth failing for.
            let _ = writeln!(std::io::stderr(), "{}", text.trim_end());
        }
    }

    /// Says what is being done.
    pub(crate) fn message(&self, message: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(clean(message));
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn style() -> ProgressStyle {
    let template = "{spinner} {prefix} [{bar:30}] {percent:>3} % {elapsed} {wide_msg}";
    let style = ProgressStyle::with_template(template);
    style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━╸ ")
}
