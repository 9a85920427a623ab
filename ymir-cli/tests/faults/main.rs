//! Every command that writes survives a kill, a full disk and an I/O error at each of its system
//! calls that change files.
//!
//! Each command is first run whole, then once for each of its calls with the fault at that call.
//! Afterwards the workspace must open, `fsck` and `git fsck` must find nothing, each branch must be
//! as before or as after, and the same command must succeed, make what it makes undisturbed, and
//! clean up what the other left. On a full disk it must fail with a message that says so, and leave
//! no temporary file.
//!
//! `YMIR_FAULTS` sets at how many calls of a command there is a fault, 24 by default, spread evenly;
//! `all` for each of them.
//!
//! This is a test program of its own: its tracer waits for any child of the process, and would take
//! those of other tests.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]
#![allow(clippy::print_stdout)] // how many calls there were

mod full_disk;
mod place;
mod trace;
mod work;

use place::{Place, State, program};
use trace::Fault;

const IMPORT: [&str; 8] =
    ["import", "--voc", "data", "--into", "d", "--unknown-classes", "add", "--split"];

/// A command in a place.
struct Case<'a> {
    name: &'a str,
    place: Place,
    command: Vec<&'a str>,
    /// What the place has to hold when the command was done, besides versions.
    done: fn(&Place) -> bool,
    /// Whether the command is refused where it was done already.
    once: bool,
}

impl<'a> Case<'a> {
    fn new(name: &'a str, place: Place, command: &[&'a str]) -> Self {
        let command = [&["--json", "--workspace", "ws"], command].concat();
        Self { name, place, command, done: |_| true, once: false }
    }

    /// Runs the command with each fault at each call, or at some of them.
    fn survive(&self) {
        let states = self.states();
        for fault in [Fault::Kill, Fault::Full, Fault::Broken] {
            let dry = self.place.copy();
            let calls = trace::run(program(), &self.command, dry.root(), fault, usize::MAX).calls;
            let (mut hits, mut failed) = (0, 0);
            for at in places(calls) {
                let place = self.place.copy();
                let run = trace::run(program(), &self.command, place.root(), fault, at);
                hits += usize::from(run.hit.is_some());
                failed += usize::from(!run.status.success());
                println!("{}, {fault:?}: {}", self.name, run.hit.as_deref().unwrap_or("not hit"));
                if fault == Fault::Kill {
                    assert_eq!(run.status.code().is_none(), run.hit.is_some(), "{run:?}");
                }
                let said = run.stdout + &run.stderr;
                self.check(&place, fault, (run.status.code(), &said), &states);
            }
            println!("{}, {fault:?}: {calls} calls, {hits} hit, {failed} failed", self.name);
            assert!(hits > 0, "{}: no call was hit", self.name);
        }
    }

    /// Returns what the place holds before and after the command.
    fn states(&self) -> (State, State) {
        let before = self.place.check();
        let whole = self.place.copy();
        whole.ok(&self.command);
        assert!((self.done)(&whole), "{}: not done", self.name);
        (before, whole.check())
    }

    /// Checks a place after a run with a fault, which ended with this code (none if it was killed)
    /// and said this, and that the command succeeds there now.
    fn check(
        &self,
        place: &Place,
        fault: Fault,
        (code, said): (Option<i32>, &str),
        (before, after): &(State, State),
    ) {
        let what = format!("{}, {fault:?}: {code:?} {said}", self.name);
        let succeeded = code == Some(0);
        assert!(code.is_some() || fault == Fault::Kill, "{what}");
        assert!(!said.contains("panicked"), "{what}");
        if fault == Fault::Full {
            assert!(place.temporary().is_empty(), "{:?} {what}", place.temporary());
            if !succeeded {
                assert_eq!(code, Some(7), "{what}");
                assert!(said.contains("free some space"), "{what}");
            }
        }
        let state = place.check();
        if succeeded {
            assert_eq!(state, *after, "{what}");
        }
        assert!(state.is_between(before, after), "{state:?}\n{what}");
        let is_done = self.once && (self.done)(place) && state == *after;
        let (code, text) = place.run(&self.command);
        assert!(code == 0 || is_done && code == 4, "again: {code} {text}\n{what}");
        assert_eq!(place.check().newest(), after.newest(), "again\n{what}");
        assert!((self.done)(place), "again\n{what}");
        let mut left = place.temporary();
        left.retain(|path| path.is_dir());
        assert!(left.is_empty(), "again {left:?}\n{what}");
    }
}

/// Returns the numbers of the calls that a fault is to hit.
fn places(calls: usize) -> Vec<usize> {
    let wanted = match std::env::var("YMIR_FAULTS") {
        Ok(all) if all == "all" => calls,
        Ok(number) => number.parse().expect("YMIR_FAULTS is a number or `all`"),
        Err(_) => 24,
    };
    let wanted = wanted.min(calls);
    (0..wanted).map(|n| n * calls / wanted).collect()
}

fn workspace() -> Place {
    let place = Place::new();
    place.ok(&["init", "ws"]);
    place
}

fn filled() -> Place {
    let place = workspace();
    place.ok(&[&["--workspace", "ws"], &IMPORT[..], &["base"]].concat());
    place
}

#[test]
fn init() {
    let mut case = Case::new("init", Place::new(), &["init"]);
    case.once = true;
    case.survive();
}

#[test]
fn import_by_copy() {
    Case::new("import by copy", workspace(), &[&IMPORT[..], &["base"]].concat()).survive();
}

#[test]
fn import_by_hard_link() {
    let command = [&IMPORT[..], &["base", "--link"]].concat();
    Case::new("import by hard link", workspace(), &command).survive();
}

#[test]
fn import_of_an_archive() {
    let command =
        ["import", "data.tar.gz", "--into", "d", "--unknown-classes", "add", "--split", "base"];
    Case::new("import of an archive", workspace(), &command).survive();
}

#[test]
fn commit_of_one() {
    let command = [&IMPORT[..], &["one0", "--append"]].concat();
    Case::new("commit of one", filled(), &command).survive();
}

#[test]
fn operation() {
    let command = ["split", "d", "train=0.5", "val=0.5"];
    Case::new("split", filled(), &command).survive();
}

#[test]
fn joining_packs() {
    let place = filled();
    let names: Vec<String> = (1..=40).map(|n| format!("one{n}")).collect();
    let mut names = names.iter();
    while place.packs() < 31 {
        let name = names.next().expect("there are enough images");
        place.ok(&[&["--workspace", "ws"], &IMPORT[..], &[name, "--append"]].concat());
    }
    let command = [&IMPORT[..], &["one0", "--append"]].concat();
    let case = Case::new("commit that joins packs", place, &command);
    let joined = case.place.copy();
    joined.ok(&case.command);
    assert!(joined.packs() < 31, "they were not joined");
    case.survive();
}

#[test]
fn garbage() {
    let place = workspace();
    let root = place.path("ws");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let workspace = ymir::Workspace::open(&root).await.expect("it opens");
        let sources = (0..20).map(|byte| ymir::BlobSource::Bytes(vec![byte])).collect();
        workspace.store().put_blobs(sources).await.expect("blobs are put in");
    });
    place.ok(&[&["--workspace", "ws"], &IMPORT[..], &["base"]].concat());
    let mut case = Case::new("gc", place, &["gc", "--grace", "0"]);
    case.done = |place| place.blobs() == 6;
    case.survive();
}

#[test]
fn export() {
    let mut case = Case::new("export", filled(), &["export", "d", "out"]);
    case.once = true;
    case.done = |place| place.path("out/ImageSets/Main/d.txt").is_file();
    case.survive();
}
