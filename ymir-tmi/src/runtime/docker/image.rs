//! What an image says about itself, read without running it.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::path::Path;

use bollard::Docker;
use bollard::models::{ContainerCreateBody, HostConfig};
use bollard::query_parameters::{CreateContainerOptions, DownloadFromContainerOptionsBuilder};
use futures::StreamExt;
use ymir_core::{Error, ErrorKind, ExecutorInfo, Result};

use super::engine::{failed, remove, status};
use super::labels;
use crate::contract::manifest::{MAX_MANIFEST_FILE, manifest_files};
use crate::contract::read_manifest;

const FOLDER: &str = "/img-man";

/// The most bytes of `/img-man` that are read.
const MAX_ARCHIVE: usize = 16 << 20;

/// The most entries of it that are looked at.
const MAX_ENTRIES: usize = 1000;

/// Reads the manifest and the templates out of an image. Should the caller go away meanwhile, the
/// container that this takes is removed all the same.
pub(super) async fn inspect(docker: &Docker, image: &str) -> Result<ExecutorInfo> {
    let (docker, image) = (docker.clone(), image.to_owned());
    tokio::spawn(async move { look_into(&docker, &image).await }).await.map_err(|error| {
        Error::new(ErrorKind::Unexpected, "looking into an image was broken off").caused_by(error)
    })?
}

async fn look_into(docker: &Docker, image: &str) -> Result<ExecutorInfo> {
    let digest = id(docker, image).await?;
    let body = ContainerCreateBody {
        image: Some(digest.clone()),
        // Never started; an image without a command of its own could not be created otherwise.
        cmd: Some(vec!["-".to_owned()]),
        network_disabled: Some(true),
        labels: Some(labels::of_inspection(image)),
        host_config: Some(HostConfig {
            network_mode: Some("none".to_owned()),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    };
    let created = docker
        .create_container(None::<CreateContainerOptions>, body)
        .await
        .map_err(|error| failed(error, "cannot look into the image").with("image", image))?;
    let archive = download(docker, &created.id, image).await;
    let removed = remove(docker, &created.id).await;
    let files = unpack(&archive?).map_err(|error| error.with("image", image))?;
    removed?;
    read_manifest(&files, digest).map_err(|error| error.with("image", image))
}

/// Returns the id of an image.
pub(super) async fn id(docker: &Docker, image: &str) -> Result<String> {
    let found = docker.inspect_image(image).await.map_err(|error| missing(error, image))?;
    Ok(found.id.unwrap_or_default())
}

/// Returns the error for an image that the engine has not, or another failure.
pub(super) fn missing(error: bollard::errors::Error, image: &str) -> Error {
    let attempt = match status(&error) {
        Some(404) => format!(
            "the Docker Engine has no such image; get it with `docker pull {image}`, or build it"
        ),
        _ => "cannot look up the image".to_owned(),
    };
    failed(error, &attempt).with("image", image)
}

async fn download(docker: &Docker, container: &str, image: &str) -> Result<Vec<u8>> {
    let options = DownloadFromContainerOptionsBuilder::default().path(FOLDER).build();
    let mut stream = std::pin::pin!(docker.download_from_container(container, Some(options)));
    let mut archive = Vec::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| match status(&error) {
            Some(404) => Error::invalid(
                "the image is no executor: it has no folder /img-man with manifest.yaml and \
                 templates",
            )
            .with("image", image),
            _ => failed(error, "cannot copy /img-man out of the image").with("image", image),
        })?;
        if archive.len() + chunk.len() > MAX_ARCHIVE {
            let message = format!("/img-man is larger than {MAX_ARCHIVE} bytes; clear it out");
            return Err(Error::invalid(message).with("image", image));
        }
        archive.extend_from_slice(&chunk);
    }
    Ok(archive)
}

/// Returns the files of an archive of `/img-man` that matter, by their path below it. Anything
/// but plain files is passed over.
fn unpack(archive: &[u8]) -> Result<BTreeMap<String, Vec<u8>>> {
    let malformed = |error: std::io::Error| {
        Error::invalid("the archive of /img-man cannot be read").caused_by(error)
    };
    let wanted = manifest_files();
    let mut files = BTreeMap::new();
    let mut archive = tar::Archive::new(Cursor::new(archive));
    for entry in archive.entries().map_err(malformed)?.take(MAX_ENTRIES) {
        let entry = entry.map_err(malformed)?;
        let Some(name) = below(&entry.path().map_err(malformed)?) else { continue };
        if !entry.header().entry_type().is_file() || !wanted.contains(&name) {
            continue;
        }
        let mut bytes = Vec::new();
        entry.take(MAX_MANIFEST_FILE + 1).read_to_end(&mut bytes).map_err(malformed)?;
        if bytes.len() as u64 > MAX_MANIFEST_FILE {
            let message = format!("a manifest file is longer than {MAX_MANIFEST_FILE} bytes");
            return Err(Error::invalid(message).with("file", format!("{FOLDER}/{name}")));
        }
        files.insert(name, bytes);
    }
    Ok(files)
}

/// Returns the path without the folder that the engine puts first.
fn below(path: &Path) -> Option<String> {
    let mut parts = path.strip_prefix(".").unwrap_or(path).components();
    parts.next()?;
    Some(parts.as_path().to_str()?.to_owned())
}
