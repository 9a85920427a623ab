//! Trains a model, then scores it: a verb that waits, and one that starts.

use futures::StreamExt;
use ymir::{InferOptions, Name, TaskOptions, TrainOptions, Workspace, samples};

#[tokio::main]
async fn main() -> ymir::Result<()> {
    let executor = std::env::args().nth(1);
    let executor = executor.as_deref().unwrap_or("local:/usr/local/bin/ymir-detector").parse()?;
    let workspace = Workspace::open("work").await?;
    let (pool, val) = (workspace.dataset("pool").await?, workspace.dataset("val").await?);

    let task = TaskOptions::new(executor);
    let model = Name::new("first")?;
    let train = TrainOptions::new(task.clone(), samples::classes(), pool.id(), val.id(), model);
    let training = workspace.start_train(&train).await?;
    let mut events = training.events(0);
    while let Some(event) = events.next().await {
        println!("{:?}", event?.kind);
    }
    let model = training.wait().await?;

    let infer = InferOptions::new(task, val.id(), model.version.id, Name::new("first-val")?);
    let predictions = workspace.infer(&infer).await?;
    let score = workspace.evaluate(&val.id(), &predictions.id(), &[]).await?;
    println!("{}: AP50 {:.3}", model.version, score.ap50().unwrap_or(0.0));
    Ok(())
}
