//! The order in which waiting tasks are served.

use proptest::prelude::*;
use ymir_tmi::scheduler::policy::{Amount, Queue};

fn cpus(cpus: u32) -> Amount {
    Amount { cpus, ..Amount::default() }
}

fn amounts(most: u32) -> impl Strategy<Value = Amount> {
    (0..=most, 0..=most, 0..=u64::from(most)).prop_map(|(gpus, cpus, memory)| Amount {
        gpus,
        cpus,
        memory,
    })
}

/// Serves all that can be served, and returns what was granted.
fn serve<T>(queue: &mut Queue<T>, free: &mut Amount, held: &mut Amount) -> Vec<(T, Amount)> {
    let mut served = Vec::new();
    while let Some(at) = queue.next(free, held) {
        let need = queue.need(at);
        assert!(need.fits(free), "{need:?} of {free:?}");
        *free = free.minus(&need);
        *held = held.plus(&need);
        served.push((queue.take(at), need));
    }
    served
}

#[test]
fn priority_then_order() {
    let mut queue = Queue::default();
    for (order, priority) in [(0, 0), (1, 7), (2, -7), (3, 0), (4, 7)] {
        queue.push(priority, order, cpus(1), order);
    }
    let served = serve(&mut queue, &mut cpus(5), &mut cpus(0));
    assert_eq!(served.iter().map(|(item, _)| *item).collect::<Vec<_>>(), [1, 4, 0, 3, 2]);
}

#[test]
fn nothing_is_kept_for_what_strangers_hold() {
    let mut queue = Queue::default();
    let big = Amount { gpus: 1, cpus: 2, memory: 0 };
    queue.push(0, 0, big, 0);
    for order in 1..50 {
        queue.push(0, order, cpus(1), order);
        // No GPU is free and none is ours: others go on.
        let served = serve(&mut queue, &mut cpus(2), &mut cpus(0));
        assert_eq!(served, [(order, cpus(1))]);
    }
    // As soon as one is there, it is served first.
    queue.push(0, 50, cpus(1), 50);
    let served = serve(&mut queue, &mut big.clone(), &mut cpus(0));
    assert_eq!(served, [(0, big)]);
}

#[test]
fn what_is_not_kept_is_given_to_others() {
    let mut queue = Queue::default();
    // Four of eight are held for ever, so that the first waits for them.
    let (mut free, mut held) = (cpus(4), cpus(4));
    queue.push(0, 0, Amount { gpus: 0, cpus: 6, memory: 0 }, 0);
    for order in 1..=u64::from(Queue::<u64>::PATIENCE) {
        queue.push(0, order, cpus(1), order);
        assert_eq!(serve(&mut queue, &mut free, &mut held).len(), 1);
        (free, held) = (cpus(4), cpus(4));
    }
    // Now all CPUs are kept for it; what needs none still goes.
    queue.push(0, 100, cpus(1), 100);
    queue.push(0, 101, Amount { gpus: 1, ..cpus(0) }, 101);
    free.gpus = 1;
    let served = serve(&mut queue, &mut free, &mut held);
    assert_eq!(served.into_iter().map(|(item, _)| item).collect::<Vec<_>>(), [101]);
}

proptest! {
    /// Whatever comes and goes: no more is granted than there is, and when all that is held has
    /// come back, everybody is served.
    #[test]
    fn everybody_is_served_in_the_end(
        total in amounts(6),
        tasks in prop::collection::vec((amounts(6), -2..3i32, any::<bool>()), 0..60),
    ) {
        let mut queue = Queue::default();
        let (mut free, mut held) = (total, Amount::default());
        let mut running = Vec::new();
        let (mut pushed, mut served) = (0, 0);
        for (order, (need, priority, end)) in (0..).zip(tasks) {
            if need.fits(&total) {
                queue.push(priority, order, need, ());
                pushed += 1;
            }
            running.extend(serve(&mut queue, &mut free, &mut held));
            if end && !running.is_empty() {
                let ((), need) = running.remove(0);
                (free, held, served) = (free.plus(&need), held.minus(&need), served + 1);
            }
            prop_assert_eq!(free.plus(&held), total);
        }
        while !running.is_empty() || !queue.is_empty() {
            running.extend(serve(&mut queue, &mut free, &mut held));
            prop_assert!(!running.is_empty(), "{} wait, nothing runs", queue.len());
            let ((), need) = running.remove(0);
            (free, held, served) = (free.plus(&need), held.minus(&need), served + 1);
        }
        prop_assert_eq!((served, free), (pushed, total));
    }

    /// Against an endless stream of small tasks of its priority, a big one waits no longer than
    /// its patience and what ran before.
    #[test]
    fn a_stream_of_small_tasks_does_not_starve(
        total in 2..8u32,
        ends in prop::collection::vec(any::<prop::sample::Index>(), 40),
    ) {
        let mut queue = Queue::default();
        let (mut free, mut held) = (cpus(total), cpus(0));
        let mut running: Vec<_> = {
            (0..u64::from(total)).for_each(|order| queue.push(0, order, cpus(1), false));
            serve(&mut queue, &mut free, &mut held)
        };
        queue.push(0, 100, cpus(total), true);
        let mut overtaken = 0;
        for (order, end) in (101..).zip(ends) {
            queue.push(0, order, cpus(1), false);
            let (_, need) = running.swap_remove(end.index(running.len()));
            (free, held) = (free.plus(&need), held.minus(&need));
            let served = serve(&mut queue, &mut free, &mut held);
            if served.iter().any(|(big, _)| *big) {
                return Ok(());
            }
            overtaken += served.len();
            prop_assert!(overtaken <= Queue::<bool>::PATIENCE as usize);
            running.extend(served);
            if running.is_empty() {
                break;
            }
        }
        prop_assert!(false, "the big one still waits");
    }
}
