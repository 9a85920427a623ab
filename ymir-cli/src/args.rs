use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use ymir::{BranchKind, Resources, Result, RetryPolicy, Task, TaskOptions, TmiKind, Workspace};

use crate::commands::{
    self, alike, classes, compare, copy, diff, edit, evaluate, export, filter, fsck, fuse, gc, import,
    infer, init, iterate, label, log, mine, outcomes, relabel, sample, samples, set_operation, show, split,
    task, train,
};
use crate::context::Context;
use crate::exit::Ending;
use crate::{demo, executor, follow, parameters};

/// The loop train, mine, label, train again for vision models, in a directory of your own.
#[derive(Debug, Parser)]
#[command(name = "ymir", version, after_help = crate::exit::HELP)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// The workspace; by default the nearest one from the current directory upwards
    #[arg(long, global = true, value_name = "DIR", env = "YMIR_WORKSPACE")]
    pub(crate) workspace: Option<PathBuf>,
    /// The directory in which programs of this host agree on what their tasks hold; one for all by
    /// default
    #[arg(long, global = true, value_name = "DIR", env = "YMIR_HOST_DIR", hide = true)]
    pub(crate) host_dir: Option<PathBuf>,
    /// Prints one JSON object per line on standard output, nothing else; errors too
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Shows no progress
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Shows what executors print
    #[arg(long, short, global = true, conflicts_with = "quiet")]
    pub(crate) verbose: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Makes a workspace
    Init(init::Init),
    /// Imports images, with or without annotations, as a new version of a dataset
    Import(import::Import),
    /// Exports a dataset version or prediction set as a folder of a format
    Export(export::Export),
    /// Lists what the workspace has, or the versions of one name
    Log(log::Log),
    /// Shows a version: counts, lineage, records, stages, iterations
    Show(show::Show),
    /// Shows what differs between two dataset versions
    Diff(diff::Diff),
    /// Counts what differs between two dataset versions
    Compare(compare::Compare),
    /// Makes a dataset of the assets of another that a query is true of
    Filter(filter::Filter),
    /// Makes a dataset of the assets that all of several datasets have
    Intersect(set_operation::SetOperation),
    /// Makes a dataset of the assets of another that none of several datasets has
    Exclude(set_operation::SetOperation),
    /// Divides a dataset by chance into parts in which classes are as frequent as in the whole
    Split(split::Split),
    /// Makes a dataset of some assets of another, chosen by chance
    Sample(sample::Sample),
    /// Joins datasets, leaves out the assets of others, filters and samples, in one go
    #[command(visible_alias = "merge")]
    Fuse(fuse::Fuse),
    /// Lists the images of a dataset that look alike
    NearDuplicates(alike::NearDuplicates),
    /// Makes a dataset with one of each group of images that look alike
    Dedup(alike::Dedup),
    /// Renames, joins or drops classes of a dataset
    Relabel(relabel::Relabel),
    /// Lists, adds, renames and retires the classes of the workspace
    Classes(classes::Classes),
    /// Copies a dataset version with its image files into another workspace, or one that git fetched
    /// from another into this one
    Copy(copy::Copy),
    /// Changes records of a dataset by hand: attributes, annotations, which there are
    Edit(edit::Edit),
    /// Checks everything that the versions are made of
    Fsck(fsck::Fsck),
    /// Deletes the image and model files that no version has
    Gc(gc::Gc),
    /// Trains a model
    Train(train::Train),
    /// Chooses the assets of a dataset whose labels a model would gain most from
    Mine(mine::Mine),
    /// Makes predictions with a model
    Infer(infer::Infer),
    /// Lists, follows and ends tasks, and what their runs left behind
    Task(task::Task),
    /// Has the assets of a dataset labeled
    Label(label::Label),
    /// Compares predictions with ground truth
    Evaluate(evaluate::Evaluate),
    /// Finds the images on which predictions hit, missed, or saw what is not there
    Outcomes(outcomes::Outcomes),
    /// Makes a project, or carries one on until it ends
    Iterate(Box<iterate::Iterate>),
    /// Writes a small annotated dataset into a folder, as Pascal VOC, to try everything with
    Samples(samples::Samples),
    /// Runs the whole loop on rendered scenes or a folder of yours, and writes a report
    Demo(Box<demo::Demo>),
}

