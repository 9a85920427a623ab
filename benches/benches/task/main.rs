//! Measures what a task costs beyond its executor, and how soon a subscriber knows what it says.
//!
//! `cargo bench -p ymir-benches --bench task -- [ASSETS]... [--in FOLDER] [--out FILE]`

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use futures::TryStreamExt;
use ymir::{
    BranchKind, Error, Format, ImportOptions, InferOptions, MineOptions, Name, Result, Task,
    TaskEvent, TaskEventKind, TaskOptions, Timestamp, TrainOptions, Transfer, UnknownClasses,
    VersionId, Workspace,
};
use ymir_benches::harness::{self, Phase, Run};
use ymir_benches::images;
use ymir_benches::report::Row;

const PHASES: [Phase; 5] = [
    Phase { name: "prepare", work: prepare, up_to: u64::MAX },
    Phase { name: "train", work: train, up_to: u64::MAX },
    Phase { name: "infer", work: infer, up_to: u64::MAX },
    Phase { name: "mine", work: mine, up_to: u64::MAX },
    Phase { name: "events", work: events, up_to: u64::MAX },
];

/// How often the executor tells its progress where that is measured.
const STEPS: u64 = 20;

fn main() {
    harness::main("task", env!("CARGO_TARGET_TMPDIR"), &PHASES);
}

/// Makes a dataset of all images and one of a hundred.
fn prepare(run: &Run) -> Result<()> {
    let data = run.root.join("data");
    images::write(&data, 0..run.size)
        .map_err(|error| Error::io("cannot write the images", &data, error))?;
    run.runtime.block_on(async {
        let workspace = Workspace::init(run.root.join("workspace")).await?;
        let options = ImportOptions {
            unknown_classes: UnknownClasses::Add,
            transfer: Transfer::HardLink,
            ..ImportOptions::default()
        };
        workspace.import_dataset(data.join("voc"), Format::Voc, "all", &options).await?;
        workspace.dataset("all").await?.sample(100, 1, "few").await?;
        Ok(())
    })
}

fn open(run: &Run) -> Result<Workspace> {
    run.runtime.block_on(Workspace::open(run.root.join("workspace")))
}

fn options() -> Result<TaskOptions> {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/task/executor.sh");
    let executor = format!("local:{}", program.display()).parse()?;
    Ok(TaskOptions { reuse: false, ..TaskOptions::new(executor) })
}

async fn dataset(workspace: &Workspace, name: &str) -> Result<VersionId> {
    Ok(workspace.resolve(BranchKind::Dataset, name).await?.id)
}

async fn model(workspace: &Workspace) -> Result<VersionId> {
    Ok(workspace.resolve(BranchKind::Model, "model").await?.id)
}

async fn train_options(workspace: &Workspace, training: &str) -> Result<TrainOptions> {
    Ok(TrainOptions {
        task: options()?,
        classes: (0..10).map(|n| format!("class_{n}")).collect(),
        training: dataset(workspace, training).await?,
        validation: dataset(workspace, "few").await?,
        pretrained: None,
        stage: None,
        model: Name::new("model")?,
    })
}

fn train(run: &Run) -> Result<()> {
    let workspace = open(run)?;
    measure(run, "train", async {
        let options = train_options(&workspace, "all").await?;
        Ok(workspace.start_train(&options).await?.untyped())
    })
}

fn infer(run: &Run) -> Result<()> {
    let workspace = open(run)?;
    measure(run, "infer", async {
        let options = InferOptions {
            task: options()?,
            dataset: dataset(&workspace, "all").await?,
            model: model(&workspace).await?,
            stage: None,
            predictions: Name::new("found")?,
        };
        Ok(workspace.start_infer(&options).await?.untyped())
    })
}

