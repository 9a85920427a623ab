//! The order in which waiting tasks are served, with a clock of its own.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use proptest::prelude::*;
use ymir_tmi::scheduler::policy::{Amount, Queue, Request};

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

/// A host with a queue and a clock.
struct Host {
    queue: Queue<u64>,
    total: Amount,
    now: f64,
}

impl Host {
    fn new(total: Amount) -> Self {
        Self { queue: Queue::default(), total, now: 0.0 }
    }

    fn push(&mut self, share: &str, priority: i32, order: u64, need: Amount) {
        let weight = need.dominant_share(&self.total);
        let share = share.to_owned();
        let request = Request { priority, share, order, need, weight, overtaken: 0, item: order };
        self.queue.push(request, self.now);
    }

    fn held(&self) -> Amount {
        let sum = |sum: Amount, amount: &Amount| sum.plus(amount);
        self.queue.held().iter().map(|holding| &holding.amount).fold(Amount::default(), sum)
    }

    /// Serves all that can be served, and returns what was granted.
    fn serve(&mut self) -> Vec<Request<u64>> {
        let mut served = Vec::new();
        loop {
            let free = self.total.minus(&self.held());
            let Some(choice) = self.queue.next(&free, self.now, |_| true) else { return served };
            let request = self.queue.grant(choice, self.now);
            assert!(request.need.fits(&free), "{:?} of {free:?}", request.need);
            served.push(request);
        }
    }

    fn items(&mut self) -> Vec<u64> {
        self.serve().into_iter().map(|request| request.item).collect()
    }
}

#[test]
fn priority_then_order() {
    let mut host = Host::new(cpus(5));
    for (order, priority) in [(0, 0), (1, 7), (2, -7), (3, 0), (4, 7)] {
        host.push("a", priority, order, cpus(1));
    }
    assert_eq!(host.items(), [1, 4, 0, 3, 2]);
}

#[test]
fn shares_alternate() {
    let mut host = Host::new(cpus(6));
    for order in 0..10 {
        host.push("a", 0, order, cpus(1));
    }
    for order in 10..20 {
        host.push("b", 0, order, cpus(1));
    }
    assert_eq!(host.items(), [0, 10, 1, 11, 2, 12]);
}

#[test]
fn an_idle_share_saves_nothing_up() {
    let mut host = Host::new(cpus(1));
    host.push("a", 0, 0, cpus(1));
    host.serve();
    host.now = 1e6;
    host.push("a", 0, 1, cpus(1));
    host.push("b", 0, 2, cpus(1));
    host.push("b", 0, 3, cpus(1));
    host.queue.release(0, host.now);
    let mut served = Vec::new();
    for _ in 0..3 {
        served.extend(host.items());
        host.now += 10.0;
        host.queue.release(0, host.now);
    }
    // It is level with the other, and gets no million seconds.
    assert_eq!(served, [1, 2, 3]);
}

#[test]
fn nothing_is_kept_for_what_strangers_hold() {
    let mut host = Host::new(cpus(2));
    let big = Amount { gpus: 1, ..cpus(2) };
    host.push("a", 0, 0, big);
    for order in 1..50 {
        host.push("a", 0, order, cpus(1));
        // No GPU is free and none is ours: others go on.
        assert_eq!(host.items(), [order]);
        host.queue.release(0, host.now);
    }
    // As soon as one is there, it is served first.
    host.total.gpus = 1;
    host.push("a", 0, 50, cpus(1));
    assert_eq!(host.items(), [0]);
}

#[test]
fn what_is_not_kept_is_given_to_others() {
    let mut host = Host::new(cpus(8));
    // Four of eight are held for ever, so that the next waits for them.
    host.push("a", 0, 0, cpus(4));
    host.serve();
    host.push("a", 0, 1, cpus(6));
    for order in 2..2 + u64::from(Queue::<u64>::PATIENCE) {
        host.push("a", 0, order, cpus(1));
        assert_eq!(host.items(), [order]);
        host.queue.release(1, host.now);
    }
    // Now all CPUs are kept for it; what needs none still goes.
    host.push("a", 0, 100, cpus(1));
    host.push("a", 0, 101, Amount { gpus: 1, ..cpus(0) });
    host.total.gpus = 1;
    assert_eq!(host.items(), [101]);
}

