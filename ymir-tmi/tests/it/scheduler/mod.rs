//! The scheduler, through its public interface.

mod common;
mod database;
mod directory;
mod events;
mod processes;

mod conformance {
    ymir_testkit::scheduler_tests!(super::common::tested);
}

mod double {
    use std::path::Path;
    use std::sync::Arc;

    use ymir_core::Scheduler;
    use ymir_testkit::conformance::scheduler::{CPUS, GPUS};
    use ymir_testkit::double::MemoryScheduler;

    fn tested(dir: &Path) -> Arc<dyn Scheduler> {
        Arc::new(MemoryScheduler::new(dir, CPUS, 1 << 30, GPUS as usize))
    }

    ymir_testkit::scheduler_tests!(tested);
}
