//! The environment of a program, as a file that its shell reads.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use ymir_core::{Error, Result, RunRequest};

use super::LocalOptions;

/// The variable that names the run's `env.yaml`; by it a run's processes are found too.
pub(super) const ENV_FILE: &str = "YMIR_ENV_FILE";

/// Returns the path that the variable has for a unit's directory.
pub(super) fn env_file(dir: &Path) -> std::path::PathBuf {
    dir.join("in").join("env.yaml")
}

/// Returns the environment of a run as commands of a shell.
pub(super) fn script(options: &LocalOptions, request: &RunRequest) -> Result<Vec<u8>> {
    let mut script = Vec::new();
    for (name, value) in variables(options, request)? {
        script.extend(name.as_encoded_bytes());
        script.extend(b"='");
        for byte in value.as_encoded_bytes() {
            match byte {
                b'\'' => script.extend(br"'\''"),
                byte => script.push(*byte),
            }
        }
        script.extend(b"'; export ");
        script.extend(name.as_encoded_bytes());
        script.push(b'\n');
    }
    Ok(script)
}

fn variables(options: &LocalOptions, request: &RunRequest) -> Result<BTreeMap<OsString, OsString>> {
    let inherited = options.inherit.iter().filter(|name| is_name(name));
    let mut variables: BTreeMap<OsString, OsString> =
        inherited.filter_map(|name| Some((name.into(), std::env::var_os(name)?))).collect();
    variables.insert("CUDA_VISIBLE_DEVICES".into(), request.grant.gpus.join(",").into());
    if request.grant.cpus > 0 {
        variables.insert("OMP_NUM_THREADS".into(), request.grant.cpus.to_string().into());
    }
    for (name, value) in &request.environment {
        if !is_name(name) || value.contains('\0') {
            let message = "an environment variable of a local program needs a name of letters, \
                           digits and underscores, and a value without NUL";
            return Err(Error::invalid(message).with("variable", name.escape_debug()));
        }
        variables.insert(name.into(), value.into());
    }
    variables.insert(ENV_FILE.into(), env_file(&request.dir).into());
    Ok(variables)
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
