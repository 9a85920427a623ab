use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use futures::stream::{StreamExt, TryStreamExt, iter};
use ymir_core::{AssetStore, Error, PageOptions, Record, Result, VersionId};

use super::options::LoaderOptions;
use super::order::{BLOCK, Order};

/// How many blocks are read at the same time.
const CONCURRENT: usize = 4;

/// The records of a shard in the order of the epoch, read a window at a time.
#[derive(Debug)]
pub(super) struct Windows {
    store: Arc<dyn AssetStore>,
    version: VersionId,
    options: LoaderOptions,
    order: Order,
    /// The number of the next batch, and of the one behind the last.
    next: u64,
    end: u64,
    total: u64,
    /// The next window, and what is left of the one before it.
    window: usize,
    read: VecDeque<Record>,
}

impl Windows {
    pub(super) fn new(
        store: Arc<dyn AssetStore>,
        version: VersionId,
        total: u64,
        options: LoaderOptions,
    ) -> Self {
        let order = Order::new(total, options.seed, options.epoch, options.shuffle);
        let end = options.batches(total);
        let mut windows = Self {
            store,
            version,
            options,
            order,
            next: options.start.min(end),
            end,
            total,
            window: 0,
            read: VecDeque::new(),
        };
        if windows.next < end {
            windows.window = windows.order.window_of(windows.first_place());
        }
        windows
    }

    /// Returns how many batches are still to come.
    pub(super) fn len(&self) -> u64 {
        self.end - self.next
    }

    /// Returns the place in the order of the first asset of the next batch.
    fn first_place(&self) -> u64 {
        self.next * self.options.batch as u64 * self.options.shards + self.options.shard
    }

    /// Returns the next batch with its number; none after the last.
    pub(super) async fn next_batch(&mut self) -> Result<Option<(u64, Vec<Record>)>> {
        if self.next == self.end {
            return Ok(None);
        }
        let first = self.next * self.options.batch as u64;
        let wanted = (self.options.assets(self.total) - first).min(self.options.batch as u64);
        let wanted = wanted as usize;
        let mut batch = Vec::with_capacity(wanted);
        // Where a window is read for the first batch, it may begin within it.
        let mut from = self.first_place();
        loop {
            let taken = self.read.len().min(wanted - batch.len());
            batch.extend(self.read.drain(..taken));
            from += taken as u64 * self.options.shards;
            if batch.len() == wanted {
                break;
            }
            self.read = self.read_window(from).await?;
            self.window += 1;
        }
        self.next += 1;
        Ok(Some((self.next - 1, batch)))
    }

    /// Reads the records that this shard has in the next window, from a place in the order on.
    async fn read_window(&self, from: u64) -> Result<VecDeque<Record>> {
        let places = self.order.window(self.window);
        let LoaderOptions { shard, shards, .. } = self.options;
        let assets = self.order.assets(self.window);
        let is_mine = |place: &u64| *place >= from && *place % shards == shard;
        let mine: Vec<u64> = places
            .zip(assets)
            .filter(|(place, _)| is_mine(place))
            .map(|(_, asset)| asset)
            .collect();
        let mut blocks: Vec<u64> = mine.iter().map(|asset| asset / BLOCK).collect();
        blocks.sort_unstable();
        blocks.dedup();
        let pages = iter(blocks).map(|block| async move {
            let offset = block * BLOCK;
            let options = PageOptions { offset, limit: BLOCK as usize, class: None };
            let page = self.store.page(&self.version, options).await?;
            Ok::<_, Error>((offset..).zip(page.records).collect::<Vec<_>>())
        });
        let pages: Vec<_> = pages.buffer_unordered(CONCURRENT).try_collect().await?;
        let mut records: BTreeMap<u64, Record> = pages.into_iter().flatten().collect();
        let take = |asset: u64| {
            records.remove(&asset).ok_or_else(|| {
                Error::corrupted("the version has fewer records than its manifest says")
                    .with("version", self.version)
            })
        };
        mine.into_iter().map(take).collect()
    }
}
