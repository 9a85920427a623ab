use std::fmt;

use ymir_core::{Error, Result};

/// The identity of a GPU: the UUID that its driver gives it, the same in every process.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId(String);

impl DeviceId {
    /// Returns the text as a checked id. It names a lease file, so it must be a plain file name.
    ///
    /// # Errors
    ///
    /// `InvalidInput` unless it is 1 to 128 ASCII letters, digits, `-`, `_` or `.`, and begins
    /// with a letter or digit.
    pub fn new(text: impl Into<String>) -> Result<Self> {
        let text = text.into();
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let first = text.chars().next().is_some_and(|c| c.is_ascii_alphanumeric());
        if first && text.len() <= 128 && text.chars().all(allowed) {
            return Ok(Self(text));
        }
        let message = "expected a device id of 1 to 128 letters, digits, '-', '_' or '.'";
        Err(Error::invalid(message).with("device", text))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One GPU of this host, as it was when it was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its identity.
    pub id: DeviceId,
    /// The driver's number for it, counted from 0; it can change when the host starts anew.
    pub index: u32,
    /// What it is called, `NVIDIA A100-SXM4-80GB` for example.
    pub name: String,
    /// Its memory in bytes.
    pub memory_total: u64,
    /// How much of it is in use, in bytes.
    pub memory_used: u64,
    /// The NUMA node it is attached to, where the host says so.
    pub numa_node: Option<u32>,
    /// Whether a program that is not ours uses it, or it cannot be used as a whole.
    pub busy: bool,
}

impl Device {
    /// Returns how much of its memory is free, in bytes.
    pub fn memory_free(&self) -> u64 {
        self.memory_total.saturating_sub(self.memory_used)
    }
}
