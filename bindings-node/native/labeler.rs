//! JavaScript objects as label backends.

use std::fmt;
use std::path::PathBuf;
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
    Error, ErrorReport, LabelBackend, LabelCapabilities, LabelCursor, LabelHandle, LabelJobId,
    LabelJobRequest, LabelPage, LabelPageOptions, LabelStatus, Labeled, Record, Result,
};

use crate::error::{from_json, to_js, to_json};
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

/// A request as the TypeScript half reads it: each item is a path, if there is a file, and a compact
/// record.
#[derive(Serialize)]
struct Request<'a> {
    id: &'a LabelJobId,
    title: &'a str,
    instructions: &'a str,
    class_names: Vec<&'a str>,
    items: Vec<(&'a Option<PathBuf>, Compact<'a>)>,
    handle: &'a LabelHandle,
}

/// A page of annotations as the TypeScript half returns it.
#[derive(Deserialize)]
struct Page {
    labeled: Vec<Labeled>,
    next: Option<LabelCursor>,
    /// Whether this is all that is labeled, of which a page is to be made.
    all: bool,
}

struct JsLabeler {
    name: String,
    capabilities: LabelCapabilities,
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
    fn capabilities(&self) -> LabelCapabilities {
        self.capabilities.clone()
    }

    async fn create(&self, request: &LabelJobRequest, handle: &LabelHandle) -> Result<LabelHandle> {
        let mut records: Vec<(Option<PathBuf>, Record)> = Vec::new();
        for item in &request.items {
            let file = request.images.file(&item.asset.id).await?;
            let annotations = item.pre_annotations.clone();
            records.push((file, Record { asset: item.asset.clone(), annotations }));
        }
        let items = records.iter().map(|(path, record)| (path, Compact(record))).collect();
        let classes = request.classes.entries().iter();
        let class_names = classes.map(|class| class.name.as_str()).collect();
        let LabelJobRequest { id, title, instructions, .. } = request;
        let request = Request { id, title, instructions, class_names, items, handle };
        self.ask("create", &request).await
    }

    async fn status(&self, handle: &LabelHandle) -> Result<LabelStatus> {
        self.ask("status", handle).await
    }

    async fn annotations(
        &self,
        handle: &LabelHandle,
        options: &LabelPageOptions,
    ) -> Result<LabelPage> {
        let page: Page = self.ask("annotations", &(handle, &options.after, options.limit)).await?;
        let Page { labeled, next, all } = page;
        if !all {
            return Ok(LabelPage { labeled, next });
        }
        let mut seen = std::collections::HashSet::new();
        if let Some(twice) = labeled.iter().find(|labeled| !seen.insert(labeled.id)) {
            let message = "the label backend's `annotations` returned an asset twice";
            return Err(Error::invalid(message).with("asset", twice.id));
        }
        LabelPage::of(labeled, options)
    }

    async fn cancel(&self, handle: &LabelHandle) -> Result<()> {
        self.ask("cancel", handle).await
    }
}

#[napi]
impl Workspace {
    /// Makes a label backend known under a name.
    #[napi]
    pub fn register_labeler(
        &self,
        name: String,
        capabilities: String,
        ask: Function<'_, String, Promise<String>>,
    ) -> napi::Result<()> {
        let capabilities = from_json("a label backend", &capabilities).map_err(to_js)?;
        let ask =
            ask.build_threadsafe_function().weak::<true>().callee_handled::<false>().build()?;
        let labeler = Arc::new(JsLabeler { name: name.clone(), capabilities, ask });
        self.get()?.register_labeler(&name, labeler);
        Ok(())
    }
}
