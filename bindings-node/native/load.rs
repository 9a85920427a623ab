//! Batches for training.

use std::sync::Arc;

use futures::StreamExt;
use napi::Env;
use napi::bindgen_prelude::{PromiseRaw, Uint8Array};
use napi_derive::napi;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use ymir::{Image, LoadedAsset, LoaderOptions, Page};

use crate::call::{Cancel, promise};
use crate::dataset::Dataset;
use crate::error::{from_json, to_json};
use crate::record::CompactPage;

/// Assets that were read together.
#[napi(object, object_from_js = false)]
pub struct Batch {
    /// Its number in the epoch and shard.
    pub number: f64,
    /// The records, compact, as a page.
    pub records: String,
    /// The bytes of the files, or the pixels; none if no images are read.
    pub images: Vec<Uint8Array>,
    /// Width and height of each image, if these are pixels.
    pub sizes: Vec<u32>,
}

/// The batches of an epoch.
#[napi]
pub struct Loader {
    batches: Arc<Mutex<Option<ymir::Loader>>>,
    closed: CancellationToken,
    count: f64,
}

#[napi]
impl Dataset {
    /// Begins to read.
    #[napi]
    pub fn loader<'env>(
        &self,
        env: &'env Env,
        options: String,
        cancel: Option<&Cancel>,
    ) -> napi::Result<PromiseRaw<'env, Loader>> {
        let dataset = self.inner.clone();
        promise(env, cancel, async move {
            let options: LoaderOptions = from_json("a loader", &options)?;
            let loader = dataset.loader(options).await?;
            let count = loader.remaining() as f64;
            let batches = Arc::new(Mutex::new(Some(loader)));
            Ok(Loader { batches, closed: CancellationToken::new(), count })
        })
    }
}

#[napi]
impl Loader {
    /// How many batches there are in all.
    #[napi(getter)]
    pub fn count(&self) -> f64 {
        self.count
    }

    /// Returns the next batch, or nothing if there are no more.
    #[napi]
    pub fn next<'env>(
        &self,
        env: &'env Env,
        cancel: Option<&Cancel>,
    ) -> napi::Result<PromiseRaw<'env, Option<Batch>>> {
        let (batches, closed) = (self.batches.clone(), self.closed.clone());
        promise(env, cancel, async move {
            let mut batches = batches.lock().await;
            let Some(loader) = batches.as_mut() else { return Ok(None) };
            let Some(Some(batch)) = closed.run_until_cancelled(loader.next()).await else {
                *batches = None;
                return Ok(None);
            };
            to_js(batch?).map(Some)
        })
    }

    /// Ends the reading, also for who waits for the next batch.
    #[napi]
    pub fn close(&self) {
        self.closed.cancel();
        if let Ok(mut batches) = self.batches.try_lock() {
            *batches = None;
        }
    }
}

fn to_js(batch: ymir::Batch) -> ymir::Result<Batch> {
    let mut records = Vec::with_capacity(batch.assets.len());
    let (mut images, mut sizes) = (Vec::new(), Vec::new());
    for LoadedAsset { record, image } in batch.assets {
        records.push(record);
        match image {
            Image::None => {}
            Image::Bytes(bytes) => images.push(bytes.into()),
            Image::Rgb { width, height, pixels } => {
                images.push(pixels.into());
                sizes.extend([width, height]);
            }
        }
    }
    let records = to_json(&CompactPage(&Page { records, total: 0 }))?;
    Ok(Batch { number: batch.index as f64, records, images, sizes })
}