fn mine(run: &Run) -> Result<()> {
    let workspace = open(run)?;
    measure(run, "mine", async {
        let options = MineOptions {
            task: options()?,
            candidates: dataset(&workspace, "all").await?,
            model: model(&workspace).await?,
            stage: None,
            count: 100,
            selected: Name::new("selected")?,
            predictions: None,
        };
        Ok(workspace.start_mine(&options).await?.untyped())
    })
}

/// Reports the time of a task less that between the executor's first line and its last, and what
/// of it went into which step.
fn measure(run: &Run, what: &str, start: impl Future<Output = Result<Task>>) -> Result<()> {
    let (began, began_at) = (Instant::now(), Timestamp::now());
    let (events, whole, waited_at) = run.runtime.block_on(async {
        let task = start.await?;
        task.wait().await?;
        let (whole, waited_at) = (began.elapsed(), Timestamp::now());
        Ok::<_, Error>((task.events(0).try_collect::<Vec<_>>().await?, whole, waited_at))
    })?;
    let told = |word: &str| told(&events, word).remove("").expect("the executor has told it");
    let own = told("ends").duration_since(told("begins")).unsigned_abs();
    run.row(Row::new(format!("{what}: all but the executor"), vec![whole - own]));
    run.row(Row::new("  the executor", vec![own]));
    let mut changes: Vec<_> = events.iter().filter_map(step_of).collect();
    let ended = events.last().map_or(began_at, |event| event.time);
    changes.insert(0, ("until the first step".to_owned(), began_at));
    changes.push(("until it is waited for".to_owned(), ended));
    changes.push((String::new(), waited_at));
    for pair in changes.windows(2) {
        let took = pair[1].1.duration_since(pair[0].1).unsigned_abs();
        let took = if pair[0].0 == "Run" { took.saturating_sub(own) } else { took };
        run.row(Row::new(format!("  {what}: {}", pair[0].0), vec![took]));
    }
    Ok(())
}

fn step_of(event: &TaskEvent) -> Option<(String, Timestamp)> {
    match event.kind {
        TaskEventKind::Step(step) => Some((format!("{step:?}"), event.time)),
        _ => None,
    }
}

/// Returns the times that the executor wrote after a word, by what stands between the two.
fn told(events: &[TaskEvent], word: &str) -> BTreeMap<String, Timestamp> {
    let lines = events.iter().filter_map(|event| match &event.kind {
        TaskEventKind::Log(line) => line.text.strip_prefix(word),
        _ => None,
    });
    let line = |text: &str| {
        let (before, nanoseconds) = text.trim().rsplit_once(' ').unwrap_or(("", text.trim()));
        let time = Timestamp::from_nanosecond(nanoseconds.parse().ok()?).ok()?;
        Some((before.to_owned(), time))
    };
    lines.filter_map(line).collect()
}

/// Measures the time from the executor's writing of its monitor file to a subscriber's event.
fn events(run: &Run) -> Result<()> {
    let workspace = open(run)?;
    let (events, received) = run.runtime.block_on(async {
        let mut options = train_options(&workspace, "few").await?;
        options.task.parameters.insert("steps".to_owned(), STEPS.into());
        let task = workspace.start_train(&options).await?;
        let mut received = BTreeMap::new();
        let mut stream = task.events(0);
        let mut events = Vec::new();
        while let Some(event) = stream.try_next().await? {
            if let TaskEventKind::Progress { fraction, .. } = event.kind {
                received.entry(format!("{fraction:.2}")).or_insert_with(Timestamp::now);
            }
            events.push(event);
        }
        Ok::<_, Error>((events, received))
    })?;
    let wrote = told(&events, "wrote");
    let latencies: Vec<Duration> = wrote
        .iter()
        .filter_map(|(step, time)| Some(received.get(step)?.duration_since(*time).unsigned_abs()))
        .collect();
    // On a busy machine two of them may become one event.
    assert!(latencies.len() as u64 > STEPS / 2, "they are told");
    run.row(Row::new("monitor file to subscriber", latencies));
    Ok(())
}
