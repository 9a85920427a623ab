//! Exports a dataset version as COCO.

use ymir::{ExportOptions, Format, Transfer, Workspace};

#[tokio::main]
async fn main() -> ymir::Result<()> {
    let _ = std::fs::remove_dir_all("out");
    let workspace = Workspace::open("work").await?;
    let pool = workspace.dataset("pool@v1").await?;
    let options = ExportOptions { transfer: Transfer::HardLink, ..Default::default() };
    let report = pool.export("out", Format::Coco, &options).await?;
    println!("{report:?}");
    Ok(())
}
