//! Disks that are really full: small file systems, mounted where the tests run as root.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::place::Place;
use crate::trace::Fault;
use crate::{Case, IMPORT, filled, workspace};

/// The size of a page and of a block.
const BLOCK: u64 = 4096;

/// A mounted file system.
struct Disk(TempDir);

impl Disk {
    /// Mounts a file system by a script, which finds the folder in `$0`.
    fn mount(script: &str) -> Option<Self> {
        let disk = Self(tempfile::tempdir().expect("a folder can be made"));
        let made = Command::new("sh").args(["-c", script]).arg(disk.0.path()).output();
        let output = made.expect("a shell can be started");
        if output.status.success() {
            return Some(disk);
        }
        println!("SKIPPED: {script}: {}", String::from_utf8_lossy(&output.stderr));
        None
    }

    /// Takes all space but this much.
    fn fill(&self, free: u64) {
        let mut ballast = File::create(self.0.path().join("ballast")).expect("a file can be made");
        while ballast.write_all(&[1; BLOCK as usize]).is_ok() {}
        let size = ballast.metadata().expect("it has a size").len();
        ballast.set_len(size.saturating_sub(free)).expect("it can be cut");
        ballast.sync_all().expect("it can be synced");
    }

    fn free(&self) {
        std::fs::remove_file(self.0.path().join("ballast")).expect("it can be removed");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ =
            Command::new("umount").arg(self.0.path()).stderr(std::process::Stdio::null()).status();
    }
}

/// Imports with some blocks more of space each time, until there is enough.
fn survive(name: &str, disk: &Disk, blocks: usize, import: &[&str]) {
    let case = Case::new(name, workspace(), import);
    let states = case.states();
    let mut failed = 0;
    for free in (0..).step_by(BLOCK as usize * blocks) {
        let place = case.place.copy_below(disk.0.path());
        disk.fill(free);
        let (code, text) = place.run(&case.command);
        disk.free();
        case.check(&place, Fault::Full, (Some(code), &text), &states);
        if code == 0 {
            break;
        }
        failed += 1;
    }
    println!("{name}: full {failed} times, then enough");
    assert!(failed > 10, "{name}: it was never full");
}

fn on(script: &str, name: &str) {
    let Some(disk) = Disk::mount(script) else { return };
    survive(&format!("import on {name}"), &disk, 1, &[&IMPORT[..], &["base"]].concat());
    let archive = ["import", "data.tar.gz", "--into", "d", "--unknown-classes", "add"];
    survive(&format!("import of an archive on {name}"), &disk, 16, &archive);
}

/// Reads on a disk without any space, takes things elsewhere, and makes room; tasks are refused.
fn without_space(script: &str) {
    let Some(disk) = Disk::mount(script) else { return };
    let place = filled().copy_below(disk.0.path());
    let (before, elsewhere) = (place.check(), tempfile::tempdir().expect("a folder can be made"));
    let fake = place.path("ws/blobs/00");
    std::fs::create_dir_all(&fake).expect("a folder can be made");
    std::fs::write(fake.join(format!("00{}", "0".repeat(60))), [1; 3 * BLOCK as usize])
        .expect("a file can be made");
    disk.fill(0);
    let run = |arguments: &[&str]| place.run(&[&["--workspace", "ws"], arguments].concat());
    is_read(&place, elsewhere.path(), "there is no space for the database of the tasks");
    let (code, text) = run(&TRAIN);
    assert_eq!(code, 7, "{text}");
    assert!(text.contains("open the workspace again"), "{text}");
    let (code, text) = run(&["gc", "--grace", "0"]);
    assert_eq!(code, 0, "{text}");
    assert!(!fake.exists() || fake.read_dir().expect("it can be read").next().is_none(), "{text}");
    disk.free();
    assert_eq!(place.check(), before);
}

/// Reads a workspace that cannot be written, which every command warns of.
fn is_read(place: &Place, elsewhere: &Path, warning: &str) {
    let out = elsewhere.join("out").display().to_string();
    for command in [&["log"][..], &["show", "d"], &["fsck", "--blobs"], &["export", "d", &out]] {
        let (code, text) = place.run(&[&["--workspace", "ws"], command].concat());
        assert_eq!(code, 0, "{command:?}: {text}");
        assert!(text.contains(warning), "{text}");
    }
    assert!(Path::new(&out).join("ImageSets/Main/d.txt").is_file());
}

