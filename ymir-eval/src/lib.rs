//! Evaluation of predictions against ground truth: detection, by exactly the rules of COCO's
//! reference implementation (pycocotools).

mod accumulate;
mod collect;
mod matching;
mod options;
mod outcomes;
mod result;
mod run;

pub use collect::Collector;
pub use options::EvaluationOptions;
pub use outcomes::{OutcomeOptions, mark_outcomes};
pub use result::{ClassEvaluation, Evaluation};
pub use run::{ImageEvaluation, evaluate, evaluate_collected};
