//! Images that look alike: `ymir near-duplicates` and `ymir dedup`.

use clap::Args;
use serde_json::json;
use ymir::{Dataset, Result, Workspace};

use super::made;
use crate::context::Context;
use crate::exit::Ending;

/// Which images are looked at, and what counts as alike.
#[derive(Debug, Args)]
struct Alike {
    /// The version: name, name@v3, name@latest or name@<commit>
    version: String,
    /// In how many of 64 bits images may differ, at most 16: up to 3 for the same picture in
    /// another size or compression, 10 for one with small changes
    #[arg(long, default_value_t = 3, value_name = "BITS")]
    distance: u32,
}

impl Alike {
    async fn dataset(&self, workspace: &Workspace) -> Result<Dataset> {
        workspace.dataset(&self.version).await
    }
}

/// The arguments of `ymir near-duplicates`.
#[derive(Debug, Args)]
pub(crate) struct NearDuplicates {
    #[command(flatten)]
    alike: Alike,
}

impl NearDuplicates {
    pub(crate) async fn run(self, context: &Context) -> Result<Ending> {
        let workspace = context.open().await?;
        let dataset = self.alike.dataset(&workspace).await?;
        let bar = context.out.bar("near-duplicates");
        let groups =
            dataset.near_duplicates(self.alike.distance).on_progress(made::on_bar(&bar)).await?;
        let mut text = String::new();
        let mut named = Vec::new();
        for group in &groups {
            let mut files = Vec::new();
            for id in group {
                let file = dataset.get(id).await?.map(|record| record.asset.file_name);
                let file = file.unwrap_or_default();
                files.push(json!({ "asset": id, "file_name": file }));
                text.push_str(&format!("{}  {file}\n", &id.to_string()[..12]));
            }
            text.push('\n');
            named.push(files);
        }
        let alike: usize = groups.iter().map(Vec::len).sum();
        text.push_str(&format!("{alike} images in {} groups look alike\n", groups.len()));
        context.out.result(&json!({ "groups": named }), || text)?;
        Ok(Ending::Done)
    }
}

/// The arguments of `ymir dedup`.
#[derive(Debug, Args)]
pub(crate) struct Dedup {
    #[command(flatten)]
    alike: Alike,
    /// The dataset that gets the new version
    #[arg(long, value_name = "DATASET")]
    into: String,
}

impl Dedup {
    pub(crate) async fn run(self, context: &Context) -> Result<Ending> {
        let workspace = context.open().await?;
        let source = self.alike.dataset(&workspace).await?;
        let bar = context.out.bar("dedup");
        let work = async {
            let (distance, on_bar) = (self.alike.distance, made::on_bar(&bar));
            let made = source.dedup(distance, &self.into).on_progress(&on_bar).await?;
            Ok(vec![made.version().clone()])
        };
        made::operation(context, &workspace, work).await?;
        Ok(Ending::Done)
    }
}
