use std::path::Path;

use ymir::testkit::generate::scenes::{self, SceneOptions};
use ymir::{
    BranchKind, Error, ErrorKind, Format, ImportOptions, Progress, Result, UnknownClasses,
    VersionId, Workspace, WorkspaceOptions,
};

use super::plan::{Plan, Source};
use crate::context::Context;

/// The file that tells what the directory of a demo is about.
const SETTINGS: &str = "demo.json";

/// The datasets of the demo.
#[derive(Debug)]
pub(super) struct Data {
    pub(super) pool: VersionId,
    pub(super) validation: VersionId,
    pub(super) classes: Vec<String>,
}

/// Makes the workspace and its datasets, or opens those of an earlier run.
pub(super) async fn prepare(
    context: &Context,
    dir: &Path,
    plan: &Plan,
) -> Result<(Workspace, Data)> {
    settle(dir, &plan.source)?;
    let options = WorkspaceOptions { create: true, ..context.options() };
    let workspace = Workspace::open_with(dir.join("workspace"), options).await?;
    let known = workspace.names(BranchKind::Dataset).await?;
    if !["pool", "validation"].iter().all(|name| known.iter().any(|k| k.as_str() == *name)) {
        let (folder, pool, validation) = match &plan.source {
            Source::Voc { folder, pool, validation } => (folder.clone(), &**pool, &**validation),
            Source::Scenes { pool, validation } => {
                let folder = dir.join("scenes");
                render(context, &folder, *pool, *validation).await?;
                (folder, "pool", "validation")
            }
        };
        import(context, &workspace, &folder, "pool", pool).await?;
        import(context, &workspace, &folder, "validation", validation).await?;
    }
    let pool = workspace.dataset("pool").await?;
    let validation = workspace.dataset("validation").await?;
    let table = workspace.classes().await?;
    let name = |id: &ymir::ClassId| table.name(*id).unwrap_or("?").to_owned();
    let classes: Vec<_> = pool.summary().classes.keys().map(name).collect();
    if classes.is_empty() {
        return Err(Error::invalid("the images to choose from have no annotations at all")
            .with("dataset", pool.version()));
    }
    context.out.text(|| {
        format!(
            "{}: {} images to choose from, {} to evaluate on; classes {}\n",
            plan.title(),
            pool.len(),
            validation.len(),
            crate::output::clean(&classes.join(", "))
        )
    })?;
    Ok((workspace, Data { pool: pool.id(), validation: validation.id(), classes }))
}

/// Keeps what the directory is about, or checks that it is about the same.
fn settle(dir: &Path, source: &Source) -> Result<()> {
    let path = dir.join(SETTINGS);
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let failed = |e| Error::io("cannot make the directory of the demo", dir, e);
            std::fs::create_dir_all(dir).map_err(failed)?;
            let text = serde_json::to_vec_pretty(source).map_err(|e| failed(e.into()))?;
            let part = dir.join("demo.json.part");
            return std::fs::write(&part, text)
                .and_then(|()| std::fs::rename(&part, &path))
                .map_err(failed);
        }
        Err(error) => return Err(Error::io("cannot read the settings of the demo", &path, error)),
    };
    match serde_json::from_slice::<Source>(&text) {
        Ok(earlier) if earlier == *source => Ok(()),
        Ok(_) => Err(Error::new(
            ErrorKind::AlreadyExists,
            "the directory has a demo on other images; name another by --dir, or delete it",
        )
        .with("dir", dir.display())),
        Err(error) => {
            Err(Error::corrupted("the settings of the demo are damaged; delete the directory")
                .with("path", path.display())
                .caused_by(error))
        }
    }
}

async fn render(context: &Context, folder: &Path, pool: u64, validation: u64) -> Result<()> {
    let bar = context.out.bar("render");
    bar.message("scenes");
    let folder = folder.to_owned();
    let options = SceneOptions { count: pool + validation, ..SceneOptions::default() };
    let splits = move || {
        let count = options.count;
        scenes::write_voc(&folder, &options, &[("pool", 0..pool), ("validation", pool..count)])
    };
    tokio::task::spawn_blocking(splits)
        .await
        .map_err(|e| Error::new(ErrorKind::Unexpected, "rendering broke off").caused_by(e))?
}

async fn import(
    context: &Context,
    workspace: &Workspace,
    folder: &Path,
    dataset: &str,
    split: &str,
) -> Result<()> {
    let bar = context.out.bar(&format!("import {dataset}"));
    let options = ImportOptions {
        unknown_classes: UnknownClasses::Add,
        list: Some(split.into()),
        ..ImportOptions::default()
    };
    let progress = |progress: Progress| {
        bar.set(progress.done as f64 / progress.total.max(1) as f64, "");
    };
    let report = workspace
        .import_dataset(folder, Format::Voc, dataset, &options)
        .on_progress(progress)
        .await?;
    if !report.skipped.is_empty() {
        let count = report.skipped.len();
        context.out.note(&format!(
            "{dataset}: {count} files were not taken; `ymir import --json` names them"
        ));
    }
    Ok(())
}
