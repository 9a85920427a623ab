//! Imports two splits of a folder, with progress.

use ymir::{Format, ImportOptions, UnknownClasses, Workspace, samples};

#[tokio::main]
async fn main() -> ymir::Result<()> {
    samples::write("samples").await?;
    let workspace = Workspace::open("work").await?;
    for split in ["pool", "val"] {
        let options = ImportOptions {
            list: Some(split.into()),
            unknown_classes: UnknownClasses::Add,
            ..Default::default()
        };
        let report = workspace
            .import_dataset("samples", Format::Auto, split, &options)
            .on_progress(|at| eprintln!("{} of {}", at.done, at.total))
            .await?;
        println!("{}: {} images left out", report.version, report.skipped.len());
    }
    Ok(())
}
