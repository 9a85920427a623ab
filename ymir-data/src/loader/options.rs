use serde::{Deserialize, Serialize};
use ymir_core::{Error, Result};

/// What is read of the image files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Images {
    /// Nothing: records only.
    None,
    /// Their bytes as they are, checked against their hash.
    #[default]
    Bytes,
    /// Their pixels: 8 bits of red, green and blue each, as stored in the file, before any EXIF
    /// rotation, as boxes are. Needs the feature `decode`.
    Rgb,
}

/// How a [`Loader`](super::Loader) reads a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LoaderOptions {
    /// What the random order starts from.
    pub seed: u64,
    /// The epoch; each has an order of its own.
    pub epoch: u64,
    /// Whether the order is random; else it is that of the asset ids.
    pub shuffle: bool,
    /// How many assets a batch has; the last one may have fewer.
    pub batch: usize,
    /// Which of the shards this is, counted from 0.
    pub shard: u64,
    /// Into how many shards the assets are dealt, one after the other; together they are all
    /// assets, and no two have one in common.
    pub shards: u64,
    /// Whether a last batch that is not full is left out. Then each shard has as many batches as
    /// the others, so that workers that wait for each other end together.
    pub drop_last: bool,
    /// How many batches are made ready before they are asked for.
    pub read_ahead: usize,
    /// What is read of the image files.
    pub images: Images,
    /// How many batches of this epoch and shard to pass over, to go on where reading ended.
    pub start: u64,
}

impl Default for LoaderOptions {
    /// Batches of 32 in a random order, with the bytes of the images, 4 of them read ahead.
    fn default() -> Self {
        Self {
            seed: 0,
            epoch: 0,
            shuffle: true,
            batch: 32,
            shard: 0,
            shards: 1,
            drop_last: false,
            read_ahead: 4,
            images: Images::Bytes,
            start: 0,
        }
    }
}

impl LoaderOptions {
    pub(super) fn check(&self) -> Result<()> {
        let fail = |message: &str, field: &str, value: u64| {
            Err(Error::invalid(message).with(field, value))
        };
        if self.batch == 0 {
            return fail("a batch must have at least one asset", "batch", 0);
        }
        if self.shards == 0 {
            return fail("there must be at least one shard", "shards", 0);
        }
        if self.shard >= self.shards {
            let message = format!("the shard must be below the number of shards, {}", self.shards);
            return fail(&message, "shard", self.shard);
        }
        if self.images == Images::Rgb && !crate::images::IS_AVAILABLE {
            let message = "this build cannot decode images; build with the feature `decode`, or read their bytes";
            return Err(Error::new(ymir_core::ErrorKind::Unsupported, message));
        }
        Ok(())
    }

    /// Returns how many of a number of assets this shard has.
    pub(super) fn assets(&self, total: u64) -> u64 {
        total / self.shards + u64::from(self.shard < total % self.shards)
    }

    /// Returns how many batches this shard has of a number of assets, passed over or not.
    pub(super) fn batches(&self, total: u64) -> u64 {
        let batch = self.batch as u64;
        match self.drop_last {
            true => total / self.shards / batch,
            false => self.assets(total).div_ceil(batch),
        }
    }
}
