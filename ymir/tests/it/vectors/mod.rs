//! The shared vectors in `tests/vectors`, which the suites of every language run.

mod calls;
mod objects;
mod paths;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};
use tempfile::TempDir;
use ymir::{Result, Workspace};

use crate::common::options;
use objects::Object;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    name: String,
    steps: Vec<Step>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    on: String,
    call: Option<String>,
    #[serde(default)]
    args: Vec<Value>,
    #[serde(default)]
    options: Map<String, Value>,
    save: Option<String>,
    #[serde(default)]
    expect: Map<String, Value>,
    error: Option<Expected>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    code: String,
    kind: String,
    says: Vec<String>,
}

/// What a scenario has saved, and its folder.
struct Run {
    saved: BTreeMap<String, Object>,
    out: TempDir,
}

impl Run {
    /// Puts in what a value refers to.
    async fn fill(&self, value: &Value) -> Result<Value> {
        Ok(match value {
            Value::String(text) => {
                let text = text.replace("$data", &folder().join("data").display().to_string());
                let text = text.replace("$executor", &executor());
                text.replace("$out", &self.out.path().display().to_string()).into()
            }
            Value::Array(items) => {
                let mut filled = Vec::new();
                for item in items {
                    filled.push(Box::pin(self.fill(item)).await?);
                }
                filled.into()
            }
            Value::Object(map) if map.contains_key("$from") => {
                let path = map["$from"].as_str().unwrap();
                let (name, rest) = path.split_at(path.find(['.', '[']).unwrap_or(path.len()));
                let object = self.saved.get(name).unwrap_or_else(|| panic!("{name} is not saved"));
                paths::find(&object.to_json().await?, rest)
            }
            Value::Object(map) => {
                let mut filled = Map::new();
                for (key, item) in map {
                    filled.insert(key.clone(), Box::pin(self.fill(item)).await?);
                }
                filled.into()
            }
            other => other.clone(),
        })
    }

    async fn step(&mut self, step: &Step, at: &str) -> Result<()> {
        let target = self.saved.get(&step.on).unwrap_or_else(|| panic!("{at}: {}", step.on));
        let result = match &step.call {
            None => target.clone(),
            Some(method) => {
                let args = self.fill(&step.args.clone().into()).await?;
                let options = self.fill(&step.options.clone().into()).await?;
                let called = calls::call(target, method, &args, options).await;
                match (&step.error, called) {
                    (None, called) => called?,
                    (Some(expected), Ok(_)) => panic!("{at}: did not fail with {expected:?}"),
                    (Some(expected), Err(error)) => {
                        assert_eq!(error.code(), expected.code, "{at}: {error}");
                        assert_eq!(format!("{:?}", error.kind()), expected.kind, "{at}");
                        for text in &expected.says {
                            assert!(error.to_string().contains(text), "{at}: {text}: {error}");
                        }
                        return Ok(());
                    }
                }
            }
        };
        let json = result.to_json().await?;
        for (path, expected) in &step.expect {
            let expected = self.fill(expected).await?;
            let found = paths::find(&json, path);
            assert!(paths::equal(&found, &expected), "{at}: {path} is {found}, not {expected}");
        }
        if let Some(name) = &step.save {
            self.saved.insert(name.clone(), result);
        }
        Ok(())
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors").canonicalize().unwrap()
}

fn executor() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/common/executor.sh");
    format!("local:{}", path.display())
}

#[tokio::test]
async fn every_scenario_holds() {
    let files = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|e| e == "json")).collect();
    files.sort();
    assert!(files.len() >= 4, "{files:?}");
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let scenarios: Vec<Scenario> = serde_json::from_str(&text).unwrap();
        for scenario in scenarios {
            let out = tempfile::tempdir().unwrap();
            let (root, options) = (out.path().join("workspace"), options(out.path()));
            let workspace = Workspace::init_with(root, options).await.unwrap();
            let saved = [("workspace".to_owned(), Object::Workspace(workspace))].into();
            let mut run = Run { saved, out };
            for (i, step) in scenario.steps.iter().enumerate() {
                let at = format!("{}: {}: step {i}", file.display(), scenario.name);
                run.step(step, &at).await.unwrap_or_else(|error| panic!("{at}: {error}"));
            }
        }
    }
}
