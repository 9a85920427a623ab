use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use ymir_core::{
    AssetId, AssetStore, BlobSource, Branch, Class, ClassEntry, ClassId, ClassTable, Error,
    ErrorKind, NewClass, OnProgress, Record, Records, Result, TaskKind, Ticker, Transfer,
    UnknownClasses, Version, VersionId,
};

use super::class_map::ClassMap;
use super::commit::{Operation, Plan};
use super::stream::EditSender;

/// How [`copy`] brings a version into another store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CopyOptions {
    /// How the image files are taken over: copied or linked. A reference would be one into the files
    /// of the other store.
    pub transfer: Transfer,
    /// What happens to annotations of classes that the other store does not know.
    pub unknown_classes: UnknownClasses,
    /// Whether the records are copied without the image files, which the other store then lacks.
    pub without_files: bool,
}

impl Default for CopyOptions {
    /// Links the image files, which stores never write into, and adds unknown classes.
    fn default() -> Self {
        Self {
            transfer: Transfer::HardLink,
            unknown_classes: UnknownClasses::Add,
            without_files: false,
        }
    }
}

/// Copies a version from one store into another: its records, with their classes mapped by name,
/// and the image files.
///
/// The files are linked where options and file systems allow it. Those of a copy that fails or is
/// dropped may stay, until the other store is cleaned of what no version has. The same version
/// with the same options onto the same branch is not copied again.
///
/// # Errors
///
/// - `NotFound` if the version does not exist, or the file of an asset.
/// - `InvalidInput` if the other store lacks classes and the options say stop, if the target is not
///   of the source's kind, or for references in place of files.
pub async fn copy(
    from: &Arc<dyn AssetStore>,
    source: &VersionId,
    to: &Arc<dyn AssetStore>,
    target: &Branch,
    options: &CopyOptions,
    on_progress: OnProgress<'_>,
) -> Result<Version> {
    if options.transfer == Transfer::Reference {
        let message = "a copy cannot refer to image files that are another workspace's own and go with it; choose `copy` or `hard_link`";
        return Err(Error::invalid(message).with("field", "transfer"));
    }
    let operation = Operation::between(from, to, TaskKind::Copy, "copy", source, target).await?;
    let mut operation = operation
        .parameter("unknown_classes", serde_json::json!(options.unknown_classes))
        .parameter("without_files", options.without_files);
    if let Some(version) = operation.find().await? {
        return Ok(version);
    }
    let manifest = from.manifest(source).await?;
    let used = manifest.classes.entries().iter();
    let used = used.filter(|entry| manifest.summary.classes.contains_key(&entry.id)).collect();
    let (classes, names) = map_classes(used, to, options.unknown_classes).await?;
    let operation = operation.note("classes", serde_json::json!(names));
    let source = *source;
    let copying = Copying { from, to, source, classes, options, on_progress };
    let message = format!("Copy {} of another workspace", operation.source());
    operation.commit(Plan::Copy(Box::new(copying)), message).await
}

/// The names of classes of one workspace with those that they have in another; none for one that is
/// left out.
type Names = BTreeMap<String, Option<String>>;

/// Returns what the classes of a version are in another store, by their names.
async fn map_classes(
    used: Vec<&ClassEntry>,
    to: &Arc<dyn AssetStore>,
    unknown_classes: UnknownClasses,
) -> Result<(ClassMap, Names)> {
    let mut theirs = to.classes().await?;
    let unknown: Vec<&ClassEntry> =
        used.iter().copied().filter(|entry| find(entry, &used, &theirs).is_none()).collect();
    match unknown_classes {
        UnknownClasses::Stop if !unknown.is_empty() => {
            let names: Vec<_> = unknown.iter().map(|entry| entry.name.as_str()).collect();
            let message = "the other workspace does not have all of the classes; add them, or choose what happens to unknown classes";
            return Err(Error::invalid(message).with("classes", names.join(", ")));
        }
        UnknownClasses::Add if !unknown.is_empty() => {
            // An alias that means another class there keeps its meaning.
            let new = |entry: &&ClassEntry| {
                let free = entry.aliases.iter().filter(|alias| theirs.find(alias).is_none());
                NewClass { name: entry.name.clone(), aliases: free.cloned().collect() }
            };
            theirs = to.add_classes(&unknown.iter().map(new).collect::<Vec<_>>()).await?;
        }
        _ => {}
    }
    let (mut map, mut names) = (ClassMap::default(), Names::new());
    for entry in &used {
        let class = match find(entry, &used, &theirs) {
            Some(id) => Some(Class::Id(id)),
            None if unknown_classes == UnknownClasses::Keep => {
                Some(Class::Name(entry.name.clone()))
            }
            None => None,
        };
        let name = class.as_ref().and_then(|class| theirs.name_of(class));
        names.insert(entry.name.clone(), name.map(str::to_owned));
        map.ids.insert(entry.id, class);
    }
    Ok((map, names))
}

/// Returns what a class is in another table: the one of its name, else of one of its aliases. One
/// that has the name in another case only must not be that of another class of the version.
fn find(entry: &ClassEntry, used: &[&ClassEntry], table: &ClassTable) -> Option<ClassId> {
    let names = || std::iter::once(&entry.name).chain(&entry.aliases);
    if let Some(id) = names().find_map(|name| table.find_exact(name)) {
        return Some(id);
    }
    let is_taken =
        |id: &ClassId| used.iter().any(|other| table.find_exact(&other.name) == Some(*id));
    names().find_map(|name| table.find(name)).filter(|id| !is_taken(id))
}

/// A copy that is being made.
pub(super) struct Copying<'a> {
    from: &'a Arc<dyn AssetStore>,
    to: &'a Arc<dyn AssetStore>,
    source: VersionId,
    classes: ClassMap,
    options: &'a CopyOptions,
    on_progress: OnProgress<'a>,
}

impl Copying<'_> {
    pub(super) async fn send(&self, sender: EditSender) -> Result<()> {
        let total = self.from.manifest(&self.source).await?.summary.assets;
        let mut ticker = Ticker::start(self.on_progress, total);
        let mut pages = Records::all(self.from.as_ref(), self.source);
        while let Some(records) = pages.next_page().await? {
            if !self.options.without_files {
                self.copy_files(&records).await?;
            }
            ticker.advance(records.len() as u64);
            sender.put(records.into_iter().map(|record| self.classes.apply(record))).await?;
        }
        ticker.finish();
        sender.finish().await
    }

    async fn copy_files(&self, records: &[Record]) -> Result<()> {
        let mut sources = Vec::with_capacity(records.len());
        for record in records {
            sources.push(self.file(&record.asset.id).await?);
        }
        let blobs = self.to.put_blobs(sources).await?;
        let differs = records.iter().zip(&blobs).find(|(record, blob)| record.asset.id != blob.id);
        if let Some((record, _)) = differs {
            let message = "the image file of an asset has other bytes than when it was stored; restore it from a copy";
            return Err(Error::corrupted(message).with("asset", record.asset.id));
        }
        Ok(())
    }

    async fn file(&self, id: &AssetId) -> Result<BlobSource> {
        match self.from.blob_file(id).await {
            Ok(path) => Ok(BlobSource::File(path, self.options.transfer)),
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                self.from.read_blob(id).await.map(BlobSource::Bytes)
            }
            Err(error) => Err(error),
        }
    }
}
