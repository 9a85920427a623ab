//! Follows the files that a run writes its output to.

use std::fs::File;
use std::io::{ErrorKind as Io, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use serde::{Deserialize, Serialize};
use ymir_core::{Error, LogLine, LogPosition, LogSource, Result, RunLine};

use super::blocking;
use super::cutter::LineCutter;

/// How often the files are looked at.
const INTERVAL: Duration = Duration::from_millis(50);

/// How many bytes of one file are read before the next one's turn.
const CHUNK: usize = 256 << 10;

const SOURCES: [(LogSource, &str); 3] =
    [(LogSource::Stdout, "stdout"), (LogSource::Stderr, "stderr"), (LogSource::Ymir, "ymir")];

/// Returns the file in a run's folder that a source is written to.
pub(super) fn path(run: &Path, source: LogSource) -> PathBuf {
    let name = SOURCES.iter().find(|(known, _)| *known == source).map_or("ymir", |(_, name)| name);
    run.join(name)
}

/// How many bytes of each file were read: up to the end of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
struct Offsets {
    stdout: u64,
    stderr: u64,
    ymir: u64,
}

impl Offsets {
    fn of(&mut self, source: LogSource) -> &mut u64 {
        match source {
            LogSource::Stdout => &mut self.stdout,
            LogSource::Stderr => &mut self.stderr,
            LogSource::Ymir => &mut self.ymir,
        }
    }
}

/// Returns the lines in a run's folder behind a position, until `has_ended` and all is read.
///
/// # Errors
///
/// `InvalidInput` if the position is none of such a run.
pub(super) fn follow(
    run: PathBuf,
    from: Option<&LogPosition>,
    has_ended: impl Fn() -> bool + Send + Sync + 'static,
) -> Result<BoxStream<'static, Result<RunLine>>> {
    let offsets = match from {
        Some(position) => serde_json::from_value(position.0.clone()).map_err(|error| {
            Error::invalid("this is no position in the log of such a run").caused_by(error)
        })?,
        None => Offsets::default(),
    };
    let tail = Tail { files: SOURCES.map(|(source, _)| Source::new(&run, source)), offsets };
    let has_ended = Arc::new(has_ended);
    let lines = stream::unfold(Some(tail), move |tail| {
        let has_ended = has_ended.clone();
        async move { next(tail?, has_ended).await }
    });
    Ok(lines.flat_map(stream::iter).boxed())
}

type Lines = Vec<Result<RunLine>>;

/// Waits for the next lines; the tail comes back unless they are the last.
async fn next(
    mut tail: Tail,
    has_ended: Arc<impl Fn() -> bool + Send + Sync + 'static>,
) -> Option<(Lines, Option<Tail>)> {
    loop {
        let has_ended = has_ended.clone();
        let read = move || {
            // Asked first: what was written before the end is there then.
            let ended = has_ended();
            let mut lines = Vec::new();
            let more = tail.read(&mut lines)?;
            if ended && !more {
                tail.finish(&mut lines);
            }
            Ok((tail, lines, more, ended))
        };
        match blocking(read).await {
            Ok((_, lines, false, true)) => return Some((lines, None)),
            Ok((tail, lines, ..)) if !lines.is_empty() => return Some((lines, Some(tail))),
            Ok((back, _, true, _)) => tail = back,
            Ok((back, _, false, false)) => {
                tail = back;
                tokio::time::sleep(INTERVAL).await;
            }
            Err(error) => return Some((vec![Err(error)], None)),
        }
    }
}

struct Tail {
    files: [Source; 3],
    /// Behind the last line of each file.
    offsets: Offsets,
}

struct Source {
    source: LogSource,
    path: PathBuf,
    file: Option<File>,
    /// How much was read, beyond the offset by an unfinished line.
    read: Option<u64>,
    cutter: LineCutter,
}

impl Source {
    fn new(run: &Path, source: LogSource) -> Self {
        let path = path(run, source);
        Self { source, path, file: None, read: None, cutter: LineCutter::default() }
    }

    /// Returns the next bytes of the file, none at its end or without it.
    fn bytes(&mut self, offset: u64) -> Result<Vec<u8>> {
        let fail = |error| Error::io("cannot read the log of a run", &self.path, error);
        let file = match &mut self.file {
            Some(file) => file,
            none => match File::open(&self.path) {
                Ok(mut file) => {
                    file.seek(SeekFrom::Start(offset)).map_err(fail)?;
                    none.insert(file)
                }
                Err(error) if error.kind() == Io::NotFound => return Ok(Vec::new()),
                Err(error) => return Err(fail(error)),
            },
        };
        let mut bytes = Vec::new();
        file.take(CHUNK as u64).read_to_end(&mut bytes).map_err(fail)?;
        Ok(bytes)
    }
}

impl Tail {
    /// Adds what is there to be read, a bounded part of each file; returns whether there may be
    /// more.
    fn read(&mut self, lines: &mut Lines) -> Result<bool> {
        let mut more = false;
        for file in &mut self.files {
            let source = file.source;
            let mut at = *file.read.get_or_insert(*self.offsets.of(source));
            let bytes = file.bytes(at)?;
            more |= bytes.len() == CHUNK;
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                let (taken, text) = file.cutter.take(rest);
                (rest, at) = (&rest[taken..], at + taken as u64);
                if let Some(text) = text {
                    *self.offsets.of(source) = at;
                    lines.push(Ok(line(source, text, &self.offsets)));
                }
            }
            file.read = Some(at);
        }
        Ok(more)
    }

    /// Adds unfinished last lines.
    fn finish(&mut self, lines: &mut Lines) {
        for file in &mut self.files {
            if let Some(text) = file.cutter.rest() {
                *self.offsets.of(file.source) = file.read.unwrap_or(0);
                lines.push(Ok(line(file.source, text, &self.offsets)));
            }
        }
    }
}

fn line(source: LogSource, text: String, offsets: &Offsets) -> RunLine {
    let position = serde_json::json!(offsets);
    RunLine { line: LogLine { source, text }, position: LogPosition(position) }
}
