//! Images that run shell scripts, and the engine that they run on, or a skip that is told.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bollard::query_parameters::BuildImageOptionsBuilder;
use bollard::{API_DEFAULT_VERSION, Docker};
use futures::StreamExt;
use tokio::sync::OnceCell;
use ymir_core::ExecutorRef;
use ymir_testkit::conformance::runtime::{RuntimeSuite, ScriptExecutors};
use ymir_tmi::{DockerOptions, DockerRuntime};

const BASE: &str = "ymir-conformance:base";

/// Builds a small image for each script, on top of one with a shell.
#[derive(Debug)]
pub(crate) struct Images(Docker);

#[async_trait]
impl ScriptExecutors for Images {
    async fn make(&self, script: &str, manifest: &[(&str, &str)]) -> ExecutorRef {
        let command = serde_json::to_string(&["/bin/sh", "-c", script]).unwrap();
        let copy = if manifest.is_empty() { "" } else { "COPY img-man /img-man\n" };
        let dockerfile = format!("FROM {BASE}\n{copy}CMD {command}\n");
        let mut files = vec![("Dockerfile".to_owned(), dockerfile.into_bytes(), 0o644)];
        for (name, text) in manifest {
            files.push((format!("img-man/{name}"), text.as_bytes().to_vec(), 0o644));
        }
        let mut hasher = DefaultHasher::new();
        files.hash(&mut hasher);
        let tag = format!("ymir-conformance:{:016x}", hasher.finish());
        build(&self.0, &tag, &files).await;
        format!("docker:{tag}").parse().unwrap()
    }

    fn missing(&self) -> ExecutorRef {
        "docker:ymir-conformance:there-is-none".parse().unwrap()
    }
}

async fn build(docker: &Docker, tag: &str, files: &[(String, Vec<u8>, u32)]) {
    let mut context = tar::Builder::new(Vec::new());
    for (name, bytes, mode) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(*mode);
        context.append_data(&mut header, name, bytes.as_slice()).unwrap();
    }
    let context = context.into_inner().unwrap();
    let options = BuildImageOptionsBuilder::default().t(tag).rm(true).build();
    let body = bollard::body_full(context.into());
    let steps: Vec<_> = docker.build_image(options, None, Some(body)).collect().await;
    for step in steps {
        let step = step.expect("the image is built");
        assert!(step.error_detail.is_none(), "{:?}", step.error_detail);
    }
}

/// Returns the suite on the engine of this machine. Without an engine, tests pass and say so,
/// unless YMIR_REQUIRE_DOCKER is 1.
#[allow(dead_code)]
pub(crate) async fn suite() -> Option<RuntimeSuite> {
    static READY: OnceCell<Result<(), String>> = OnceCell::const_new();
    let ready = async { base(&engine(&options()).await?).await };
    match READY.get_or_init(|| ready).await {
        Ok(()) => Some(suite_on(&options()).await),
        Err(reason) => {
            let required = std::env::var("YMIR_REQUIRE_DOCKER").is_ok_and(|value| value == "1");
            assert!(!required, "YMIR_REQUIRE_DOCKER is set, but: {reason}");
            skip(reason);
            None
        }
    }
}

/// Returns the suite on an engine that has the base image.
pub(crate) async fn suite_on(options: &DockerOptions) -> RuntimeSuite {
    RuntimeSuite {
        runtime: Arc::new(DockerRuntime::new(options.clone())),
        second: Arc::new(DockerRuntime::new(options.clone())),
        executors: Arc::new(Images(engine(options).await.unwrap())),
    }
}

pub(crate) fn skip(reason: &str) {
    #[allow(clippy::print_stderr)]
    {
        eprintln!("SKIPPED: docker runtime ({reason})");
    }
}

/// Returns how the tests reach the engine: YMIR_TEST_DOCKER_SOCKET, or the usual socket.
pub(crate) fn options() -> DockerOptions {
    let mut options = DockerOptions::default();
    if let Some(socket) = std::env::var_os("YMIR_TEST_DOCKER_SOCKET") {
        options.socket = socket.into();
    }
    options
}

/// Returns the engine as a test sees it, past the runtime.
pub(crate) async fn engine(options: &DockerOptions) -> Result<Docker, String> {
    let socket = options.socket.display().to_string();
    let docker = Docker::connect_with_unix(&socket, 120, API_DEFAULT_VERSION)
        .map_err(|error| error.to_string())?;
    docker.negotiate_version().await.map_err(|error| error.to_string())
}

/// Builds the image with a shell that all others are made of.
pub(crate) async fn base(docker: &Docker) -> Result<(), String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let candidates = std::env::split_paths(&path).map(|folder| folder.join("busybox"));
    let busybox: PathBuf = candidates
        .into_iter()
        .find(|path| path.is_file())
        .ok_or("no busybox; install a static one")?;
    let busybox = std::fs::read(busybox).map_err(|error| error.to_string())?;
    let dockerfile = "FROM scratch\nCOPY busybox /bin/busybox\n\
                      RUN [\"/bin/busybox\", \"--install\", \"/bin\"]\n";
    let files = [
        ("Dockerfile".to_owned(), dockerfile.as_bytes().to_vec(), 0o644),
        ("busybox".to_owned(), busybox, 0o755),
    ];
    build(docker, BASE, &files).await;
    Ok(())
}
