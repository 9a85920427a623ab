use std::path::Path;

use rayon::prelude::*;
use ymir_core::{ClassTable, Record, Result};

use super::carries::Carries;
use super::losses::Losses;
use super::output::{make_folder, write_file};
use super::split_lists::SplitLists;
use super::splits;
use super::voc_write::{Dialect, write};
use super::writer::{Item, Setting, Writer};
use crate::support::in_parallel;

const CARRIES: Carries = Carries {
    rotations: true,
    scores: true,
    qualities: true,
    flags: true,
    attributes: true,
    asset_attributes: true,
    ..Carries::BOXES
};

/// Writes the Pascal VOC layout.
#[derive(Debug)]
pub(super) struct VocWriter {
    lists: SplitLists,
}

impl VocWriter {
    pub(super) fn new() -> Self {
        Self { lists: SplitLists::new("ImageSets/Main") }
    }
}

impl Writer for VocWriter {
    fn image_folder(&mut self, _: &Record, _: &ClassTable) -> String {
        "JPEGImages".to_owned()
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
            self.lists.add(folder, setting.list.as_str(), &item.stem)?;
            for split in splits::of(&item.record.asset.attributes) {
                // One of another name stands in the attributes alone.
                if splits::is_common(split) && split != setting.list.as_str() {
                    self.lists.add(folder, split, &item.stem)?;
                }
            }
        }
        let annotations = make_folder(folder, "Annotations")?;
        in_parallel(|| {
            items.par_iter().try_for_each(|item| {
                let path = annotations.join(format!("{}.xml", item.stem));
                let Record { asset, annotations } = &item.record;
                let classes = &setting.classes;
                let objects =
                    annotations.iter().map(|a| (classes.name_of(&a.class).unwrap_or_default(), a));
                write_file(&path, write(asset, &item.name, objects, Dialect::Exact))
            })
        })
    }

    fn finish(&mut self, folder: &Path, setting: &Setting, _: &mut Losses) -> Result<()> {
        // A dataset without images has a list of none.
        for part in ["JPEGImages", "Annotations", "ImageSets/Main"] {
            make_folder(folder, part)?;
        }
        self.lists.begin(folder, setting.list.as_str())?;
        self.lists.finish()
    }
}