/// What a version is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Assets with their ground truth
    Dataset,
    /// What a model said about a dataset version
    Prediction,
    /// A trained model
    Model,
    /// The definition and state of a project
    Project,
}

impl From<Kind> for BranchKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Dataset => Self::Dataset,
            Kind::Prediction => Self::Prediction,
            Kind::Model => Self::Model,
            Kind::Project => Self::Project,
        }
    }
}

/// How an executor is run.
#[derive(Debug, Args)]
#[command(next_help_heading = "Executor options")]
pub(crate) struct Run {
    /// The executor: local:/path/to/program or docker:IMAGE; by default the program `ymir-detector`
    /// beside this one or on the PATH
    #[arg(long, value_name = "EXECUTOR")]
    pub(crate) executor: Option<String>,
    /// A parameter in place of the executor's default; may be repeated
    #[arg(long = "param", short, value_name = "NAME=VALUE")]
    pub(crate) parameters: Vec<String>,
    /// The seed of every random choice
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) resources: Needs,
    /// Runs the executor even if it has made the same of the same before
    #[arg(long)]
    pub(crate) again: bool,
    /// Stops the executor after this many seconds; the task fails then
    #[arg(long, value_name = "SECONDS")]
    time_limit: Option<u64>,
    /// How often a failure is tried again that may pass by itself, an engine that is away for example
    #[arg(long, default_value_t = 0, value_name = "N")]
    retries: u32,
    /// The higher, the sooner the task is granted resources
    #[arg(long, default_value_t = 0, allow_negative_numbers = true, value_name = "N")]
    priority: i32,
    /// Ends this program as soon as the executor runs; `ymir task wait` collects the result
    #[arg(long)]
    detach: bool,
}

/// What a task asks for.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Needs {
    /// CPU slots of a task; 0 for all
    #[arg(long, default_value_t = 0, value_name = "N", help_heading = "Executor options")]
    pub(crate) cpus: u32,
    /// GPUs of a task
    #[arg(long, default_value_t = 0, value_name = "N", help_heading = "Executor options")]
    pub(crate) gpus: u32,
}

impl From<Needs> for Resources {
    fn from(needs: Needs) -> Self {
        Self { cpus: needs.cpus, gpus: needs.gpus, ..Self::default() }
    }
}

impl Run {
    /// Returns the options of a task that does these kinds of thing.
    pub(crate) async fn options(
        &self,
        workspace: &Workspace,
        kinds: &[TmiKind],
    ) -> Result<TaskOptions> {
        let executor = executor::choose(self.executor.as_deref())?;
        let parameters = parameters::parse(&self.parameters)?;
        parameters::check(workspace, &executor, kinds, &parameters).await?;
        Ok(TaskOptions {
            parameters,
            seed: self.seed,
            resources: self.resources.into(),
            reuse: !self.again,
            time_limit_s: self.time_limit,
            retry: RetryPolicy { retries: self.retries, ..RetryPolicy::default() },
            priority: self.priority,
            ..TaskOptions::new(executor)
        })
    }

    /// Waits for a task and prints the versions that it made, or leaves it running.
    pub(crate) async fn finish(
        &self,
        context: &Context,
        workspace: &Workspace,
        label: &str,
        task: &Task,
    ) -> Result<Ending> {
        if self.detach && follow::until_running(context, label, task).await? {
            return commands::task::detached(context, workspace, task).await;
        }
        let (made, existed) = follow::task(context, label, task).await?;
        commands::made::print(context, workspace, &made, existed).await?;
        Ok(Ending::Done)
    }
}
