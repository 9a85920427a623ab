//! The order in which waiting tasks are granted resources: pure data, no devices and no clock.

use std::collections::BTreeMap;

/// How much of each resource: free, held, or asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amount {
    /// Whole GPUs.
    pub gpus: u32,
    /// CPU slots.
    pub cpus: u32,
    /// Memory in bytes.
    pub memory: u64,
}

impl Amount {
    /// Returns whether this much can be taken from `free`.
    pub fn fits(&self, free: &Self) -> bool {
        self.gpus <= free.gpus && self.cpus <= free.cpus && self.memory <= free.memory
    }

    /// Returns the sum.
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            gpus: self.gpus.saturating_add(other.gpus),
            cpus: self.cpus.saturating_add(other.cpus),
            memory: self.memory.saturating_add(other.memory),
        }
    }

    /// Returns what is left of it when `other` is taken away; of each resource at least nothing.
    pub fn minus(&self, other: &Self) -> Self {
        Self {
            gpus: self.gpus.saturating_sub(other.gpus),
            cpus: self.cpus.saturating_sub(other.cpus),
            memory: self.memory.saturating_sub(other.memory),
        }
    }

    /// Returns the largest fraction that this is of any one resource of a host, its dominant share.
    pub fn dominant_share(&self, host: &Self) -> f64 {
        let of = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
        of(self.gpus.into(), host.gpus.into())
            .max(of(self.cpus.into(), host.cpus.into()))
            .max(of(self.memory as f64, host.memory as f64))
    }
}

/// A request that waits for resources.
#[derive(Debug, Clone, PartialEq)]
pub struct Request<T> {
    /// The higher, the sooner.
    pub priority: i32,
    /// Whose share of the host it uses.
    pub share: String,
    /// Its place among those of one priority and share; the time of submission, for example.
    pub order: u64,
    /// What it asks for.
    pub need: Amount,
    /// The fraction of the host that it uses ([`Amount::dominant_share`]).
    pub weight: f64,
    /// How often later ones were served before it because it did not fit.
    pub overtaken: u32,
    /// Whatever the caller knows it by.
    pub item: T,
}

/// Resources that were granted and are in use.
#[derive(Debug, Clone, PartialEq)]
pub struct Holding {
    /// Whose share it counts against.
    pub share: String,
    /// What is held.
    pub amount: Amount,
    /// The fraction of the host that is held.
    pub weight: f64,
    /// Since when, in seconds of the caller's clock.
    pub since: f64,
}

/// The request to serve next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    at: usize,
    overtakes: Vec<usize>,
}

/// What waits for resources and what holds them.
///
/// Requests are served by priority, the highest first. Between shares of one priority, start-time
/// fair queueing decides: each share has a virtual time, the part of the host that it used times
/// the seconds for which it did, and the share with the least goes first. A share that was idle
/// starts level with the least of the busy ones, so that nobody saves up. Within a share the
/// earlier request goes first.
///
/// A request that fits may overtake those before it that do not. One that was overtaken
/// [`Queue::PATIENCE`] times is overtaken no longer: as much as is free of what it needs is kept for
/// it, and those behind it get the rest. Nothing is kept for a request that needs more than is free
/// and held together (the GPUs that it waits for are in strangers' hands), since waiting would not
/// bring it any nearer.
#[derive(Debug)]
pub struct Queue<T> {
    waiting: Vec<Request<T>>,
    held: Vec<Holding>,
    used: BTreeMap<String, f64>,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { waiting: Vec::new(), held: Vec::new(), used: BTreeMap::new() }
    }
}

impl<T> Queue<T> {
    /// How often a request can be overtaken.
    pub const PATIENCE: u32 = 8;
    /// What a grant is charged for at least, in seconds. It makes the shares alternate when many
    /// grants are given at once, and short tasks count.
    pub const QUANTUM: f64 = 1.0;

    /// Returns the queue in a recorded state.
    pub fn restore(
        waiting: Vec<Request<T>>,
        held: Vec<Holding>,
        used: BTreeMap<String, f64>,
    ) -> Self {
        Self { waiting, held, used }
    }

    /// Adds a request.
    pub fn push(&mut self, request: Request<T>, now: f64) {
        self.join(&request.share, now);
        self.waiting.push(request);
    }

