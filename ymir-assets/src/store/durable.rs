use std::fs::File;
use std::path::Path;

use ymir_core::{Error, Result};

/// Makes the content of files durable, all at once: file systems with a journal commit it once for
/// those that are waiting together.
pub(crate) fn sync_all(files: &[(&File, &Path)]) -> Result<()> {
    let sync = |(file, path): &(&File, &Path)| {
        file.sync_all().map_err(|e| Error::io("cannot make a file durable", path, e))
    };
    match files {
        [] => Ok(()),
        [one] => sync(one),
        [first, others @ ..] => std::thread::scope(|scope| {
            let others: Vec<_> = others.iter().map(|other| scope.spawn(|| sync(other))).collect();
            let mut result = sync(first);
            for other in others {
                result = result.and(other.join().expect("syncing does not panic"));
            }
            result
        }),
    }
}

/// Makes the entries of a directory durable.
pub(super) fn sync_dir(path: &Path) -> Result<()> {
    let fail = |e| Error::io("cannot make a directory durable", path, e);
    File::open(path).map_err(fail)?.sync_all().map_err(fail)
}
