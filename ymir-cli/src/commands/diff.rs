use clap::Args;
use serde_json::{Value, json};
use ymir::{Change, ClassTable, DiffOptions, Record, Result};

use super::show::annotation_objects;
use crate::args::Kind;
use crate::context::Context;
use crate::exit::Ending;
use crate::output::Table;

/// The arguments of `ymir diff`.
#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// The first version, `name@v1` for example
    from: String,
    /// The second version
    to: String,
    /// What the versions are of
    #[arg(long, default_value = "dataset")]
    kind: Kind,
    /// How many differences are listed at most
    #[arg(long, default_value_t = 100, value_name = "N")]
    limit: usize,
}

impl Diff {
    pub(crate) async fn run(self, context: &Context) -> Result<Ending> {
        let workspace = context.open().await?;
        let kind = self.kind.into();
        let from = workspace.dataset_by_id(&workspace.resolve(kind, &self.from).await?.id).await?;
        let to = workspace.dataset_by_id(&workspace.resolve(kind, &self.to).await?.id).await?;
        let changes = from.diff(&to, DiffOptions::default()).await?;
        let classes = &workspace.classes().await?;
        let count = |wanted: &str| changes.iter().filter(|change| word(change) == wanted).count();
        let (added, removed, changed) = (count("added"), count("removed"), count("changed"));
        let listed = changes.len().min(self.limit);
        let mut table = Table::new(&["change", "asset", ">annotations", "file"]);
        for change in &changes[..listed] {
            let record = record(change);
            let annotations = match change {
                Change::Changed { from, to } => {
                    format!("{} → {}", from.annotations.len(), to.annotations.len())
                }
                _ => record.annotations.len().to_string(),
            };
            let id = record.asset.id.to_string()[..12].to_owned();
            table.row([word(change).to_owned(), id, annotations, record.asset.file_name.clone()]);
        }
        let value = json!({
            "from": from.id(),
            "to": to.id(),
            "added": added,
            "removed": removed,
            "changed": changed,
            "changes": changes[..listed].iter().map(|change| object(change, classes)).collect::<Vec<_>>(),
        });
        context.out.result(&value, || {
            let (from, to) = (from.version(), to.version());
            let mut text =
                format!("{from} → {to}: {added} added, {removed} removed, {changed} changed\n");
            if !table.is_empty() {
                text.push_str(&table.render());
            }
            if listed < changes.len() {
                text.push_str(&format!(
                    "… and {} more; --limit shows them\n",
                    changes.len() - listed
                ));
            }
            text
        })?;
        Ok(Ending::Done)
    }
}

fn word(change: &Change) -> &'static str {
    match change {
        Change::Added(_) => "added",
        Change::Removed(_) => "removed",
        Change::Changed { .. } => "changed",
    }
}

fn record(change: &Change) -> &Record {
    match change {
        Change::Added(record) | Change::Removed(record) | Change::Changed { to: record, .. } => {
            record
        }
    }
}

fn object(change: &Change, classes: &ClassTable) -> Value {
    let mut object = json!({
        "change": word(change),
        "asset": change.id(),
        "file_name": record(change).asset.file_name,
        "annotations": annotation_objects(record(change), classes),
    });
    if let Change::Changed { from, .. } = change {
        object["annotations_before"] = annotation_objects(from, classes);
    }
    object
}
