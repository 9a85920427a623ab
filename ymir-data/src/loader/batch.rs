use std::sync::Arc;

use futures::stream::{StreamExt, TryStreamExt, iter};
use ymir_core::{AssetStore, Record, Result};
use ymir_formats::support::blocking;

use super::options::Images;
use crate::images::{Pixels, decode};

/// How many images of a batch are read at the same time.
const CONCURRENT: usize = 8;

/// What was read of an image file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Image {
    /// Nothing.
    None,
    /// Its bytes.
    Bytes(Vec<u8>),
    /// Its pixels: red, green and blue of each, row by row from the upper left corner.
    Rgb {
        /// The width in pixels.
        width: u32,
        /// The height in pixels.
        height: u32,
        /// 3 bytes per pixel.
        pixels: Vec<u8>,
    },
}

/// An asset with what was read of its image.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadedAsset {
    /// The record.
    pub record: Record,
    /// The image.
    pub image: Image,
}

/// Assets that are read together.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Its number in the epoch and shard, counted from 0: a loader that starts at the next one
    /// goes on behind it.
    pub index: u64,
    /// The assets.
    pub assets: Vec<LoadedAsset>,
}

/// Reads the images of a batch.
pub(super) async fn load(
    store: Arc<dyn AssetStore>,
    index: u64,
    records: Vec<Record>,
    images: Images,
) -> Result<Batch> {
    let load = |record: Record| async {
        let image = load_image(&store, &record, images).await?;
        Ok::<_, ymir_core::Error>(LoadedAsset { record, image })
    };
    let assets = iter(records).map(load).buffered(CONCURRENT).try_collect().await?;
    Ok(Batch { index, assets })
}

async fn load_image(store: &Arc<dyn AssetStore>, record: &Record, images: Images) -> Result<Image> {
    let id = record.asset.id;
    match images {
        Images::None => Ok(Image::None),
        Images::Bytes => store.read_blob(&id).await.map(Image::Bytes),
        Images::Rgb => {
            let bytes = store.read_blob(&id).await?;
            blocking(move || {
                let decoded = decode(&bytes).map_err(|error| error.with("asset", id))?;
                let Pixels { width, height, rgb: pixels } = decoded;
                Ok(Image::Rgb { width, height, pixels })
            })
            .await
        }
    }
}
