use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::thread;

use serde_json::{Map, Value, json};
use ymir_core::{Asset, AssetId, ClassId, Error, Layout, Record, Result, TmiKind};
use ymir_formats::{CocoDocument, Extras, executor_ark, executor_voc};

use super::annotations::{self, Labeled};
use super::config::{self, Config, ExportFormat};
use super::out::check_relative;
use super::samples::{SampleSet, SampleWriter};
use super::seen::Seen;
use super::task::{ContractTask, Item, Prepared};
use super::{PROTOCOL_VERSION, yaml};

/// Writes the task directory `dir` of a task over these assets; see [`TaskWriter`].
///
/// # Errors
///
/// As the methods of [`TaskWriter`].
pub fn prepare<'a>(
    dir: &Path,
    layout: &Layout,
    task: &ContractTask,
    training: impl IntoIterator<Item = Item<'a>>,
    validation: impl IntoIterator<Item = Item<'a>>,
    candidates: impl IntoIterator<Item = Item<'a>>,
) -> Result<Prepared> {
    let mut writer = TaskWriter::create(dir, layout, task)?;
    training.into_iter().try_for_each(|item| writer.training(item))?;
    validation.into_iter().try_for_each(|item| writer.validation(item))?;
    candidates.into_iter().try_for_each(|item| writer.candidate(item.asset))?;
    writer.finish()
}

/// Writes a task directory as assets come, so that a dataset need not be in memory.
///
/// Paths within the files are those that the executor sees; an asset lies at
/// `assets/<last two hex digits>/<id>.<extension>`, its annotations alike. An asset that is both
/// in training and in validation is written once; its second annotations go to a folder of their
/// own (with COCO, which has one entry per image, the first ones count).
///
/// The writer blocks on files; an async caller puts it on a thread for that.
#[derive(Debug)]
pub struct TaskWriter {
    dir: PathBuf,
    config: Config,
    env: String,
    input: String,
    names: Vec<String>,
    classes: HashMap<ClassId, usize>,
    model_files: Vec<String>,
    indices: BTreeMap<SampleSet, BufWriter<File>>,
    coco: Option<CocoDocument<BufWriter<File>>>,
    samples: BTreeMap<SampleSet, SampleWriter>,
    seen: Seen,
    folders: HashSet<PathBuf>,
    /// Annotation files that are not written yet.
    files: Vec<(PathBuf, String)>,
    prepared: Prepared,
}

/// Returns the sets of samples that a run of these kinds has.
fn sets_of(kinds: &[TmiKind]) -> &'static [SampleSet] {
    match kinds.contains(&TmiKind::Training) {
        true => &[SampleSet::Training, SampleSet::Validation],
        false => &[SampleSet::Candidates],
    }
}

impl TaskWriter {
    /// Begins the task directory `dir`, which need not exist; `layout` is where the executor will
    /// see it.
    ///
    /// # Errors
    ///
    /// - `InvalidInput` for a parameter that is reserved or that the contract defines and that is
    ///   malformed, for a training without classes, for paths that the index files cannot hold.
    /// - `Unsupported` if the executor cannot do such a task.
    /// - `AlreadyExists` if `dir` holds an `in` or `out` already.
    pub fn create(dir: &Path, layout: &Layout, task: &ContractTask) -> Result<Self> {
        let (input, output) = (seen_path(&layout.input)?, seen_path(&layout.output)?);
        for file in &task.model_files {
            check_relative(file).map_err(|reason| {
                Error::invalid(format!("a model file cannot have this path: {reason}"))
                    .with("model_files", file)
            })?;
        }
        if task.classes.is_empty() && task.kinds.contains(&TmiKind::Training) {
            return Err(Error::invalid("a training needs at least one class; name them")
                .with("task", &task.task));
        }
        let models: Vec<_> =
            task.model_files.iter().map(|file| format!("{input}/models/{file}")).collect();
        let config = config::merge(task, &models)?;
        let env = env(task, &input, &output, &seen_path(&layout.manifest)?);
        let mut writer = Self {
            dir: dir.to_owned(),
            env,
            input,
            names: task.classes.iter().map(|class| class.name.clone()).collect(),
            classes: task.classes.iter().enumerate().map(|(i, class)| (class.id, i)).collect(),
            model_files: task.model_files.clone(),
            indices: BTreeMap::new(),
            coco: None,
            samples: BTreeMap::new(),
            seen: Seen::new(dir),
            folders: HashSet::new(),
            files: Vec::new(),
            prepared: Prepared { shared_memory: config.shared_memory, ..Prepared::default() },
            config,
        };
        writer.begin(sets_of(&task.kinds))?;
        Ok(writer)
    }

