use clap::Args;
use serde_json::{Map, Value, json};
use ymir::{BranchKind, Manifest, Result, Version, Workspace};

use crate::args::Kind;
use crate::context::Context;
use crate::exit::Ending;
use crate::output::Table;
use crate::versions;

/// The arguments of `ymir log`.
#[derive(Debug, Args)]
pub(crate) struct Log {
    /// The name whose versions are listed, newest first; without it, the newest version of every
    /// name
    name: Option<String>,
    /// What is meant by the name, or which names are listed
    #[arg(long)]
    kind: Option<Kind>,
}

impl Log {
    pub(crate) async fn run(self, context: &Context) -> Result<Ending> {
        let workspace = context.open().await?;
        let kind = self.kind.map(BranchKind::from);
        match &self.name {
            Some(name) => versions_of(context, &workspace, kind, name).await?,
            None => names(context, &workspace, kind).await?,
        }
        Ok(Ending::Done)
    }
}

async fn names(context: &Context, workspace: &Workspace, only: Option<BranchKind>) -> Result<()> {
    let mut table =
        Table::new(&["kind", "version", ">assets", ">annotations", "created", "message"]);
    for kind in BranchKind::ALL.into_iter().filter(|kind| only.is_none_or(|only| only == *kind)) {
        for name in workspace.names(kind).await? {
            let version = workspace.resolve(kind, name.as_str()).await?;
            let manifest = workspace.store().manifest(&version.id).await?;
            table.row(row(&version, &manifest, true));
            context.out.result(&object(&version, &manifest), String::new)?;
        }
    }
    context.out.text(|| match table.is_empty() {
        true => "nothing yet; `ymir import` brings images in\n".to_owned(),
        false => table.render(),
    })
}

async fn versions_of(
    context: &Context,
    workspace: &Workspace,
    kind: Option<BranchKind>,
    name: &str,
) -> Result<()> {
    let newest = versions::find(workspace, kind, name).await?;
    let branch = newest.branch;
    let mut table = Table::new(&["version", "id", ">assets", ">annotations", "created", "message"]);
    for version in workspace.log(branch.kind, branch.name.as_str()).await? {
        let manifest = workspace.store().manifest(&version.id).await?;
        table.row(row(&version, &manifest, false));
        context.out.result(&object(&version, &manifest), String::new)?;
    }
    context.out.text(|| table.render())
}

fn row(version: &Version, manifest: &Manifest, with_kind: bool) -> Vec<String> {
    let has_records = matches!(version.branch.kind, BranchKind::Dataset | BranchKind::Prediction);
    let count = |count: u64| if has_records { count.to_string() } else { String::new() };
    let mut cells = vec![
        version.to_string(),
        versions::short(&version.id),
        count(manifest.summary.assets),
        count(manifest.summary.annotations),
        versions::time(version.created),
        version.message.clone(),
    ];
    if with_kind {
        cells.remove(1);
        cells.insert(0, versions::kind_name(version.branch.kind).to_owned());
    }
    cells
}

fn object(version: &Version, manifest: &Manifest) -> Value {
    let mut object = Map::new();
    if let Value::Object(fields) = versions::to_json(version) {
        object = fields;
    }
    let summary = &manifest.summary;
    object.insert("assets".to_owned(), summary.assets.into());
    object.insert("annotations".to_owned(), summary.annotations.into());
    object.insert("bytes".to_owned(), summary.bytes.into());
    object.insert("task".to_owned(), json!(manifest.task.kind.as_str()));
    Value::Object(object)
}
