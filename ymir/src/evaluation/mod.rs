//! Evaluation of predictions against ground truth, of records in memory and of versions.

mod outcomes;
mod versions;

pub use outcomes::Outcomes;
pub use versions::evaluate_versions;
pub use ymir_eval::{
    ClassEvaluation, Evaluation, EvaluationOptions, ImageEvaluation, OutcomeOptions, evaluate,
    mark_outcomes,
};
