//! Brings a labeling backend: a robot that draws one box in the middle of each image.

use std::sync::Arc;

use async_trait::async_trait;
use ymir::{
    Annotation, BBox, Class, Error, LabelBackend, LabelHandle, LabelItem, LabelJobRequest,
    LabelOptions, LabelPage, LabelPageOptions, LabelStatus, Labeled, Name, Result, Workspace,
};

#[derive(Debug)]
struct Robot;

/// Returns what the robot drew, which the handle of the job remembers.
fn drawn(handle: &LabelHandle) -> Result<Vec<Labeled>> {
    serde_json::from_value(handle.state.clone())
        .map_err(|e| Error::corrupted("this job is not the robot's").caused_by(e))
}

#[async_trait]
impl LabelBackend for Robot {
    async fn create(&self, job: &LabelJobRequest, handle: &LabelHandle) -> Result<LabelHandle> {
        job.check(&self.capabilities())?;
        let class = Class::Name(job.classes.entries()[0].name.clone());
        let draw = |LabelItem { asset, .. }: &LabelItem| {
            let (w, h) = (f64::from(asset.width), f64::from(asset.height));
            let middle = BBox::new(w / 4.0, h / 4.0, w / 2.0, h / 2.0);
            Labeled { id: asset.id, annotations: vec![Annotation::new(class.clone(), middle)] }
        };
        let state = serde_json::json!(job.items.iter().map(draw).collect::<Vec<_>>());
        Ok(LabelHandle { ready: true, state, ..handle.clone() })
    }
    async fn status(&self, handle: &LabelHandle) -> Result<LabelStatus> {
        let total = drawn(handle)?.len() as u64;
        Ok(LabelStatus { total, labeled: total, finished: true, ..Default::default() })
    }
    async fn annotations(
        &self,
        handle: &LabelHandle,
        options: &LabelPageOptions,
    ) -> Result<LabelPage> {
        LabelPage::of(drawn(handle)?, options)
    }
    async fn cancel(&self, _: &LabelHandle) -> Result<()> {
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let workspace = Workspace::open("work").await?;
    let labeler = workspace.register_labeler("robot", Arc::new(Robot));
    let options = LabelOptions {
        labeler,
        dataset: workspace.dataset("val").await?.id(),
        pre_annotations: None,
        classes: vec!["coin".into()],
        instructions: "Draw a box around every coin.".into(),
        labeled: Name::new("by-robot")?,
    };
    println!("{}", workspace.label(&options).await?);
    Ok(())
}
