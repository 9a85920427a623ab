use std::error::Error as StdError;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The result type of every fallible operation of YMIR.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Source = Box<dyn StdError + Send + Sync>;

/// What kind of thing went wrong; the part of an [`Error`] that a program decides on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The named thing does not exist.
    NotFound,
    /// The named thing exists and was to be created.
    AlreadyExists,
    /// Another writer was faster; read again and retry.
    Conflict,
    /// The caller's input is wrong; the message says which field and what is allowed.
    InvalidInput,
    /// This implementation cannot do what was asked.
    Unsupported,
    /// Stored data is not what was written.
    Corrupted,
    /// The executor ended without a valid result.
    ExecutorFailed,
    /// Out of memory, disk, GPUs or a configured bound.
    ResourceExhausted,
    /// It took longer than allowed.
    Timeout,
    /// The user or the embedding program stopped it.
    Cancelled,
    /// Credentials are missing or refused.
    Unauthorized,
    /// A service (Docker Engine, labeling server, object store) cannot be reached.
    Unavailable,
    /// Anything else, an operating system error for example.
    Unexpected,
}

impl ErrorKind {
    /// Returns the stable code of this kind, the same in every language binding.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::AlreadyExists => "already_exists",
            Self::Conflict => "conflict",
            Self::InvalidInput => "invalid_input",
            Self::Unsupported => "unsupported",
            Self::Corrupted => "corrupted",
            Self::ExecutorFailed => "executor_failed",
            Self::ResourceExhausted => "resource_exhausted",
            Self::Timeout => "timeout",
            Self::Cancelled => "cancelled",
            Self::Unauthorized => "unauthorized",
            Self::Unavailable => "unavailable",
            Self::Unexpected => "unexpected",
        }
    }
}

/// The one error of YMIR: what was attempted, on what, what was found, and what to do about it.
///
/// ```
/// use ymir_core::{Error, ErrorKind};
///
/// let error = Error::new(ErrorKind::NotFound, "no dataset of this name; `ymir log` lists them")
///     .with("dataset", "cats");
/// assert_eq!(error.kind(), ErrorKind::NotFound);
/// assert_eq!(error.to_string(), "no dataset of this name; `ymir log` lists them (dataset: cats)");
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    retryable: bool,
    message: String,
    context: Vec<(String, String)>,
    source: Option<Source>,
}

impl Error {
    /// Returns an error of a kind with a message for people.
    ///
    /// `Conflict`, `Timeout` and `Unavailable` start out as retryable, the others do not.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let retryable =
            matches!(kind, ErrorKind::Conflict | ErrorKind::Timeout | ErrorKind::Unavailable);
        let message = message.into();
        Self(Box::new(Inner { kind, retryable, message, context: Vec::new(), source: None }))
    }

    /// Returns an `InvalidInput` error.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidInput, message)
    }

    /// Returns a `NotFound` error.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    /// Returns a `Corrupted` error.
    pub fn corrupted(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Corrupted, message)
    }

    /// Returns the error for a failed file operation: the kind follows the I/O error, the path is
    /// in the context. Where the disk is full or too many files are open, the message says what to
    /// do.
    pub fn io(message: impl Into<String>, path: &std::path::Path, source: std::io::Error) -> Self {
        use std::io::ErrorKind as Io;
        let kind = match source.kind() {
            Io::NotFound => ErrorKind::NotFound,
            Io::AlreadyExists => ErrorKind::AlreadyExists,
            Io::PermissionDenied | Io::ReadOnlyFilesystem => ErrorKind::Unauthorized,
            Io::StorageFull | Io::QuotaExceeded | Io::OutOfMemory => ErrorKind::ResourceExhausted,
            _ if too_many_files(&source) => ErrorKind::ResourceExhausted,
            Io::TimedOut => ErrorKind::Timeout,
            _ => ErrorKind::Unexpected,
        };
        let mut message = message.into();
        if matches!(source.kind(), Io::StorageFull | Io::QuotaExceeded) {
            message.push_str("; free some space on the disk and try again");
        }
        if too_many_files(&source) {
            message.push_str("; allow more open files (`ulimit -n`) and try again");
        }
        Self::new(kind, message).with("path", path.display()).caused_by(source)
    }

    /// Adds a context pair, such as the file or field concerned.
    pub fn with(mut self, key: &str, value: impl fmt::Display) -> Self {
        self.0.context.push((key.to_owned(), value.to_string()));
        self
    }

    /// Sets the underlying error.
    pub fn caused_by(mut self, source: impl Into<Source>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Sets whether doing the same again can succeed.
    pub fn retryable(mut self, retryable: bool) -> Self {
        self.0.retryable = retryable;
        self
    }

    /// Returns the kind.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the stable code of the kind.
    pub fn code(&self) -> &'static str {
        self.0.kind.code()
    }

    /// Returns whether doing the same again can succeed.
    pub fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// Returns the message without its context.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Returns the context pairs, in the order they were added.
    pub fn context(&self) -> &[(String, String)] {
        &self.0.context
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        for (i, (key, value)) in self.0.context.iter().enumerate() {
            write!(f, "{}{key}: {value}", if i == 0 { " (" } else { ", " })?;
        }
        if !self.0.context.is_empty() {
            f.write_str(")")?;
        }
        match &self.0.source {
            Some(source) => write!(f, ": {source}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.0.message, self.code())?;
        for (key, value) in &self.0.context {
            write!(f, "\n  {key}: {value}")?;
        }
        let mut source = self.source();
        while let Some(cause) = source {
            write!(f, "\n  caused by: {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_ref().map(|source| source.as_ref() as &(dyn StdError + 'static))
    }
}

/// An [`Error`] as plain data, to be kept in a task's record or sent to another process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorReport {
    /// The kind.
    pub kind: ErrorKind,
    /// Whether doing the same again can succeed.
    pub retryable: bool,
    /// The message, followed by those of the underlying errors.
    pub message: String,
    /// The context pairs.
    pub context: Vec<(String, String)>,
}

impl From<&Error> for ErrorReport {
    fn from(error: &Error) -> Self {
        let mut message = error.0.message.clone();
        let mut source = error.source();
        while let Some(cause) = source {
            message.push_str(": ");
            message.push_str(&cause.to_string());
            source = cause.source();
        }
        Self {
            kind: error.0.kind,
            retryable: error.0.retryable,
            message,
            context: error.0.context.clone(),
        }
    }
}

impl From<ErrorReport> for Error {
    fn from(report: ErrorReport) -> Self {
        let mut error = Self::new(report.kind, report.message).retryable(report.retryable);
        error.0.context = report.context;
        error
    }
}

/// Returns whether this process, or all together, have as many files open as they may.
fn too_many_files(error: &std::io::Error) -> bool {
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    matches!(error.raw_os_error(), Some(ENFILE | EMFILE))
}
