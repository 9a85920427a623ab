use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use git2::Oid;
use ymir_core::{BlobStore, ClassTable, Error, ErrorKind, Result};
use ymir_formats::support::{blocking, working_folder};

use super::durable::sync_dir;
use super::history::Histories;
use super::manifest::FORMAT_VERSION;
use super::objects::{Objects, StoreStats};
use super::refs::Refs;
use crate::blob::DirBlobStore;
#[cfg(feature = "s3")]
use crate::blob::{S3BlobStore, S3Options};

/// The configuration of the bare repository. Nothing in it is read by this library.
const CONFIG: &str = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n";

/// How the name of a repository begins that is being made.
const UNFINISHED: &str = ".repo-";

/// How a [`GitAssetStore`] is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreOptions {
    /// How many bytes of decoded records are kept in memory at most.
    pub cache_bytes: usize,
    /// The object store with the blobs, in place of the directory `blobs`. It has to be given each
    /// time that the store is opened.
    #[cfg(feature = "s3")]
    pub s3: Option<S3Options>,
}

impl Default for StoreOptions {
    /// 256 MiB of cache, enough for about a million assets with a few boxes each.
    fn default() -> Self {
        Self {
            cache_bytes: 256 << 20,
            #[cfg(feature = "s3")]
            s3: None,
        }
    }
}

/// The asset store in a directory: versions in the bare git repository `repo.git`, blobs in files
/// below `blobs` or in another blob store.
///
/// Cloning it is cheap and gives another handle of the same store with the same cache.
///
/// ```
/// use ymir_assets::GitAssetStore;
/// use ymir_core::{AssetStore, BranchKind};
///
/// # fn main() -> ymir_core::Result<()> {
/// let dir = tempfile::tempdir().unwrap();
/// let store = GitAssetStore::init(dir.path())?;
/// let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// assert!(runtime.block_on(store.branches(BranchKind::Dataset))?.is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct GitAssetStore {
    pub(super) shared: Arc<Shared>,
}

/// What all handles of one store share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) root: PathBuf,
    pub(super) git: PathBuf,
    pub(super) objects: Objects,
    pub(super) refs: Refs,
    pub(super) blobs: Arc<dyn BlobStore>,
    /// The class table that was read last, with the commit it is from.
    pub(super) class_table: Mutex<Option<(Oid, ClassTable)>>,
    pub(super) histories: Histories,
    /// Packs that were found to be not for joining with others.
    pub(super) lone_packs: Mutex<HashSet<PathBuf>>,
}

impl GitAssetStore {
    /// Makes a new store in a directory, which is made too if it does not exist.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` if there is a store in it; otherwise that of the file system.
    pub fn init(root: &Path) -> Result<Self> {
        let git = root.join("repo.git");
        let exists = || {
            let message = "there is a store in this directory already; open it";
            Error::new(ErrorKind::AlreadyExists, message).with("path", root.display())
        };
        if git.exists() {
            return Err(exists());
        }
        fs::create_dir_all(root).map_err(|e| Error::io("cannot make a directory", root, e))?;
        // Made whole beside its place, so that an interrupted init leaves no half of a store.
        working_folder::remove_left_behind(UNFINISHED, root);
        let made = working_folder::make(UNFINISHED, root);
        let (made, _locked) =
            made.map_err(|e| Error::io("cannot make a store in this directory", root, e))?;
        write_layout(made.path()).map_err(|e| Error::io("cannot make a store", &git, e))?;
        match fs::rename(made.path(), &git) {
            Ok(()) => drop(made.keep()),
            Err(_) if git.exists() => return Err(exists()),
            Err(e) => return Err(Error::io("cannot make a store", &git, e)),
        }
        sync_dir(root)?;
        Self::open(root)
    }

    /// Opens the store in a directory.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is none; `Corrupted` if parts of it are missing; `Unsupported` if a
    /// newer version of YMIR made it.
    pub fn open(root: &Path) -> Result<Self> {
        Self::open_with(root, StoreOptions::default())
    }

    /// Opens the store in a directory with options.
    ///
    /// # Errors
    ///
    /// As [`GitAssetStore::open`].
    pub fn open_with(root: &Path, options: StoreOptions) -> Result<Self> {
        let blobs = blob_store(root, &options)?;
        Self::open_with_blobs(root, options, blobs)
    }

