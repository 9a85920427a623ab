use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use clap::error::ErrorKind as Usage;
use ymir::{Error, ErrorKind, Result};

use crate::args::Cli;
use crate::commands;
use crate::context::Context;
use crate::exit::{Ending, code_of};
use crate::interrupt::{Interrupt, stopped};
use crate::output::{Output, print_error};

/// How long what was broken off may take to clean up.
const CLEANING: Duration = Duration::from_secs(10);
/// How long a task may take to end after Ctrl-C.
const GRACE: Duration = Duration::from_secs(20);

/// Runs the program.
pub(crate) fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let output = Output::new(&cli.global);
    let json = cli.global.json;
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let error = Error::new(ErrorKind::Unexpected, "cannot start threads").caused_by(error);
            return fail(json, &error);
        }
    };
    let ended = runtime.block_on(run(cli, output));
    // Blocking calls that were broken off by Ctrl-C clean up, but must not hold the program back.
    runtime.shutdown_timeout(CLEANING);
    match ended {
        Ok(ending) => ending.code(),
        Err(error) => fail(json, &error),
    }
}

async fn run(cli: Cli, output: Output) -> Result<Ending> {
    let interrupt = Interrupt::install()?;
    let context = Context::new(&cli.global, output, interrupt.clone());
    let command = commands::run(&context, cli.command);
    let ended = tokio::select! {
        ended = command => ended,
        () = given_up(&interrupt) => Err(stopped()),
    };
    match ended {
        // A terminal sends Ctrl-C to the executor too, which may then fail before it is stopped.
        Err(error) if interrupt.is_set() && error.kind() != ErrorKind::Cancelled => {
            Err(stopped().caused_by(error))
        }
        ended => ended,
    }
}

/// Waits until the command is to be dropped: at once after Ctrl-C, unless a task must end first.
async fn given_up(interrupt: &Interrupt) {
    interrupt.wait().await;
    if interrupt.is_busy() {
        tokio::time::sleep(GRACE).await;
    }
}

fn fail(json: bool, error: &Error) -> ExitCode {
    print_error(json, error);
    ExitCode::from(code_of(error.kind()))
}

/// Shows help, or what is wrong with the command line.
fn usage(error: &clap::Error) -> ExitCode {
    let json = std::env::args_os().any(|argument| argument == "--json");
    let shown = matches!(error.kind(), Usage::DisplayHelp | Usage::DisplayVersion);
    if json && !shown {
        let text = error.render().to_string();
        let text = text.strip_prefix("error: ").unwrap_or(&text).trim();
        return fail(true, &Error::invalid(text));
    }
    // Nothing can be done about a terminal that is gone.
    let _ = error.print();
    ExitCode::from(if shown { 0 } else { 2 })
}