#[test]
fn what_another_process_grants_is_kept_for_it() {
    let mut host = Host::new(cpus(2));
    host.push("a", 0, 0, cpus(1));
    host.push("a", 0, 1, cpus(1));
    host.push("a", 0, 2, cpus(1));
    let own = |item: &u64| *item > 0;
    let choice = host.queue.next(&cpus(2), 0.0, own).expect("the second is ours and fits");
    assert_eq!(host.queue.grant(choice, 0.0).item, 1);
    assert_eq!(host.queue.next(&cpus(1), 0.0, own), None);
    assert_eq!(host.queue.waiting()[0].overtaken, 0, "it fits, so nobody overtook it");
}

/// A task of a simulation: when it comes, for how long it runs, what it needs.
type Job = (f64, f64, Amount, i32, usize);

/// Runs jobs to their ends, and returns when each began.
fn simulate(total: Amount, jobs: &[Job], shares: &[&str]) -> Vec<f64> {
    let mut host = Host::new(total);
    let mut began = vec![f64::NAN; jobs.len()];
    let mut coming: Vec<_> = (0..jobs.len()).collect();
    coming.sort_by(|a, b| jobs[*b].0.total_cmp(&jobs[*a].0));
    let mut running: BinaryHeap<Reverse<(u64, usize)>> = BinaryHeap::new();
    let mut held: Vec<usize> = Vec::new();
    let micros = |seconds: f64| (seconds * 1e6) as u64;
    while !coming.is_empty() || !running.is_empty() {
        let next = coming.last().map(|job| micros(jobs[*job].0));
        let end = running.peek().map(|Reverse((end, _))| *end);
        if end.is_some_and(|end| next.is_none_or(|next| end <= next)) {
            let Reverse((end, job)) = running.pop().expect("one runs");
            host.now = end as f64 / 1e6;
            let at = held.iter().position(|other| *other == job).expect("it holds something");
            held.remove(at);
            host.queue.release(at, host.now);
        } else if let Some(job) = coming.pop() {
            let (time, _, need, priority, share) = jobs[job];
            host.now = time.max(host.now);
            host.push(shares[share], priority, job as u64, need);
        }
        for request in host.serve() {
            let job = usize::try_from(request.item).expect("small");
            began[job] = host.now;
            held.push(job);
            running.push(Reverse((micros(host.now + jobs[job].1), job)));
        }
        assert!(host.held().fits(&total), "over capacity");
    }
    assert!(host.queue.waiting().is_empty(), "somebody waits and nothing runs");
    began
}

/// Thousands of tasks of three projects: one that floods the host, one that asks now and then, one
/// whose tasks need nearly all of it. Everybody is served, and the small one hardly waits.
#[test]
fn a_flood_starves_nobody() {
    let mut jobs: Vec<Job> = Vec::new();
    for n in 0..2000 {
        jobs.push((0.0, 5.0 + f64::from(n % 7), cpus(1), 0, 0));
    }
    for n in 0..300 {
        jobs.push((f64::from(n) * 20.0, 4.0, cpus(1), 0, 1));
    }
    for n in 0..50 {
        jobs.push((f64::from(n) * 100.0, 10.0, cpus(7), 0, 2));
    }
    let began = simulate(cpus(8), &jobs, &["flood", "now and then", "large"]);
    let waits = |range: std::ops::Range<usize>| {
        let waits = range.map(|job| began[job] - jobs[job].0);
        waits.fold(0.0, f64::max)
    };
    assert!(began.iter().all(|time| time.is_finite()), "everybody is served");
    assert!(waits(2000..2300) < 60.0, "{}", waits(2000..2300));
    assert!(waits(2300..2350) < 400.0, "{}", waits(2300..2350));
}

