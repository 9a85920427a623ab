use std::path::{Path, PathBuf};

use ymir::{Error, ExecutorRef, Result};

/// The program that is used unless another executor is named.
const DEFAULT: &str = "ymir-detector";

/// Returns the executor that was named, or the default one: the program `ymir-detector` beside
/// this program, or on the PATH.
pub(crate) fn choose(named: Option<&str>) -> Result<ExecutorRef> {
    match named {
        Some(text) => absolute(text.parse()?),
        None => {
            let path = beside().or_else(|| on_path(DEFAULT)).ok_or_else(|| {
                Error::not_found(
                    "the default executor `ymir-detector` is neither beside `ymir` nor on the PATH; build it with `cargo build --release -p ymir-detector`, or name another by --executor local:/path/to/program or docker:IMAGE",
                )
            })?;
            local(&path)
        }
    }
}

fn beside() -> Option<PathBuf> {
    let path = std::env::current_exe().ok()?.parent()?.join(DEFAULT);
    path.is_file().then_some(path)
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// Returns an executor with the path of a local program made absolute, since the workspace keeps it.
fn absolute(executor: ExecutorRef) -> Result<ExecutorRef> {
    if executor.runtime != "local" {
        return Ok(executor);
    }
    let path = PathBuf::from(&executor.target);
    let is_name = path.components().count() == 1 && !path.exists();
    match is_name.then(|| on_path(&executor.target)).flatten() {
        Some(found) => local(&found),
        None => local(&path),
    }
}

fn local(path: &Path) -> Result<ExecutorRef> {
    let path = path.canonicalize().map_err(|e| Error::io("cannot find the executor", path, e))?;
    let Some(target) = path.to_str() else {
        return Err(Error::invalid("the path of an executor must be UTF-8")
            .with("executor", path.display()));
    };
    Ok(ExecutorRef { runtime: "local".to_owned(), target: target.to_owned() })
}
