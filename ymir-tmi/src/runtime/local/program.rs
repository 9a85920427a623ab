use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use sha2::{Digest, Sha256};
use ymir_core::{
    Error, ErrorKind, ExecutorInfo, ExecutorRef, Layout, ObjectType, Parameters, Result, Run,
    RunRequest, TaskId, TmiKind, TmiRuntime, WorkspaceId,
};

use super::options::LocalOptions;
use super::{record, spawn};
use crate::contract::manifest::{MAX_MANIFEST_FILE, manifest_files};
use crate::contract::read_manifest;

/// Runs local programs as executors: `local:/path/to/program`.
///
/// A program is started without arguments, with the task directory as its working directory and
/// as the leader of its own process group, which is what is stopped and killed. Its environment is
/// what [`LocalOptions::inherit`] names, and:
///
/// | variable | value |
/// |---|---|
/// | `YMIR_ENV_FILE` | `<dir>/in/env.yaml` |
/// | `CUDA_VISIBLE_DEVICES` | the UUIDs of the granted GPUs; empty without |
/// | `OMP_NUM_THREADS` | the granted CPU slots, if any |
///
/// and those of the request, which override all but `YMIR_ENV_FILE`.
///
/// There is no sandbox: a program has the caller's rights, and what [`ymir_core::Limits`] forbids
/// is not enforced. The memory of a grant is: what the group holds is looked at ten times a
/// second, and the group is killed when it is over. A process that leaves the group (by `setsid`)
/// escapes all of this.
///
/// What a program says about itself lies in a folder `<program>.img-man` or `img-man` beside it,
/// with the files of an image's `/img-man`. Without such a folder it is taken to do everything,
/// with no default parameters.
#[derive(Debug, Clone, Default)]
pub struct LocalRuntime {
    options: LocalOptions,
}

impl LocalRuntime {
    /// The name that executors name it by.
    pub const NAME: &str = "local";

    /// Returns the runtime.
    pub fn new(options: LocalOptions) -> Self {
        Self { options }
    }

    fn environment(&self, request: &RunRequest) -> BTreeMap<OsString, OsString> {
        let inherited = self.options.inherit.iter();
        let mut environment: BTreeMap<OsString, OsString> =
            inherited.filter_map(|name| Some((name.into(), std::env::var_os(name)?))).collect();
        environment.insert("CUDA_VISIBLE_DEVICES".into(), request.grant.gpus.join(",").into());
        if request.grant.cpus > 0 {
            environment.insert("OMP_NUM_THREADS".into(), request.grant.cpus.to_string().into());
        }
        let own = request.environment.iter();
        environment.extend(own.map(|(name, value)| (name.into(), value.into())));
        environment.insert("YMIR_ENV_FILE".into(), env_file(&request.dir).into());
        environment
    }
}

fn env_file(dir: &Path) -> PathBuf {
    dir.join("in/env.yaml")
}

#[async_trait]
impl TmiRuntime for LocalRuntime {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn layout(&self, executor: &ExecutorRef, dir: &Path) -> Layout {
        let dir = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
        let program = Path::new(&executor.target);
        let folder = manifest_folder(program).unwrap_or_else(|| own_manifest_folder(program));
        Layout {
            input: dir.join("in"),
            output: dir.join("out"),
            manifest: folder.join("manifest.yaml"),
        }
    }

    async fn inspect(&self, executor: &ExecutorRef) -> Result<ExecutorInfo> {
        let program = program(executor)?;
        blocking(move || inspect(&program)).await
    }

    async fn start(&self, mut request: RunRequest) -> Result<Box<dyn Run>> {
        let program = program(&request.executor)?;
        request.dir = std::path::absolute(&request.dir)
            .map_err(|error| Error::io("cannot find the task directory", &request.dir, error))?;
        check_environment(&request.environment)?;
        let environment = self.environment(&request);
        let run = blocking(move || {
            check_program(&program)?;
            end_stale(&request.dir, &request.task)?;
            // Followed here too: should the caller be gone by now, dropping the run ends it.
            spawn::follow(spawn::spawn(&request, &program, &environment)?, &request)
        })
        .await?;
        Ok(Box::new(run))
    }

