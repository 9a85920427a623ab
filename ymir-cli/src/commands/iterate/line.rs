use std::collections::BTreeMap;

use serde_json::{Value, json};
use ymir::{Iteration, Name, ProjectState, StepResult, VersionId};

use crate::commands::made::seconds_between;
use crate::output::{Table, clean, metric, seconds};

/// What is printed of a finished iteration.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    pub(crate) project: Name,
    pub(crate) iteration: u32,
    /// Assets labeled so far in all.
    pub(crate) labels: u64,
    /// Assets labeled in this iteration.
    pub(crate) new_labels: u64,
    /// Assets that were mined in this iteration and came back without labels.
    pub(crate) unlabeled: u64,
    pub(crate) metric: f64,
    pub(crate) metrics: BTreeMap<String, f64>,
    pub(crate) seconds: f64,
    pub(crate) model: Option<VersionId>,
    pub(crate) predictions: VersionId,
    /// Whether it was finished before this program began.
    pub(crate) earlier: bool,
}

impl Line {
    /// Returns the line of an iteration, if it is finished.
    pub(super) fn new(
        project: &Name,
        labels: u64,
        iteration: &Iteration,
        earlier: bool,
    ) -> Option<Self> {
        let StepResult::Evaluate { predictions, metric, metrics } = iteration.results.last()?
        else {
            return None;
        };
        Some(Self {
            project: project.clone(),
            iteration: iteration.number,
            labels,
            new_labels: iteration.labeled().map_or(0, |(_, count)| count),
            unlabeled: unlabeled(iteration),
            metric: *metric,
            metrics: metrics.clone(),
            seconds: seconds_between(iteration.started, iteration.updated),
            model: iteration.model(),
            predictions: *predictions,
            earlier,
        })
    }

    /// Returns the average precision at IoU 0.5 of each class that has one.
    pub(crate) fn per_class(&self) -> impl Iterator<Item = (&str, f64)> {
        self.metrics.iter().filter_map(|(name, value)| Some((name.strip_prefix("AP50/")?, *value)))
    }

    /// Returns the line as JSON.
    pub(crate) fn object(&self) -> Value {
        json!({
            "project": self.project,
            "iteration": self.iteration,
            "labels": self.labels,
            "new_labels": self.new_labels,
            "unlabeled": self.unlabeled,
            "metric": self.metric,
            "metrics": self.metrics,
            "seconds": self.seconds,
            "model": self.model,
            "predictions": self.predictions,
            "earlier": self.earlier,
        })
    }

    /// Returns the line for people, below [`heading`].
    pub(crate) fn text(&self) -> String {
        let classes: Vec<_> =
            self.per_class().map(|(name, value)| format!("{name} {value:.3}")).collect();
        let mut line = format!(
            "{:>9}  {:>6}  {:>5}  {:>11}  {}",
            self.iteration,
            self.labels,
            metric(Some(self.metric)),
            seconds(self.seconds),
            classes.join("  ")
        );
        if self.unlabeled > 0 {
            line.push_str(&format!("  ({} mined images came back without labels)", self.unlabeled));
        }
        format!("{}\n", clean(line.trim_end()))
    }
}

/// Returns how many of the mined assets the labeler gave no answer for.
fn unlabeled(iteration: &Iteration) -> u64 {
    let mined = iteration.selected().map_or(0, |(_, count)| count);
    iteration.labeled().map_or(0, |(_, labeled)| mined.saturating_sub(labeled))
}

/// Returns the line above the lines of iterations.
pub(crate) fn heading(classes: &[String]) -> String {
    let classes = if classes.len() > 1 { "AP50 per class" } else { "" };
    let line =
        format!("{:>9}  {:>6}  {:>5}  {:>11}  {classes}", "iteration", "labels", "AP50", "time");
    format!("{}\n", line.trim_end())
}

/// Returns the lines of all finished iterations.
pub(crate) fn lines_of(state: &ProjectState) -> Vec<Line> {
    let mut labels = 0;
    let lines = state.iterations.iter().map(|iteration| {
        labels += iteration.labeled().map_or(0, |(_, count)| count);
        Line::new(&state.project.name, labels, iteration, true)
    });
    lines.flatten().collect()
}

/// Returns an empty table of iterations.
pub(crate) fn table() -> Table {
    Table::new(&[">iteration", ">labels", ">AP50", ">time", "done"])
}

/// Returns the row of an iteration, finished or not.
pub(crate) fn row(iteration: &Iteration, labels: u64) -> [String; 5] {
    let done = iteration.results.last().map_or("", |result| result.step().title());
    [
        iteration.number.to_string(),
        labels.to_string(),
        metric(iteration.metric()),
        seconds(seconds_between(iteration.started, iteration.updated)),
        if iteration.is_finished() { "all steps".to_owned() } else { format!("up to {done}") },
    ]
}
