//! The one error: a return code of the executor contract and a message.

use std::fmt;

/// The return codes of the contract that this executor uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Code {
    /// Something in the executor or its surroundings failed (the platform's own code).
    Failed = 160_004,
    /// The configuration or `env.yaml` is wrong.
    Config = 300_001,
    /// The dataset is missing, empty or malformed.
    Dataset = 300_002,
    /// An image cannot be read.
    ImageFormat = 300_003,
    /// The model is missing or malformed.
    Model = 300_004,
    /// The object type is not detection.
    ObjectType = 300_005,
    /// The loss became infinite or not a number.
    NotANumber = 300_201,
}

/// A failure of the run.
#[derive(Debug, Clone)]
pub struct Error {
    /// Return code for the monitor file.
    pub code: Code,
    /// What was attempted, on what, what was found, and what to do.
    pub message: String,
}

/// The result of anything that can fail the run.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Returns an error with a code.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// Returns an error about the configuration.
    pub fn config(message: impl Into<String>) -> Self {
        Self::new(Code::Config, message)
    }

    /// Returns an error about the dataset.
    pub fn dataset(message: impl Into<String>) -> Self {
        Self::new(Code::Dataset, message)
    }

    /// Returns an error about the model.
    pub fn model(message: impl Into<String>) -> Self {
        Self::new(Code::Model, message)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (code {})", self.message, self.code as u32)
    }
}

impl std::error::Error for Error {}
