//! From network outputs to boxes and back: targets and loss, decoding, scoring.

pub mod average_precision;
pub mod boxes;
pub mod decode;
pub mod loss;
pub mod mining;
