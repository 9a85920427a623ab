//! The samples of a task as values: what an executor in this process is given in place of
//! annotation files.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use ymir_core::{Annotation, Asset, Class, Error, Result};

use super::annotations::Labeled;

/// The sets of samples that a task can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SampleSet {
    /// What a training learns from.
    Training,
    /// What a training scores itself on.
    Validation,
    /// What is mined or inferred.
    Candidates,
}

impl SampleSet {
    /// Returns the name of its index file below `/in`.
    pub(super) fn index_file(self) -> &'static str {
        match self {
            Self::Training => "train-index.tsv",
            Self::Validation => "val-index.tsv",
            Self::Candidates => "candidate-index.tsv",
        }
    }

    /// Returns the name of its file of samples below `/in`.
    pub(super) fn samples_file(self) -> &'static str {
        match self {
            Self::Training => "annotations/train.jsonl",
            Self::Validation => "annotations/val.jsonl",
            Self::Candidates => "annotations/candidates.jsonl",
        }
    }
}

/// An asset of a task with its file and annotations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// The file, for reading only.
    pub path: PathBuf,
    /// What is known of the image.
    pub asset: Asset,
    /// Its ground truth, by class names of the task; empty for candidates.
    pub annotations: Vec<Annotation>,
}

#[derive(Serialize)]
struct SampleLine<'a> {
    path: &'a str,
    asset: &'a Asset,
    annotations: Vec<Annotation>,
}

/// Writes the samples of one set, a line of JSON for each.
#[derive(Debug)]
pub(super) struct SampleWriter {
    path: PathBuf,
    file: BufWriter<File>,
}

impl SampleWriter {
    pub(super) fn create(path: PathBuf) -> Result<Self> {
        let file = File::create(&path).map_err(|error| failed(&path, error))?;
        Ok(Self { path, file: BufWriter::new(file) })
    }

    /// Adds a sample; `path` is that of its file as the executor sees it.
    pub(super) fn add(
        &mut self,
        path: &str,
        asset: &Asset,
        labeled: &[Labeled<'_>],
        names: &[String],
    ) -> Result<()> {
        let named = |labeled: &Labeled<'_>| Annotation {
            class: Class::Name(names[labeled.class].clone()),
            ..labeled.annotation.clone()
        };
        let line = SampleLine { path, asset, annotations: labeled.iter().map(named).collect() };
        let written = serde_json::to_writer(&mut self.file, &line).map_err(std::io::Error::from);
        let written = written.and_then(|()| self.file.write_all(b"\n"));
        written.map_err(|error| failed(&self.path, error))
    }

    pub(super) fn finish(mut self) -> Result<()> {
        self.file.flush().map_err(|error| failed(&self.path, error))
    }
}

/// Returns the samples of a set of the task in `input`; none if it has no such set.
pub(crate) fn read_samples(input: &Path, set: SampleSet) -> Result<Vec<Sample>> {
    let path = input.join(set.samples_file());
    let file = match File::open(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        file => file.map_err(|error| Error::io("cannot read the samples", &path, error))?,
    };
    let mut samples = Vec::new();
    for (number, line) in BufReader::new(file).lines().enumerate() {
        let line = line.map_err(|error| Error::io("cannot read the samples", &path, error))?;
        samples.push(serde_json::from_str(&line).map_err(|error| {
            Error::corrupted("a sample of the task is malformed")
                .with("path", path.display())
                .with("line", number + 1)
                .caused_by(error)
        })?);
    }
    Ok(samples)
}

fn failed(path: &Path, error: std::io::Error) -> Error {
    Error::io("cannot write the samples of a task", path, error)
}
