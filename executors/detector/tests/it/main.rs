//! The default executor, as a program, and its gradients.

mod common;
mod contract;
mod failures;
mod gradients;
