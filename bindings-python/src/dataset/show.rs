//! A dataset for other eyes: pictures of its images, and an Arrow table.

use image::ImageFormat;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use ymir::{AssetId, Error, ErrorKind, MediaType};

use super::Dataset;
use crate::arrow::ArrowTable;
use crate::convert::{Value, object, parse};
use crate::pending::Pending;

/// What decoding one image may take.
const MEMORY: u64 = 512 << 20;

#[pymethods]
impl Dataset {
    /// Returns images made small, as JPEG files whose longer side has so many pixels at most; none
    /// for one that cannot be had or decoded.
    fn thumbnails(&self, py: Python<'_>, ids: Vec<String>, side: u32) -> PyResult<Pending> {
        let ids = ids.iter().map(|id| parse(py, id)).collect::<PyResult<Vec<AssetId>>>()?;
        let live = self.live(py)?;
        Ok(Pending::new(async move {
            let mut made = Vec::with_capacity(ids.len());
            for id in ids {
                let record = live.get(&id).await?;
                let image = live.workspace().image(&id).await;
                let (Some(record), Ok(bytes)) = (record, image) else {
                    made.push(None);
                    continue;
                };
                let work = move || thumbnail(&bytes, record.asset.media_type, side);
                made.push(tokio::task::spawn_blocking(work).await.map_err(|e| {
                    Error::new(ErrorKind::Unexpected, "making an image small broke off")
                        .caused_by(e)
                })?);
            }
            let objects: Value = Box::new(move |py| {
                let made = made.iter().map(|jpeg| jpeg.as_ref().map(|jpeg| PyBytes::new(py, jpeg)));
                Ok(made.collect::<Vec<_>>().into_pyobject(py)?.into_any())
            });
            Ok(objects)
        }))
    }

    #[pyo3(signature = (class_name))]
    fn to_arrow(&self, py: Python<'_>, class_name: Option<String>) -> PyResult<Pending> {
        let live = self.live(py)?;
        Ok(Pending::new(async move {
            let table = live.to_arrow(class_name.as_deref()).await?;
            Ok(object(ArrowTable::new(table)))
        }))
    }
}

fn thumbnail(bytes: &[u8], media_type: MediaType, side: u32) -> Option<Vec<u8>> {
    let format = match media_type {
        MediaType::Jpeg => ImageFormat::Jpeg,
        MediaType::Png => ImageFormat::Png,
        MediaType::Bmp => ImageFormat::Bmp,
        MediaType::Webp => ImageFormat::WebP,
        _ => return None,
    };
    let mut reader = image::ImageReader::with_format(std::io::Cursor::new(bytes), format);
    let mut limits = image::Limits::default();
    limits.max_alloc = Some(MEMORY);
    reader.limits(limits);
    let picture = reader.decode().ok()?;
    let picture = match picture.width().max(picture.height()) > side {
        true => picture.resize(side, side, FilterType::Triangle),
        false => picture,
    };
    let mut jpeg = Vec::new();
    picture.to_rgb8().write_with_encoder(JpegEncoder::new_with_quality(&mut jpeg, 82)).ok()?;
    Some(jpeg)
}
