//! The stages that training keeps: the best and the latest.

use std::fs;

use crate::contract::env::Output;
use crate::contract::monitor::unix_seconds;
use crate::contract::results::{self, Stage};
use crate::detect::average_precision::Evaluation;
use crate::error::Result;
use crate::model::Model;

/// Stages on disk, listed in `result.yaml`.
#[derive(Debug)]
pub struct Stages<'a> {
    output: &'a Output,
    kept: Vec<Stage>,
    best: usize,
    max_stages: usize,
    score_threshold: f32,
}

impl<'a> Stages<'a> {
    /// Returns an empty list.
    pub fn new(output: &'a Output, max_stages: usize, score_threshold: f32) -> Self {
        Self { output, kept: Vec::new(), best: 0, max_stages, score_threshold }
    }

    /// Returns the best stage; none before the first.
    pub fn best(&self) -> Option<&Stage> {
        self.kept.get(self.best)
    }

    /// Saves a model as a stage. Without an evaluation the latest stage counts as the best.
    ///
    /// The files of a stage are complete before `result.yaml` names it, and a stage that is given
    /// up is deleted after `result.yaml` no longer does.
    pub fn save(&mut self, model: &Model, evaluation: Option<&Evaluation>) -> Result<()> {
        let name = format!("step_{}", model.meta.step);
        let files = model.to_files()?;
        results::write_stage(&self.output.models_dir, &name, &files)?;
        let of = |value: fn(&Evaluation) -> f64| evaluation.map_or(0.0, value);
        let count = |value: fn(&Evaluation) -> usize| evaluation.map_or(0, value);
        self.kept.push(Stage {
            stage_name: name,
            files: files.iter().map(|(file, _)| (*file).to_string()).collect(),
            timestamp: unix_seconds(),
            map: of(|e| e.map),
            mar: of(|e| e.mar),
            tp: count(|e| e.tp),
            fp: count(|e| e.fp),
            fn_: count(|e| e.fn_),
        });
        let last = self.kept.len() - 1;
        if self.kept[last].map >= self.kept[self.best].map {
            self.best = last;
        }
        let dropped = (self.kept.len() > self.max_stages).then(|| self.drop_one());
        results::write_training(
            &self.output.training_result_file,
            &self.kept,
            &self.kept[self.best],
            self.score_threshold,
        )?;
        if let Some(stage) = dropped {
            // A left-over folder that result.yaml does not name does no harm.
            let _ = fs::remove_dir_all(self.output.models_dir.join(stage.stage_name));
        }
        Ok(())
    }

    /// Takes the oldest stage that is not the best off the list.
    fn drop_one(&mut self) -> Stage {
        let oldest = usize::from(self.best == 0);
        if self.best > oldest {
            self.best -= 1;
        }
        self.kept.remove(oldest)
    }
}
