//! The scheduler, through its public interface.

mod common;
mod database;
mod directory;
mod events;
mod processes;

mod conformance {
    ymir_testkit::scheduler_tests!(super::common::tested);
}
