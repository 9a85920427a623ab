//! The order in which waiting tasks are granted resources: pure data, no devices and no time.

use std::cmp::Reverse;

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
}

#[derive(Debug)]
struct Entry<T> {
    priority: i32,
    order: u64,
    need: Amount,
    overtaken: u32,
    item: T,
}

/// What waits for resources.
///
/// Entries are served by priority, the highest first, then in their order. One that fits may
/// overtake those before it that do not. One that was overtaken [`Queue::PATIENCE`] times is no
/// longer: as much as is free of what it needs is kept for it, and those behind it get the rest.
/// Nothing is kept for an entry that needs more than we have and hold together (the GPUs that it
/// waits for are in strangers' hands), since waiting would not bring it any nearer.
#[derive(Debug)]
pub struct Queue<T> {
    entries: Vec<Entry<T>>,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { entries: Vec::new() }
    }
}

impl<T> Queue<T> {
    /// How often an entry can be overtaken.
    pub const PATIENCE: u32 = 8;

    /// Adds an entry. `order` is its place among those of one priority.
    pub fn push(&mut self, priority: i32, order: u64, need: Amount, item: T) {
        let key = (Reverse(priority), order);
        let at = self.entries.partition_point(|e| (Reverse(e.priority), e.order) <= key);
        self.entries.insert(at, Entry { priority, order, need, overtaken: 0, item });
    }

    /// Returns the position of the next entry that can be served.
    ///
    /// `free` is what can be granted now, `held` what our own tasks will give back.
    pub fn next(&self, free: &Amount, held: &Amount) -> Option<usize> {
        let reachable = free.plus(held);
        let mut left = *free;
        for (at, entry) in self.entries.iter().enumerate() {
            if entry.need.fits(&left) {
                return Some(at);
            }
            if entry.overtaken >= Self::PATIENCE && entry.need.fits(&reachable) {
                left = left.minus(&entry.need);
            }
        }
        None
    }

    /// Returns what the entry at a position needs.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn need(&self, at: usize) -> Amount {
        self.entries[at].need
    }

    /// Takes the entry at a position out of the queue to serve it; those before it are overtaken.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn take(&mut self, at: usize) -> T {
        for entry in &mut self.entries[..at] {
            entry.overtaken = entry.overtaken.saturating_add(1);
        }
        self.entries.remove(at).item
    }

    /// Keeps the entries for which this holds, and returns the others.
    pub fn extract(&mut self, mut keep: impl FnMut(&Amount, &T) -> bool) -> Vec<T> {
        let (kept, others) =
            self.entries.drain(..).partition(|entry| keep(&entry.need, &entry.item));
        self.entries = kept;
        others.into_iter().map(|entry: Entry<T>| entry.item).collect()
    }

    /// Returns whether an entry waits for GPUs.
    pub fn wants_gpus(&self) -> bool {
        self.entries.iter().any(|entry| entry.need.gpus > 0)
    }

    /// Returns how many entries wait.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}
