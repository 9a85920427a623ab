use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use ymir_core::{Class, ClassTable, Error, Record, Result};

use super::super::carries::Carries;
use super::super::losses::Losses;
use super::super::output::make_folder;
use super::super::splits;
use super::super::writer::{Item, Setting, Writer};
use super::document::{CocoDocument, Extras};

const CARRIES: Carries = Carries {
    rotations: true,
    polygons: true,
    rings: true,
    masks: true,
    keypoints: true,
    scores: true,
    qualities: true,
    flags: true,
    attributes: true,
    asset_attributes: true,
    ..Carries::BOXES
};
/// The name of the document of images that are in no split.
const NO_SPLIT: &str = "default";
/// Each split takes two open files.
const MAX_SPLITS: usize = 64;

/// Writes `images` and, in `annotations`, a document for each split. Marks, angles and qualities,
/// for which COCO has no keys, have keys that other programs pass over.
#[derive(Debug, Default)]
pub(in super::super) struct CocoWriter {
    documents: BTreeMap<String, CocoDocument<BufWriter<File>>>,
    /// The numbers of classes outside the table, which come after those in it.
    others: BTreeMap<String, u64>,
}

impl Writer for CocoWriter {
    fn image_folder(&mut self, _: &Record, _: &ClassTable) -> String {
        "images".to_owned()
    }

    fn write(
        &mut self,
        folder: &Path,
        items: &[Item],
        setting: &Setting,
        losses: &mut Losses,
    ) -> Result<()> {
        for item in items {
            CARRIES.count(&item.record, losses);
            let attributes = &item.record.asset.attributes;
            let (named, other): (Vec<_>, Vec<_>) = splits::of(attributes)
                .partition(|split| *split != NO_SPLIT && splits::is_file_name(split));
            losses.add_many("splits with a name that no file can have", other.len() as u64);
            let named = if named.is_empty() { vec![NO_SPLIT] } else { named };
            for split in named {
                self.add(folder, split, item, &setting.classes)?;
            }
        }
        Ok(())
    }

    fn finish(&mut self, folder: &Path, setting: &Setting, _: &mut Losses) -> Result<()> {
        make_folder(folder, "images")?;
        if self.documents.is_empty() {
            self.document(folder, NO_SPLIT)?;
        }
        let classes = setting.classes.entries().iter().map(|class| class.name.as_str());
        let mut others: Vec<_> = self.others.iter().collect();
        others.sort_unstable_by_key(|(_, number)| **number);
        let names = classes.chain(others.into_iter().map(|(name, _)| name.as_str()));
        let categories: Vec<_> = (1..).zip(names).collect();
        std::mem::take(&mut self.documents)
            .into_values()
            .try_for_each(|document| document.finish(&categories).map(drop))
    }
}

impl CocoWriter {
    fn document(
        &mut self,
        folder: &Path,
        split: &str,
    ) -> Result<&mut CocoDocument<BufWriter<File>>> {
        if !self.documents.contains_key(split) {
            if self.documents.len() == MAX_SPLITS {
                let message = format!(
                    "the dataset has more than {MAX_SPLITS} splits, and COCO has a document for each; take fewer into the attribute `split`"
                );
                return Err(Error::invalid(message).with("split", split));
            }
            let path = make_folder(folder, "annotations")?;
            let path = path.join(format!("instances_{split}.json"));
            let document = CocoDocument::create(path, "", Extras::Keys)?;
            self.documents.insert(split.to_owned(), document);
        }
        Ok(self.documents.get_mut(split).expect("it was put in"))
    }

    fn add(&mut self, folder: &Path, split: &str, item: &Item, classes: &ClassTable) -> Result<()> {
        let mut numbers = Vec::with_capacity(item.record.annotations.len());
        for annotation in &item.record.annotations {
            numbers.push(match &annotation.class {
                Class::Id(id) => u64::from(id.0) + 1,
                Class::Name(name) => {
                    let next = (classes.len() + self.others.len()) as u64 + 1;
                    *self.others.entry(name.clone()).or_insert(next)
                }
            });
        }
        let objects = numbers.into_iter().zip(&item.record.annotations);
        self.document(folder, split)?.add(&item.record.asset, &item.name, objects)
    }
}
