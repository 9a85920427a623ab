use serde::{Deserialize, Serialize};
use ymir_assets::StoreOptions;
use ymir_core::Result;

/// The object store with the images and models of a workspace, in place of its directory `blobs`.
/// The workspace remembers it; credentials are not part of it, the environment is asked for them as
/// AWS's own tools ask it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlobLocation {
    /// The bucket, which exists, and what the keys of the blobs begin with: `s3://bucket/prefix`.
    pub url: String,
    /// The server, such as `http://localhost:9000`; that of AWS unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// The region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}

/// Returns what the store of a workspace is opened with.
///
/// # Errors
///
/// `InvalidInput` for a malformed location.
#[cfg(feature = "s3")]
pub(crate) fn store_options(blobs: Option<&BlobLocation>) -> Result<StoreOptions> {
    let s3 = |location: &BlobLocation| {
        Ok::<_, ymir_core::Error>(ymir_assets::S3Options {
            endpoint: location.endpoint.clone(),
            region: location.region.clone(),
            ..ymir_assets::S3Options::from_url(&location.url)?
        })
    };
    Ok(StoreOptions { s3: blobs.map(s3).transpose()?, ..StoreOptions::default() })
}

/// Returns what the store of a workspace is opened with.
///
/// # Errors
///
/// `Unsupported` for an object store, which this build lacks.
#[cfg(not(feature = "s3"))]
pub(crate) fn store_options(blobs: Option<&BlobLocation>) -> Result<StoreOptions> {
    use ymir_core::{Error, ErrorKind};

    let Some(location) = blobs else { return Ok(StoreOptions::default()) };
    let message = "the images and models of the workspace are in an object store, which this build \
                   cannot read; build with the feature `s3`";
    Err(Error::new(ErrorKind::Unsupported, message).with("blobs", &location.url))
}