    fn begin(&mut self, roles: &[SampleSet]) -> Result<()> {
        fs::create_dir_all(&self.dir)
            .map_err(|error| Error::io("cannot create the task directory", &self.dir, error))?;
        for folder in [
            "in",
            "in/assets",
            "in/annotations",
            "in/models",
            "out",
            "out/models",
            "out/tensorboard",
        ] {
            let path = self.dir.join(folder);
            fs::create_dir(&path)
                .map_err(|error| Error::io("cannot create a task's folder", &path, error))?;
        }
        for role in roles {
            let path = self.dir.join("in").join(role.index_file());
            let file = File::create(&path)
                .map_err(|error| Error::io("cannot create an index file", &path, error))?;
            self.indices.insert(*role, BufWriter::new(file));
            if self.config.format == ExportFormat::Ymir {
                let path = self.dir.join("in").join(role.samples_file());
                self.samples.insert(*role, SampleWriter::create(path)?);
            }
        }
        if self.config.format == ExportFormat::Coco && roles.contains(&SampleSet::Training) {
            let path = self.dir.join("in").join(COCO_FILE);
            self.coco = Some(CocoDocument::create(path, "", Extras::Omitted)?);
        }
        Ok(())
    }

    /// Adds an asset to train on.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it was added before, or the task is no training; any error of a file.
    pub fn training(&mut self, item: Item<'_>) -> Result<()> {
        self.annotated(SampleSet::Training, item)
    }

    /// Adds an asset to validate on.
    ///
    /// # Errors
    ///
    /// As [`TaskWriter::training`].
    pub fn validation(&mut self, item: Item<'_>) -> Result<()> {
        self.annotated(SampleSet::Validation, item)
    }

    /// Adds an asset to mine or infer.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it was added before, or the task is a training; any error of a file.
    pub fn candidate(&mut self, asset: &Asset) -> Result<()> {
        let (stem, _) = self.place(SampleSet::Candidates, asset)?;
        let extension = asset.media_type.extension();
        let path = format!("{}/assets/{stem}.{extension}", self.input);
        if let Some(samples) = self.samples.get_mut(&SampleSet::Candidates) {
            samples.add(&path, asset, &[], &self.names)?;
        }
        let line = format!("{path}\n");
        self.index(SampleSet::Candidates, &line)
    }

    /// Adds a chunk of assets in a role, and returns where the files of those that are new to the
    /// task must be put; they are none of [`Prepared::assets`] then.
    ///
    /// So a task over any number of assets is written chunk by chunk, with the files of each put in
    /// their places before the next, in memory that does not grow with their number as long as
    /// they come in the order of their ids.
    ///
    /// # Errors
    ///
    /// As [`TaskWriter::training`] and [`TaskWriter::candidate`].
    pub fn add(&mut self, role: SampleSet, records: &[Record]) -> Result<Vec<(AssetId, PathBuf)>> {
        let before = self.prepared.assets.len();
        for record in records {
            match role {
                SampleSet::Candidates => self.candidate(&record.asset)?,
                _ => self.annotated(role, record.into())?,
            }
        }
        let files = self.prepared.assets.split_off(before);
        self.prepared.assets.shrink_to(before);
        Ok(files)
    }

    fn annotated(&mut self, role: SampleSet, item: Item<'_>) -> Result<()> {
        let (stem, again) = self.place(role, item.asset)?;
        let file_name = format!("{stem}.{}", item.asset.media_type.extension());
        let annotations = self.write_annotations(role, &stem, &file_name, again, item)?;
        let separator = if annotations.is_empty() { "" } else { "\t" };
        let line = format!("{}/assets/{file_name}{separator}{annotations}\n", self.input);
        self.index(role, &line)
    }

