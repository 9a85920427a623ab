//! Measures imports by hard link, beside `sha256sum` and `cp -l` of the same images.
//!
//! `cargo bench -p ymir-benches --bench import -- [ASSETS]... [--in FOLDER] [--out FILE]`
//!
//! The images are generated, 64×48 pixels with 5 boxes each; `--data FOLDER` names others, with
//! `images`, `voc`, `coco` and `yolo` in it, on the file system of `--in`.

use std::path::{Path, PathBuf};
use std::process::Command;

use ymir::{Error, Format, ImportOptions, Result, Transfer, UnknownClasses, Workspace};
use ymir_benches::harness::{self, Phase, Run};
use ymir_benches::images;
use ymir_benches::measure::folder_size;
use ymir_benches::report::Row;

const PHASES: [Phase; 5] = [
    Phase { name: "generate", work: generate, up_to: u64::MAX },
    Phase { name: "floor", work: floor, up_to: u64::MAX },
    Phase { name: "voc", work: |run| import(run, Format::Voc, "voc"), up_to: u64::MAX },
    Phase { name: "coco", work: |run| import(run, Format::Coco, "coco"), up_to: u64::MAX },
    Phase { name: "yolo", work: |run| import(run, Format::Yolo, "yolo"), up_to: u64::MAX },
];

fn main() {
    harness::main("import", env!("CARGO_TARGET_TMPDIR"), &PHASES);
}

fn data(run: &Run) -> PathBuf {
    run.data.clone().unwrap_or_else(|| run.root.join("data"))
}

fn generate(run: &Run) -> Result<()> {
    if run.data.is_some() {
        return Ok(());
    }
    let folder = data(run);
    images::write(&folder, 0..run.size)
        .map_err(|error| Error::io("cannot write the images", &folder, error))
}

/// Does with the usual commands what an import cannot do without.
fn floor(run: &Run) -> Result<()> {
    let (images, links) = (data(run).join("images"), run.root.join("links"));
    let hash = r#"find "$0" -type f -print0 | xargs -0 sha256sum >"$1""#;
    run.time("sha256sum of the images", || {
        command("sh", &["-c".as_ref(), hash.as_ref(), &images, &run.root.join("sums")])
    })?;
    run.time("cp -rl of the images", || command("cp", &["-rl".as_ref(), &images, &links]))
}

fn command(program: &str, arguments: &[&Path]) -> Result<()> {
    let status = Command::new(program)
        .args(arguments)
        .status()
        .map_err(|error| Error::io("cannot start a command", Path::new(program), error))?;
    assert!(status.success(), "{program} failed");
    Ok(())
}

fn import(run: &Run, format: Format, name: &str) -> Result<()> {
    let (source, root) = (data(run).join(name), run.root.join(format!("workspace-{name}")));
    let workspace = run.runtime.block_on(Workspace::init(&root))?;
    let options = ImportOptions {
        unknown_classes: UnknownClasses::Add,
        transfer: Transfer::HardLink,
        ..ImportOptions::default()
    };
    let report = run.time(&format!("import of {name}"), || {
        run.runtime
            .block_on(workspace.import_dataset(&source, format, name, &options).into_future())
    })?;
    assert_eq!(report.imported, run.size);
    let size = folder_size(&root.join("repo.git"))
        .map_err(|error| Error::io("cannot read the repository", &root, error))?;
    run.row(Row::new(format!("  repository of {name}"), Vec::new()).growth(size));
    Ok(())
}
