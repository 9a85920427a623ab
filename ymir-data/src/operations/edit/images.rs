use std::path::{Path, PathBuf};
use std::sync::Arc;

use ymir_core::{
    Asset, AssetId, AssetStore, Attributes, BlobSource, Error, ErrorKind, Record, Result, Transfer,
};
use ymir_formats::inspect_image;

use super::DatasetEdit;

/// Puts the image files of the changes into the store, all at once, and turns each of these changes
/// into one that puts a record.
pub(super) async fn put_images(
    store: &Arc<dyn AssetStore>,
    mut edits: Vec<DatasetEdit>,
) -> Result<Vec<DatasetEdit>> {
    let mut sources = Vec::new();
    for (number, edit) in edits.iter_mut().enumerate() {
        let DatasetEdit::PutImage { file, attributes, annotations } = edit else { continue };
        let asset = inspect(std::mem::take(file), std::mem::take(attributes), number).await?;
        sources.push(BlobSource::File(asset.1, Transfer::Copy));
        let annotations = std::mem::take(annotations);
        *edit = DatasetEdit::Put(Record { asset: asset.0, annotations });
    }
    if !sources.is_empty() {
        store.put_blobs(sources).await?;
    }
    Ok(edits)
}

/// Returns the asset of an image file.
async fn inspect(file: PathBuf, attributes: Attributes, number: usize) -> Result<(Asset, PathBuf)> {
    let read = move || {
        let asset = read_asset(&file, attributes)?;
        Ok((asset, file))
    };
    let asset: Result<_> = tokio::task::spawn_blocking(read).await.map_err(|error| {
        Error::new(ErrorKind::Unexpected, "the reading of an image broke off").caused_by(error)
    })?;
    asset.map_err(|error: Error| error.with("edit", number))
}

fn read_asset(file: &Path, attributes: Attributes) -> Result<Asset> {
    let bytes = std::fs::read(file)
        .map_err(|error| Error::io("cannot read the image to be put in", file, error))?;
    let info = inspect_image(&bytes).map_err(|error| error.with("path", file.display()))?;
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned());
    Ok(Asset {
        id: AssetId::of(&bytes),
        width: info.width,
        height: info.height,
        channels: info.channels,
        byte_size: bytes.len() as u64,
        media_type: info.media_type,
        file_name: name.unwrap_or_default(),
        attributes,
    })
}

/// Checks that the image of a record that is put in is in the store.
pub(super) async fn check_image(store: &Arc<dyn AssetStore>, id: &AssetId) -> Result<()> {
    let found = match store.blob_file(id).await {
        Err(error) if error.kind() == ErrorKind::Unsupported => store.read_blob(id).await.map(drop),
        found => found.map(drop),
    };
    found.map_err(|error| match error.kind() {
        ErrorKind::NotFound => {
            let message = "the workspace does not have the image of this asset; put its file in";
            Error::not_found(message).with("asset", id).caused_by(error)
        }
        _ => error,
    })
}
