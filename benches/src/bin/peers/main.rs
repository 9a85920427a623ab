//! Does the same work by YMIR's Python package and by its peers, and prints ratios.
//!
//! `cargo run --profile dist -p ymir-benches --bin peers -- [IMAGES] [--evaluate IMAGES] [--out FILE]`
//!
//! Each peer is installed from PyPI into a virtual environment of its own; one that cannot be is
//! named with the reason. Each step of the work is a process, so that what it costs with starting
//! and importing can be told: processor time is that of all processes of a step, servers included.
#![allow(clippy::print_stderr, reason = "a person waits")]

mod install;
mod step;
mod table;

use std::error::Error;
use std::path::{Path, PathBuf};

use clap::Parser;
use tokio::runtime::Runtime;
use ymir::Workspace;
use ymir_benches::{detections, images};

use install::{PEERS, Peer};
use step::Figures;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[derive(Debug, Parser)]
struct Arguments {
    /// How many images there are.
    #[arg(value_name = "IMAGES", default_value_t = 10_000)]
    size: u64,
    /// How many images are evaluated.
    #[arg(long, value_name = "IMAGES", default_value_t = 5000)]
    evaluate: u64,
    /// Where the peers are installed; what is there already is not installed again.
    #[arg(long, value_name = "FOLDER", default_value = "target/peers")]
    environments: PathBuf,
    /// Where the files that are worked with are made; they are deleted at the end.
    #[arg(long = "in", value_name = "FOLDER", default_value = "target/tmp")]
    dir: PathBuf,
    /// A file that the figures are appended to, a line of JSON each.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Only these, by the names of their folders below that of the environments.
    #[arg(long, value_name = "PEER", value_delimiter = ',')]
    only: Vec<String>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    std::fs::create_dir_all(&arguments.dir)?;
    let dir = tempfile::Builder::new().prefix("peers-").tempdir_in(&arguments.dir)?;
    // Python is started in other folders.
    let dir = dir.path().canonicalize()?;
    let data = dir.join("data");
    eprintln!("writing {} images", arguments.size);
    write_data(&data, &arguments)?;
    step::adopt_orphans()?;

    let mut all = Vec::new();
    let mut missing = Vec::new();
    for peer in PEERS.iter().filter(|peer| wanted(&arguments, peer)) {
        eprintln!("{}", peer.name);
        match peer.install(&arguments.environments) {
            Ok(python) => {
                let work = dir.join(peer.folder);
                std::fs::create_dir(&work)?;
                all.extend(step::run_all(peer, &python, &data, &work, &arguments)?);
                std::fs::remove_dir_all(&work)?;
            }
            Err(reason) => missing.push(format!("{}: {reason}", peer.name)),
        }
    }
    table::print(&all, &missing);
    if let Some(path) = &arguments.out {
        table::append(path, &all)?;
    }
    Ok(())
}

fn wanted(arguments: &Arguments, peer: &Peer) -> bool {
    arguments.only.is_empty() || arguments.only.iter().any(|folder| folder == peer.folder)
}

fn write_data(data: &Path, arguments: &Arguments) -> Result<()> {
    images::write(data, 0..arguments.size)?;
    images::write(&data.join("one"), arguments.size..arguments.size + 1)?;
    let evaluation = data.join("evaluation");
    Runtime::new()?.block_on(async {
        let workspace = Workspace::init(&evaluation).await?;
        detections::commit(workspace.store().as_ref(), arguments.evaluate).await
    })?;
    let [truth, found] = ["truth.json", "found.json"].map(|name| evaluation.join(name));
    detections::write_coco(&truth, &found, arguments.evaluate)?;
    Ok(())
}
