use std::path::PathBuf;

use ymir_core::Result;

use super::ImportOptions;
use super::assemble::Entry;
use super::document::Document;
use super::draft::Draft;
use super::import_report::SkipReason;
use super::intake::{Refusal, read_annotation};
use super::list;
use super::pair::{Orphan, pair};
use super::reader::Reader;
use super::scan::{Found, scan};
use super::splits;

/// Pascal VOC: an XML file per image, splits as lists of names.
#[derive(Debug)]
pub(super) struct VocReader;

impl Reader for VocReader {
    fn find(&mut self, draft: &mut Draft, options: &ImportOptions) -> Result<()> {
        let found = scan(&draft.source.clone(), &mut draft.skipped)?;
        let lists = match &options.list {
            Some(list) => list::load(list, &draft.source, &found)?,
            None => found.iter().map(|_| Some(Vec::new())).collect(),
        };
        let mut unmet: Option<Vec<String>> = None;
        for (mut found, entries) in found.into_iter().zip(lists) {
            let Some(entries) = entries else { continue };
            let (mut pairs, mut orphans) = pair(&mut found);
            if options.list.is_some() {
                let here = list::retain(&found, &entries, &mut pairs, &mut orphans);
                // One list for several datasets: an entry is unmet if none of them meets it.
                unmet = Some(match unmet {
                    Some(before) => before.into_iter().filter(|e| here.contains(e)).collect(),
                    None => here,
                });
            }
            for Orphan { annotation, kind, reason } in orphans {
                draft.skip(&annotation, kind, reason);
            }
            let first = draft.entries.len();
            pairs.into_iter().for_each(|pair| draft.add(pair, options.without_annotations));
            mark_splits(&found, &mut draft.entries[first..])?;
        }
        for entry in unmet.into_iter().flatten() {
            let reason = "the list names it, and it is not there";
            draft.skip_text(entry, SkipReason::NotThere, reason);
        }
        Ok(())
    }

    fn read(&self, entry: &Entry) -> Result<Option<Document>, Refusal> {
        entry.annotation.as_deref().map(read_annotation).transpose()
    }
}

/// Notes for each image which lists of splits name it. `trainval` is none where `train` or `val`
/// are.
pub(super) fn mark_splits(found: &Found, entries: &mut [Entry]) -> Result<()> {
    for folder in ["Main", "Segmentation"] {
        let mut lists = list::split_lists(&found.root, folder);
        lists.retain(|(name, _)| splits::is_common(name));
        for (name, path) in lists {
            mark(found, &name, path, entries)?;
        }
    }
    Ok(())
}

fn mark(found: &Found, name: &str, path: PathBuf, entries: &mut [Entry]) -> Result<()> {
    let lines = list::read(&path)?;
    let images = entries.iter().map(|entry| entry.image.as_path());
    let named = list::named(found, &lines, images);
    for (entry, named) in entries.iter_mut().zip(named) {
        if named {
            splits::add(&mut entry.attributes, name);
        }
    }
    Ok(())
}
