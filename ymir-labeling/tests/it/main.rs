//! The labeling backends: the conformance suite, and what is their own.

mod folder;
mod oracle;
