use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use ymir::{ExportOptions, ExportReport, Format, Name, Progress, Result};

use crate::context::Context;
use crate::exit::Ending;
use crate::files::Files;

/// The arguments of `ymir export`.
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The version: name, name@v3, name@latest or name@<commit>
    version: String,
    /// The folder, which is made and must be empty
    #[arg(value_name = "DIR", required_unless_present = "voc")]
    folder: Option<PathBuf>,
    /// The format: voc, coco, yolo, darknet, masks, cvat, labelme, label-studio, ark or folders
    #[arg(long, default_value = "voc", value_name = "FORMAT")]
    format: Format,
    /// The folder of a Pascal VOC export
    #[arg(long, value_name = "DIR", conflicts_with_all = ["folder", "format"])]
    voc: Option<PathBuf>,
    /// Exports a prediction set in place of a dataset
    #[arg(long)]
    predictions: bool,
    /// The name of the list in ImageSets/Main; by default that of the dataset
    #[arg(long, value_name = "NAME")]
    split: Option<Name>,
    #[command(flatten)]
    files: Files,
}

impl Export {
    pub(crate) async fn run(self, context: &Context) -> Result<Ending> {
        let workspace = context.open().await?;
        let dataset = match self.predictions {
            true => workspace.predictions(&self.version).await?,
            false => workspace.dataset(&self.version).await?,
        };
        let bar = context.out.bar("export");
        let progress = |progress: Progress| {
            let Progress { done, total } = progress;
            bar.set(done as f64 / total.max(1) as f64, &format!("{done} of {total} images"));
        };
        let options = ExportOptions { transfer: self.files.transfer(), list: self.split };
        let Some(folder) = self.folder.or(self.voc) else {
            return Err(ymir::Error::invalid("name the folder to export to"));
        };
        let report = dataset.export(&folder, self.format, &options).on_progress(progress).await?;
        drop(bar);
        let mut value = json!(report);
        value["folder"] = json!(folder);
        context.out.result(&value, || text(&report, &folder))?;
        Ok(Ending::Done)
    }
}

fn text(report: &ExportReport, folder: &Path) -> String {
    let ExportReport { images, annotations, renamed, lost } = report;
    let mut text = format!("{images} images, {annotations} annotations → {}\n", folder.display());
    if !renamed.is_empty() {
        text.push_str(&format!(
            "  {} images have another file name than at their import, since another image has it or it is not safe\n",
            renamed.len()
        ));
    }
    for lost in lost {
        text.push_str(&format!("  the format has no place for {} {}\n", lost.count, lost.what));
    }
    text
}
