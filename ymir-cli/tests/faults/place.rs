//! A folder with data and a workspace, and what must always hold of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use ymir::testkit::generate::scenes::{SceneOptions, write_voc};
use ymir::{BranchKind, FsckOptions, Workspace};

/// How temporary files and folders are named that a command removes before it ends.
const TEMPORARY: [&str; 8] =
    ["blob-", "link-", "tmp_", ".tmp", ".repo-", ".ymir-import-", ".ymir-export-", "gone"];

pub(crate) fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_ymir"))
}

/// A folder with `data`, a Pascal VOC folder of small images with the splits `base` (six images)
/// and `one0` to `one40` (an image each), `data.tar.gz`, and perhaps a workspace, `ws`.
pub(crate) struct Place(TempDir);

/// What the versions of a workspace hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct State {
    classes: Vec<String>,
    /// The contents of the versions of each branch, the oldest first.
    branches: BTreeMap<String, Vec<String>>,
}

impl Place {
    /// Returns a place with data.
    pub(crate) fn new() -> Self {
        let place = Self::empty();
        let ones: Vec<String> = (0..=40).map(|n| format!("one{n}")).collect();
        let size = SceneOptions { count: 47, width: 32, height: 24, ..SceneOptions::default() };
        let mut splits = vec![("base", 0..6)];
        splits.extend(
            ones.iter().enumerate().map(|(n, name)| (name.as_str(), 6 + n as u64..7 + n as u64)),
        );
        write_voc(&place.path("data"), &size, &splits).expect("scenes can be rendered");
        place.shell("tar czf data.tar.gz data");
        place
    }

    /// In memory where there is such a folder: the system calls are the same.
    fn empty() -> Self {
        let memory = Path::new("/dev/shm");
        let dir = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
        Self(dir.expect("a folder can be made"))
    }

    pub(crate) fn copy(&self) -> Self {
        self.copy_to(Self::empty())
    }

    pub(crate) fn copy_below(&self, folder: &Path) -> Self {
        self.copy_to(Self(TempDir::new_in(folder).expect("a folder can be made")))
    }

    fn copy_to(&self, copy: Self) -> Self {
        copy.shell(&format!("cp -a {}/. .", self.root().display()));
        copy
    }

    pub(crate) fn root(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    fn shell(&self, script: &str) {
        let status = Command::new("sh").args(["-c", script]).current_dir(self.root()).status();
        assert!(status.expect("a shell can be started").success(), "{script}");
    }

    /// Runs a command of `ymir`, and returns its exit code and all that it printed.
    pub(crate) fn run(&self, arguments: &[&str]) -> (i32, String) {
        let mut command = Command::new(program());
        let output = command.args(arguments).current_dir(self.root()).output();
        let output = output.expect("the program can be started");
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8(text).expect("the output is text");
        (output.status.code().unwrap_or(-1), text)
    }

    pub(crate) fn ok(&self, arguments: &[&str]) {
        let (code, text) = self.run(arguments);
        assert_eq!(code, 0, "{arguments:?}: {text}");
    }

    /// Returns what the workspace holds, after a check of everything in it; nothing if there is no
    /// workspace yet.
    pub(crate) fn check(&self) -> State {
        let root = self.path("ws");
        if !root.join("ymir.json").exists() {
            return State::default();
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let state = runtime.expect("a runtime").block_on(state(&root));
        let mut git = Command::new("git");
        git.arg("-C").arg(root.join("repo.git"));
        git.args(["-c", "safe.directory=*", "fsck", "--full", "--strict", "--no-dangling"]);
        let output = git.output().expect("git can be started");
        assert!(output.status.success(), "git fsck: {output:?}");
        state
    }

    pub(crate) fn packs(&self) -> usize {
        let files = std::fs::read_dir(self.path("ws/repo.git/objects/pack")).expect("packs");
        files
            .filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|e| e == "pack"))
            .count()
    }

    pub(crate) fn blobs(&self) -> usize {
        let folders = std::fs::read_dir(self.path("ws/blobs")).expect("blobs");
        let folders = folders.map(|folder| folder.unwrap()).filter(|f| f.path().is_dir());
        folders
            .filter(|f| f.file_name() != "tmp")
            .map(|f| f.path().read_dir().unwrap().count())
            .sum()
    }

    /// Returns the temporary files and folders that are there.
    pub(crate) fn temporary(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.root().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).expect("a folder can be read").flatten() {
                let name = entry.file_name().to_string_lossy().into_owned();
                if TEMPORARY.iter().any(|start| name.starts_with(start)) {
                    found.push(entry.path());
                } else if entry.path().is_dir() {
                    folders.push(entry.path());
                }
            }
        }
        found
    }
}

async fn state(root: &Path) -> State {
    let workspace = Workspace::open(root).await.expect("the workspace can be opened");
    assert_eq!(workspace.warnings(), [""; 0]);
    let report = workspace.fsck(FsckOptions { blobs: true }).await.expect("it can be checked");
    assert_eq!(report.problems, []);
    let classes = workspace.classes().await.expect("there are classes");
    let mut state = State {
        classes: classes.entries().iter().map(|class| class.name.clone()).collect(),
        branches: BTreeMap::new(),
    };
    for kind in BranchKind::ALL {
        for name in workspace.names(kind).await.expect("branches are listed") {
            let log = workspace.log(kind, name.as_str()).await.expect("versions are listed");
            let contents = log.iter().rev().map(|version| match kind {
                // What a project is consists of the ids of versions, which have their times in them.
                BranchKind::Project => version.message.clone(),
                _ => version.content.to_string(),
            });
            let contents = contents.collect();
            state.branches.insert(format!("{} {name}", kind.plural()), contents);
        }
    }
    state
}

impl State {
    /// Returns whether this is a state between two others: each branch and the classes are as
    /// before, or as after, or on the way with whole versions.
    pub(crate) fn is_between(&self, before: &Self, after: &Self) -> bool {
        let empty = Vec::new();
        let between = |name: &String| {
            let [old, now, new] =
                [before, self, after].map(|state| state.branches.get(name).unwrap_or(&empty));
            now.starts_with(old) && new.starts_with(now)
        };
        self.classes.starts_with(&before.classes)
            && after.classes.starts_with(&self.classes)
            && self.branches.keys().chain(before.branches.keys()).all(between)
    }

    /// Returns the newest content of each branch, with the classes.
    pub(crate) fn newest(&self) -> (Vec<String>, BTreeMap<String, String>) {
        let last = |(name, contents): (&String, &Vec<String>)| {
            (name.clone(), contents.last().cloned().unwrap_or_default())
        };
        (self.classes.clone(), self.branches.iter().map(last).collect())
    }
}
