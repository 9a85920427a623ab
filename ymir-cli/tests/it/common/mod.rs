//! What the tests of the command line share: the binary, a workspace with rendered scenes, output.

#![allow(dead_code)] // each test file uses a part

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use ymir::testkit::generate::scenes::{SceneOptions, write_voc};

/// Parameters with which the detector trains in a moment.
pub(crate) const TINY: [&str; 5] =
    ["width=0.5", "image_size=64", "steps=10", "evaluations=1", "batch_size=4"];

/// Returns the program, and fails if the default executor is not beside it.
pub(crate) fn ymir() -> Command {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_ymir"));
    let detector = program.with_file_name("ymir-detector");
    assert!(
        detector.is_file(),
        "these tests need the default executor at {}; `cargo build -p ymir-detector` makes it",
        detector.display()
    );
    let mut command = Command::new(program);
    command.env_remove("YMIR_WORKSPACE").stdin(Stdio::null());
    command
}

/// What a call of the program gave.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).expect("the output is UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("the errors are UTF-8"),
        }
    }
}

impl Ran {
    /// Returns the objects that were printed, one a line and nothing else.
    pub(crate) fn objects(&self) -> Vec<Value> {
        let object = |line: &str| {
            serde_json::from_str(line).unwrap_or_else(|e| panic!("{e} in the line {line:?}"))
        };
        self.stdout.lines().map(object).collect()
    }

    /// Returns the one object that was printed.
    pub(crate) fn object(&self) -> Value {
        let mut objects = self.objects();
        assert_eq!(objects.len(), 1, "one object is expected: {self:?}");
        objects.remove(0)
    }

    /// Returns the code of the error that was printed as JSON.
    pub(crate) fn error_code(&self) -> String {
        let object = self.object();
        object["error"]["code"].as_str().expect("an error has a code").to_owned()
    }
}

/// A folder with a workspace in `workspace` and rendered scenes in `scenes`: the datasets `pool`
/// and `validation`.
pub(crate) struct Place {
    pub(crate) dir: TempDir,
}

impl Place {
    /// Returns an empty folder.
    pub(crate) fn empty() -> Self {
        Self { dir: tempfile::tempdir().expect("a folder can be made") }
    }

    /// Returns a workspace with 24 scenes to choose from and 8 to evaluate on.
    pub(crate) fn with_scenes() -> Self {
        let place = Self::empty();
        let options =
            SceneOptions { count: 32, width: 96, height: 72, easy: 0.0, ..SceneOptions::default() };
        let scenes = place.path("scenes");
        write_voc(&scenes, &options, &[("pool", 0..24), ("validation", 24..32)])
            .expect("scenes can be rendered");
        place.ok(&["init", place.path("workspace").to_str().unwrap()]);
        let folder = scenes.to_str().unwrap();
        for split in ["pool", "validation"] {
            let how = ["--split", split, "--unknown-classes", "add"];
            place.ok(&[&["import", "--voc", folder, "--into", split][..], &how].concat());
        }
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Returns the program in this folder and workspace.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = ymir();
        command.current_dir(self.dir.path());
        command.arg("--workspace").arg(self.path("workspace")).args(arguments);
        // The tests of other folders may hold all of this host.
        command.env("YMIR_HOST_DIR", self.path("host"));
        command
    }

    /// Runs the program.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.command(arguments).output().expect("the program can be started").into()
    }

    /// Runs the program, which must succeed, and returns its standard output.
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!(ran.code, 0, "{arguments:?}: {ran:?}");
        ran.stdout
    }

    /// Runs the program with `--json`, which must succeed with one object.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let ran = self.run(&[&["--json"], arguments].concat());
        assert_eq!(ran.code, 0, "{arguments:?}: {ran:?}");
        ran.object()
    }
}

/// Returns the arguments that give every parameter of [`TINY`] by an option.
pub(crate) fn tiny(option: &'static str) -> Vec<&'static str> {
    TINY.into_iter().flat_map(|parameter| [option, parameter]).collect()
}

/// Runs git's check of everything that is stored.
pub(crate) fn fsck(workspace: &Path) {
    let mut repositories = vec![workspace.to_path_buf()];
    repositories.extend(std::fs::read_dir(workspace).unwrap().map(|entry| entry.unwrap().path()));
    let is_repository = |path: &PathBuf| path.join("HEAD").is_file() || path.join(".git").exists();
    let repository = repositories.into_iter().find(is_repository).expect("a git repository");
    let output = Command::new("git")
        .arg("-C")
        .arg(&repository)
        .args(["-c", "safe.directory=*", "fsck", "--strict", "--no-dangling"])
        .output()
        .expect("git can be started");
    assert!(output.status.success(), "git fsck: {output:?}");
}
