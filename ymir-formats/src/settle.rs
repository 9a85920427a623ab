use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use ymir_core::{AssetId, Class, Error, ErrorKind, ObjectType, Record, Result, Shape};

use super::assemble::{Compact, Names, Said, Stored};
use super::draft::{Draft, Lead};
use super::image_info::ImageInfo;
use super::losses::Lost;
use super::report::{Dropped, Duplicate, Skipped};
use super::scan::relative;
use crate::support::spill::{Cursor, Spill, u64_of};

/// How many bytes of rows are kept in memory.
const MAX_ROWS: usize = 1 << 20;

/// The images of an import that are in the store, each with what is said about it, in the order of
/// their paths. They are set aside: what stays in memory is some twenty bytes an image.
#[derive(Debug)]
pub struct Settled {
    draft: Draft,
    /// How many leads were settled.
    leads: usize,
    said: Cursor,
    rows: Spill,
    /// The rows of assets by the first bytes of their ids, and of those that share these.
    first: HashMap<u64, u64>,
    others: HashMap<AssetId, u64>,
    /// The rows of images that are there twice, each with the first of its asset.
    duplicates: Vec<(u64, u64)>,
    images: u64,
    clipped: u64,
    size_mismatches: Vec<String>,
    shapes: Shapes,
}

/// What is to be reported about a source, in the order of the paths.
#[derive(Debug)]
pub struct Notes {
    /// Files that were not taken.
    pub skipped: Vec<Skipped>,
    /// Objects that were not taken, of files that were.
    pub dropped: Vec<Dropped>,
    /// What the source says that records have no place for, by what it is, sorted.
    pub lost: Vec<Lost>,
    /// Boxes that reached out of their image and were cut at its edge.
    pub clipped: u64,
    /// Annotation files that tell another size than the image file has.
    pub size_mismatches: Vec<String>,
}

/// What is known of an image that is in the store.
#[derive(Debug, Serialize, Deserialize)]
struct Row {
    lead: u32,
    /// Where what is said about it is.
    said: u64,
    id: [u8; 32],
    bytes: u64,
    info: ImageInfo,
}

impl Row {
    fn stored(&self) -> Stored {
        Stored { id: AssetId::new(self.id), bytes: self.bytes, info: self.info }
    }
}

/// The shapes that were met.
#[derive(Debug, Default)]
struct Shapes {
    labels: bool,
    boxes: bool,
    others: bool,
}

impl Settled {
    /// Returns those of a draft, none of which is in the store yet.
    pub fn new(mut draft: Draft) -> Self {
        draft.classes.counts.fill(0);
        Self {
            leads: 0,
            said: draft.said.cursor(),
            rows: Spill::new(&draft.aside, MAX_ROWS),
            first: HashMap::with_capacity(draft.leads.len()),
            others: HashMap::new(),
            duplicates: Vec::new(),
            images: 0,
            clipped: 0,
            size_mismatches: Vec::new(),
            shapes: Shapes::default(),
            draft,
        }
    }

    /// Returns what was read of the source.
    pub fn draft(&mut self) -> &mut Draft {
        &mut self.draft
    }

    /// Returns the class names that annotations of the images have.
    pub fn classes(&self) -> &Names {
        self.draft.classes()
    }

    /// Returns how many different images there are.
    pub fn images(&self) -> u64 {
        self.images
    }

    /// Takes what is to be reported about the source.
    pub fn take_notes(&mut self) -> Notes {
        let Draft { skipped, dropped, losses, .. } = &mut self.draft;
        Notes {
            skipped: std::mem::take(skipped),
            dropped: std::mem::take(dropped),
            lost: std::mem::take(losses).into_list(),
            clipped: self.clipped,
            size_mismatches: std::mem::take(&mut self.size_mismatches),
        }
    }

    /// Settles the next images, none for one that was left out: fits the objects to each, and
    /// counts them unless the image is there already.
    ///
    /// # Errors
    ///
    /// Those of the disk.
    pub fn settle(&mut self, images: impl Iterator<Item = Option<Stored>>) -> Result<()> {
        for stored in images {
            let place = self.said.place();
            let said = self.said.value(&self.draft.said)?.ok_or_else(gone)?;
            if let Some(stored) = stored {
                self.take(stored, said, place)?;
            }
            self.leads += 1;
        }
        Ok(())
    }

    fn take(&mut self, stored: Stored, mut said: Said, place: u64) -> Result<()> {
        let lead = self.draft.leads[self.leads];
        let path = self.draft.reported(&lead);
        let Stored { id, bytes, info } = stored;
        if said.is_of_other_size(&info) {
            self.size_mismatches.push(relative(&self.draft.source, &path));
        }
        let fit = said.fit(&info, self.draft.quads_are_boxes);
        self.clipped += fit.clipped;
        for (object, reason) in fit.gone {
            self.draft.drop_object(&path, object, reason);
        }
        let row = Row { lead: self.leads as u32, said: place, id: *id.as_bytes(), bytes, info };
        let row = self.rows.put(&row)?;
        match self.first_of(id, row)? {
            Some(first) => self.duplicates.push((row, first)),
            None => {
                self.images += 1;
                self.draft.classes.count(&said.objects);
                self.shapes.add(&said.objects);
            }
        }
        Ok(())
    }

