use std::collections::VecDeque;
use std::hash::Hash;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use dashmap::DashMap;

/// A cache of immutable values, bounded by the bytes that they take. It evicts by the clock
/// algorithm: a value that was read since the hand last passed it stays for another round.
pub(super) struct Cache<K: Eq + Hash, V> {
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

impl<K: Copy + Eq + Hash, V: Clone> Cache<K, V> {
    pub(super) fn new(capacity: usize) -> Self {
        let (entries, hand) = (DashMap::new(), Mutex::new(VecDeque::new()));
        Self { entries, hand, bytes: AtomicUsize::new(0), capacity }
    }

    pub(super) fn get(&self, key: &K) -> Option<V> {
        let entry = self.entries.get(key)?;
        entry.used.store(true, Ordering::Relaxed);
        Some(entry.value.clone())
    }

    /// Puts a value in that takes so many bytes; one larger than a quarter of the cache stays out.
    pub(super) fn insert(&self, key: K, value: V, bytes: usize) {
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
