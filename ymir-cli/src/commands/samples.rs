use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use ymir::{Result, samples};

use crate::context::Context;
use crate::exit::Ending;

/// The arguments of `ymir samples`.
#[derive(Debug, Args)]
pub(crate) struct Samples {
    /// The folder, which is made if it is not there
    folder: PathBuf,
}

impl Samples {
    pub(crate) async fn run(self, context: &Context) -> Result<Ending> {
        let bar = context.out.bar("render");
        samples::write(&self.folder).await?;
        drop(bar);
        let classes = samples::classes();
        let folder = self.folder.display().to_string();
        let value = json!({ "folder": folder, "splits": ["pool", "val"], "classes": classes });
        context.out.result(&value, || {
            format!("{folder}: splits pool and val; classes {}\n", classes.join(", "))
        })?;
        Ok(Ending::Done)
    }
}
