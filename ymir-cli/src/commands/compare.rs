use clap::Args;
use serde_json::{Value, json};
use ymir::{ClassTable, Result, Summary};

use crate::args::Kind;
use crate::context::Context;
use crate::exit::Ending;
use crate::output::Table;

/// The arguments of `ymir compare`.
#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// The first version, `name@v1` for example
    from: String,
    /// The second version
    to: String,
    /// What the versions are of
    #[arg(long, default_value = "dataset")]
    kind: Kind,
}

impl Compare {
    pub(crate) async fn run(self, context: &Context) -> Result<Ending> {
        let workspace = context.open().await?;
        let kind = self.kind.into();
        let from = workspace.dataset_by_id(&workspace.resolve(kind, &self.from).await?.id).await?;
        let to = workspace.dataset_by_id(&workspace.resolve(kind, &self.to).await?.id).await?;
        let found = from.compare(&to).await?;
        let (ours, theirs) = (&from.manifest().classes, &to.manifest().classes);
        let parts = [
            ("added", "added", &found.added, theirs),
            ("removed", "removed", &found.removed, ours),
            ("before", "changed, before", &found.before, ours),
            ("after", "changed, after", &found.after, theirs),
        ];
        let mut table = Table::new(&["records", ">assets", ">annotations", ">without any"]);
        let mut value = json!({ "from": from.id(), "to": to.id() });
        for (name, heading, summary, classes) in parts {
            let counts = [summary.assets, summary.annotations, summary.negatives];
            let [assets, annotations, negatives] = counts.map(|count| count.to_string());
            table.row([heading.to_owned(), assets, annotations, negatives]);
            value[name] = counted(summary, classes);
        }
        context.out.result(&value, || {
            format!("{} → {}\n{}", from.version(), to.version(), table.render())
        })?;
        Ok(Ending::Done)
    }
}

/// Returns counts with the classes by name.
fn counted(summary: &Summary, classes: &ClassTable) -> Value {
    let mut value = json!(summary);
    let named = summary.classes.iter().map(|(id, count)| {
        let name = classes.name(*id).map_or_else(|| id.to_string(), str::to_owned);
        (name, json!(count))
    });
    value["classes"] = named.collect::<serde_json::Map<_, _>>().into();
    value
}
