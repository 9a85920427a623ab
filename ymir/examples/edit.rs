//! Edits a dataset: removes images, corrects annotations, in one commit.

use ymir::{
    Base, Branch, CommitRequest, Edit, Expect, FindOptions, Manifest, Query, Result, Workspace,
};

/// Smaller boxes are removed; in square pixels.
const TINY: f64 = 100.0;

#[tokio::main]
async fn main() -> Result<()> {
    let workspace = Workspace::open("work").await?;
    let pool = workspace.dataset("pool").await?;
    let mut edits = Vec::new();
    let query: Query = "all".parse()?;
    for id in pool.query(&query).ids(FindOptions::default()).await? {
        let Some(mut record) = pool.get(&id).await? else { continue };
        let before = record.annotations.len();
        record.annotations.retain(|annotation| annotation.bbox.area() >= TINY);
        match record.annotations.len() {
            0 => edits.push(Edit::Remove(id)),
            after if after < before => edits.push(Edit::Put(record)),
            _ => {}
        }
    }
    let edited = edits.len();
    let version = workspace
        .store()
        .commit(CommitRequest {
            branch: Branch::dataset("clean")?,
            base: Base::Version(pool.id()),
            edits: edits.into(),
            expect: Expect::Any,
            manifest: Manifest::default(),
            message: "Remove tiny boxes and images without objects".into(),
        })
        .await?;
    println!("{version}: {edited} images edited");
    Ok(())
}