/// A workspace on a file system that is mounted for reading only is read.
#[test]
fn a_read_only_mount() {
    let Some(disk) = Disk::mount(MEMORY) else { return };
    let place = filled().copy_below(disk.0.path());
    let elsewhere = tempfile::tempdir().expect("a folder can be made");
    let mut remount = Command::new("mount");
    remount.args(["-o", "remount,ro"]).arg(disk.0.path());
    assert!(remount.status().expect("mount can be started").success());
    is_read(&place, elsewhere.path(), "the database of the tasks cannot be written");
    for command in [&["sample", "d", "--count", "1", "--into", "x"][..], &TRAIN] {
        let (code, text) = place.run(&[&["--workspace", "ws"], command].concat());
        assert_eq!(code, 11, "{command:?}: {text}");
    }
}

const TRAIN: [&str; 11] = [
    "train",
    "--training",
    "d",
    "--validation",
    "d",
    "--classes",
    "coin",
    "--into",
    "m",
    "--executor",
    "local:/bin/true",
];
const MEMORY: &str = r#"mount -t tmpfs -o size=4m tmpfs "$0""#;

/// Does something on an ext4, which is mounted by the script that it is given.
fn on_ext4(test: impl Fn(&str)) {
    let image = tempfile::NamedTempFile::new().expect("a file can be made");
    let image: &Path = image.path();
    test(&format!(
        r#"truncate -s 12M {0} && mkfs.ext4 -q -b 4096 {0} && mount -o loop {0} "$0""#,
        image.display()
    ));
}

#[test]
fn full_memory() {
    on(MEMORY, "tmpfs");
}

#[test]
fn full_ext4() {
    on_ext4(|script| on(script, "ext4"));
}

#[test]
fn memory_without_space() {
    without_space(MEMORY);
}

#[test]
fn ext4_without_space() {
    on_ext4(without_space);
}

/// Writes a COCO folder of the images of a place, with many objects in no order of the images.
fn many_objects(place: &Place, folder: &Path) {
    let images = std::fs::read_dir(place.path("data/JPEGImages")).expect("there are images");
    let names: Vec<String> =
        images.map(|image| image.unwrap().file_name().into_string().unwrap()).collect();
    let mut document = String::from(r#"{"categories": [{"id": 1, "name": "a"}], "images": ["#);
    for (id, name) in names.iter().enumerate() {
        std::fs::copy(place.path("data/JPEGImages").join(name), folder.join(name)).unwrap();
        document += &format!(r#"{{"id": {id}, "file_name": "{name}"}},"#);
    }
    document.pop();
    document += r#"], "annotations": ["#;
    for n in 0..MANY {
        let image = n % names.len();
        document += &format!(
            r#"{{"image_id": {image}, "category_id": 1, "bbox": [{}, 1, 2, 3]}},"#,
            n % 30
        );
    }
    document.pop();
    std::fs::write(folder.join("instances.json"), document + "]}").unwrap();
}

/// So many objects are more than an import keeps in memory.
const MANY: usize = 200_000;

#[test]
fn full_for_what_an_import_sets_aside() {
    let Some(disk) = Disk::mount(r#"mount -t tmpfs -o size=64m tmpfs "$0""#) else { return };
    let (place, source) = (workspace(), tempfile::tempdir().expect("a folder can be made"));
    many_objects(&place, source.path());
    let import = ["import", source.path().to_str().unwrap(), "--into", "d", "--unknown-classes"];
    let case = Case::new("an import that sets aside", place, &[&import[..], &["add"]].concat());
    let states = case.states();
    let place = case.place.copy_below(disk.0.path());
    disk.fill(256 * BLOCK);
    let (code, text) = place.run(&case.command);
    disk.free();
    assert!(code != 0 && text.contains("sets aside"), "{code} {text}");
    case.check(&place, Fault::Full, (Some(code), &text), &states);
}