    async fn end_left_behind(
        &self,
        _workspace: &WorkspaceId,
        task: &TaskId,
        dir: &Path,
    ) -> Result<()> {
        let dir = std::path::absolute(dir)
            .map_err(|error| Error::io("cannot find the task directory", dir, error))?;
        let task = task.clone();
        blocking(move || end_stale(&dir, &task)).await
    }
}

fn end_stale(dir: &Path, task: &TaskId) -> Result<()> {
    let mut variable = b"YMIR_ENV_FILE=".to_vec();
    variable.extend(env_file(dir).as_os_str().as_encoded_bytes());
    record::end_stale(dir, task, &variable)
}

/// Runs blocking work; it goes on to its end even if the caller goes away.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        Error::new(ErrorKind::Unexpected, "work on files was broken off").caused_by(error)
    })?
}

fn program(executor: &ExecutorRef) -> Result<PathBuf> {
    let program = PathBuf::from(&executor.target);
    if executor.runtime != LocalRuntime::NAME || !program.is_absolute() {
        let message = "expected local: and the absolute path of a program";
        return Err(Error::invalid(message).with("executor", executor));
    }
    Ok(program)
}

fn check_environment(environment: &BTreeMap<String, String>) -> Result<()> {
    let bad = |name: &&String| name.is_empty() || name.contains(['=', '\0']);
    match environment.iter().find(|(name, value)| bad(name) || value.contains('\0')) {
        Some((name, _)) => Err(Error::invalid("an environment variable cannot be given so")
            .with("variable", name.escape_debug())),
        None => Ok(()),
    }
}

fn check_program(program: &Path) -> Result<()> {
    let metadata = std::fs::metadata(program).map_err(|error| {
        let message = "there is no such program; build or install it, or name another executor";
        Error::io(message, program, error)
    })?;
    if !metadata.is_file() || metadata.permissions().mode() & 0o111 == 0 {
        let message = "the executor is no program; name a file that is executable (chmod +x)";
        return Err(Error::invalid(message).with("program", program.display()));
    }
    Ok(())
}

fn own_manifest_folder(program: &Path) -> PathBuf {
    let mut name = program.as_os_str().to_owned();
    name.push(".img-man");
    PathBuf::from(name)
}

fn manifest_folder(program: &Path) -> Option<PathBuf> {
    let beside = program.with_file_name("img-man");
    [own_manifest_folder(program), beside].into_iter().find(|folder| folder.is_dir())
}

fn inspect(program: &Path) -> Result<ExecutorInfo> {
    check_program(program)?;
    let Some(folder) = manifest_folder(program) else {
        let kinds = [TmiKind::Training, TmiKind::Mining, TmiKind::Inference];
        return Ok(ExecutorInfo {
            digest: digest(program, &BTreeMap::new())?,
            object_types: vec![ObjectType::default()],
            templates: kinds.map(|kind| (kind, Parameters::new())).into(),
        });
    };
    let mut files = BTreeMap::new();
    for name in manifest_files() {
        let path = folder.join(&name);
        let Ok(file) = File::open(&path) else { continue };
        let mut bytes = Vec::new();
        file.take(MAX_MANIFEST_FILE + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| Error::io("cannot read an executor's manifest", &path, error))?;
        if bytes.len() as u64 > MAX_MANIFEST_FILE {
            let message = format!("a manifest file is longer than {MAX_MANIFEST_FILE} bytes");
            return Err(Error::invalid(message).with("file", path.display()));
        }
        files.insert(name, bytes);
    }
    read_manifest(&files, digest(program, &files)?)
        .map_err(|error| error.with("folder", folder.display()))
}

/// Returns the SHA-256 of a program and, where it has them, of the files of its manifest folder,
/// in the form that image digests have: other defaults make it another executor.
fn digest(program: &Path, manifest: &BTreeMap<String, Vec<u8>>) -> Result<String> {
    let fail = |error| Error::io("cannot read the program", program, error);
    let mut file = File::open(program).map_err(fail)?;
    let mut hasher = Sha256::new();
    std::io::copy(&mut file, &mut hasher).map_err(fail)?;
    for (name, bytes) in manifest {
        hasher.update(name);
        hasher.update((bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    }
    Ok(format!("sha256:{}", hex::encode(hasher.finalize())))
}