    /// Raises a share that neither waits nor holds anything to the least virtual time of those that
    /// do.
    pub fn join(&mut self, share: &str, now: f64) {
        let busy = self.waiting.iter().map(|request| &request.share);
        let busy: Vec<_> = busy.chain(self.held.iter().map(|holding| &holding.share)).collect();
        if busy.iter().any(|other| *other == share) {
            return;
        }
        let clocks = self.clocks(now);
        let floor = busy.iter().map(|share| clocks[share.as_str()]).reduce(f64::min);
        let used = self.used.entry(share.to_owned()).or_default();
        *used = used.max(floor.unwrap_or(0.0));
    }

    /// Returns the request to serve next, if one can be.
    ///
    /// `free` is what can be granted now. What this process cannot grant but another one can and
    /// will is kept for that one.
    pub fn next(&self, free: &Amount, now: f64, can_grant: impl Fn(&T) -> bool) -> Option<Choice> {
        let reachable = self.held.iter().fold(*free, |sum, holding| sum.plus(&holding.amount));
        let mut left = *free;
        let mut overtakes = Vec::new();
        for at in self.order(now) {
            let request = &self.waiting[at];
            if request.need.fits(&left) {
                if can_grant(&request.item) {
                    return Some(Choice { at, overtakes });
                }
                left = left.minus(&request.need);
                continue;
            }
            if request.overtaken >= Self::PATIENCE && request.need.fits(&reachable) {
                left = left.minus(&request.need);
            }
            overtakes.push(at);
        }
        None
    }

    /// Returns the chosen request.
    pub fn chosen(&self, choice: &Choice) -> &Request<T> {
        &self.waiting[choice.at]
    }

    /// Takes the chosen request out of the queue and counts what it is granted as held.
    pub fn grant(&mut self, choice: Choice, now: f64) -> Request<T> {
        for at in choice.overtakes {
            self.waiting[at].overtaken = self.waiting[at].overtaken.saturating_add(1);
        }
        let request = self.waiting.remove(choice.at);
        self.held.push(Holding {
            share: request.share.clone(),
            amount: request.need,
            weight: request.weight,
            since: now,
        });
        request
    }

    /// Gives back what is held and charges its share for it.
    ///
    /// # Panics
    ///
    /// If nothing is held at this position.
    pub fn release(&mut self, at: usize, now: f64) -> Holding {
        let holding = self.held.remove(at);
        *self.used.entry(holding.share.clone()).or_default() += cost(&holding, now);
        holding
    }

    /// Returns what waits, in no particular order.
    pub fn waiting(&self) -> &[Request<T>] {
        &self.waiting
    }

    /// Returns what is held, in the order in which it was granted.
    pub fn held(&self) -> &[Holding] {
        &self.held
    }

    /// Returns what each share used, without what it holds now.
    pub fn used(&self) -> &BTreeMap<String, f64> {
        &self.used
    }

    /// Returns the virtual time of each share that is known.
    fn clocks(&self, now: f64) -> BTreeMap<&str, f64> {
        let mut clocks: BTreeMap<&str, f64> =
            self.used.iter().map(|(share, used)| (share.as_str(), *used)).collect();
        for holding in &self.held {
            *clocks.entry(&holding.share).or_default() += cost(holding, now);
        }
        for request in &self.waiting {
            clocks.entry(&request.share).or_default();
        }
        clocks
    }

    /// Returns the positions of the requests in the order in which they are served.
    fn order(&self, now: f64) -> Vec<usize> {
        let mut order: Vec<_> = (0..self.waiting.len()).collect();
        let first = |at: &usize| {
            let request = &self.waiting[*at];
            (std::cmp::Reverse(request.priority), request.order)
        };
        order.sort_by_key(first);
        let mut clocks = self.clocks(now);
        let mut starts = vec![0.0; order.len()];
        for &at in &order {
            let request = &self.waiting[at];
            let clock = clocks.entry(&request.share).or_default();
            starts[at] = *clock;
            *clock += request.weight * Self::QUANTUM;
        }
        order.sort_by(|&a, &b| {
            let (one, other) = (&self.waiting[a], &self.waiting[b]);
            other
                .priority
                .cmp(&one.priority)
                .then(starts[a].total_cmp(&starts[b]))
                .then(one.order.cmp(&other.order))
        });
        order
    }
}

fn cost(holding: &Holding, now: f64) -> f64 {
    holding.weight * (now - holding.since).max(Queue::<()>::QUANTUM)
}
