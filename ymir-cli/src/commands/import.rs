use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};
use ymir::{Format, ImportOptions, ImportReport, Progress, Result, UnknownClasses};

use super::import_mir;
use crate::context::Context;
use crate::exit::Ending;
use crate::files::Files;
use crate::versions;

/// How many of the files that were not taken are named on the terminal.
const NAMED: usize = 10;

/// The arguments of `ymir import`.
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The folder, or a zip, tar or tar.gz of one
    #[arg(value_name = "SOURCE", required_unless_present_any = ["voc", "images", "mir"])]
    source: Option<PathBuf>,
    /// The format of the source; by default it is recognised
    #[arg(long, default_value = "auto", value_name = "FORMAT")]
    format: Format,
    #[command(flatten)]
    folder: Folder,
    /// The dataset that gets the new version
    #[arg(long, value_name = "DATASET", required_unless_present = "mir", conflicts_with = "mir")]
    into: Option<String>,
    #[command(flatten)]
    mir: import_mir::Places,
    /// Only the images of this split: `train` for ImageSets/Main/train.txt
    #[arg(long, value_name = "NAME", conflicts_with = "mir")]
    split: Option<PathBuf>,
    /// Only the images that this text file names, one a line
    #[arg(long, value_name = "FILE", conflicts_with_all = ["split", "mir"])]
    list: Option<PathBuf>,
    /// What to do with classes that the workspace does not know: stop, ignore, add or keep; by
    /// default stop, and add for --mir
    #[arg(long, value_name = "HOW")]
    unknown_classes: Option<UnknownClasses>,
    #[command(flatten)]
    files: Files,
    /// Takes images without an annotation file too, as images without objects
    #[arg(long, conflicts_with = "mir")]
    without_annotations: bool,
    /// Adds to the newest version of the dataset in place of standing alone
    #[arg(long, conflicts_with = "mir")]
    append: bool,
    /// Skips images that look like one before them, or with --append one of the newest version: whose
    /// difference hashes differ in so many of 64 bits, at most 16
    #[arg(long, value_name = "BITS", conflicts_with = "mir")]
    skip_near_duplicates: Option<u32>,
}

/// A source with its format.
#[derive(Debug, Args)]
#[group(multiple = false, conflicts_with_all = ["source", "format"])]
struct Folder {
    /// A Pascal VOC folder, with JPEGImages and Annotations
    #[arg(long, value_name = "DIR")]
    voc: Option<PathBuf>,
    /// A folder of images, with those below it, without annotations
    #[arg(long, value_name = "DIR")]
    images: Option<PathBuf>,
    /// A repository of the original YMIR (`mir` 2.x): all datasets with their history
    #[arg(long, value_name = "REPO")]
    mir: Option<PathBuf>,
}

impl Import {
    pub(crate) async fn run(self, context: &Context) -> Result<Ending> {
        let workspace = context.open().await?;
        let transfer = self.files.transfer();
        if let Some(repository) = &self.folder.mir {
            let options = self.mir.options(transfer, self.unknown_classes);
            return import_mir::run(context, &workspace, repository, &options).await;
        }
        // A file given by --list is meant from here, never as the name of a split.
        let list = match (&self.split, &self.list) {
            (Some(split), _) => Some(split.clone()),
            (None, Some(list)) => Some(
                list.canonicalize()
                    .map_err(|e| ymir::Error::io("cannot read the list of images", list, e))?,
            ),
            (None, None) => None,
        };
        let options = ImportOptions {
            unknown_classes: self.unknown_classes.unwrap_or_default(),
            transfer,
            list,
            without_annotations: self.without_annotations,
            append: self.append,
            skip_near_duplicates: self.skip_near_duplicates,
        };
        let bar = context.out.bar("import");
        let progress = |progress: Progress| {
            let Progress { done, total } = progress;
            bar.set(done as f64 / total.max(1) as f64, &format!("{done} of {total} images"));
        };
        let (folder, format) = match (&self.source, &self.folder.voc, &self.folder.images) {
            (Some(source), ..) => (source, self.format),
            (None, Some(folder), _) => (folder, Format::Voc),
            (None, None, Some(folder)) => (folder, Format::Images),
            (None, None, None) => return Err(ymir::Error::invalid("name a source")),
        };
        let into = self.into.as_deref().unwrap_or_default();
        let report =
            workspace.import_dataset(folder, format, into, &options).on_progress(progress).await?;
        drop(bar);
        context.out.result(&object(&report), || text(&report))?;
        Ok(Ending::Done)
    }
}

fn object(report: &ImportReport) -> Value {
    let mut value = json!(report);
    if let (Value::Object(all), Value::Object(version)) =
        (&mut value, versions::to_json(&report.version))
    {
        all.remove("version");
        all.extend(version);
    }
    value
}

fn text(report: &ImportReport) -> String {
    let mut text = format!(
        "dataset {}: {} assets imported, {} annotations, {} assets without any\n",
        report.version, report.imported, report.annotations, report.negatives
    );
    let mut remark = |count: u64, what: &str| {
        if count > 0 {
            text.push_str(&format!("  {count} {what}\n"));
        }
    };
    remark(report.duplicates.len() as u64, "files have the same bytes as another and count once");
    let differ = report.duplicates.iter().filter(|d| d.annotations_differ).count();
    remark(
        differ as u64,
        "of them are annotated otherwise; the first file's annotations are taken",
    );
    remark(report.clipped, "boxes reached out of their image and are cut at its edge");
    remark(
        report.size_mismatches.len() as u64,
        "annotation files tell another size than the image has",
    );
    remark(report.ignored_annotations, "annotations of unknown classes are left out");
    for lost in &report.lost {
        remark(lost.count, &format!("{} have no place in a dataset", lost.what));
    }
    let names = |names: Vec<String>| names.join(", ");
    for case_match in &report.case_matches {
        text.push_str(&format!("  {case_match}\n"));
    }
    if !report.added_classes.is_empty() {
        text.push_str(&format!("  classes added: {}\n", names(report.added_classes.clone())));
    }
    let unknown = report.unknown_classes.iter().filter(|c| !report.added_classes.contains(&c.name));
    let unknown: Vec<_> = unknown.map(|c| format!("{} ({})", c.name, c.count)).collect();
    if !unknown.is_empty() {
        text.push_str(&format!("  unknown classes: {}\n", names(unknown)));
    }
    let dropped =
        report.dropped.iter().map(|d| format!("{}, object {}: {}", d.path, d.object, d.reason));
    list(&mut text, "objects were not taken", dropped.collect());
    let skipped = report.skipped.iter().map(|s| format!("{}: {}", s.path, s.reason));
    list(&mut text, "files were not taken", skipped.collect());
    crate::output::clean(&text)
}

/// Adds a heading with the number of lines, and the first of them.
pub(super) fn list(text: &mut String, what: &str, lines: Vec<String>) {
    if lines.is_empty() {
        return;
    }
    text.push_str(&format!("  {} {what}\n", lines.len()));
    for line in lines.iter().take(NAMED) {
        text.push_str(&format!("    {line}\n"));
    }
    if lines.len() > NAMED {
        text.push_str(&format!("    … and {} more; --json names all\n", lines.len() - NAMED));
    }
}
