//! How a benchmark is started: phases, each in a process of its own, over one folder per size.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use clap::Parser;
use tokio::runtime::Runtime;
use ymir::Result;

use crate::measure::{peak_memory, processor_time};
use crate::report::{Report, Row};

/// A part of a benchmark. What it reads is cold for the library, since no other part ran in its
/// process, although the operating system may have the files in memory.
#[derive(Debug, Clone, Copy)]
pub struct Phase {
    /// The name, by which it is asked for.
    pub name: &'static str,
    /// What is done.
    pub work: fn(&Run) -> Result<()>,
    /// The largest size that it is done at, unless it is asked for by name.
    pub up_to: u64,
}

/// One phase in its process.
#[derive(Debug)]
pub struct Run {
    /// The folder of this size, which all phases share.
    pub root: PathBuf,
    /// How many assets are measured with.
    pub size: u64,
    /// What asynchronous calls run on.
    pub runtime: Runtime,
    /// A dataset to measure with in place of a generated one, if the caller has named one.
    pub data: Option<PathBuf>,
    report: RefCell<Report>,
}

/// What a benchmark is told.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many assets to measure with; several sizes are measured one after the other.
    #[arg(value_name = "ASSETS", default_values_t = [100_000])]
    sizes: Vec<u64>,
    /// Where the files that are measured with are made, if not below the build's; they are deleted
    /// at the end.
    #[arg(long = "in", value_name = "FOLDER")]
    dir: Option<PathBuf>,
    /// A file that the figures are appended to, a line of JSON each.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Only these phases, also beyond the sizes that they are usually done at.
    #[arg(long, value_name = "PHASE", value_delimiter = ',')]
    only: Vec<String>,
    /// A dataset to measure with in place of a generated one, where the benchmark can.
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    #[arg(long, hide = true)]
    phase: Option<String>,
    // Cargo passes this.
    #[arg(long, hide = true)]
    bench: bool,
}

/// Runs a benchmark as the command line asks for, with its files below `dir` unless that names
/// another folder.
///
/// # Panics
///
/// Panics if a phase fails: a figure of work that was not done would be worse.
pub fn main(bench: &str, dir: &str, phases: &[Phase]) {
    let arguments = Arguments::parse();
    let base = arguments.dir.clone().unwrap_or_else(|| dir.into());
    let out = arguments.out.as_ref();
    if let Some(name) = &arguments.phase {
        let phase = phases.iter().find(|phase| phase.name == name).expect("given by this program");
        let size = arguments.sizes[0];
        let run = Run {
            root: base,
            size,
            runtime: Runtime::new().expect("a runtime can be made"),
            data: arguments.data,
            report: RefCell::new(Report::new(bench, size, out)),
        };
        (phase.work)(&run).expect("what is measured works");
        return;
    }
    for size in &arguments.sizes {
        let prefix = format!("bench-{bench}-");
        let dir = tempfile::Builder::new()
            .prefix(&prefix)
            .tempdir_in(&base)
            .expect("the folder is writable");
        Report::new(bench, *size, None).heading();
        let wanted = |phase: &&Phase| match arguments.only.as_slice() {
            [] => *size <= phase.up_to,
            names => names.iter().any(|name| name == phase.name),
        };
        phases
            .iter()
            .filter(wanted)
            .for_each(|phase| run_phase(&arguments, phase, dir.path(), *size));
    }
}

fn run_phase(arguments: &Arguments, phase: &Phase, dir: &Path, size: u64) {
    let program = std::env::current_exe().expect("a program has a path");
    let mut command = Command::new(program);
    command.args(["--phase", phase.name, &size.to_string(), "--in"]).arg(dir);
    for (name, path) in [("--out", &arguments.out), ("--data", &arguments.data)] {
        command.args(path.iter().flat_map(|path| [name.as_ref(), path.as_os_str()]));
    }
    let status = command.status().expect("the program can be run");
    assert!(status.success(), "the phase {} failed", phase.name);
}

impl Run {
    /// Reports a row.
    pub fn row(&self, row: Row) {
        self.report.borrow_mut().row(row);
    }

    /// Does something once and reports how long it took, the processor time included.
    ///
    /// # Errors
    ///
    /// Those of the work.
    pub fn time<T>(&self, what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let (start, processor) = (Instant::now(), processor_time());
        let done = work()?;
        let row = Row::new(what, vec![start.elapsed()]);
        self.row(row.processor(processor_time() - processor).memory(peak_memory()));
        Ok(done)
    }
}
