use serde::{Deserialize, Serialize};

use crate::{BlobLocation, WorkspaceOptions};

/// What [`Workspace::open_with`](crate::Workspace::open_with) and
/// [`Workspace::init_with`](crate::Workspace::init_with) are given.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WorkspaceRequest {
    /// See [`WorkspaceOptions::create`].
    pub create: bool,
    /// See [`WorkspaceOptions::cpus`].
    pub cpus: Option<u32>,
    /// See [`WorkspaceOptions::blobs`].
    pub blobs: Option<BlobsRequest>,
}

/// The object store with the images and models of a workspace: a [`BlobLocation`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlobsRequest {
    /// See [`BlobLocation::url`].
    pub url: String,
    /// See [`BlobLocation::endpoint`].
    #[serde(default)]
    pub endpoint: Option<String>,
    /// See [`BlobLocation::region`].
    #[serde(default)]
    pub region: Option<String>,
}

impl WorkspaceRequest {
    /// Returns the options.
    pub fn options(&self) -> WorkspaceOptions {
        let blobs = self.blobs.clone().map(|blobs| {
            let BlobsRequest { url, endpoint, region } = blobs;
            BlobLocation { url, endpoint, region }
        });
        let Self { create, cpus, .. } = *self;
        WorkspaceOptions { create, blobs, cpus, ..WorkspaceOptions::default() }
    }
}
