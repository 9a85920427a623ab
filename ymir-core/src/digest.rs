use sha2::{Digest, Sha256};

/// Returns the SHA-256 of bytes in hexadecimal digits: for texts. The id of a file's bytes is an
/// [`AssetId`](crate::AssetId).
pub fn sha256_hex(bytes: impl AsRef<[u8]>) -> String {
    hex::encode(Sha256::digest(bytes))
}
