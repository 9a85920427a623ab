//! Conformance suites, in-memory doubles, fault injection and data generators for YMIR.

pub mod conformance;
pub mod double;
pub mod generate;
