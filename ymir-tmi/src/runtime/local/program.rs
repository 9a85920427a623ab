//! The program of an executor and what lies beside it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use ymir_core::{
    Error, ErrorKind, ExecutorInfo, ExecutorRef, ObjectType, Parameters, PinnedExecutor, Result,
    TmiKind,
};

use super::LocalRuntime;
use crate::contract::manifest::{MAX_MANIFEST_FILE, manifest_files};
use crate::contract::read_manifest;

/// Returns the path of an executor's program.
pub(super) fn program(executor: &ExecutorRef) -> Result<PathBuf> {
    let program = PathBuf::from(&executor.target);
    if executor.runtime != LocalRuntime::NAME || !program.is_absolute() {
        let message = "expected local: and the absolute path of a program";
        return Err(Error::invalid(message).with("executor", executor));
    }
    Ok(program)
}

/// Checks that a program is the one of its digest.
pub(super) fn check_pinned(executor: &PinnedExecutor) -> Result<()> {
    let program = program(&executor.reference)?;
    check_program(&program)?;
    let found = inspect(&program)?.digest;
    if found == executor.digest {
        return Ok(());
    }
    let message = "the program or its manifest has changed since the task was submitted; put back \
                   what it was, or submit the task again";
    Err(Error::new(ErrorKind::Conflict, message)
        .with("program", program.display())
        .with("submitted", &executor.digest)
        .with("found", found)
        .retryable(false))
}

/// Checks that the system can start a program.
pub(super) fn check_startable(program: &Path) -> Result<()> {
    check_program(program)?;
    let mut head = Vec::new();
    let read = File::open(program).and_then(|file| file.take(256).read_to_end(&mut head));
    read.map_err(|error| Error::io("cannot read the program", program, error))?;
    let Some(line) = head.strip_prefix(b"#!") else { return Ok(()) };
    let line = String::from_utf8_lossy(line);
    let interpreter = line.lines().next().and_then(|line| line.split_whitespace().next());
    let interpreter = Path::new(interpreter.unwrap_or_default());
    if interpreter.is_file() {
        return Ok(());
    }
    let message = "the program cannot be run: the interpreter in its first line does not exist";
    Err(Error::invalid(message)
        .with("program", program.display())
        .with("interpreter", interpreter.display()))
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

pub(super) fn own_manifest_folder(program: &Path) -> PathBuf {
    let mut name = program.as_os_str().to_owned();
    name.push(".img-man");
    PathBuf::from(name)
}

pub(super) fn manifest_folder(program: &Path) -> Option<PathBuf> {
    let beside = program.with_file_name("img-man");
    [own_manifest_folder(program), beside].into_iter().find(|folder| folder.is_dir())
}

pub(super) fn inspect(program: &Path) -> Result<ExecutorInfo> {
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
