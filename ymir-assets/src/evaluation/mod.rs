//! Evaluation of predictions against ground truth: detection, by exactly the rules of COCO's
//! reference implementation (pycocotools).

mod accumulate;
mod collect;
mod matching;
mod options;
mod outcomes;
mod result;
mod run;
mod versions;

pub use options::EvaluationOptions;
pub use outcomes::{OutcomeOptions, Outcomes, mark_outcomes};
pub use result::{ClassEvaluation, Evaluation};
pub use run::{ImageEvaluation, evaluate};
pub use versions::evaluate_versions;