    /// Notes where the asset's file belongs. Returns `<last two digits>/<id>`, and whether it was
    /// added in another role before.
    fn place(&mut self, role: SampleSet, asset: &Asset) -> Result<(String, bool)> {
        if !self.indices.contains_key(&role) {
            let message = "the task has no use for such an asset; a training takes training and \
                           validation assets, mining and inference take candidates";
            return Err(Error::invalid(message).with("index", role.index_file()));
        }
        let id = asset.id.to_string();
        let folder = &id[id.len() - 2..];
        let stem = format!("{folder}/{id}");
        if !self.seen.add(role, asset.id)? {
            return Err(Error::invalid("an asset was given to a task twice")
                .with("asset", asset.id)
                .with("index", role.index_file()));
        }
        let again = self.seen.is_elsewhere(role, &asset.id)?;
        if !again {
            let folder = Path::new("in/assets").join(folder);
            self.make_folder(&folder)?;
            let name = format!("{id}.{}", asset.media_type.extension());
            self.prepared.assets.push((asset.id, self.dir.join(folder).join(name)));
        }
        Ok((stem, again))
    }

    /// Writes an asset's annotations. Returns their path as the executor sees it; empty without.
    fn write_annotations(
        &mut self,
        role: SampleSet,
        stem: &str,
        file_name: &str,
        again: bool,
        item: Item<'_>,
    ) -> Result<String> {
        if self.config.format == ExportFormat::None {
            return Ok(String::new());
        }
        let labeled = self.labeled(item);
        self.prepared.skipped_annotations += (item.annotations.len() - labeled.len()) as u64;
        let name = file_name.rsplit('/').next().unwrap_or(file_name);
        let (text, extension) = match self.config.format {
            ExportFormat::Ark => {
                let numbered = labeled.iter().map(|object| (object.class, object.annotation));
                (executor_ark(item.asset, numbered), "txt")
            }
            ExportFormat::Voc => {
                let names = &self.names;
                let named =
                    labeled.iter().map(|object| (names[object.class].as_str(), object.annotation));
                (executor_voc(item.asset, name, named), "xml")
            }
            ExportFormat::Ymir => {
                let path = format!("{}/assets/{file_name}", self.input);
                if let Some(samples) = self.samples.get_mut(&role) {
                    samples.add(&path, item.asset, &labeled, &self.names)?;
                }
                return Ok(format!("{}/{}", self.input, role.samples_file()));
            }
            ExportFormat::Coco | ExportFormat::None => {
                if let Some(coco) = self.coco.as_mut().filter(|_| !again) {
                    let numbered =
                        labeled.iter().map(|object| (object.class as u64, object.annotation));
                    coco.add(item.asset, name, numbered)?;
                }
                return Ok(format!("{}/{COCO_FILE}", self.input));
            }
        };
        let root = if again { "annotations/validation" } else { "annotations" };
        let path = format!("{root}/{stem}.{extension}");
        let host = Path::new("in").join(&path);
        self.make_folder(host.parent().unwrap_or(&host))?;
        self.files.push((self.dir.join(host), text));
        if self.files.len() == FILES {
            self.write_files()?;
        }
        Ok(format!("{}/{path}", self.input))
    }

