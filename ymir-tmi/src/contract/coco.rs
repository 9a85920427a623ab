//! The one COCO document of a task, written as assets come.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use ymir_core::{Asset, Error, Result};

use super::annotations::Labeled;

#[derive(Serialize)]
struct CocoImage<'a> {
    id: u64,
    file_name: &'a str,
    width: u32,
    height: u32,
}

#[derive(Serialize)]
struct CocoBox {
    id: u64,
    image_id: u64,
    category_id: usize,
    bbox: [f64; 4],
    area: f64,
    iscrowd: u8,
}

#[derive(Serialize)]
struct CocoCategory<'a> {
    id: usize,
    name: &'a str,
    supercategory: &'a str,
}

/// Images go to the document itself, boxes to a file beside it that is appended at the end, so
/// that neither is held in memory.
#[derive(Debug)]
pub(super) struct CocoWriter {
    path: PathBuf,
    document: BufWriter<File>,
    boxes: BufWriter<File>,
    images: u64,
    objects: u64,
}

impl CocoWriter {
    /// Begins the document at this path.
    pub(super) fn create(path: PathBuf) -> Result<Self> {
        let fail = |error| Error::io("cannot write the COCO annotations", &path, error);
        let parent = path.parent().unwrap_or(Path::new("."));
        let mut document = BufWriter::new(File::create(&path).map_err(fail)?);
        document.write_all(b"{\"images\": [").map_err(fail)?;
        let boxes = BufWriter::new(tempfile::tempfile_in(parent).map_err(fail)?);
        Ok(Self { path, document, boxes, images: 0, objects: 0 })
    }

    /// Adds an asset and its boxes.
    pub(super) fn add(&mut self, asset: &Asset, name: &str, labeled: &[Labeled<'_>]) -> Result<()> {
        self.write(asset, name, labeled)
            .map_err(|error| Error::io("cannot write the COCO annotations", &self.path, error))
    }

    fn write(
        &mut self,
        asset: &Asset,
        file_name: &str,
        labeled: &[Labeled<'_>],
    ) -> std::io::Result<()> {
        self.images += 1;
        let (width, height) = (asset.width, asset.height);
        let image = CocoImage { id: self.images, file_name, width, height };
        item(&mut self.document, self.images, &image)?;
        for object in labeled {
            self.objects += 1;
            let bbox = object.annotation.bbox;
            let coco = CocoBox {
                id: self.objects,
                image_id: self.images,
                category_id: object.class + 1,
                bbox: [bbox.x, bbox.y, bbox.w, bbox.h],
                area: bbox.area(),
                iscrowd: u8::from(object.annotation.flags.crowd),
            };
            item(&mut self.boxes, self.objects, &coco)?;
        }
        Ok(())
    }

    /// Ends the document. Categories are numbered from 1 in the order of `class_names`.
    pub(super) fn finish(self, names: &[String]) -> Result<()> {
        let path = self.path.clone();
        self.end(names)
            .map_err(|error| Error::io("cannot write the COCO annotations", &path, error))
    }

    fn end(mut self, names: &[String]) -> std::io::Result<()> {
        use std::io::Seek;
        self.document.write_all(b"],\n\"annotations\": [")?;
        let mut boxes = self.boxes.into_inner()?;
        boxes.rewind()?;
        std::io::copy(&mut BufReader::new(boxes), &mut self.document)?;
        let category = |(i, name)| CocoCategory { id: i + 1, name, supercategory: "" };
        let names = names.iter().map(String::as_str).enumerate();
        let categories: Vec<_> = names.map(category).collect();
        self.document.write_all(b"],\n\"categories\": ")?;
        serde_json::to_writer(&mut self.document, &categories)?;
        self.document.write_all(b"}\n")?;
        self.document.flush()
    }
}

fn item(to: &mut impl Write, number: u64, value: &impl Serialize) -> std::io::Result<()> {
    to.write_all(if number == 1 { b"\n" } else { b",\n" })?;
    Ok(serde_json::to_writer(to, value)?)
}