    /// Returns the row of an asset that was met before, or notes this one.
    fn first_of(&mut self, id: AssetId, row: u64) -> Result<Option<u64>> {
        let bytes = id.as_bytes();
        let head = u64_of(bytes);
        let Some(first) = self.first.get(&head).copied() else {
            self.first.insert(head, row);
            return Ok(None);
        };
        if self.rows.get::<Row>(first)?.id == *bytes {
            return Ok(Some(first));
        }
        let first = *self.others.entry(id).or_insert(row);
        Ok(Some(first).filter(|first| *first != row))
    }

    /// Puts what is reported in order, once all images are settled.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if there is no image.
    pub fn finish(mut self) -> Result<Self> {
        (self.first, self.others) = Default::default();
        self.draft.skipped.sort_by(|a, b| a.path.cmp(&b.path));
        self.draft.dropped.sort_by(|a, b| (&a.path, a.object).cmp(&(&b.path, b.object)));
        match self.images {
            0 => Err(self.draft.nothing_usable()),
            _ => Ok(self),
        }
    }

    /// Returns whether there are annotations.
    pub fn has_annotations(&self) -> bool {
        self.shapes.labels || self.shapes.boxes || self.shapes.others
    }

    /// Returns what the annotations are: what the format tells, else by their shapes labels of
    /// images, if all are; outlines or pixels, if any has such; else boxes.
    pub fn object_type(&self) -> ObjectType {
        let by_shape = match self.shapes {
            Shapes { others: true, .. } => ObjectType::InstanceSegmentation,
            Shapes { labels: true, boxes: false, .. } => ObjectType::Classification,
            _ => ObjectType::Detection,
        };
        self.draft.object_type.unwrap_or(by_shape)
    }

    /// Returns the duplicates as they are reported.
    ///
    /// # Errors
    ///
    /// Those of the disk.
    pub fn report_duplicates(&self, classes: &[Option<Class>]) -> Result<Vec<Duplicate>> {
        let report = |(row, first): &(u64, u64)| {
            let (path, annotations) = self.annotations(*row, classes)?;
            let (first, taken) = self.annotations(*first, classes)?;
            Ok(Duplicate { path, first, annotations_differ: annotations != taken })
        };
        self.duplicates.iter().map(report).collect()
    }

    fn annotations(
        &self,
        row: u64,
        classes: &[Option<Class>],
    ) -> Result<(String, Vec<ymir_core::Annotation>)> {
        let row: Row = self.rows.get(row)?;
        let mut said: Said = self.draft.said.get(row.said)?;
        said.fit(&row.info, self.draft.quads_are_boxes);
        let image = self.draft.image(&self.draft.leads[row.lead as usize]);
        Ok((relative(&self.draft.source, &image), said.annotations(classes)))
    }

    /// Returns the records of the images, with these classes.
    pub fn records(self: &Arc<Self>, classes: Vec<Option<Class>>) -> Records {
        Records {
            rows: self.rows.cursor(),
            said: self.draft.said.cursor(),
            duplicates: 0,
            settled: self.clone(),
            classes,
        }
    }
}

impl Shapes {
    fn add(&mut self, objects: &[Compact]) {
        for object in objects {
            match object.shape() {
                None => self.boxes = true,
                Some(Shape::Image) => self.labels = true,
                Some(_) => self.others = true,
            }
        }
    }
}

fn gone() -> Error {
    Error::new(ErrorKind::Unexpected, "what is said about an image was not set aside")
}

/// Reads the records of an import, in the order of the paths.
#[derive(Debug)]
pub struct Records {
    settled: Arc<Settled>,
    classes: Vec<Option<Class>>,
    rows: Cursor,
    said: Cursor,
    /// How many duplicates were passed over.
    duplicates: usize,
}

impl Records {
    /// Returns the next record, none after the last.
    ///
    /// # Errors
    ///
    /// Those of the disk.
    pub fn next_record(&mut self) -> Result<Option<Record>> {
        let Settled { draft, rows, duplicates, .. } = &*self.settled;
        loop {
            let place = self.rows.place();
            let Some(row) = self.rows.value::<Row>(rows)? else { return Ok(None) };
            if duplicates.get(self.duplicates).is_some_and(|(row, _)| *row == place) {
                self.duplicates += 1;
                continue;
            }
            self.said.seek(row.said);
            let mut said: Said = self.said.value(&draft.said)?.ok_or_else(gone)?;
            said.fit(&row.info, draft.quads_are_boxes);
            let Lead { image, .. } = draft.leads[row.lead as usize];
            return Ok(Some(said.record(draft.names.below(image), &row.stored(), &self.classes)));
        }
    }
}