    /// Writes the annotation files that are not written yet, on several threads: making a file costs
    /// more than all that stands in it.
    fn write_files(&mut self) -> Result<()> {
        let files = std::mem::take(&mut self.files);
        let write = |part: &[(PathBuf, String)]| {
            part.iter().try_for_each(|(path, text)| {
                fs::write(path, text)
                    .map_err(|error| Error::io("cannot write an annotation file", path, error))
            })
        };
        thread::scope(|scope| {
            let parts = files.chunks(files.len().div_ceil(THREADS).max(1));
            let threads: Vec<_> = parts.map(|part| scope.spawn(move || write(part))).collect();
            threads.into_iter().try_for_each(|thread| {
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
        })
    }

    fn labeled<'a>(&self, item: Item<'a>) -> Vec<Labeled<'a>> {
        let usable =
            |annotation: &&ymir_core::Annotation| annotations::is_inside(annotation, item.asset);
        let classed = |annotation: &'a ymir_core::Annotation| {
            let class = *self.classes.get(&annotation.class.id()?)?;
            Some(Labeled { class, annotation })
        };
        item.annotations.iter().filter(usable).filter_map(classed).collect()
    }

    fn make_folder(&mut self, folder: &Path) -> Result<()> {
        if self.folders.contains(folder) {
            return Ok(());
        }
        let path = self.dir.join(folder);
        fs::create_dir_all(&path)
            .map_err(|error| Error::io("cannot create a task's folder", &path, error))?;
        self.folders.insert(folder.to_owned());
        Ok(())
    }

    fn index(&mut self, role: SampleSet, line: &str) -> Result<()> {
        let Some(file) = self.indices.get_mut(&role) else { return Ok(()) };
        file.write_all(line.as_bytes()).map_err(|error| {
            let path = self.dir.join("in").join(role.index_file());
            Error::io("cannot write an index file", &path, error)
        })
    }

    /// Writes what is left, and tells which files the caller must put where.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if there is nothing to train on, or nothing to mine or infer; any error of
    /// a file.
    pub fn finish(mut self) -> Result<Prepared> {
        for (role, empty) in [
            (SampleSet::Training, "the training set has no assets; choose another dataset"),
            (SampleSet::Candidates, "there are no assets to mine or infer; choose another dataset"),
        ] {
            if self.indices.contains_key(&role) && !self.seen.has_any(role) {
                return Err(Error::invalid(empty).with("index", role.index_file()));
            }
        }
        for (role, mut file) in std::mem::take(&mut self.indices) {
            let path = self.dir.join("in").join(role.index_file());
            file.flush().map_err(|e| Error::io("cannot write an index file", &path, e))?;
        }
        self.write_files()?;
        if let Some(coco) = self.coco.take() {
            // Categories are counted from 0 in `class_names`.
            let categories: Vec<_> = (0..).zip(self.names.iter().map(String::as_str)).collect();
            coco.finish(&categories)?;
        }
        for samples in std::mem::take(&mut self.samples).into_values() {
            samples.finish()?;
        }
        for file in std::mem::take(&mut self.model_files) {
            let path = Path::new("in/models").join(file);
            self.make_folder(path.parent().unwrap_or(&path))?;
            self.prepared.models.push(self.dir.join(path));
        }
        self.prepared.config = yaml::mapping(&self.config.values);
        self.prepared.parameters = std::mem::take(&mut self.config.values);
        for (name, text) in [("config.yaml", &self.prepared.config), ("env.yaml", &self.env)] {
            let path = self.dir.join("in").join(name);
            fs::write(&path, text)
                .map_err(|error| Error::io("cannot write a task's file", &path, error))?;
        }
        Ok(self.prepared)
    }
}

/// So many annotation files are written at a time, on so many threads.
const FILES: usize = 1024;
const THREADS: usize = 4;

const COCO_FILE: &str = "annotations/coco-annotations.json";

/// Returns a path as text that a line of an index file can hold.
fn seen_path(path: &Path) -> Result<String> {
    match path.to_str() {
        Some(text) if path.is_absolute() && !text.chars().any(char::is_control) => {
            Ok(text.trim_end_matches('/').to_owned())
        }
        _ => Err(Error::invalid(
            "an executor needs absolute paths of UTF-8 without control characters; put the \
             workspace elsewhere",
        )
        .with("path", path.display())),
    }
}

fn env(task: &ContractTask, input: &str, output: &str, manifest: &str) -> String {
    let has = |kind| task.kinds.contains(&kind);
    let index = |role: SampleSet| match sets_of(&task.kinds).contains(&role) {
        true => format!("{input}/{}", role.index_file()),
        false => String::new(),
    };
    let input = json!({
        "root_dir": input,
        "assets_dir": format!("{input}/assets"),
        "annotations_dir": format!("{input}/annotations"),
        "models_dir": format!("{input}/models"),
        "training_index_file": index(SampleSet::Training),
        "val_index_file": index(SampleSet::Validation),
        "candidate_index_file": index(SampleSet::Candidates),
        "config_file": format!("{input}/config.yaml"),
    });
    let output = json!({
        "root_dir": output,
        "models_dir": format!("{output}/models"),
        "tensorboard_dir": format!("{output}/tensorboard"),
        "training_result_file": format!("{output}/models/result.yaml"),
        "mining_result_file": format!("{output}/result.tsv"),
        "infer_result_file": format!("{output}/infer-result.json"),
        "monitor_file": format!("{output}/monitor.txt"),
        "executor_log_file": format!("{output}/ymir-executor-out.log"),
    });
    let mut values = Map::new();
    values.insert("protocol_version".to_owned(), json!(PROTOCOL_VERSION));
    values.insert("task_id".to_owned(), json!(task.task));
    values.insert("run_training".to_owned(), Value::Bool(has(TmiKind::Training)));
    values.insert("run_mining".to_owned(), Value::Bool(has(TmiKind::Mining)));
    values.insert("run_infer".to_owned(), Value::Bool(has(TmiKind::Inference)));
    values.insert("manifest_file".to_owned(), json!(manifest));
    values.insert("input".to_owned(), input);
    values.insert("output".to_owned(), output);
    yaml::mapping(&values)
}
