use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufReader, BufWriter, Seek, Write};
use std::path::Path;

use ymir_core::{Annotation, ClassTable, Error, Record, Result, Shape};

use super::super::carries::Carries;
use super::super::losses::Losses;
use super::super::output::make_folder;
use super::super::raster::to_rows;
use super::super::splits;
use super::super::voc_text::escape_into;
use super::super::writer::{Item, Setting, Writer};

/// The subset of images in no split.
pub(super) const DEFAULT: &str = "default";
const FAILED: &str = "annotations.xml cannot be written";
const CARRIES: Carries = Carries {
    rotations: true,
    polygons: true,
    masks: true,
    labels: true,
    attributes: true,
    // Of the marks it has one; the others are counted here.
    flags: true,
    ..Carries::BOXES
};

/// Writes `images` and `annotations.xml`. The labels stand at its front and are known at its end,
/// so that the images go to a file beside it first.
#[derive(Debug, Default)]
pub(in super::super) struct CvatWriter {
    body: Option<BufWriter<File>>,
    images: u64,
    /// The names of attributes by the names of classes.
    labels: BTreeMap<String, BTreeSet<String>>,
    /// Programs read the images of the subsets that stand at the front.
    subsets: BTreeSet<String>,
}

impl Writer for CvatWriter {
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
        let mut text = String::new();
        for item in items {
            CARRIES.count(&item.record, losses);
            for flags in item.record.annotations.iter().map(|annotation| annotation.flags) {
                losses.add_many("marks: difficult", flags.difficult.into());
                losses.add_many("marks: truncated", flags.truncated.into());
                losses.add_many("marks: crowd", flags.crowd.into());
            }
            self.image(&mut text, item, &setting.classes, losses);
        }
        let fail = |e| Error::io(FAILED, folder, e);
        if self.body.is_none() {
            self.body = Some(BufWriter::new(tempfile::tempfile_in(folder).map_err(fail)?));
        }
        self.body.iter_mut().try_for_each(|body| body.write_all(text.as_bytes())).map_err(fail)
    }

    fn finish(&mut self, folder: &Path, setting: &Setting, _: &mut Losses) -> Result<()> {
        make_folder(folder, "images")?;
        for class in setting.classes.entries() {
            self.labels.entry(class.name.clone()).or_default();
        }
        let path = folder.join("annotations.xml");
        self.end(&path).map_err(|e| Error::io(FAILED, &path, e))
    }
}

impl CvatWriter {
    fn image(&mut self, out: &mut String, item: &Item, classes: &ClassTable, losses: &mut Losses) {
        let asset = &item.record.asset;
        let _ = write!(out, "  <image id=\"{}\" name=\"images/", self.images);
        self.images += 1;
        escape_into(out, &item.name);
        let splits: Vec<_> = splits::of(&asset.attributes).collect();
        losses.add_many("further splits of an image", splits.len().saturating_sub(1) as u64);
        // As a project has it that is exported; an image without a subset would be in all.
        let subset = splits.first().copied().unwrap_or(DEFAULT);
        out.push_str("\" subset=\"");
        escape_into(out, subset);
        if !self.subsets.contains(subset) {
            self.subsets.insert(subset.to_owned());
        }
        let _ = writeln!(out, "\" width=\"{}\" height=\"{}\">", asset.width, asset.height);
        for annotation in &item.record.annotations {
            let class = classes.name_of(&annotation.class).unwrap_or_default();
            let names = self.labels.entry(class.to_owned()).or_default();
            names.extend(annotation.attributes.keys().cloned());
            object(out, annotation, class);
        }
        out.push_str("  </image>\n");
    }

    fn end(&mut self, path: &Path) -> std::io::Result<()> {
        let mut file = BufWriter::new(File::create(path)?);
        let mut head = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<annotations>\n  <version>1.1</version>\n  <meta>\n    <project>\n".to_owned();
        head.push_str("      <tasks>\n");
        for subset in &self.subsets {
            head.push_str("        <task><subset>");
            escape_into(&mut head, subset);
            head.push_str("</subset></task>\n");
        }
        head.push_str("      </tasks>\n      <labels>\n");
        for (label, attributes) in &self.labels {
            head.push_str("        <label><name>");
            escape_into(&mut head, label);
            head.push_str("</name><attributes>");
            for attribute in attributes {
                head.push_str("<attribute><name>");
                escape_into(&mut head, attribute);
                head.push_str("</name><mutable>False</mutable><input_type>text</input_type>");
                head.push_str("<default_value></default_value><values></values></attribute>");
            }
            head.push_str("</attributes></label>\n");
        }
        head.push_str("      </labels>\n    </project>\n  </meta>\n");
        file.write_all(head.as_bytes())?;
        if let Some(body) = self.body.take() {
            let mut body = body.into_inner()?;
            body.rewind()?;
            std::io::copy(&mut BufReader::new(body), &mut file)?;
        }
        file.write_all(b"</annotations>\n")?;
        file.flush()
    }
}

fn object(out: &mut String, annotation: &Annotation, class: &str) {
    let rows = match &annotation.shape {
        Some(Shape::Mask(mask)) => to_rows(mask),
        _ => None,
    };
    let kind = match (&annotation.shape, &rows) {
        (Some(Shape::Image), _) => "tag",
        (Some(Shape::Polygons(_)), _) => "polygon",
        (_, Some(_)) => "mask",
        _ => "box",
    };
    let _ = write!(out, "    <{kind} label=\"");
    escape_into(out, class);
    let bbox = annotation.bbox;
    if kind != "tag" {
        let occluded = u8::from(annotation.flags.occluded);
        let _ = write!(out, "\" occluded=\"{occluded}\" z_order=\"0");
    }
    match (&annotation.shape, rows) {
        (Some(Shape::Image), _) => {}
        (Some(Shape::Polygons(rings)), _) => {
            out.push_str("\" points=\"");
            for (i, [x, y]) in rings.iter().take(1).flatten().enumerate() {
                let _ = write!(out, "{}{x},{y}", if i == 0 { "" } else { ";" });
            }
        }
        (_, Some((bbox, counts))) => {
            let counts: Vec<_> = counts.iter().map(u32::to_string).collect();
            let _ = write!(
                out,
                "\" rle=\"{}\" left=\"{}\" top=\"{}\" width=\"{}\" height=\"{}",
                counts.join(", "),
                bbox.x,
                bbox.y,
                bbox.w,
                bbox.h
            );
        }
        _ => {
            let (right, bottom) = (bbox.x + bbox.w, bbox.y + bbox.h);
            let _ = write!(
                out,
                "\" xtl=\"{}\" ytl=\"{}\" xbr=\"{right}\" ybr=\"{bottom}",
                bbox.x, bbox.y
            );
            if let Some(angle) = annotation.rotate_angle {
                let _ = write!(out, "\" rotation=\"{}", angle.to_degrees());
            }
        }
    }
    out.push_str("\">\n");
    for (name, value) in &annotation.attributes {
        out.push_str("      <attribute name=\"");
        escape_into(out, name);
        out.push_str("\">");
        escape_into(out, value);
        out.push_str("</attribute>\n");
    }
    let _ = writeln!(out, "    </{kind}>");
}
