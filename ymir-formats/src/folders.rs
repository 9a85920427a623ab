//! Folders of images by their class, with or without folders of splits above them.

use std::path::{Path, PathBuf};

use ymir_core::{Annotation, ClassTable, ObjectType, Record, Result, Shape};

use super::assemble::Entry;
use super::carries::Carries;
use super::document::{Document, Object};
use super::draft::Draft;
use super::export_names::plain_name;
use super::intake::Refusal;
use super::list;
use super::losses::Losses;
use super::read_options::ReadOptions;
use super::reader::Reader;
use super::scan::scan_images;
use super::splits::{self, SplitValues};
use super::writer::{Item, Setting, Writer};

/// Reads `class/image` and `split/class/image`.
#[derive(Debug, Default)]
pub(super) struct FoldersReader {
    source: PathBuf,
}

impl Reader for FoldersReader {
    fn find(&mut self, draft: &mut Draft, options: &ReadOptions) -> Result<()> {
        draft.object_type = Some(ObjectType::Classification);
        let images = scan_images(&draft.source.clone(), &mut draft.skipped)?;
        for i in 0..images.len() {
            let (split, class) = place(images.below(i));
            let splits = draft.splits.with(SplitValues::NONE, &split);
            let has_class = !class.is_empty();
            draft.add(&images.path(i), None, splits, options.without_annotations || has_class);
        }
        self.source = draft.source.clone();
        list::limit(draft, options)
    }

    fn read(&self, entry: &Entry) -> std::result::Result<Option<Document>, Refusal> {
        let below = entry.image.strip_prefix(&self.source).unwrap_or(&entry.image);
        let (_, name) = place(below);
        if name.is_empty() {
            return Ok(None);
        }
        let object = Object { number: 1, name, shape: Some(Shape::Image), ..Object::default() };
        Ok(Some(Document { objects: vec![object], ..Document::default() }))
    }
}

/// Returns the split and the class that a path says, empty where it says none. A folder with the
/// name of a split is one if there are folders in it.
fn place(below: &Path) -> (String, String) {
    let folders: Vec<_> =
        below.parent().into_iter().flatten().map(|f| f.to_string_lossy()).collect();
    match &folders[..] {
        [] => Default::default(),
        [split] if splits::is_common(split) => (split.to_string(), String::new()),
        [split, class, ..] if splits::is_common(split) => (split.to_string(), class.to_string()),
        [class, ..] => (String::new(), class.to_string()),
    }
}

/// Folders that are named after what is in them, and not after a class.
const NO_CLASSES: [&str; 10] = [
    "images",
    "image",
    "imgs",
    "img",
    "jpegimages",
    "masks",
    "labels",
    "annotations",
    "segmentationclass",
    "segmentationobject",
];

/// Returns whether an image stands in a folder that can be a class, or in one of a split.
pub(super) fn tells_classes(below: &Path) -> bool {
    let (split, class) = place(below);
    let is_class = |class: &str| {
        !splits::is_common(class) && NO_CLASSES.iter().all(|no| !class.eq_ignore_ascii_case(no))
    };
    if class.is_empty() { !split.is_empty() } else { is_class(&class) }
}

const CARRIES: Carries = Carries { boxes: false, labels: true, negatives: false, ..Carries::BOXES };

/// Writes a folder of each class, in folders of the splits if there are any.
#[derive(Debug)]
pub(super) struct FoldersWriter;

fn labels(record: &Record) -> impl Iterator<Item = &Annotation> {
    record.annotations.iter().filter(|annotation| annotation.shape == Some(Shape::Image))
}

impl Writer for FoldersWriter {
    fn image_folder(&mut self, record: &Record, classes: &ClassTable) -> String {
        let split = splits::of(&record.asset.attributes).find(|name| splits::is_common(name));
        let class = labels(record).find_map(|label| classes.name_of(&label.class));
        let parts = split.map(str::to_owned).into_iter().chain(class.map(plain_name));
        parts.collect::<Vec<_>>().join("/")
    }

    fn write(
        &mut self,
        _: &Path,
        items: &[Item],
        setting: &Setting,
        losses: &mut Losses,
    ) -> Result<()> {
        for Item { record, .. } in items {
            CARRIES.count(record, losses);
            let further = labels(record).count().saturating_sub(1);
            losses.add_many("further labels of an image", further as u64);
            let class = labels(record).find_map(|label| setting.classes.name_of(&label.class));
            // Without a class, or in a folder of another name, an image says something else.
            if class.is_some_and(|class| plain_name(class) != class) {
                losses.add("class names that no folder can have");
            }
            let splits = splits::of(&record.asset.attributes);
            let kept = usize::from(splits::of(&record.asset.attributes).any(splits::is_common));
            losses.add_many("splits of other or several names", (splits.count() - kept) as u64);
        }
        Ok(())
    }

    fn finish(&mut self, _: &Path, _: &Setting, _: &mut Losses) -> Result<()> {
        Ok(())
    }
}
