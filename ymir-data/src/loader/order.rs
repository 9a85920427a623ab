use std::ops::Range;

use ymir_core::SplitMix64;

/// How many assets, one after the other by their ids, are read together: about a leaf of the trie.
pub(super) const BLOCK: u64 = 256;
/// How many blocks are mixed with each other.
const WINDOW: usize = 64;

/// The order of an epoch: the blocks in a random order, and in each window of 64 blocks the assets
/// in a random order. Ids are hashes, so that the assets of a block have nothing in common.
///
/// It holds a number per block, and finds the order of any window without that of the ones before.
#[derive(Debug)]
pub(super) struct Order {
    total: u64,
    seed: u64,
    epoch: u64,
    shuffle: bool,
    blocks: Vec<u64>,
}

impl Order {
    pub(super) fn new(total: u64, seed: u64, epoch: u64, shuffle: bool) -> Self {
        let mut blocks: Vec<u64> = (0..total.div_ceil(BLOCK)).collect();
        if shuffle {
            SplitMix64::of_parts(seed, &[epoch]).shuffle(&mut blocks);
        }
        Self { total, seed, epoch, shuffle, blocks }
    }

    fn block(&self, number: u64) -> Range<u64> {
        number * BLOCK..((number + 1) * BLOCK).min(self.total)
    }

    fn window_blocks(&self, window: usize) -> &[u64] {
        let start = (window * WINDOW).min(self.blocks.len());
        &self.blocks[start..(start + WINDOW).min(self.blocks.len())]
    }

    /// Returns the places in the order that a window has.
    pub(super) fn window(&self, window: usize) -> Range<u64> {
        let full = BLOCK * WINDOW as u64;
        let start = window as u64 * full;
        let size = |window| -> u64 {
            self.window_blocks(window)
                .iter()
                .map(|block| {
                    let range = self.block(*block);
                    range.end - range.start
                })
                .sum()
        };
        // One block may be short; it lies in this window, before it or behind it.
        let last = self.blocks.len() as u64;
        let short = self.blocks.iter().position(|block| *block + 1 == last);
        let missing = last * BLOCK - self.total;
        let is_before = short.is_some_and(|short| short < window * WINDOW);
        let start = start - if is_before { missing } else { 0 };
        start..start + size(window)
    }

    /// Returns the window that has a place in the order.
    pub(super) fn window_of(&self, place: u64) -> usize {
        // The short block moves the windows behind it to the front by less than one of them.
        let guess = (place / (BLOCK * WINDOW as u64)) as usize;
        if place < self.window(guess).end { guess } else { guess + 1 }
    }

    /// Returns the assets of a window by their numbers in the order of the ids, in random order.
    pub(super) fn assets(&self, window: usize) -> Vec<u64> {
        let blocks = self.window_blocks(window).iter();
        let mut assets: Vec<u64> = blocks.flat_map(|block| self.block(*block)).collect();
        if self.shuffle {
            SplitMix64::of_parts(self.seed, &[self.epoch, window as u64 + 1]).shuffle(&mut assets);
        }
        assets
    }
}
