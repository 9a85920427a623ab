use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use ymir_core::{Error, Result};

use super::output::make_folder;
use super::splits;

/// Text files with a line per image, one for each split; written as images come.
#[derive(Debug)]
pub(super) struct SplitLists {
    /// Where they stand, below the folder of the export.
    place: &'static str,
    /// How their names end.
    ending: &'static str,
    files: BTreeMap<String, (PathBuf, BufWriter<File>)>,
}

/// More splits than this are none: each takes an open file.
const MAX_SPLITS: usize = 64;

impl SplitLists {
    pub(super) fn new(place: &'static str) -> Self {
        Self::with_ending(place, ".txt")
    }

    pub(super) fn with_ending(place: &'static str, ending: &'static str) -> Self {
        Self { place, ending, files: BTreeMap::new() }
    }

    /// Adds a line to the list of a name; returns whether there can be one of this name.
    pub(super) fn add(&mut self, folder: &Path, name: &str, line: &str) -> Result<bool> {
        if !self.begin(folder, name)? {
            return Ok(false);
        }
        let (path, file) = self.files.get_mut(name).expect("it was begun");
        writeln!(file, "{line}")
            .map_err(|e| Error::io("the list of a split cannot be written", path, e))?;
        Ok(true)
    }

    /// Begins the list of a name, if it is not there; returns whether there can be one.
    pub(super) fn begin(&mut self, folder: &Path, name: &str) -> Result<bool> {
        if !splits::is_file_name(name) {
            return Ok(false);
        }
        if !self.files.contains_key(name) {
            if self.files.len() == MAX_SPLITS {
                return Ok(false);
            }
            let path = make_folder(folder, self.place)?.join(format!("{name}{}", self.ending));
            let file = File::create(&path)
                .map_err(|e| Error::io("the list of a split cannot be written", &path, e))?;
            self.files.insert(name.to_owned(), (path, BufWriter::new(file)));
        }
        Ok(true)
    }

    /// Returns the names of the lists.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Ends all lists.
    pub(super) fn finish(&mut self) -> Result<()> {
        self.files.values_mut().try_for_each(|(path, file)| {
            file.flush().map_err(|e| Error::io("the list of a split cannot be written", path, e))
        })
    }
}
