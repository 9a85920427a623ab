//! A real S3-compatible server, for tests.

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

/// An s3s-fs with one bucket, which ends with this process or when it is dropped.
#[derive(Debug)]
pub struct S3Server {
    /// Ends the server when its standard input is closed, so also when this process is killed.
    guard: Child,
    port: u16,
    root: TempDir,
}

impl S3Server {
    /// The bucket that it has.
    pub const BUCKET: &str = "images";
    /// The name and the secret of the key that it takes.
    pub const KEY: [&str; 2] = ["key", "secret"];

    /// Starts a server: the program that `YMIR_S3_SERVER` names, or `s3s-fs`. There is none, with
    /// the reason printed, if the program is missing.
    ///
    /// # Panics
    ///
    /// If the program is missing and `YMIR_REQUIRE_S3` is set, or if it does not answer.
    #[expect(clippy::print_stderr, reason = "a skipped test says why")]
    pub fn start() -> Option<Self> {
        let program = std::env::var("YMIR_S3_SERVER").unwrap_or_else(|_| "s3s-fs".to_owned());
        if Command::new(&program).arg("--version").stdout(Stdio::null()).status().is_err() {
            let required = std::env::var_os("YMIR_REQUIRE_S3").is_some();
            assert!(!required, "YMIR_REQUIRE_S3 is set, but there is no program {program:?}");
            eprintln!("SKIPPED: no S3 server: {program:?} is not installed, see scripts/test.sh");
            return None;
        }
        let root = tempfile::tempdir().expect("a folder can be made");
        std::fs::create_dir(root.path().join(Self::BUCKET)).expect("a folder can be made");
        let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let port = free.expect("a port is free").port();
        let script = "\"$0\" --host 127.0.0.1 --port $1 --access-key $2 --secret-key $3 \"$4\" \
                      </dev/null & read -r _; kill $!; wait $!";
        let guard = Command::new("sh")
            .args(["-c", script, &program, &port.to_string()])
            .args(Self::KEY)
            .arg(root.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell can be started");
        let server = Self { guard, port, root };
        for _ in 0..600 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Some(server);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("the S3 server {program:?} does not answer");
    }

    /// Returns the URL that it answers at.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Returns the folder in which the server keeps its bucket.
    pub fn bucket(&self) -> PathBuf {
        self.root.path().join(Self::BUCKET)
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}
