//! The folder exchange: the conformance suite, and what is its own.

mod common;
mod exchange;
mod malformed;
mod properties;

mod conformance {
    ymir_testkit::label_backend_tests!(super::common::folder);
}
