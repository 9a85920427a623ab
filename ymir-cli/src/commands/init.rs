use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use ymir::{BlobLocation, ClassTable, Result, Workspace, WorkspaceOptions};

use crate::context::{Context, current_dir};
use crate::exit::Ending;

/// The arguments of `ymir init`.
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The directory, which is made if it is not there; by default the one of --workspace, else the
    /// current one
    dir: Option<PathBuf>,
    /// Opens the workspace that is there in place of failing
    #[arg(long)]
    if_missing: bool,
    /// Classes that the workspace is to know from the start
    #[arg(long, value_delimiter = ',', value_name = "NAME,…")]
    classes: Vec<String>,
    /// The bucket that images and models are put into, and what their keys begin with; credentials
    /// are taken from AWS_ACCESS_KEY_ID and its like
    #[arg(long, value_name = "s3://BUCKET/PREFIX")]
    blobs: Option<String>,
    /// The server of the bucket, if it is not AWS
    #[arg(long, value_name = "URL", requires = "blobs")]
    endpoint: Option<String>,
    /// The region of the bucket
    #[arg(long, value_name = "NAME", requires = "blobs")]
    region: Option<String>,
}

impl Init {
    pub(crate) async fn run(self, context: &Context) -> Result<Ending> {
        let dir = match self.dir.or_else(|| context.named_workspace().cloned()) {
            Some(dir) => dir,
            None => current_dir()?,
        };
        // Refused before anything is made.
        let mut table = ClassTable::default();
        for class in &self.classes {
            table.add(class, &[])?;
        }
        let (endpoint, region) = (self.endpoint, self.region);
        let blobs = self.blobs.map(|url| BlobLocation { url, endpoint, region });
        let create = self.if_missing;
        let options = WorkspaceOptions { blobs, create, ..context.options() };
        let workspace = match create {
            true => Workspace::open_with(&dir, options).await?,
            false => Workspace::init_with(&dir, options).await?,
        };
        let names: Vec<&str> = self.classes.iter().map(String::as_str).collect();
        if !names.is_empty() {
            workspace.add_classes(&names).await?;
        }
        let root = workspace.root().display().to_string();
        let value = json!({ "workspace": root, "id": workspace.id(), "classes": names });
        context.out.result(&value, || format!("workspace {root}\n"))?;
        Ok(Ending::Done)
    }
}
