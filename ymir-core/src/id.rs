use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Error;

/// Defines a fixed-size binary id that is shown, parsed and serialised as lower-case hex.
macro_rules! hex_id {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $len]);

        impl $name {
            /// The number of bytes.
            pub const LEN: usize = $len;

            /// Returns the id made of these bytes.
            pub const fn new(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// Returns the bytes.
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                let mut bytes = [0; $len];
                hex::decode_to_slice(text, &mut bytes).map_err(|_| {
                    let digits = 2 * $len;
                    Error::invalid(format!("expected an id of {digits} hexadecimal digits"))
                        .with("id", text)
                })?;
                Ok(Self(bytes))
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = Error;

            fn try_from(bytes: &[u8]) -> Result<Self, Error> {
                let bytes = bytes.try_into().map_err(|_| {
                    Error::invalid(format!("expected an id of {} bytes", $len))
                        .with("bytes", bytes.len())
                })?;
                Ok(Self(bytes))
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

hex_id! {
    /// The identity of an asset and of a blob: the SHA-256 of its original bytes.
    AssetId, 32
}

/// The identity of a blob. The blob of an asset has the asset's id.
pub type BlobId = AssetId;

impl AssetId {
    /// Returns the id of these bytes: their SHA-256.
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest;
        Self(sha2::Sha256::digest(bytes).into())
    }
}

/// Defines a binary id whose length whoever issues it decides, shown, parsed and serialised as
/// lower-case hex.
macro_rules! opaque_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name {
            /// Zeros behind the id, so that the derived order is that of the ids.
            bytes: [u8; 32],
            len: u8,
        }

        impl $name {
            /// The fewest bytes.
            pub const MIN_LEN: usize = 16;
            /// The most bytes.
            pub const MAX_LEN: usize = 32;

            /// Returns the id made of these bytes, of which there are 16 to 32.
            pub const fn new<const N: usize>(bytes: [u8; N]) -> Self {
                const { assert!(N >= Self::MIN_LEN && N <= Self::MAX_LEN) };
                let mut all = [0; 32];
                let mut i = 0;
                while i < N {
                    all[i] = bytes[i];
                    i += 1;
                }
                Self { bytes: all, len: N as u8 }
            }

            /// Returns the bytes.
            pub fn as_bytes(&self) -> &[u8] {
                &self.bytes[..usize::from(self.len)]
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.as_bytes()))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                let bytes = hex::decode(text).ok();
                bytes.and_then(|bytes| Self::try_from(bytes.as_slice()).ok()).ok_or_else(|| {
                    let message = "expected a whole id of 32 to 64 hexadecimal digits";
                    Error::invalid(message).with("id", text)
                })
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = Error;

            fn try_from(bytes: &[u8]) -> Result<Self, Error> {
                if !(Self::MIN_LEN..=Self::MAX_LEN).contains(&bytes.len()) {
                    let message = "expected an id of 16 to 32 bytes";
                    return Err(Error::invalid(message).with("bytes", bytes.len()));
                }
                let mut all = [0; 32];
                all[..bytes.len()].copy_from_slice(bytes);
                Ok(Self { bytes: all, len: bytes.len() as u8 })
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

opaque_id! {
    /// The identity of one version. Its length is the store's choice: 20 bytes for a git
    /// repository with SHA-1, 32 for one with SHA-256.
    VersionId
}

opaque_id! {
    /// The identity of a chunk of records that a store keeps together: equal ids stand for equal
    /// records, in whatever version of the store. What it is made of is the store's affair.
    ChunkId
}

/// Defines a text id with a check of its characters.
macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $check:path, $rule:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Returns the text as a checked id.
            ///
            /// # Errors
            ///
            #[doc = concat!("`InvalidInput` unless it is ", $rule, ".")]
            pub fn new(text: impl Into<String>) -> Result<Self, Error> {
                let text = text.into();
                if $check(&text) {
                    return Ok(Self(text));
                }
                Err(Error::invalid(concat!("expected ", $rule)).with(stringify!($name), &text))
            }

            /// Returns the text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = Error;

            fn try_from(text: String) -> Result<Self, Error> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
    };
}

text_id! {
    /// The name of a dataset, prediction set, model or project.
    Name, is_name,
    "a name of 1 to 100 letters, digits, '_', '-' or '.', that begins with a letter, digit or '_' and has no '..' and no '.' or '.lock' at its end"
}
text_id! {
    /// The id of a task: it is also what an executor sees as `task_id`.
    TaskId, is_task_id,
    "a task id of 1 to 64 letters, digits or underscores"
}
text_id! {
    /// The id of a labeling job, chosen by the caller so that creating it twice makes one job.
    LabelJobId, is_task_id,
    "a label job id of 1 to 64 letters, digits or underscores"
}
text_id! {
    /// The id of a workspace, made when it is created.
    WorkspaceId, is_task_id,
    "a workspace id of 1 to 64 letters, digits or underscores"
}

fn is_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    (1..=100).contains(&text.len())
        && text.chars().all(allowed)
        && !text.starts_with(['-', '.'])
        && !text.contains("..")
        && !text.ends_with('.')
        && !text.ends_with(".lock")
}

fn is_task_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
