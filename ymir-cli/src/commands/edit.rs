use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use ymir::{
    AssetId, BranchKind, DatasetEdit, EditItem, EditOptions, EditReport, Error, FindOptions, Query,
    Result, UnknownClasses, Workspace, parse_request,
};

use crate::context::Context;
use crate::exit::Ending;
use crate::versions;

/// The arguments of `ymir edit`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("change")
    .args(["from", "set", "unset", "remove"]).required(true).multiple(true))]
pub(crate) struct Edit {
    /// The dataset: its name for the newest version; with name@v3 or name@<commit> the edit is
    /// refused if that is not the newest any more
    dataset: String,
    /// Why, for people: the commit message
    #[arg(long, short, value_name = "TEXT")]
    message: Option<String>,
    /// Makes the changes in this file, one JSON object a line; - reads standard input
    #[arg(long, value_name = "FILE.jsonl", conflicts_with_all = ["set", "unset", "remove"])]
    from: Option<PathBuf>,
    /// Sets an attribute of the assets
    #[arg(long, value_name = "NAME=VALUE", value_parser = attribute)]
    set: Vec<(String, String)>,
    /// Removes an attribute of the assets
    #[arg(long, value_name = "NAME")]
    unset: Vec<String>,
    /// Takes the assets out
    #[arg(long, conflicts_with_all = ["set", "unset"])]
    remove: bool,
    /// The assets to be changed, by their ids or the first digits of these
    #[arg(long = "asset", value_name = "ID,…", value_delimiter = ',', conflicts_with = "from")]
    assets: Vec<String>,
    /// The assets to be changed, by a query
    #[arg(long = "where", value_name = "QUERY", conflicts_with_all = ["from", "assets"])]
    query: Option<Query>,
    /// What to do with class names that the workspace does not have: stop, ignore, add or keep
    #[arg(long, value_name = "WHAT", default_value = "stop")]
    unknown_classes: UnknownClasses,
    /// Makes the dataset if there is none of its name
    #[arg(long)]
    create: bool,
}

fn attribute(text: &str) -> Result<(String, String)> {
    let pair = text.split_once('=').filter(|(name, _)| !name.trim().is_empty());
    let (name, value) = pair
        .ok_or_else(|| Error::invalid("expected an attribute and its value, such as time=night"))?;
    Ok((name.to_owned(), value.to_owned()))
}

impl Edit {
    pub(crate) async fn run(self, context: &Context) -> Result<Ending> {
        let workspace = context.open().await?;
        let (name, selector) = match self.dataset.split_once('@') {
            Some((name, selector)) => (name, Some(selector).filter(|text| *text != "latest")),
            None => (self.dataset.as_str(), None),
        };
        let mut options = EditOptions {
            message: self.message.clone(),
            expect: None,
            unknown_classes: self.unknown_classes,
            create: self.create,
        };
        if selector.is_some() {
            options.expect = Some(versions::dataset(&workspace, &self.dataset).await?);
        }
        let edits = self.edits(&workspace, &mut options).await?;
        if edits.is_empty() {
            context.out.note("no asset is meant; nothing was changed");
            return Ok(Ending::Done);
        }
        let report = workspace.edit(name, edits, &options).await?;
        print(context, &report)?;
        Ok(Ending::Done)
    }

    async fn edits(
        &self,
        workspace: &Workspace,
        options: &mut EditOptions,
    ) -> Result<Vec<DatasetEdit>> {
        if let Some(path) = &self.from {
            return read(path);
        }
        let edit = |asset| match self.remove {
            true => DatasetEdit::Remove(asset),
            false => DatasetEdit::SetAttributes { asset, attributes: self.attributes() },
        };
        Ok(self.meant(workspace, options).await?.into_iter().map(edit).collect())
    }

    fn attributes(&self) -> BTreeMap<String, Option<String>> {
        let set = self.set.iter().map(|(name, value)| (name.clone(), Some(value.clone())));
        set.chain(self.unset.iter().map(|name| (name.clone(), None))).collect()
    }

    /// Returns the assets that are meant. What a query finds is changed only if its version is
    /// still the newest.
    async fn meant(
        &self,
        workspace: &Workspace,
        options: &mut EditOptions,
    ) -> Result<Vec<AssetId>> {
        if let Some(query) = &self.query {
            let version = workspace.resolve(BranchKind::Dataset, &self.dataset).await?.id;
            options.expect = Some(version);
            return workspace.store().find(&version, query, FindOptions::default()).await;
        }
        if self.assets.is_empty() {
            return Err(Error::invalid("which assets? name them by --asset or --where"));
        }
        let whole: Result<Vec<AssetId>> = self.assets.iter().map(|id| id.parse()).collect();
        match whole {
            Ok(assets) => Ok(assets),
            Err(_) => self.by_digits(workspace).await,
        }
    }

    /// Returns the assets whose ids begin with the digits that are given.
    async fn by_digits(&self, workspace: &Workspace) -> Result<Vec<AssetId>> {
        let version = workspace.resolve(BranchKind::Dataset, &self.dataset).await?.id;
        let all = workspace.store().find(&version, &"all".parse()?, FindOptions::default()).await?;
        let find = |digits: &String| {
            let digits = digits.to_ascii_lowercase();
            let mut found = all.iter().filter(|id| id.to_string().starts_with(&digits));
            match (found.next(), found.next()) {
                (Some(id), None) => Ok(*id),
                (Some(_), Some(_)) => {
                    let message = "the ids of several assets begin like this; give more digits";
                    Err(Error::invalid(message).with("asset", digits))
                }
                _ => {
                    let message = "the dataset has no asset whose id begins like this";
                    Err(Error::not_found(message).with("asset", digits))
                }
            }
        };
        self.assets.iter().map(find).collect()
    }
}

/// Reads changes, one a line; empty lines are passed over.
fn read(path: &PathBuf) -> Result<Vec<DatasetEdit>> {
    let failed = |error| Error::io("cannot read the changes", path, error);
    let mut text = String::new();
    if path.as_os_str() == "-" {
        std::io::stdin().read_to_string(&mut text).map_err(failed)?;
    } else {
        text = std::fs::read_to_string(path).map_err(failed)?;
    }
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let edit = |(index, line): (usize, &str)| {
        let at = |error: Error| error.with("path", path.display()).with("line", index + 1);
        let value = serde_json::from_str(line)
            .map_err(|error| at(Error::invalid("this is not JSON").caused_by(error)))?;
        let item: EditItem = parse_request("an edit", value).map_err(at)?;
        Ok(DatasetEdit::from(item))
    };
    lines.map(edit).collect()
}

fn print(context: &Context, report: &EditReport) -> Result<()> {
    let mut value = json!(report);
    value["version"] = versions::to_json(&report.version);
    context.out.result(&value, || {
        let version = &report.version;
        if report.unchanged {
            return format!("{version}: nothing changed\n");
        }
        let mut text = format!(
            "{version}: {} added, {} changed, {} removed; annotations: {} new, {} gone\n",
            report.added,
            report.changed,
            report.removed,
            report.annotations_added,
            report.annotations_removed,
        );
        if !report.classes_added.is_empty() {
            text.push_str(&format!("new classes: {}\n", report.classes_added.join(", ")));
        }
        text
    })
}
