use std::collections::BTreeSet;
use std::fmt::Write;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use ymir_core::{Error, ErrorKind, Name, Result};

use super::render::{Scene, SceneOptions, class_names, render};

/// Renders scenes to a Pascal VOC folder: `JPEGImages`, `Annotations`, and a list in
/// `ImageSets/Main` for each split. Boxes count pixels from 0, the last one included.
///
/// Files of an earlier call are written over. All processors are used; the files do not depend on
/// how many there are.
///
/// # Errors
///
/// - `InvalidInput` for a range that is empty or goes beyond the count of the options, or a split
///   whose name is no valid [`Name`].
/// - That of the file system, with the path.
///
/// ```no_run
/// use ymir_testkit::generate::scenes::{SceneOptions, write_voc};
///
/// let options = SceneOptions::default();
/// write_voc("scenes".as_ref(), &options, &[("pool", 0..300), ("val", 300..400)])?;
/// # Ok::<(), ymir_core::Error>(())
/// ```
pub fn write_voc(
    directory: &Path,
    options: &SceneOptions,
    splits: &[(&str, Range<u64>)],
) -> Result<()> {
    for (name, range) in splits {
        Name::new(*name)?;
        if range.is_empty() || range.end > options.count {
            let message = "a split needs scenes, and only as many as the options count";
            return Err(Error::invalid(message)
                .with("split", name)
                .with("range", format!("{range:?}"))
                .with("count", options.count));
        }
    }
    for folder in ["JPEGImages", "Annotations", "ImageSets/Main"] {
        let path = directory.join(folder);
        std::fs::create_dir_all(&path)
            .map_err(|error| Error::io("cannot make a folder for scenes", &path, error))?;
    }
    let indexes: BTreeSet<u64> = splits.iter().flat_map(|(_, range)| range.clone()).collect();
    write_scenes(directory, options, &Vec::from_iter(indexes))?;
    for (name, range) in splits {
        let list: String = range.clone().map(|index| format!("scene_{index:05}\n")).collect();
        write(&directory.join("ImageSets/Main").join(format!("{name}.txt")), list.as_bytes())?;
    }
    Ok(())
}

fn write_scenes(directory: &Path, options: &SceneOptions, indexes: &[u64]) -> Result<()> {
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(index) = indexes.get(next.fetch_add(1, Ordering::Relaxed)) {
            write_scene(directory, &render(options, *index))?;
        }
        Ok(())
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let join = |worker: std::thread::ScopedJoinHandle<'_, Result<()>>| {
            let message = "a thread that renders scenes panicked";
            worker.join().unwrap_or_else(|_| Err(Error::new(ErrorKind::Unexpected, message)))
        };
        workers.into_iter().try_for_each(join)
    })
}

fn write_scene(directory: &Path, scene: &Scene) -> Result<()> {
    let annotation = Path::new(&scene.file_name).with_extension("xml");
    write(&directory.join("JPEGImages").join(&scene.file_name), &scene.jpeg)?;
    write(&directory.join("Annotations").join(annotation), xml(scene).as_bytes())
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    std::fs::write(path, bytes).map_err(|error| Error::io("cannot write a scene", path, error))
}

fn xml(scene: &Scene) -> String {
    let Scene { file_name, width, height, .. } = scene;
    let mut xml = format!(
        "<annotation>\n  <folder>JPEGImages</folder>\n  <filename>{file_name}</filename>\n  \
         <size><width>{width}</width><height>{height}</height><depth>3</depth></size>\n  \
         <segmented>0</segmented>\n"
    );
    for (class, b) in &scene.boxes {
        let (xmax, ymax) = (b.x + b.w - 1.0, b.y + b.h - 1.0);
        // Writing to a String cannot fail.
        let _ = write!(
            xml,
            "  <object>\n    <name>{}</name>\n    <pose>Unspecified</pose>\n    \
             <truncated>0</truncated>\n    <difficult>0</difficult>\n    <bndbox><xmin>{}</xmin>\
             <ymin>{}</ymin><xmax>{xmax}</xmax><ymax>{ymax}</ymax></bndbox>\n  </object>\n",
            class_names()[*class],
            b.x,
            b.y,
        );
    }
    xml.push_str("</annotation>\n");
    xml
}
