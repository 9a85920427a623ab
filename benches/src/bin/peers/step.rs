use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{WaitOptions, getpid, set_child_subreaper, wait};
use serde::{Deserialize, Serialize};
use ymir_benches::measure::{folder_size, processor_time};

use crate::install::Peer;
use crate::{Arguments, Result};

/// What one step cost one tool.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    pub(crate) peer: &'static str,
    pub(crate) what: String,
    pub(crate) size: u64,
    /// Of the whole process, from start to end.
    pub(crate) process_s: f64,
    /// Of the work within the process.
    pub(crate) wall_s: f64,
    /// Of all processes, servers included.
    pub(crate) cpu_s: f64,
    pub(crate) memory_bytes: u64,
    pub(crate) growth_bytes: u64,
    /// What an evaluation found.
    #[serde(skip)]
    pub(crate) numbers: Vec<f64>,
}

/// What a driver says.
#[derive(Debug, Deserialize)]
struct Told {
    wall_s: f64,
    memory_bytes: u64,
    numbers: Vec<f64>,
}

/// Has the servers that a tool leaves behind count as children, so that their time is known.
pub(crate) fn adopt_orphans() -> Result<()> {
    Ok(set_child_subreaper(Some(getpid()))?)
}

/// Does each step that a tool can do. One that fails is told and left out.
pub(crate) fn run_all(
    peer: &Peer,
    python: &Path,
    data: &Path,
    work: &Path,
    arguments: &Arguments,
) -> Result<Vec<Figures>> {
    let mut command = Command::new(python);
    let names = command.arg(peer.driver()).output()?;
    let names: Vec<String> = serde_json::from_slice(&names.stdout)
        .map_err(|_| format!("{}: {}", peer.name, String::from_utf8_lossy(&names.stderr)))?;
    let mut all = Vec::new();
    for what in names {
        match run(peer, python, &what, data, work, arguments.size) {
            Ok(figures) => {
                let size = if what == "evaluate" { arguments.evaluate } else { arguments.size };
                all.push(Figures { size, ..figures });
            }
            Err(error) => eprintln!("{}: {what}: {error}", peer.name),
        }
    }
    Ok(all)
}

fn run(
    peer: &Peer,
    python: &Path,
    what: &str,
    data: &Path,
    work: &Path,
    size: u64,
) -> Result<Figures> {
    let (start, processor, before) = (Instant::now(), processor_time(), folder_size(work)?);
    let output = Command::new(python)
        .arg(peer.driver())
        .args([what.as_ref(), data.as_os_str(), work.as_os_str()])
        .arg(size.to_string())
        .env("HOME", work)
        .current_dir(work)
        .stderr(Stdio::inherit())
        .output()?;
    let process = start.elapsed();
    reap();
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        return Err(format!("the driver ended with {}", output.status).into());
    }
    let told: Told = serde_json::from_str(text.lines().last().unwrap_or_default())?;
    Ok(Figures {
        peer: peer.name,
        what: what.to_owned(),
        size,
        process_s: process.as_secs_f64(),
        wall_s: told.wall_s,
        cpu_s: processor_time().saturating_sub(processor).as_secs_f64(),
        memory_bytes: told.memory_bytes,
        growth_bytes: folder_size(work)?.saturating_sub(before),
        numbers: told.numbers,
    })
}

/// Waits for the servers that a step left behind, a minute at most.
fn reap() {
    let deadline = Instant::now() + Duration::from_secs(60);
    while Instant::now() < deadline {
        match wait(WaitOptions::NOHANG) {
            Ok(Some(_)) => {}
            Ok(None) => std::thread::sleep(Duration::from_millis(20)),
            // There are none.
            Err(_) => return,
        }
    }
}
