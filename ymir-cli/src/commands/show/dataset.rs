use serde_json::{Map, Value, json};
use ymir::{
    ClassTable, Dataset, Manifest, OUTCOME, Page, PageOptions, Query, Record, Result, Version,
    Workspace,
};

use super::lineage;
use crate::context::Context;
use crate::output::{Table, bytes, clean};
use crate::versions;

/// Which records are listed.
pub(super) struct PageArgs {
    pub(super) limit: usize,
    pub(super) offset: u64,
    pub(super) class: Option<String>,
    pub(super) query: Option<Query>,
}

/// Shows a dataset version or prediction set.
pub(super) async fn show(
    context: &Context,
    workspace: &Workspace,
    version: &Version,
    page: &PageArgs,
) -> Result<()> {
    let dataset = workspace.dataset_by_id(&version.id).await?;
    let manifest = dataset.manifest();
    let classes = workspace.classes().await?;
    let records = match (page.limit, &page.query) {
        (0, None) => None,
        (limit, Some(query)) => Some(dataset.query(query).page(page.offset, limit).await?),
        (limit, None) => {
            let class = page.class.as_deref().map(|name| classes.require(name)).transpose()?;
            Some(dataset.page(PageOptions { offset: page.offset, limit, class }).await?)
        }
    };
    let mut value = versions::to_json(version);
    value["assets"] = dataset.len().into();
    value["negatives"] = manifest.summary.negatives.into();
    value["annotations"] = manifest.summary.annotations.into();
    value["bytes"] = manifest.summary.bytes.into();
    value["classes"] = class_counts(manifest, &classes);
    value["lineage"] = lineage::object(workspace, &manifest.task).await;
    if let Some(prediction) = &manifest.prediction {
        value["model"] = versions::label(workspace, &prediction.model).await.into();
        value["dataset"] = versions::label(workspace, &prediction.dataset).await.into();
    }
    if let Some(page) = &records {
        value["total"] = page.total.into();
        value["records"] = page.records.iter().map(|r| record_object(r, &classes)).collect();
    }
    let text = text(workspace, &dataset, &classes, records.as_ref(), page.offset).await;
    context.out.result(&value, || text)
}

fn class_counts(manifest: &Manifest, classes: &ClassTable) -> Value {
    let mut counts = Map::new();
    for (id, count) in &manifest.summary.classes {
        let name = classes.name(*id).unwrap_or("?").to_owned();
        counts.insert(name, json!({ "assets": count.assets, "annotations": count.annotations }));
    }
    counts.into()
}

/// Returns a record as scripts read it, its classes by name.
pub(crate) fn record_object(record: &Record, classes: &ClassTable) -> Value {
    let mut value = json!(record.asset);
    value["annotations"] = annotation_objects(record, classes);
    value
}

/// Returns the annotations of a record as scripts read them, their classes by name.
pub(crate) fn annotation_objects(record: &Record, classes: &ClassTable) -> Value {
    let annotation = |annotation: &ymir::Annotation| {
        let mut value = json!(annotation);
        value["class"] = classes.name_of(&annotation.class).unwrap_or("?").into();
        value
    };
    record.annotations.iter().map(annotation).collect()
}

async fn text(
    workspace: &Workspace,
    dataset: &Dataset,
    classes: &ClassTable,
    page: Option<&Page>,
    offset: u64,
) -> String {
    let (version, manifest) = (dataset.version(), dataset.manifest());
    let summary = &manifest.summary;
    let mut text = format!(
        "{} {version}  {}\n{}\n\n{} assets ({} without annotations), {} annotations, {}\n",
        versions::kind_name(version.branch.kind),
        version.id,
        version.message,
        summary.assets,
        summary.negatives,
        summary.annotations,
        bytes(summary.bytes)
    );
    let mut table = Table::new(&["class", ">assets", ">annotations"]);
    for (id, count) in &summary.classes {
        let name = classes.name(*id).unwrap_or("?").to_owned();
        table.row([name, count.assets.to_string(), count.annotations.to_string()]);
    }
    if !table.is_empty() {
        text.push_str(&format!("\n{}", table.render()));
    }
    text.push_str(&format!("\n{}", lineage::text(workspace, &manifest.task).await));
    if let Some(page) = page {
        text.push_str(&format!("\n{}", records(page, classes, offset)));
    }
    clean(&text)
}

/// Returns a run of records as people read it.
pub(crate) fn records(page: &Page, classes: &ClassTable, offset: u64) -> String {
    if page.records.is_empty() {
        return format!("no records shown of {}\n", page.total);
    }
    let mut table = Table::new(&["asset", "file", ">size", ">bytes", "annotations"]);
    for Record { asset, annotations } in &page.records {
        let names = annotations.iter().map(|annotation| {
            let name = classes.name_of(&annotation.class).unwrap_or("?");
            let score = annotation.score.map(|score| format!(" {score:.2}"));
            let outcome = annotation.attributes.get(OUTCOME).map(|outcome| format!(" {outcome}"));
            [name.to_owned(), score.unwrap_or_default(), outcome.unwrap_or_default()].concat()
        });
        table.row([
            asset.id.to_string()[..12].to_owned(),
            asset.file_name.clone(),
            format!("{}×{}", asset.width, asset.height),
            asset.byte_size.to_string(),
            shortened(names.collect()),
        ]);
    }
    let last = offset + page.records.len() as u64;
    let first = (offset + 1).min(last);
    format!("{}records {first} to {last} of {}\n", table.render(), page.total)
}

fn shortened(names: Vec<String>) -> String {
    const SHOWN: usize = 8;
    match names.len() {
        0..=SHOWN => names.join(", "),
        count => format!("{} … ({count})", names[..SHOWN].join(", ")),
    }
}
