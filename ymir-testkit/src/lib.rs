//! Conformance suites, in-memory doubles, fault injection, fixtures and data generators for YMIR.

pub mod conformance;
pub mod double;
pub mod fixture;
pub mod generate;
mod s3_server;

pub use s3_server::S3Server;
