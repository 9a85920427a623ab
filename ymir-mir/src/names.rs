//! The names that branches of the original have here.

use sha2::{Digest, Sha256};
use ymir_core::{Error, Name, Result};

/// The most characters of a name that is made up; the digits that tell it from others follow.
const KEPT: usize = 80;

/// Checks what is put before names.
///
/// # Errors
///
/// `InvalidInput` if no name can begin so.
pub(super) fn check_prefix(prefix: &str) -> Result<()> {
    match Name::new(format!("{prefix}x")) {
        Ok(_) if prefix.len() <= KEPT / 2 => Ok(()),
        _ => {
            let message = "the prefix must be up to 40 letters, digits, '_', '-' or '.', and begin with a letter, digit or '_'";
            Err(Error::invalid(message).with("prefix", prefix))
        }
    }
}

/// Returns the name for a branch: its own if that is a valid name, else one made of it, always the
/// same, with digits of its hash so that no two are mixed up.
pub(super) fn name_for(prefix: &str, branch: &str) -> Result<Name> {
    if let Ok(name) = Name::new(format!("{prefix}{branch}")) {
        return Ok(name);
    }
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let start: String = format!("{prefix}{branch}").chars().take(KEPT).map(plain).collect();
    let start = match start.strip_prefix('-') {
        Some(rest) => format!("_{rest}"),
        None => start,
    };
    let digits = hex::encode(&Sha256::digest(branch)[..4]);
    Name::new(format!("{start}-{digits}"))
}
