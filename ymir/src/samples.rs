//! Sample data, so that everything can be tried at once; the feature `samples`.

use std::path::Path;

use ymir_core::{Error, ErrorKind, Result};
use ymir_testkit::generate::scenes::{self, SceneOptions};

/// Scenes to choose from, the split `pool`.
const POOL: u64 = 60;
/// Scenes to evaluate on, the split `val`.
const VALIDATION: u64 = 20;
/// What a folder of samples has.
const FOLDERS: [&str; 3] = ["Annotations", "ImageSets", "JPEGImages"];

/// Returns the classes of the samples.
pub fn classes() -> Vec<String> {
    scenes::class_names().iter().map(|name| (*name).to_owned()).collect()
}

/// Writes a small annotated dataset into a folder, as Pascal VOC: 60 rendered images in the split
/// `pool` and 20 in the split `val`, the same on every machine. Does nothing if they are there.
///
/// # Errors
///
/// `AlreadyExists` if the folder has other files; that of the file system, with the path.
///
/// ```no_run
/// # async fn example() -> ymir::Result<()> {
/// ymir::samples::write("samples").await?;
/// # Ok(())
/// # }
/// ```
pub async fn write(folder: impl AsRef<Path>) -> Result<()> {
    let folder = folder.as_ref().to_owned();
    let rendered = tokio::task::spawn_blocking(move || render(&folder)).await;
    rendered.map_err(|e| Error::new(ErrorKind::Unexpected, "rendering broke off").caused_by(e))?
}

fn render(folder: &Path) -> Result<()> {
    // The last file that is written.
    if folder.join("ImageSets/Main/val.txt").is_file() {
        return Ok(());
    }
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if !FOLDERS.iter().any(|ours| *ours == name) {
            let message = "the folder for samples has other files in it; name another";
            return Err(
                Error::new(ErrorKind::AlreadyExists, message).with("path", entry.path().display())
            );
        }
    }
    let count = POOL + VALIDATION;
    let options = SceneOptions { count, ..SceneOptions::default() };
    scenes::write_voc(folder, &options, &[("pool", 0..POOL), ("val", POOL..count)])
}
