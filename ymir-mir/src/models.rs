//! Model packages of the original: tar files named by their SHA-1.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, Write};
use std::path::{Component, Path, PathBuf};

use flate2::read::GzDecoder;
use sha1::{Digest, Sha1 as Hasher};
use ymir_core::{
    BlobInfo, BlobSource, Error, ErrorKind, Model, ModelFile, Result, Stage, Transfer,
};

use super::generated as proto;
use super::lineage::element;
use super::media::locate;

/// The most bytes and files of a package, unpacked.
const MAX_BYTES: u64 = 64 << 30;
const MAX_FILES: usize = 10_000;
/// The file in which the original describes a package.
const INFO: &str = "ymir-info.yaml";

/// An unpacked package: the paths in it and, in the same order, where they stand.
pub(super) struct Package {
    paths: Vec<String>,
    files: Vec<PathBuf>,
    _folder: tempfile::TempDir,
}

/// Unpacks the package of a model into a temporary folder.
///
/// # Errors
///
/// `NotFound` if it is not there, `Corrupted` if it is not what its name says or cannot be read,
/// `ResourceExhausted` if it is too large.
pub(super) fn unpack(folder: &Path, hash: &str, temporary: Option<&Path>) -> Result<Package> {
    let is_hash = hash.len() == 40 && hash.bytes().all(|b| b.is_ascii_hexdigit());
    let path = is_hash.then(|| locate(folder, hash)).flatten();
    let path = path.ok_or_else(|| Error::not_found("the models folder does not have it"))?;
    let fail = |e: io::Error| Error::io("cannot unpack the model package", &path, e);
    let damaged = |reason: &str| {
        let message = format!("the model package is damaged: {reason}");
        Error::corrupted(message).with("path", path.display())
    };
    let mut file = File::open(&path).map_err(fail)?;
    let mut hasher = Hasher::new();
    io::copy(&mut file, &mut HashWriter(&mut hasher)).map_err(fail)?;
    if hex::encode(hasher.finalize()) != hash.to_ascii_lowercase() {
        return Err(damaged("it has other bytes than its name says"));
    }
    file.rewind().map_err(fail)?;
    let mut magic = [0; 2];
    let is_packed = file.read(&mut magic).map_err(fail)? == 2 && magic == [0x1f, 0x8b];
    file.rewind().map_err(fail)?;
    let reader = BufReader::new(file);
    let reader: Box<dyn Read> = match is_packed {
        true => Box::new(GzDecoder::new(reader)),
        false => Box::new(reader),
    };

    let builder = tempfile::Builder::new();
    let target = match temporary {
        Some(folder) => builder.tempdir_in(folder),
        None => builder.tempdir(),
    };
    let target = target.map_err(fail)?;
    let mut package = Package { paths: Vec::new(), files: Vec::new(), _folder: target };
    let mut left = MAX_BYTES;
    let mut archive = tar::Archive::new(reader);
    for entry in archive.entries().map_err(fail)? {
        let entry = entry.map_err(|e| damaged(&e.to_string()))?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let name = entry.path().ok().and_then(|path| plain(&path));
        let name = name.ok_or_else(|| damaged("it has a file with a path that leads out of it"))?;
        let place = package._folder.path().join(package.files.len().to_string());
        let mut out = File::create_new(&place).map_err(fail)?;
        let copied = io::copy(&mut entry.take(left + 1), &mut out);
        let copied = copied.map_err(|e| damaged(&e.to_string()))?;
        if copied > left || package.files.len() == MAX_FILES {
            let message = "the model package has more than 64 GiB or 10,000 files unpacked";
            return Err(
                Error::new(ErrorKind::ResourceExhausted, message).with("path", path.display())
            );
        }
        left -= copied;
        package.paths.push(name);
        package.files.push(place);
    }
    Ok(package)
}

struct HashWriter<'a>(&'a mut Hasher);

impl Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns a path with `/` between its parts; none if it leads anywhere but below its start.
fn plain(path: &Path) -> Option<String> {
    let mut parts = Vec::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::Normal(part) => parts.push(part.to_str()?),
            _ => return None,
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

impl Package {
    /// Returns the files, to be put into the store.
    pub(super) fn sources(&self) -> Vec<BlobSource> {
        let source = |file: &PathBuf| BlobSource::File(file.clone(), Transfer::HardLink);
        self.files.iter().map(source).collect()
    }

    /// Returns the model, with its files as they are in the store.
    ///
    /// # Errors
    ///
    /// `Corrupted` if a file of a stage is not in the package.
    pub(super) fn model(&self, meta: &proto::ModelMeta, blobs: &[BlobInfo]) -> Result<Model> {
        let mut used = BTreeSet::new();
        let mut stages = Vec::with_capacity(meta.stages.len());
        for (name, stage) in &meta.stages {
            if plain(Path::new(name)).is_none_or(|plain| plain.contains('/') || plain != *name) {
                let message = "a stage of the model has a name that is none of a folder";
                return Err(Error::corrupted(message).with("stage", format!("{name:?}")));
            }
            let mut files = Vec::with_capacity(stage.files.len());
            for path in &stage.files {
                // Packages of older versions have no folder for the stage.
                let place = self.find(&format!("{name}/{path}")).or_else(|| self.find(path));
                let place = place.ok_or_else(|| {
                    let message = "the model package lacks a file of a stage";
                    Error::corrupted(message).with("stage", name).with("file", path)
                })?;
                used.insert(place);
                files.push(ModelFile {
                    path: path.clone(),
                    blob: blobs[place].id,
                    size: blobs[place].size,
                });
            }
            files.sort_by(|a, b| a.path.cmp(&b.path));
            stages.push(Stage {
                name: name.clone(),
                files,
                timestamp: i64::from(stage.timestamp),
                metrics: stage.ci_averaged_evaluation.as_ref().map(element).unwrap_or_default(),
            });
        }
        stages.sort_by(|a, b| (a.timestamp, &a.name).cmp(&(b.timestamp, &b.name)));
        let others = (0..self.paths.len()).filter(|place| !used.contains(place));
        let mut attachments: Vec<ModelFile> = others
            .map(|place| {
                let path = &self.paths[place];
                let path = path.strip_prefix("attachments/").unwrap_or(path).to_owned();
                ModelFile { path, blob: blobs[place].id, size: blobs[place].size }
            })
            .collect();
        attachments.sort_by(|a, b| a.path.cmp(&b.path));
        if self.find(INFO).is_none() {
            let message = "the model package has no ymir-info.yaml, so it is none of the original";
            return Err(Error::corrupted(message));
        }
        if !meta.stages.contains_key(&meta.best_stage_name) {
            let message = "the model does not have the stage that it calls its best";
            return Err(Error::corrupted(message).with("stage", &meta.best_stage_name));
        }
        let class_names = meta.class_names.clone();
        Ok(Model { stages, best_stage: meta.best_stage_name.clone(), class_names, attachments })
    }

    fn find(&self, path: &str) -> Option<usize> {
        self.paths.iter().position(|known| known == path)
    }
}
