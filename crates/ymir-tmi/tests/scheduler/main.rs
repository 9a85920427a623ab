//! The scheduler, through its public interface.

mod common;

mod conformance {
    ymir_testkit::scheduler_tests!(super::common::tested);
}
