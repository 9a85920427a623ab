//! The conformance suite for local programs.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use tempfile::TempDir;
use ymir_core::{AssetId, ErrorKind, ExecutorRef, TmiKind, TmiRuntime};
use ymir_testkit::conformance::runtime::{RuntimeSuite, ScriptExecutors};
use ymir_tmi::{LocalOptions, LocalRuntime};

#[derive(Debug)]
struct Programs(TempDir);

#[async_trait]
impl ScriptExecutors for Programs {
    async fn make(&self, script: &str, manifest: &[(&str, &str)]) -> ExecutorRef {
        let folder = tempfile::tempdir_in(self.0.path()).unwrap().keep();
        let program = folder.join("executor");
        fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        if !manifest.is_empty() {
            fs::create_dir(folder.join("img-man")).unwrap();
        }
        for (name, text) in manifest {
            fs::write(folder.join("img-man").join(name), text).unwrap();
        }
        format!("local:{}", program.display()).parse().unwrap()
    }

    fn missing(&self) -> ExecutorRef {
        format!("local:{}", self.0.path().join("nothing").display()).parse().unwrap()
    }
}

async fn suite() -> Option<RuntimeSuite> {
    Some(RuntimeSuite {
        runtime: Arc::new(LocalRuntime::new(LocalOptions::default())),
        second: Arc::new(LocalRuntime::new(LocalOptions::default())),
        executors: Arc::new(Programs(TempDir::new().unwrap())),
    })
}

conformance!(suite);

#[tokio::test]
async fn program_without_manifest_is_taken_to_do_everything() {
    let programs = Programs(TempDir::new().unwrap());
    let executor = programs.make("exit 0", &[]).await;
    let runtime = LocalRuntime::default();
    let info = runtime.inspect(&executor).await.unwrap();
    assert_eq!(info.templates.len(), 3);
    let bytes = fs::read(&executor.target).unwrap();
    assert_eq!(info.digest, format!("sha256:{}", AssetId::of(&bytes)));
    // One of its own comes before one beside it.
    for (folder, kind) in [("img-man", "mining"), ("executor.img-man", "infer")] {
        let folder = Path::new(&executor.target).with_file_name(folder);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join(format!("{kind}-template.yaml")), "a: 1").unwrap();
    }
    let info = runtime.inspect(&executor).await.unwrap();
    assert_eq!(info.templates.keys().collect::<Vec<_>>(), [&TmiKind::Inference]);
    let layout = runtime.layout(&executor, Path::new("/task"));
    assert!(layout.manifest.ends_with("executor.img-man/manifest.yaml"));
}

#[tokio::test]
async fn what_is_no_program_is_refused() {
    let programs = Programs(TempDir::new().unwrap());
    let runtime = LocalRuntime::default();
    let executor = programs.make("exit 0", &[]).await;
    fs::set_permissions(&executor.target, fs::Permissions::from_mode(0o644)).unwrap();
    let error = runtime.inspect(&executor).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("chmod"), "{error}");
    let folder = format!("local:{}", programs.0.path().display()).parse().unwrap();
    assert_eq!(runtime.inspect(&folder).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    let relative = "local:bin/executor".parse().unwrap();
    let error = runtime.inspect(&relative).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("absolute"), "{error}");
}
