//! Evaluation of predictions.
