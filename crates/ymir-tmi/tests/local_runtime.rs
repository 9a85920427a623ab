//! The conformance suite for local programs.

#[macro_use]
mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use async_trait::async_trait;
use tempfile::TempDir;
use ymir_core::ExecutorRef;
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
        executors: Arc::new(Programs(TempDir::new().unwrap())),
        read_only_input: false,
    })
}

conformance!(suite);
