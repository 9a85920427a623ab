//! The executor contract's ark: a text file per image, a line per box.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use ymir_core::{Annotation, BBox, Class, ClassTable, Error, Record, Result};

use super::assemble::Entry;
use super::carries::Carries;
use super::document::{Document, Object};
use super::document_files::find_pairs;
use super::draft::Draft;
use super::edges::{self, Edges};
use super::file_index::FileIndex;
use super::intake::{Refusal, read_text};
use super::losses::Losses;
use super::output::{make_folder, write_file};
use super::pair::bytes;
use super::read_options::ReadOptions;
use super::reader::Reader;
use super::report::SkipReason;
use super::split_lists::SplitLists;
use super::splits;
use super::writer::{Item, Setting, Writer};

/// The file that names the classes, a line each.
const CLASSES: &str = "classes.txt";
const INDEX: &str = "-index.tsv";
const MAX_OBJECTS: usize = 100_000;

/// Returns whether a folder is of this format.
pub(super) fn is_ark(source: &Path) -> bool {
    let mut files = std::fs::read_dir(source).into_iter().flatten().flatten();
    source.join(CLASSES).is_file()
        && files.any(|file| file.file_name().to_string_lossy().ends_with(INDEX))
}

/// Reads images with their text files, classes from `classes.txt`, and splits from the index files
/// of the contract (`train-index.tsv`).
#[derive(Debug, Default)]
pub(super) struct ArkReader {
    classes: Vec<String>,
}

impl Reader for ArkReader {
    fn find(&mut self, draft: &mut Draft, options: &ReadOptions) -> Result<()> {
        let path = draft.source.join(CLASSES);
        let text = read_text(&path).map_err(|(_, reason)| {
            let message =
                "the file classes.txt must name the classes of an ark dataset, one a line";
            Error::invalid(message).with("file", path.display()).with("reason", reason)
        })?;
        self.classes = text.lines().map(|line| line.trim().to_owned()).collect();
        let options_of_pairs = ReadOptions { list: None, ..options.clone() };
        let is_other = |path: &Path| path.file_name().is_some_and(|name| name == CLASSES);
        find_pairs(draft, &options_of_pairs, "txt", is_other)?;
        self.mark_splits(draft);
        super::list::limit(draft, options)
    }

    fn read(&self, entry: &Entry) -> std::result::Result<Option<Document>, Refusal> {
        let Some(path) = &entry.annotation else { return Ok(None) };
        let document = self.document(&read_text(path)?);
        document.map(Some).map_err(|reason| (SkipReason::BadAnnotation, reason))
    }
}

impl ArkReader {
    fn mark_splits(&self, draft: &mut Draft) {
        let files = std::fs::read_dir(&draft.source).into_iter().flatten().flatten();
        let mut files: Vec<PathBuf> = files.map(|file| file.path()).collect();
        files.sort_unstable();
        let images = draft.leads.iter().map(|lead| lead.image);
        let index = FileIndex::new(&draft.names, images, |path, key| {
            key(bytes(path.file_name().unwrap_or_default().as_ref()));
        });
        for path in files {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let Some(split) = name.strip_suffix(INDEX).filter(|split| *split != "all") else {
                continue;
            };
            let text = match read_text(&path) {
                Ok(text) => text,
                Err((kind, reason)) => {
                    draft.skip(&path, kind, reason);
                    continue;
                }
            };
            for line in text.lines() {
                let image = line.split('\t').next().unwrap_or_default();
                let image = image.rsplit(['/', '\\']).next().unwrap_or_default();
                let found = index.find(&draft.names, image.as_bytes());
                // Images are numbered as they were found.
                let lead = found.last().and_then(|image| {
                    draft.leads.binary_search_by_key(image, |lead| lead.image).ok()
                });
                if let Some(lead) = lead.map(|lead| &mut draft.leads[lead]) {
                    lead.splits = draft.splits.with(lead.splits, split);
                }
            }
        }
    }

