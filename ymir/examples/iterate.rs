//! Runs the loop: mines, has labeled, trains, evaluates, until the model is good enough. Kill it at
//! any moment and start it again: it goes on where it was.

use ymir::{
    EndReason, Format, ImportOptions, LabelerSpec, LoopEvent, Name, Project, UnknownClasses,
    Workspace, WorkspaceOptions, samples,
};

#[tokio::main]
async fn main() -> ymir::Result<()> {
    let executor = std::env::args().nth(1);
    let executor = executor.as_deref().unwrap_or("local:/usr/local/bin/ymir-detector").parse()?;

    let options = WorkspaceOptions { create: true, ..Default::default() };
    let workspace = Workspace::open_with("work", options).await?;
    samples::write("samples").await?;
    for split in ["pool", "val"] {
        let unknown_classes = UnknownClasses::Add;
        let options =
            ImportOptions { list: Some(split.into()), unknown_classes, ..Default::default() };
        workspace.import_dataset("samples", Format::Auto, split, &options).await?;
    }

    let pool = workspace.dataset("pool").await?.id();
    let val = workspace.dataset("val").await?.id();
    // The oracle answers from the pool's own labels; for people: LabelerSpec::Folder { path }.
    let labeler = LabelerSpec::Oracle { truth: pool };
    let name = Name::new("parts")?;
    let mut project = Project::new(name, samples::classes(), pool, val, executor, labeler);
    (project.target, project.max_iterations) = (Some(0.8), Some(2));
    let project = workspace.get_or_create_project(project).await?;

    let end: EndReason = project
        .run()
        .on_event(|event| match event {
            LoopEvent::Started { iteration, step } => println!("{iteration}: {}", step.title()),
            LoopEvent::Labeling { status, labeler } => {
                println!("waiting for {labeler}: {} images", status.total - status.labeled);
            }
            _ => {}
        })
        .await?;
    for iteration in project.state().await?.iterations {
        println!("{}: AP50 {:.3}", iteration.number, iteration.metric().unwrap_or(0.0));
    }
    println!("{end:?}");
    Ok(())
}
