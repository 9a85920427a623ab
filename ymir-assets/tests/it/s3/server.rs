use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;
use ymir_assets::{GitAssetStore, S3Credentials, S3Options, StoreOptions};
use ymir_core::{AssetStore, BlobId, BlobSource};
use ymir_testkit::S3Server;

/// The server that the tests share, each with a prefix of its own; none if the program is missing.
static SHARED: LazyLock<Option<S3Server>> = LazyLock::new(S3Server::start);

/// Returns what a store is opened with whose blobs are on a server.
pub(crate) fn options(server: &S3Server, prefix: &str) -> S3Options {
    let [access_key_id, secret_access_key] = S3Server::KEY.map(str::to_owned);
    let credentials = S3Credentials { access_key_id, secret_access_key, session_token: None };
    let bucket = S3Server::BUCKET;
    S3Options {
        endpoint: Some(server.endpoint()),
        region: Some("us-east-1".into()),
        credentials: Some(credentials),
        retries: 1,
        ..S3Options::from_url(&format!("s3://{bucket}/{prefix}")).unwrap()
    }
}

/// A store whose blobs are on the shared server.
pub(crate) struct Fixture {
    pub(crate) dir: TempDir,
    pub(crate) store: GitAssetStore,
    pub(crate) options: S3Options,
    server: &'static S3Server,
}

impl Fixture {
    /// Returns a new store; none if there is no server.
    pub(crate) fn new() -> Option<Self> {
        Self::with(|_| {})
    }

    /// Returns a new store with other options than the default ones.
    pub(crate) fn with(change: impl FnOnce(&mut S3Options)) -> Option<Self> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let server = SHARED.as_ref()?;
        let prefix = format!("stores/{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let mut options = options(server, &prefix);
        change(&mut options);
        let dir = tempfile::tempdir().unwrap();
        GitAssetStore::init(dir.path()).unwrap();
        let store = open(dir.path(), &options);
        Some(Self { dir, store, options, server })
    }

    /// Returns another handle of the store that has nothing in its cache.
    pub(crate) fn cold(&self) -> (TempDir, GitAssetStore) {
        let dir = tempfile::tempdir().unwrap();
        GitAssetStore::init(dir.path()).unwrap();
        let store = open(dir.path(), &self.options);
        (dir, store)
    }

    /// Returns the file in which the server keeps the object of a blob.
    pub(crate) fn object(&self, id: &BlobId) -> PathBuf {
        let digits = id.to_string();
        self.folder().join(&digits[..2]).join(&digits[2..])
    }

    /// Returns the file in which the server keeps the mark of a blob.
    pub(crate) fn mark(&self, id: &BlobId) -> PathBuf {
        self.folder().join("renewed").join(id.to_string())
    }

    fn folder(&self) -> PathBuf {
        self.server.bucket().join(&self.options.prefix)
    }
}

pub(crate) fn open(root: &Path, s3: &S3Options) -> GitAssetStore {
    let options = StoreOptions { s3: Some(s3.clone()), ..StoreOptions::default() };
    GitAssetStore::open_with(root, options).unwrap()
}

pub(crate) async fn put(store: &GitAssetStore, bytes: &[u8]) -> BlobId {
    store.put_blobs(vec![BlobSource::Bytes(bytes.to_vec())]).await.unwrap()[0].id
}
