use ymir::Result;

use crate::args::Command;
use crate::context::Context;
use crate::exit::Ending;

/// Runs a command.
pub(crate) async fn run(context: &Context, command: Command) -> Result<Ending> {
    match command {
        Command::Init(command) => command.run(context).await,
        Command::Import(command) => command.run(context).await,
        Command::Export(command) => command.run(context).await,
        Command::Log(command) => command.run(context).await,
        Command::Show(command) => command.run(context).await,
        Command::Diff(command) => command.run(context).await,
        Command::Compare(command) => command.run(context).await,
        Command::Filter(command) => command.run(context).await,
        Command::Intersect(command) => command.intersect(context).await,
        Command::Exclude(command) => command.exclude(context).await,
        Command::Split(command) => command.run(context).await,
        Command::Sample(command) => command.run(context).await,
        Command::Fuse(command) => command.run(context).await,
        Command::NearDuplicates(command) => command.run(context).await,
        Command::Dedup(command) => command.run(context).await,
        Command::Relabel(command) => command.run(context).await,
        Command::Classes(command) => command.run(context).await,
        Command::Copy(command) => command.run(context).await,
        Command::Edit(command) => command.run(context).await,
        Command::Fsck(command) => command.run(context).await,
        Command::Gc(command) => command.run(context).await,
        Command::Train(command) => command.run(context).await,
        Command::Mine(command) => command.run(context).await,
        Command::Infer(command) => command.run(context).await,
        Command::Task(command) => command.run(context).await,
        Command::Label(command) => command.run(context).await,
        Command::Evaluate(command) => command.run(context).await,
        Command::Outcomes(command) => command.run(context).await,
        Command::Iterate(command) => command.run(context).await,
        Command::Samples(command) => command.run(context).await,
        Command::Demo(command) => command.run(context).await,
    }
}