/// While two projects have more than enough to do, each uses half of the host, whatever the sizes
/// and lengths of their tasks.
#[test]
fn two_projects_share_alike() {
    let mut jobs: Vec<Job> = Vec::new();
    for n in 0..700 {
        jobs.push((0.0, 2.0 + f64::from(n % 3), cpus(1), 0, 0));
    }
    for n in 0..150 {
        jobs.push((0.0, 10.0 + f64::from(n % 11), cpus(2), 0, 1));
    }
    let began = simulate(cpus(4), &jobs, &["small", "large"]);
    let until = 500.0;
    let mut used = BTreeMap::new();
    for (job, (_, length, need, _, share)) in jobs.iter().enumerate() {
        let seconds = (until - began[job]).clamp(0.0, *length);
        *used.entry(*share).or_insert(0.0) += seconds * f64::from(need.cpus);
    }
    let half = until * 4.0 / 2.0;
    for used in used.values() {
        assert!((used - half).abs() < half * 0.05, "{used} of {half}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever comes and goes: no more is granted than there is, everybody is served, and of two
    /// that need the same and came at once the one of higher priority begins no later.
    #[test]
    fn everybody_is_served_in_the_end(
        total in amounts(6),
        tasks in prop::collection::vec(
            (0..500u32, 1..30u32, amounts(6), -2..3i32, 0..3usize), 0..300),
    ) {
        let jobs: Vec<Job> = tasks
            .into_iter()
            .filter(|(_, _, need, _, _)| need.fits(&total))
            .map(|(time, length, need, priority, share)| {
                (f64::from(time), f64::from(length), need, priority, share)
            })
            .collect();
        let began = simulate(total, &jobs, &["a", "b", "c"]);
        for (job, began) in began.iter().enumerate() {
            prop_assert!(*began >= jobs[job].0);
        }
    }

    /// Tasks of one size begin by priority, and by order within one.
    #[test]
    fn equals_begin_by_priority(
        priorities in prop::collection::vec(-3..4i32, 1..200),
        slots in 1..5u32,
    ) {
        let jobs: Vec<Job> =
            priorities.iter().map(|priority| (1.0, 3.0, cpus(1), *priority, 0)).collect();
        // All come while the host is full.
        let mut all = vec![(0.0, 10.0, cpus(slots), 9, 0)];
        all.extend(jobs);
        let began = simulate(cpus(slots), &all, &["a"]);
        let mut order: Vec<_> = (1..all.len()).collect();
        order.sort_by_key(|job| (Reverse(all[*job].3), *job));
        for pair in order.windows(2) {
            prop_assert!(began[pair[0]] <= began[pair[1]]);
        }
    }

    /// Against an endless stream of small tasks of its share, a big one is overtaken no more often
    /// than its patience allows.
    #[test]
    fn a_stream_of_small_tasks_does_not_starve(
        total in 2..8u32,
        ends in prop::collection::vec(any::<prop::sample::Index>(), 40),
    ) {
        let mut host = Host::new(cpus(total));
        (0..u64::from(total)).for_each(|order| host.push("a", 0, order, cpus(1)));
        host.serve();
        host.push("a", 0, 100, cpus(total));
        let mut overtaken = 0;
        for (order, end) in (101..).zip(ends) {
            host.push("a", 0, order, cpus(1));
            host.now += 1.0;
            host.queue.release(end.index(host.queue.held().len()), host.now);
            let served = host.items();
            if served.contains(&100) {
                return Ok(());
            }
            overtaken += served.len();
            prop_assert!(overtaken <= Queue::<u64>::PATIENCE as usize);
            if host.queue.held().is_empty() {
                break;
            }
        }
        prop_assert!(false, "the big one still waits");
    }
}