    fn document(&self, text: &str) -> std::result::Result<Document, String> {
        let mut document = Document::default();
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        for (number, (line, row)) in (1..).zip(lines) {
            if number as usize > MAX_OBJECTS {
                return Err(format!("the file has more than {MAX_OBJECTS} lines"));
            }
            let numbers: std::result::Result<Vec<f64>, _> =
                row.split(',').map(|number| number.trim().parse()).collect();
            let numbers = numbers.ok().filter(|all| all.iter().all(|number| number.is_finite()));
            let Some([class, left, top, right, bottom, rest @ ..]) = numbers.as_deref() else {
                return Err(format!(
                    "line {}: expected `class, xmin, ymin, xmax, ymax, quality, rotate_angle`",
                    line + 1
                ));
            };
            let whole = *class >= 0.0 && class.fract() == 0.0;
            let name = self.classes.get(*class as usize).filter(|name| whole && !name.is_empty());
            let bbox = BBox::new(*left, *top, right - left + 1.0, bottom - top + 1.0);
            match name {
                None => document.dropped.push((number, format!("its class {class} has no name"))),
                Some(_) if !bbox.is_valid() => {
                    document.dropped.push((number, "its box is inverted or empty".to_owned()));
                }
                Some(name) => document.objects.push(Object {
                    number,
                    name: name.clone(),
                    bbox,
                    quality: rest.first().copied().filter(|quality| *quality >= 0.0),
                    rotate_angle: rest.get(1).copied().filter(|angle| *angle != 0.0),
                    ..Object::default()
                }),
            }
        }
        Ok(document)
    }
}

const CARRIES: Carries = Carries { rotations: true, qualities: true, ..Carries::BOXES };

/// Writes `images`, `annotations`, `classes.txt` and an index file of each split.
#[derive(Debug)]
pub(super) struct ArkWriter {
    lists: SplitLists,
    others: Vec<String>,
}

impl ArkWriter {
    pub(super) fn new() -> Self {
        Self { lists: SplitLists::with_ending("", INDEX), others: Vec::new() }
    }

    fn lines(&mut self, record: &Record, classes: &ClassTable) -> String {
        let mut text = String::new();
        for annotation in &record.annotations {
            let class = match &annotation.class {
                Class::Id(id) => id.0 as usize,
                Class::Name(name) => {
                    let known = self.others.iter().position(|other| other == name);
                    let place = known.unwrap_or_else(|| {
                        self.others.push(name.clone());
                        self.others.len() - 1
                    });
                    classes.len() + place
                }
            };
            write_line(&mut text, class, edges::exact(annotation.bbox), annotation);
        }
        text
    }
}

/// Appends the line of a box, of a class by its number.
pub(super) fn write_line(text: &mut String, class: usize, edges: Edges, annotation: &Annotation) {
    let [left, top, right, bottom] = edges;
    let quality = annotation.quality.unwrap_or(-1.0);
    let angle = annotation.rotate_angle.unwrap_or(0.0);
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{class}, {left}, {top}, {right}, {bottom}, {quality}, {angle}");
}

impl Writer for ArkWriter {
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
        let annotations = make_folder(folder, "annotations")?;
        for item in items {
            CARRIES.count(&item.record, losses);
            let line = format!("images/{}\tannotations/{}.txt", item.name, item.stem);
            let mut listed = false;
            for split in splits::of(&item.record.asset.attributes) {
                match split != "all" && self.lists.add(folder, split, &line)? {
                    true => listed = true,
                    false => losses.add("splits with a name that no file can have"),
                }
            }
            if !listed {
                self.lists.add(folder, "all", &line)?;
            }
            let path = annotations.join(format!("{}.txt", item.stem));
            write_file(&path, self.lines(&item.record, &setting.classes))?;
        }
        Ok(())
    }

    fn finish(&mut self, folder: &Path, setting: &Setting, _: &mut Losses) -> Result<()> {
        make_folder(folder, "images")?;
        self.lists.begin(folder, "all")?;
        self.lists.finish()?;
        let names = setting.classes.entries().iter().map(|class| class.name.as_str());
        let names = names.chain(self.others.iter().map(String::as_str));
        let names: String = names.flat_map(|name| [name, "\n"]).collect();
        write_file(&folder.join(CLASSES), names)
    }
}
