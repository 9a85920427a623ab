//! Checking and cleaning the store.

use napi::Env;
use napi::bindgen_prelude::PromiseRaw;
use napi_derive::napi;
use ymir::{FsckOptions, GarbageOptions};

use crate::call::{Cancel, promise};
use crate::error::{from_json, to_json};
use crate::workspace::Workspace;

#[napi]
impl Workspace {
    /// Checks everything that the versions are made of.
    #[napi]
    pub fn fsck<'env>(
        &self,
        env: &'env Env,
        options: String,
        cancel: Option<&Cancel>,
    ) -> napi::Result<PromiseRaw<'env, String>> {
        let workspace = self.get()?;
        promise(env, cancel, async move {
            let options: FsckOptions = from_json("a check", &options)?;
            to_json(&workspace.fsck(options).await?)
        })
    }

    /// Deletes the files that no version reaches.
    #[napi]
    pub fn collect_garbage<'env>(
        &self,
        env: &'env Env,
        options: String,
        cancel: Option<&Cancel>,
    ) -> napi::Result<PromiseRaw<'env, String>> {
        let workspace = self.get()?;
        promise(env, cancel, async move {
            let options: GarbageOptions = from_json("a cleaning", &options)?;
            to_json(&workspace.collect_garbage(options).await?)
        })
    }
}
