//! The log of a run on its way from the executor to whoever reads it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use ymir_core::{LogLine, LogSource};

/// Where a longer line is cut.
pub(crate) const MAX_LINE: usize = 64 << 10;

/// How many bytes of lines wait for a reader.
const MAX_WAITING: usize = 16 << 20;

type Waiting = (LogLine, Option<OwnedSemaphorePermit>);

/// The reading end, kept by the run.
///
/// A slow reader slows the executor down. Without any reader an executor is not held up: what does
/// not fit is dropped, and a line says how much.
#[derive(Debug)]
pub(crate) struct LogReader {
    receiver: Mutex<Option<mpsc::UnboundedReceiver<Waiting>>>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    room: Arc<Semaphore>,
    taken: AtomicBool,
    dropped: AtomicU64,
}

/// The writing end; the log ends when the last clone is dropped.
#[derive(Debug, Clone)]
pub(crate) struct LogWriter {
    sender: mpsc::UnboundedSender<Waiting>,
    shared: Arc<Shared>,
}

/// Returns the two ends of a log.
pub(crate) fn channel() -> (LogWriter, LogReader) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let shared = Arc::new(Shared {
        room: Arc::new(Semaphore::new(MAX_WAITING)),
        taken: AtomicBool::new(false),
        dropped: AtomicU64::new(0),
    });
    let receiver = Mutex::new(Some(receiver));
    (LogWriter { sender, shared: shared.clone() }, LogReader { receiver, shared })
}

impl LogReader {
    /// Returns the lines; the second time none.
    pub(crate) fn take(&self) -> BoxStream<'static, LogLine> {
        let receiver = self.receiver.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(receiver) = receiver else { return stream::empty().boxed() };
        self.shared.taken.store(true, Ordering::SeqCst);
        let lines = stream::unfold(receiver, |mut receiver| async move {
            receiver.recv().await.map(|(line, _room)| (line, receiver))
        });
        let shared = self.shared.clone();
        let end = stream::once(async move { shared.dropped.load(Ordering::SeqCst) })
            .filter_map(|dropped| async move { note(dropped) });
        lines.chain(end).boxed()
    }
}

/// Returns the beginning of a line that is not too long.
fn cut(line: &str) -> &str {
    let fits = (0..=MAX_LINE.min(line.len())).rev().find(|end| line.is_char_boundary(*end));
    &line[..fits.unwrap_or(0)]
}

fn note(dropped: u64) -> Option<LogLine> {
    let text =
        format!("{dropped} lines are missing: they were not read as fast as they were written");
    (dropped > 0).then_some(LogLine { source: LogSource::Ymir, text })
}

impl LogWriter {
    /// Passes lines on without waiting; what finds no room is dropped and counted.
    pub(crate) fn put(&self, source: LogSource, text: &str) {
        for line in text.lines() {
            let text = cut(line).to_owned();
            let bytes = (text.len() + 64) as u32;
            match self.shared.room.clone().try_acquire_many_owned(bytes) {
                // A reader that went away wants no more lines.
                Ok(permit) => {
                    let _ = self.sender.send((LogLine { source, text }, Some(permit)));
                }
                Err(_) => {
                    self.shared.dropped.fetch_add(1, Ordering::SeqCst);
                }
            }
        }
    }

    async fn send(&self, line: LogLine) {
        // The line's own bytes, and about what the rest of it takes.
        let bytes = (line.text.len() + 64).min(MAX_WAITING) as u32;
        let room = self.shared.room.clone();
        let permit = match room.clone().try_acquire_many_owned(bytes) {
            Ok(permit) => Some(permit),
            Err(_) if !self.shared.taken.load(Ordering::SeqCst) => {
                self.shared.dropped.fetch_add(1, Ordering::SeqCst);
                return;
            }
            Err(_) => tokio::select! {
                permit = room.acquire_many_owned(bytes) => permit.ok(),
                () = self.sender.closed() => return,
            },
        };
        // A reader that went away wants no more lines.
        let _ = self.sender.send((line, permit));
    }
}

/// Cuts the bytes of one source into lines.
#[derive(Debug)]
pub(crate) struct LineCutter {
    source: LogSource,
    writer: LogWriter,
    line: Vec<u8>,
    /// The rest of a line that was cut is skipped.
    cut: bool,
}

impl LineCutter {
    pub(crate) fn new(source: LogSource, writer: LogWriter) -> Self {
        Self { source, writer, line: Vec::new(), cut: false }
    }

    /// Takes the next bytes, and passes on the lines that they end.
    pub(crate) async fn push(&mut self, mut bytes: &[u8]) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.keep(&bytes[..end]);
            self.end_line().await;
            bytes = &bytes[end + 1..];
        }
        self.keep(bytes);
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = MAX_LINE - self.line.len();
        self.cut |= bytes.len() > room;
        self.line.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    async fn end_line(&mut self) {
        let mut line = self.line.as_slice();
        if !self.cut {
            line = line.strip_suffix(b"\r").unwrap_or(line);
        }
        let mut text = String::from_utf8_lossy(line).into_owned();
        // Replacement characters are longer than what they replace.
        text.truncate(cut(&text).len());
        self.line.clear();
        self.cut = false;
        self.writer.send(LogLine { source: self.source, text }).await;
    }

    /// Passes on what came after the last line end.
    pub(crate) async fn finish(mut self) {
        if !self.line.is_empty() {
            self.end_line().await;
        }
    }
}
