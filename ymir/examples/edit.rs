//! Edits a dataset: removes tiny boxes, and images without objects, in one commit.

use futures::TryStreamExt;
use ymir::{DatasetEdit, EditOptions, Result, Workspace};

/// Smaller boxes are removed; in square pixels.
const TINY: f64 = 100.0;

#[tokio::main]
async fn main() -> Result<()> {
    let workspace = Workspace::open("work").await?;
    let pool = workspace.dataset("pool").await?;
    let mut edits = Vec::new();
    let mut records = std::pin::pin!(pool.records());
    while let Some(record) = records.try_next().await? {
        let (asset, mut annotations) = (record.asset.id, record.annotations);
        annotations.retain(|annotation| annotation.bbox.area() >= TINY);
        edits.push(match annotations.is_empty() {
            true => DatasetEdit::Remove(asset),
            false => DatasetEdit::SetAnnotations { asset, annotations },
        });
    }
    let message = Some("Remove tiny boxes and images without objects".into());
    let report = pool.edit(edits, &EditOptions { message, ..Default::default() }).await?;
    println!("{}: {} changed, {} removed", report.version, report.changed, report.removed);
    Ok(())
}