    /// Opens the store in a directory, with its blobs in any blob store.
    ///
    /// # Errors
    ///
    /// As [`GitAssetStore::open`].
    pub fn open_with_blobs(
        root: &Path,
        options: StoreOptions,
        blobs: Arc<dyn BlobStore>,
    ) -> Result<Self> {
        let git = root.join("repo.git");
        if !git.is_dir() {
            let message = "no store in this directory; make one with `GitAssetStore::init`";
            return Err(Error::not_found(message).with("path", root.display()));
        }
        for part in ["HEAD", "objects", "refs"] {
            if !git.join(part).exists() {
                let message = "a part of the repository is missing; restore it from a clone";
                return Err(Error::corrupted(message).with("path", git.join(part).display()));
            }
        }
        check_format(&git.join("ymir/format"))?;
        let shared = Shared {
            root: root.to_owned(),
            objects: Objects::open(&git.join("objects"), options.cache_bytes)?,
            refs: Refs::new(&git),
            blobs,
            class_table: Mutex::default(),
            histories: Histories::default(),
            lone_packs: Mutex::default(),
            git,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Runs blocking work on a thread for it, on the runtime of the caller.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let shared = self.shared.clone();
        blocking(move || work(&shared)).await
    }

    /// Returns what the store did since it was opened.
    pub fn stats(&self) -> StoreStats {
        self.shared.objects.stats()
    }
}

impl Shared {
    /// Returns the directory of the packs.
    pub(super) fn packs(&self) -> PathBuf {
        self.git.join("objects/pack")
    }
}

fn blob_store(root: &Path, options: &StoreOptions) -> Result<Arc<dyn BlobStore>> {
    #[cfg(feature = "s3")]
    if let Some(s3) = &options.s3 {
        return Ok(Arc::new(S3BlobStore::new(s3, &root.join("blob-cache"))?));
    }
    #[cfg(not(feature = "s3"))]
    let _ = options;
    Ok(Arc::new(DirBlobStore::new(&root.join("blobs"))))
}

fn write_layout(git: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    // The temporary directory is the owner's alone; a repository is as open as the umask says.
    let probe = git.join("objects");
    fs::create_dir(&probe)?;
    let mode = fs::metadata(&probe)?.permissions().mode();
    fs::set_permissions(git, fs::Permissions::from_mode(mode))?;
    let mut folders = vec![git.to_owned(), probe];
    for folder in ["objects/pack", "objects/info", "refs", "refs/heads", "refs/tags"] {
        folders.push(git.join(folder));
    }
    for folder in ["ymir", "ymir/locks", "ymir/tmp"] {
        folders.push(git.join(folder));
    }
    for kind in ymir_core::BranchKind::ALL {
        folders.push(git.join("refs/heads").join(kind.plural()));
    }
    folders[2..].iter().try_for_each(fs::create_dir)?;
    let files = [
        ("HEAD", "ref: refs/heads/classes\n".to_owned()),
        ("config", CONFIG.to_owned()),
        ("ymir/format", format!("{FORMAT_VERSION}\n")),
    ];
    for (name, content) in files {
        let mut file = fs::File::create_new(git.join(name))?;
        std::io::Write::write_all(&mut file, content.as_bytes())?;
        file.sync_all()?;
    }
    folders.iter().try_for_each(|folder| fs::File::open(folder)?.sync_all())
}

/// Checks the format; a clone made with stock git does not have the file, and then each manifest
/// tells its own.
fn check_format(path: &Path) -> Result<()> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(Error::io("cannot read the format of the store", path, e)),
    };
    match text.trim().parse::<u32>() {
        Ok(version) if (1..=FORMAT_VERSION).contains(&version) => Ok(()),
        Ok(version) => Err(too_new(version).with("path", path.display())),
        Err(e) => {
            let message = "the format of the store is not a number";
            Err(Error::corrupted(message).with("path", path.display()).caused_by(e))
        }
    }
}

/// Returns the error for data of a format that this version does not know.
pub(super) fn too_new(version: u32) -> Error {
    let message = format!(
        "the store has format {version} and this version of YMIR knows up to {FORMAT_VERSION}; use a newer version of YMIR"
    );
    Error::new(ErrorKind::Unsupported, message)
}
