use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use ymir_assets::{GitAssetStore, S3Credentials, S3Options, StoreOptions};
use ymir_core::{AssetStore, BlobId, BlobSource};

const BUCKET: &str = "images";

/// A server with one bucket, which ends with this process or when it is dropped.
pub(crate) struct Server {
    /// Ends the server when its standard input is closed, so also when this process is killed.
    guard: Child,
    port: u16,
    root: TempDir,
}

/// The server that the tests share, each with a prefix of its own; none if the program is missing.
static SHARED: LazyLock<Option<Server>> = LazyLock::new(Server::start);

impl Server {
    /// Starts a server; none, with the reason printed, if the program is missing.
    #[expect(clippy::print_stderr, reason = "a skipped test says why")]
    pub(crate) fn start() -> Option<Self> {
        let program = std::env::var("YMIR_S3_SERVER").unwrap_or_else(|_| "s3s-fs".to_owned());
        if Command::new(&program).arg("--version").stdout(Stdio::null()).status().is_err() {
            let required = std::env::var_os("YMIR_REQUIRE_S3").is_some();
            assert!(!required, "YMIR_REQUIRE_S3 is set, but there is no program {program:?}");
            eprintln!("SKIPPED: no S3 server: {program:?} is not installed, see scripts/test.sh");
            return None;
        }
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join(BUCKET)).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let script = "\"$0\" --host 127.0.0.1 --port $1 --access-key key --secret-key secret \"$2\" \
                      </dev/null & read -r _; kill $!; wait $!";
        let guard = Command::new("sh")
            .args(["-c", script, &program, &port.to_string()])
            .arg(root.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { guard, port, root };
        for _ in 0..600 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Some(server);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("the S3 server {program:?} does not answer");
    }

    pub(crate) fn options(&self, prefix: &str) -> S3Options {
        let credentials = S3Credentials {
            access_key_id: "key".into(),
            secret_access_key: "secret".into(),
            session_token: None,
        };
        S3Options {
            endpoint: Some(format!("http://127.0.0.1:{}", self.port)),
            region: Some("us-east-1".into()),
            credentials: Some(credentials),
            retries: 1,
            ..S3Options::from_url(&format!("s3://{BUCKET}/{prefix}")).unwrap()
        }
    }

    /// Returns the file in which the server keeps the object of a blob.
    fn object(&self, prefix: &str, id: &BlobId) -> PathBuf {
        let digits = id.to_string();
        self.root.path().join(BUCKET).join(prefix).join(&digits[..2]).join(&digits[2..])
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}

/// A store whose blobs are on the shared server.
pub(crate) struct Fixture {
    pub(crate) dir: TempDir,
    pub(crate) store: GitAssetStore,
    pub(crate) options: S3Options,
    server: &'static Server,
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
        let mut options = server.options(&prefix);
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

    pub(crate) fn object(&self, id: &BlobId) -> PathBuf {
        self.server.object(&self.options.prefix, id)
    }

    /// Returns the file in which the server keeps the mark of a blob.
    pub(crate) fn mark(&self, id: &BlobId) -> PathBuf {
        let prefix = self.server.root.path().join(BUCKET).join(&self.options.prefix);
        prefix.join("renewed").join(id.to_string())
    }
}

pub(crate) fn open(root: &Path, s3: &S3Options) -> GitAssetStore {
    let options = StoreOptions { s3: Some(s3.clone()), ..StoreOptions::default() };
    GitAssetStore::open_with(root, options).unwrap()
}

pub(crate) async fn put(store: &GitAssetStore, bytes: &[u8]) -> BlobId {
    store.put_blobs(vec![BlobSource::Bytes(bytes.to_vec())]).await.unwrap()[0].id
}
