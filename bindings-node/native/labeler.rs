//! JavaScript objects as label backends.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use napi::Status;
use napi::bindgen_prelude::{Function, Promise};
use napi::threadsafe_function::ThreadsafeFunction;
use napi_derive::napi;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use ymir::{
    Error, ErrorReport, LabelBackend, LabelJob, LabelJobId, LabelStatus, Labeled, Record, Result,
};

use crate::error::{from_json, to_json};
use crate::executor::gone;
use crate::record::Compact;
use crate::workspace::Workspace;

/// Answers `[method, argument]` with a [`Reply`], both as JSON.
type Ask = ThreadsafeFunction<String, Promise<String>, String, Status, false, true>;

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    Ok(Value),
    Error(ErrorReport),
}

/// A job as the TypeScript half reads it: each item is a path and a compact record.
#[derive(Serialize)]
struct Job<'a> {
    id: &'a LabelJobId,
    title: &'a str,
    instructions: &'a str,
    class_names: Vec<&'a str>,
    items: Vec<(&'a Path, Compact<'a>)>,
}

struct JsLabeler {
    name: String,
    ask: Ask,
}

impl fmt::Debug for JsLabeler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsLabeler").field("name", &self.name).finish_non_exhaustive()
    }
}

impl JsLabeler {
    async fn ask<T: DeserializeOwned>(&self, method: &str, argument: &impl Serialize) -> Result<T> {
        let question = to_json(&(method, argument))?;
        let answer = self.ask.call_async_catch(question).await.map_err(gone)?;
        let answer = answer.await.map_err(gone)?;
        match from_json("a label backend's answer", &answer)? {
            Reply::Ok(value) => serde_json::from_value(value).map_err(|e| {
                let message =
                    format!("the label backend's `{method}` returned something else: {e}");
                Error::invalid(message).with("labeler", &self.name)
            }),
            Reply::Error(report) => Err(report.into()),
        }
    }
}

#[async_trait]
impl LabelBackend for JsLabeler {
    async fn create(&self, job: &LabelJob) -> Result<()> {
        let records: Vec<(&Path, Record)> = job
            .items
            .iter()
            .map(|item| {
                let annotations = item.pre_annotations.clone();
                (item.file.as_path(), Record { asset: item.asset.clone(), annotations })
            })
            .collect();
        let items = records.iter().map(|(path, record)| (*path, Compact(record))).collect();
        let class_names = job.classes.entries().iter().map(|class| class.name.as_str()).collect();
        let LabelJob { id, title, instructions, .. } = job;
        let job = Job { id, title, instructions, class_names, items };
        self.ask("create", &job).await
    }

    async fn status(&self, id: &LabelJobId) -> Result<LabelStatus> {
        self.ask("status", id).await
    }

    async fn collect(&self, id: &LabelJobId) -> Result<Vec<Labeled>> {
        let mut labeled: Vec<Labeled> = self.ask("collect", id).await?;
        labeled.sort_by_key(|labeled| labeled.id);
        if let Some(pair) = labeled.windows(2).find(|pair| pair[0].id == pair[1].id) {
            let message = "the label backend's `collect` returned an asset twice";
            return Err(Error::invalid(message).with("asset", pair[0].id));
        }
        Ok(labeled)
    }

    async fn cancel(&self, id: &LabelJobId) -> Result<()> {
        self.ask("cancel", id).await
    }
}

#[napi]
impl Workspace {
    /// Makes a label backend known under a name.
    #[napi]
    pub fn register_labeler(
        &self,
        name: String,
        ask: Function<'_, String, Promise<String>>,
    ) -> napi::Result<()> {
        let ask =
            ask.build_threadsafe_function().weak::<true>().callee_handled::<false>().build()?;
        self.get()?.register_labeler(&name, Arc::new(JsLabeler { name: name.clone(), ask }));
        Ok(())
    }
}
