//! Brings a labeling backend: a robot that draws one box in the middle of each image.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use ymir::{
    Annotation, BBox, Class, Error, LabelBackend, LabelJob, LabelJobId, LabelOptions, LabelStatus,
    Labeled, Name, Result, Workspace,
};

#[derive(Debug, Default)]
struct Robot(Mutex<HashMap<LabelJobId, LabelJob>>);

impl Robot {
    fn job(&self, id: &LabelJobId) -> Result<LabelJob> {
        let jobs = self.0.lock().expect("no thread panicked");
        jobs.get(id).cloned().ok_or_else(|| Error::not_found("no such job").with("job", id))
    }
}

#[async_trait]
impl LabelBackend for Robot {
    async fn create(&self, job: &LabelJob) -> Result<()> {
        self.0.lock().expect("no thread panicked").insert(job.id.clone(), job.clone());
        Ok(())
    }
    async fn status(&self, id: &LabelJobId) -> Result<LabelStatus> {
        let total = self.job(id)?.items.len() as u64;
        Ok(LabelStatus { total, labeled: total, finished: true })
    }
    async fn collect(&self, id: &LabelJobId) -> Result<Vec<Labeled>> {
        let job = self.job(id)?;
        let class = Class::Name(job.classes.entries()[0].name.clone());
        let mut labeled = Vec::new();
        for item in job.items {
            let (w, h) = (f64::from(item.asset.width), f64::from(item.asset.height));
            let middle = BBox::new(w / 4.0, h / 4.0, w / 2.0, h / 2.0);
            let annotations = vec![Annotation::new(class.clone(), middle)];
            labeled.push(Labeled { id: item.asset.id, annotations });
        }
        labeled.sort_by_key(|labeled| labeled.id);
        Ok(labeled)
    }
    async fn cancel(&self, id: &LabelJobId) -> Result<()> {
        self.0.lock().expect("no thread panicked").remove(id);
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let workspace = Workspace::open("work").await?;
    let labeler = workspace.register_labeler("robot", Arc::new(Robot::default()));
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
