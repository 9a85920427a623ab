use std::collections::VecDeque;
use std::fmt;
use std::hash::Hash;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use dashmap::DashMap;

/// Keeps values that never change by their keys, for as long as it sees fit.
pub trait Cache<K, V>: Send + Sync + fmt::Debug {
    /// Returns a value, if it is kept.
    fn get(&self, key: &K) -> Option<V>;

    /// Offers a value that takes so many bytes of memory.
    fn insert(&self, key: K, value: V, bytes: usize);

    /// Returns how many bytes the values that are kept take together.
    fn bytes(&self) -> usize;
}

/// A cache of immutable values, bounded by the bytes that they take. It evicts by the clock
/// algorithm: a value that was read since the hand last passed it stays for another round.
///
/// Reads take a lock of one shard of the map and no other.
pub struct ClockCache<K: Eq + Hash, V> {
    entries: DashMap<K, Entry<V>>,
    hand: Mutex<VecDeque<K>>,
    bytes: AtomicUsize,
    capacity: usize,
}

struct Entry<V> {
    value: V,
    bytes: usize,
    used: AtomicBool,
}

impl<K: Eq + Hash, V> ClockCache<K, V> {
    /// Returns an empty cache that holds at most so many bytes.
    pub fn new(capacity: usize) -> Self {
        let (entries, hand) = (DashMap::new(), Mutex::new(VecDeque::new()));
        Self { entries, hand, bytes: AtomicUsize::new(0), capacity }
    }
}

impl<K: Eq + Hash, V> fmt::Debug for ClockCache<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (entries, bytes) = (self.entries.len(), self.bytes.load(Ordering::Relaxed));
        f.debug_struct("ClockCache")
            .field("entries", &entries)
            .field("bytes", &bytes)
            .field("capacity", &self.capacity)
            .finish()
    }
}

impl<K, V> Cache<K, V> for ClockCache<K, V>
where
    K: Copy + Eq + Hash + Send + Sync,
    V: Clone + Send + Sync,
{
    fn get(&self, key: &K) -> Option<V> {
        let entry = self.entries.get(key)?;
        entry.used.store(true, Ordering::Relaxed);
        Some(entry.value.clone())
    }

    fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// One larger than a quarter of the cache stays out.
    fn insert(&self, key: K, value: V, bytes: usize) {
        if bytes > self.capacity / 4 {
            return;
        }
        let entry = Entry { value, bytes, used: AtomicBool::new(false) };
        let mut hand = self.hand.lock().unwrap_or_else(PoisonError::into_inner);
        match self.entries.insert(key, entry) {
            Some(old) => drop(self.bytes.fetch_sub(old.bytes, Ordering::Relaxed)),
            None => hand.push_back(key),
        }
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        while self.bytes.load(Ordering::Relaxed) > self.capacity {
            let Some(key) = hand.pop_front() else { break };
            match self
                .entries
                .remove_if(&key, |_, entry| !entry.used.swap(false, Ordering::Relaxed))
            {
                Some((_, old)) => drop(self.bytes.fetch_sub(old.bytes, Ordering::Relaxed)),
                None => hand.push_back(key),
            }
        }
    }
}
