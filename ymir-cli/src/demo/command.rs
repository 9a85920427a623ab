use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use ymir::{Error, Result};

use super::plan::Plan;
use super::{Comparison, data, run};
use crate::context::Context;
use crate::exit::Ending;
use crate::output::seconds;
use crate::report;

/// The arguments of `ymir demo`.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// The directory of the demo, which is made; one of an earlier run is gone on with
    /// [default: ymir-demo, with --quick ymir-demo-quick]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// How often the loop is run, with other random choices each time [default: 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub(super) seeds: Option<u64>,
    /// The iterations of each loop [default: 5]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(super) iterations: Option<u32>,
    /// How many images are labeled per iteration [default: 20]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) labels: Option<u64>,
    /// The executor: local:/path/to/program or docker:IMAGE; by default the program `ymir-detector`
    /// beside this one or on the PATH
    #[arg(long, value_name = "EXECUTOR")]
    pub(super) executor: Option<String>,
    /// A parameter of training in place of the demo's; may be repeated
    #[arg(long = "train-param", value_name = "NAME=VALUE")]
    pub(super) training_parameters: Vec<String>,
    /// A short run that only shows that everything works
    #[arg(long)]
    pub(super) quick: bool,
    /// Where the report is written [default: report.html in the directory]
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Runs on this Pascal VOC folder in place of rendered scenes
    #[arg(long, value_name = "DIR")]
    pub(super) voc: Option<PathBuf>,
    /// The list in ImageSets/Main of the images to choose from
    #[arg(long, value_name = "NAME", default_value = "train", requires = "voc")]
    pub(super) pool_split: String,
    /// The list in ImageSets/Main of the images that models are evaluated on
    #[arg(long, value_name = "NAME", default_value = "val", requires = "voc")]
    pub(super) validation_split: String,
}

impl Demo {
    pub(crate) async fn run(self, context: &Context) -> Result<Ending> {
        let begin = std::time::Instant::now();
        let default = if self.quick { "ymir-demo-quick" } else { "ymir-demo" };
        let dir = self.dir.clone().unwrap_or_else(|| default.into());
        let plan = Plan::new(&self)?;
        let (workspace, data) = data::prepare(context, &dir, &plan).await?;
        let curves = run::all(context, &workspace, &plan, &data).await?;
        let comparison = Comparison::new(curves);
        let path = self.report.unwrap_or_else(|| dir.join("report.html"));
        let page = report::write(&workspace, &plan.title(), &data.classes, &comparison).await?;
        save(&path, &page)?;
        let shown = path.canonicalize().unwrap_or(path);
        let value = json!({
            "comparison": comparison.object(),
            "report": shown.display().to_string(),
            "workspace": workspace.root().display().to_string(),
            "seconds": begin.elapsed().as_secs_f64(),
        });
        context.out.result(&value, || {
            format!(
                "\n{}\nreport     {}\nworkspace  {}\ntook       {}\n",
                comparison.text(),
                shown.display(),
                workspace.root().display(),
                seconds(begin.elapsed().as_secs_f64())
            )
        })?;
        Ok(Ending::Done)
    }
}

/// Writes the report beside its place first, so that a reader never sees half of one.
fn save(path: &Path, page: &str) -> Result<()> {
    let failed = |e| Error::io("cannot write the report", path, e);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    std::fs::write(&part, page).and_then(|()| std::fs::rename(&part, path)).map_err(failed)
}
