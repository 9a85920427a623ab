//! Files of every format with bytes changed, taken out and put in: whatever they say then, they are
//! imported or refused.
//!
//! `YMIR_MUTATIONS` sets how many there are of each format, 400 by default. This is a test program of
//! its own: it bounds the memory that its process takes.

#[path = "it/common/mod.rs"]
#[allow(dead_code, unused_imports, unused_macros, reason = "this program uses a part")]
mod common;
#[path = "it/formats/made.rs"]
#[allow(dead_code, reason = "this program uses a part")]
mod made;

use std::fs;
use std::path::{Path, PathBuf};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::TestRunner;
use ymir_core::{Annotation, BBox, Class, ClassId, ErrorKind, Keypoint, Mask, Shape, Visibility};
use ymir_formats::Format;

use common::{commit, folder, records, store};
use made::{branch, dataset, export, import};

/// What is put in: what other parsers stumbled over.
const TOKENS: [&str; 18] = [
    "-1",
    "0",
    "1e309",
    "NaN",
    "99999999999999999999",
    "4294967295",
    "\"",
    "<",
    "</a>",
    "[[[[",
    "{",
    "}",
    "null",
    "\0",
    "\n",
    "../../a",
    "\u{feff}",
    ",",
];

/// More memory than this is not needed for files of a few kilobytes.
const MEMORY: u64 = 1 << 30;

#[derive(Debug, Clone)]
enum Mutation {
    Flip(Index, u8),
    Remove(Index, usize),
    Repeat(Index, usize, usize),
    Insert(Index, &'static str),
    Cut(Index),
}

impl Mutation {
    fn any() -> impl Strategy<Value = Self> {
        prop_oneof![
            (any::<Index>(), 0..8_u8).prop_map(|(at, bit)| Self::Flip(at, bit)),
            (any::<Index>(), 1..40_usize).prop_map(|(at, length)| Self::Remove(at, length)),
            (any::<Index>(), 1..40_usize, 1..300_usize).prop_map(|(a, l, n)| Self::Repeat(a, l, n)),
            (any::<Index>(), select(&TOKENS[..])).prop_map(|(at, token)| Self::Insert(at, token)),
            any::<Index>().prop_map(Self::Cut),
        ]
    }

    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let part = |at: &Index, length: &usize| {
            let start = at.index(bytes.len());
            start..(start + length).min(bytes.len())
        };
        match self {
            Self::Flip(at, bit) => *at.get_mut(bytes) ^= 1 << bit,
            Self::Cut(at) => bytes.truncate(at.index(bytes.len())),
            Self::Remove(at, length) => drop(bytes.drain(part(at, length))),
            Self::Repeat(at, length, times) => {
                let part = part(at, length);
                let repeated = bytes[part.clone()].repeat(*times);
                bytes.splice(part.end..part.end, repeated);
            }
            Self::Insert(at, token) => {
                let at = at.index(bytes.len());
                bytes.splice(at..at, token.bytes());
            }
        }
    }
}

/// Returns all that an annotation can be.
fn annotations() -> Vec<Annotation> {
    let class = |n| Class::Id(ClassId(n));
    let mask = Shape::Mask(Mask::new(64, 48, vec![48, 480, 2544]).unwrap());
    let ring = vec![[1.0, 1.0], [20.0, 2.0], [10.0, 30.0]];
    let polygon = Shape::Polygons(vec![ring]);
    let with = |shape: Shape| Annotation::new(class(0), shape.bbox().unwrap()).with_shape(shape);
    let mut pose = Annotation::new(class(0), BBox::new(1.0, 2.0, 30.0, 40.0));
    pose.keypoints = vec![Keypoint { x: 3.0, y: 4.0, visibility: Visibility::Visible }];
    let label = Annotation::of_image(class(0), 64, 48);
    vec![
        Annotation::new(class(0), BBox::new(1.5, 2.0, 3.0, 4.0)),
        with(mask),
        with(polygon),
        pose,
        label,
    ]
}

fn files(below: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![below.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    files
}

/// Imports a folder; the format may be wrong in any way, and nothing else.
async fn take(source: &Path, format: Format) {
    let store = store();
    match import(&store, source, format).await {
        Ok(report) => drop(records(&store, &report.version.id).await),
        Err(error) => {
            let kinds = [
                ErrorKind::InvalidInput,
                ErrorKind::Corrupted,
                ErrorKind::Unsupported,
                ErrorKind::NotFound,
                ErrorKind::ResourceExhausted,
            ];
            assert!(kinds.contains(&error.kind()), "{error:?}");
        }
    }
}

#[test]
fn mutated_files_are_imported_or_refused() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let cases = std::env::var("YMIR_MUTATIONS").map_or(400, |n| n.parse().expect("a number"));
    for format in Format::ALL {
        let source = folder();
        let made = runtime.block_on(async {
            let images =
                annotations().into_iter().map(|one| (vec![], Default::default(), vec![one]));
            let (store, all) = dataset(images.collect()).await;
            let version = commit(&store, &branch("there"), all).await;
            export(&store, &version.id, &source, format).await
        });
        if made.is_err() {
            assert!(matches!(format, Format::Auto | Format::Images), "{format:?}: {made:?}");
            continue;
        }
        let files = files(&source);
        let mutations = (select(files), vec(Mutation::any(), 1..4));
        let mut runner = TestRunner::new(ProptestConfig {
            cases,
            failure_persistence: None,
            ..Default::default()
        });
        let run = runner.run(&mutations, |(file, mutations)| {
            let whole = fs::read(&file).unwrap();
            let mut bytes = whole.clone();
            mutations.iter().for_each(|mutation| mutation.apply(&mut bytes));
            replace(&file, &bytes);
            runtime.block_on(take(&source, format));
            replace(&file, &whole);
            Ok(())
        });
        run.unwrap_or_else(|error| panic!("{format:?}: {error}"));
    }
    if let Ok(status) = fs::read_to_string("/proc/self/status") {
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
        assert!(peak << 10 < MEMORY, "{peak} kB of memory");
    }
}

/// Writes a file anew: it may be a link to one that is read-only.
fn replace(path: &Path, bytes: &[u8]) {
    fs::remove_file(path).unwrap();
    fs::write(path, bytes).unwrap();
}
