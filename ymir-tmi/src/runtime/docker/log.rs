//! The log that the engine keeps of a container, read from any position on.

use std::collections::VecDeque;

use bollard::Docker;
use bollard::container::LogOutput;
use bollard::query_parameters::LogsOptionsBuilder;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use serde::{Deserialize, Serialize};
use ymir_core::{Error, LogLine, LogPosition, LogSource, Result, RunHandle, RunLine, RunState};

use super::engine::RETRY_AFTER;
use super::state::{container, state};
use crate::runtime::cutter::LineCutter;

/// How far each source was read.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Position {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stdout: Option<Entry>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stderr: Option<Entry>,
}

/// An entry of the engine's log: its time, and its number among those of this time and source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Entry {
    time: String,
    number: u64,
}

impl Position {
    fn of(&mut self, source: LogSource) -> &mut Option<Entry> {
        match source {
            LogSource::Stderr => &mut self.stderr,
            _ => &mut self.stdout,
        }
    }
}

/// Returns the lines of a run behind a position, until it has ended. An engine that is away is
/// waited for.
///
/// # Errors
///
/// `InvalidInput` if the position is none of a container's log.
pub(super) fn follow(
    docker: Docker,
    handle: RunHandle,
    from: Option<&LogPosition>,
) -> Result<BoxStream<'static, Result<RunLine>>> {
    let position = match from {
        Some(position) => serde_json::from_value(position.0.clone()).map_err(|error| {
            Error::invalid("this is no position in the log of a container").caused_by(error)
        })?,
        None => Position::default(),
    };
    let log = Log { docker, handle, position, reading: None, lines: VecDeque::new(), over: false };
    Ok(stream::unfold(log, |mut log| async move { Some((log.next().await?, log)) }).boxed())
}

struct Log {
    docker: Docker,
    handle: RunHandle,
    /// Behind the last line that was passed on or waits in `lines`.
    position: Position,
    reading: Option<Reading>,
    lines: VecDeque<Result<RunLine>>,
    over: bool,
}

/// One answer of the engine: its log from the beginning.
struct Reading {
    output: BoxStream<'static, Result<LogOutput, bollard::errors::Error>>,
    stdout: Source,
    stderr: Source,
    /// The run had ended before the engine was asked: the answer is all there will be.
    complete: bool,
}

impl Log {
    async fn next(&mut self) -> Option<Result<RunLine>> {
        loop {
            if let Some(line) = self.lines.pop_front() {
                return Some(line);
            }
            if self.over {
                return None;
            }
            let Some(reading) = &mut self.reading else {
                self.reading = self.read().await;
                continue;
            };
            match reading.output.next().await {
                Some(Ok(output)) => self.take(output),
                Some(Err(_)) => self.again().await,
                None if reading.complete => self.finish(),
                // The run has ended, or the engine has gone; asking again tells.
                None => self.reading = None,
            }
        }
    }

    async fn again(&mut self) {
        self.reading = None;
        tokio::time::sleep(RETRY_AFTER).await;
    }

    /// Asks for the log; nothing if there is none to be had any more, or not yet.
    async fn read(&mut self) -> Option<Reading> {
        let complete = match state(&self.docker, &self.handle).await {
            Ok(RunState::Ended(_)) => true,
            Ok(RunState::Lost) => {
                self.over = true;
                return None;
            }
            Ok(RunState::Running) => false,
            Ok(RunState::Created) | Err(_) => {
                tokio::time::sleep(RETRY_AFTER).await;
                return None;
            }
        };
        let options = LogsOptionsBuilder::default().stdout(true).stderr(true).timestamps(true);
        let options = options.follow(!complete).tail("all").build();
        let container = container(&self.handle).ok()?;
        let output = self.docker.logs(container, Some(options)).boxed();
        let stdout = Source::new(LogSource::Stdout, self.position.stdout.clone());
        let stderr = Source::new(LogSource::Stderr, self.position.stderr.clone());
        Some(Reading { output, stdout, stderr, complete })
    }

    fn take(&mut self, output: LogOutput) {
        let Some(reading) = &mut self.reading else { return };
        let (source, message) = match &output {
            LogOutput::StdErr { message } => (&mut reading.stderr, message),
            LogOutput::StdOut { message } | LogOutput::Console { message } => {
                (&mut reading.stdout, message)
            }
            LogOutput::StdIn { .. } => return,
        };
        source.take(message, &mut self.position, &mut self.lines);
    }

    /// Passes on unfinished last lines.
    fn finish(&mut self) {
        if let Some(mut reading) = self.reading.take() {
            reading.stdout.finish(&mut self.position, &mut self.lines);
            reading.stderr.finish(&mut self.position, &mut self.lines);
        }
        self.over = true;
    }
}

/// One source within an answer.
struct Source {
    source: LogSource,
    /// The entry up to which it was read before; nothing once that was passed.
    seek: Option<Entry>,
    last: Option<Entry>,
    cutter: LineCutter,
}

type Lines = VecDeque<Result<RunLine>>;

impl Source {
    fn new(source: LogSource, seek: Option<Entry>) -> Self {
        Self { source, seek, last: None, cutter: LineCutter::default() }
    }

    /// Takes an entry. A long line comes in several of them.
    fn take(&mut self, message: &[u8], position: &mut Position, lines: &mut Lines) {
        let split = message.iter().position(|byte| *byte == b' ').unwrap_or(message.len());
        let time = String::from_utf8_lossy(&message[..split]).into_owned();
        let mut text = message.get(split + 1..).unwrap_or_default();
        let number = match &self.last {
            Some(last) if last.time == time => last.number + 1,
            _ => 1,
        };
        let entry = Entry { time, number };
        self.last = Some(entry.clone());
        if let Some(sought) = &self.seek {
            // Times of the engine have one width, so that they compare as text.
            let is_behind = entry.time > sought.time;
            if entry == *sought || is_behind {
                self.seek = None;
            }
            if !is_behind {
                return;
            }
            lines.push_back(Ok(lost(position)));
        }
        while !text.is_empty() {
            let (taken, line) = self.cutter.take(text);
            text = &text[taken..];
            if let Some(line) = line {
                *position.of(self.source) = Some(entry.clone());
                lines.push_back(Ok(self.line(line, position)));
            }
        }
    }

    fn finish(&mut self, position: &mut Position, lines: &mut Lines) {
        if let Some(line) = self.cutter.rest() {
            *position.of(self.source) = self.last.clone();
            lines.push_back(Ok(self.line(line, position)));
        }
    }

    fn line(&self, text: String, position: &Position) -> RunLine {
        let position = LogPosition(serde_json::json!(position));
        RunLine { line: LogLine { source: self.source, text }, position }
    }
}

/// Returns a note that the engine has dropped entries that were not read in time.
fn lost(position: &Position) -> RunLine {
    let text = "lines are missing: the engine keeps only the newest 256 MiB of a log".to_owned();
    let position = LogPosition(serde_json::json!(position));
    RunLine { line: LogLine { source: LogSource::Ymir, text }, position }
}
