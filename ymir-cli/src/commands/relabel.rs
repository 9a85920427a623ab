use std::collections::BTreeMap;

use clap::Args;
use ymir::{Error, Result};

use super::made;
use crate::args::Kind;
use crate::context::Context;
use crate::exit::Ending;

/// The arguments of `ymir relabel`.
#[derive(Debug, Args)]
pub(crate) struct Relabel {
    /// The version: name, name@v3, name@latest or name@<commit>
    version: String,
    /// What becomes of a class: `kitten=cat` renames it, or joins it with a class of that name,
    /// `dog=` drops its annotations
    #[arg(required = true, value_name = "CLASS=NAME", value_parser = change)]
    changes: Vec<(String, Option<String>)>,
    /// The dataset that gets the new version
    #[arg(long, value_name = "DATASET")]
    into: String,
    /// What the version is of
    #[arg(long, default_value = "dataset")]
    kind: Kind,
}

fn change(text: &str) -> Result<(String, Option<String>)> {
    let Some((old, new)) = text.split_once('=').filter(|(old, _)| !old.is_empty()) else {
        return Err(Error::invalid("expected a class and its new name, such as kitten=cat"));
    };
    Ok((old.to_owned(), (!new.is_empty()).then(|| new.to_owned())))
}

impl Relabel {
    pub(crate) async fn run(self, context: &Context) -> Result<Ending> {
        let workspace = context.open().await?;
        let version = workspace.resolve(self.kind.into(), &self.version).await?;
        let source = workspace.dataset_by_id(&version.id).await?;
        let mut classes = BTreeMap::new();
        for (old, new) in self.changes {
            if let Some((old, _)) = classes.remove_entry(&old) {
                let message = "a class is named twice; say once what becomes of it";
                return Err(Error::invalid(message).with("class", old));
            }
            classes.insert(old, new);
        }
        let bar = context.out.bar("relabel");
        let work = async {
            let made = source.relabel(&classes, &self.into).on_progress(made::on_bar(&bar)).await?;
            Ok(vec![made.version().clone()])
        };
        made::operation(context, &workspace, work).await?;
        Ok(Ending::Done)
    }
}
