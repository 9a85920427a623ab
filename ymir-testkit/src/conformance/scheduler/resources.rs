use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use ymir_core::{ErrorKind, Grant, Resources, TaskSpec, TaskState, TaskStep};

use super::{ALL, CPUS, GPUS, Tested, WORK, id, queued, slots, spec, submit, wait};
use crate::double::{Meter, ScriptedWork};

/// Tasks that wait are granted resources by priority, then in the order of their submission.
pub async fn priority_goes_before_order(scheduler: Tested) {
    let first = ScriptedWork::new().holding(TaskStep::Run);
    let first = submit(&scheduler, "first", slots(0), first).await;
    first.entered(TaskStep::Run).await;
    let waiting = [("a", 0), ("b", 5), ("c", -5), ("d", 0), ("e", 5)];
    for (name, priority) in waiting {
        let spec = TaskSpec { priority, ..spec(name, slots(0)) };
        scheduler.submit(spec, ScriptedWork::new()).await.expect("submitted");
        queued(&scheduler, name).await;
    }
    first.release();
    let mut ended = Vec::new();
    for (name, _) in waiting {
        ended.push((wait(&scheduler, name).await.started, name));
    }
    ended.sort();
    assert_eq!(ended.iter().map(|(_, name)| *name).collect::<String>(), "beadc");
}

/// One that fits does not overtake an earlier one that does not, for ever.
pub async fn nobody_is_overtaken_for_ever(scheduler: Tested) {
    const SMALL: usize = 120;
    let mut small = Vec::new();
    for n in 0..2 {
        let work = ScriptedWork::new().holding(TaskStep::Run);
        small.push(submit(&scheduler, &format!("s{n}"), slots(1), work).await);
        small[n].entered(TaskStep::Run).await;
    }
    let big = submit(&scheduler, "big", slots(CPUS), ScriptedWork::new()).await;
    queued(&scheduler, "big").await;
    for n in 2..SMALL {
        let work = ScriptedWork::new().holding(TaskStep::Run);
        small.push(submit(&scheduler, &format!("s{n}"), slots(1), work).await);
    }
    queued(&scheduler, &format!("s{}", SMALL - 1)).await;
    // The slots are never both free while a small one may begin: each stays until the next runs,
    // or until it is clear that none will.
    for n in 0..SMALL - 2 {
        small[n].release();
        let next = small[n + 2].entered(TaskStep::Run);
        if tokio::time::timeout(Duration::from_millis(300), next).await.is_err() {
            break;
        }
    }
    for work in &small {
        work.release();
    }
    let started = wait(&scheduler, "big").await.started;
    assert_eq!(big.seen().steps, WORK);
    let mut before = 0;
    for n in 0..SMALL {
        before += usize::from(wait(&scheduler, &format!("s{n}")).await.started < started);
    }
    assert!(before < SMALL / 2, "{before} of {SMALL} small tasks overtook the big one");
}

/// Resources are given back however the task ends.
pub async fn resources_come_back_however_a_task_ends(scheduler: Tested) {
    let failing = |step| ScriptedWork::new().failing(step, ErrorKind::ExecutorFailed);
    let ways = [
        ScriptedWork::new(),
        failing(TaskStep::Prepare),
        failing(TaskStep::Run),
        failing(TaskStep::Collect),
        failing(TaskStep::Commit),
        ScriptedWork::new().panicking(TaskStep::Run),
        ScriptedWork::new().panicking(TaskStep::Collect),
    ];
    for (n, work) in ways.into_iter().enumerate() {
        submit(&scheduler, &format!("way{n}"), ALL, work).await;
    }
    for step in WORK {
        let name = format!("cancelled_{step:?}");
        let work = submit(&scheduler, &name, ALL, ScriptedWork::new().holding(step)).await;
        work.entered(step).await;
        scheduler.cancel(&id(&name)).await.expect("cancelled");
    }
    let last = submit(&scheduler, "last", ALL, ScriptedWork::new()).await;
    assert_eq!(wait(&scheduler, "last").await.state, TaskState::Done);
    let grant = last.seen().grant.expect("granted");
    assert_eq!((grant.cpus, grant.gpus.len()), (CPUS, GPUS as usize));
}

/// Resources are given back only after the run ended.
pub async fn resources_come_back_only_after_the_run(scheduler: Tested) {
    let meter = Arc::new(Meter::default());
    let work = ScriptedWork::new().holding(TaskStep::Run).deaf().metered(&meter);
    let first = submit(&scheduler, "first", ALL, work).await;
    first.entered(TaskStep::Run).await;
    scheduler.cancel(&id("first")).await.expect("cancelled");
    submit(&scheduler, "second", ALL, ScriptedWork::new().metered(&meter)).await;
    queued(&scheduler, "second").await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(meter.read().holders, 1);
    first.release();
    assert_eq!(wait(&scheduler, "first").await.state, TaskState::Terminated);
    assert_eq!(wait(&scheduler, "second").await.state, TaskState::Done);
    let reading = meter.read();
    assert_eq!((reading.most_cpus, reading.twice.len()), (CPUS, 0));
}

/// What was asked for is granted, and nothing to two at once.
pub async fn nothing_is_granted_twice(scheduler: Tested) {
    let meter = Arc::new(Meter::default());
    let asked = |n: u32| Resources { gpus: n % 3, cpus: n % 2 + 1, memory: 0 };
    let tasks = join_all((0..60).map(|n| {
        let work = ScriptedWork::new().metered(&meter).reporting(&[0.1], 3);
        let (scheduler, name) = (&scheduler, format!("t{n}"));
        async move { (n, submit(scheduler, &name, asked(n), work).await) }
    }));
    for (n, work) in tasks.await {
        assert_eq!(wait(&scheduler, &format!("t{n}")).await.state, TaskState::Done);
        let Grant { gpus, cpus, .. } = work.seen().grant.expect("granted");
        assert_eq!((gpus.len(), cpus), (asked(n).gpus as usize, asked(n).cpus));
    }
    let reading = meter.read();
    assert!(reading.most_cpus <= CPUS && reading.twice.is_empty(), "{reading:?}");
    assert_eq!((reading.holders, reading.cpus, reading.gpus.len()), (60, 0, 0));
}
