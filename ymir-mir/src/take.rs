use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rayon::prelude::*;
use ymir_core::{AssetStore, OnProgress, Result, Ticker, Transfer};
use ymir_formats::support::{blocking, in_parallel};

use super::files::Sha1;
use super::import::stop_if;
use super::media::{Refusal, Stored, Taken, read_image};
use super::records::Images;

/// How many images are read at once.
const CHUNK: usize = 512;
/// How many images, and bytes of them, are put into the store at once at most.
const BATCH: usize = 16_384;
const BATCH_BYTES: u64 = 128 << 20;

/// Puts images of the original into the store.
pub(super) struct Taking<'a> {
    pub(super) store: &'a Arc<dyn AssetStore>,
    pub(super) media: PathBuf,
    pub(super) transfer: Transfer,
    pub(super) over: Arc<AtomicBool>,
}

/// Images that were not taken.
pub(super) type Refused = BTreeMap<Sha1, Refusal>;

impl Taking<'_> {
    /// Puts all of these in that are there, and says why the others are not.
    pub(super) async fn run(
        &self,
        ids: &[Sha1],
        progress: OnProgress<'_>,
    ) -> Result<(Images, Refused)> {
        let mut ticker = Ticker::start(progress, ids.len() as u64);
        let (mut images, mut refused) = (Images::with_capacity(ids.len()), Refused::new());
        let (mut batch, mut bytes) = (Vec::new(), 0);
        for chunk in ids.chunks(CHUNK) {
            for (id, taken) in chunk.iter().zip(self.read(chunk).await?) {
                match taken {
                    Ok(taken) => {
                        bytes += taken.bytes;
                        batch.push((*id, taken));
                    }
                    Err(refusal) => {
                        refused.insert(*id, refusal);
                        ticker.advance(1);
                    }
                }
            }
            if batch.len() >= BATCH || bytes >= BATCH_BYTES {
                ticker.advance(self.put(&mut images, &mut batch).await?);
                bytes = 0;
            }
        }
        self.put(&mut images, &mut batch).await?;
        ticker.finish();
        Ok((images, refused))
    }

    async fn read(&self, ids: &[Sha1]) -> Result<Vec<Result<Taken, Refusal>>> {
        let (ids, media) = (ids.to_vec(), self.media.clone());
        let (transfer, over) = (self.transfer, self.over.clone());
        blocking(move || {
            stop_if(&over)?;
            let read = |id: &Sha1| read_image(Path::new(&media), id, transfer);
            Ok(in_parallel(|| ids.par_iter().map(read).collect()))
        })
        .await
    }

    async fn put(&self, images: &mut Images, batch: &mut Vec<(Sha1, Taken)>) -> Result<u64> {
        let (places, sources): (Vec<_>, Vec<_>) =
            batch.drain(..).map(|(id, taken)| ((id, taken.info), taken.source)).unzip();
        let blobs = self.store.put_blobs(sources).await?;
        let count = blobs.len() as u64;
        for ((id, info), blob) in places.into_iter().zip(blobs) {
            images.insert(id, Stored { id: blob.id, bytes: blob.size, info });
        }
        Ok(count)
    }
}
