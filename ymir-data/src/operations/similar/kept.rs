use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use sha2::{Digest, Sha256};
use ymir_core::{AssetId, AssetStore};

use super::seen::Look;

/// How many looks are kept at most: 192 MiB of them.
const LIMIT: u64 = 1 << 22;
/// The bytes of one: the id, the hash, and a sum of both.
const ENTRY: usize = 48;
/// Part of each sum. Another way of hashing has another one, and so finds nothing that this one left.
const METHOD: &[u8] = b"ymir difference hash 1";

/// What images were found to look like, in a file of the store's directory, so that none is decoded
/// twice.
///
/// It may be lost at any time, and whatever goes wrong with it only means that images are decoded
/// again. Processes share it: who reads has a lock together with others, who writes has it alone.
/// What a writer that was killed left of an entry, or a disk has damaged, does not have the sum that
/// it says. Of a file that is full, the half that was written first goes.
#[derive(Debug, Clone)]
pub(super) struct KeptLooks {
    path: PathBuf,
    limit: u64,
}

impl KeptLooks {
    /// Returns those of a store; none if it is not in a directory.
    pub(super) fn of(store: &dyn AssetStore) -> Option<Self> {
        let path = store.root()?.join("state/looks");
        Some(Self { path, limit: LIMIT })
    }

    /// Returns the hashes of those of the images that were looked at before.
    pub(super) fn find(&self, ids: &HashSet<AssetId>) -> HashMap<AssetId, u64> {
        self.read(ids).unwrap_or_default()
    }

    fn read(&self, ids: &HashSet<AssetId>) -> io::Result<HashMap<AssetId, u64>> {
        let mut found = HashMap::new();
        let file = File::open(&self.path)?;
        file.lock_shared()?;
        let mut entries = BufReader::with_capacity(1 << 18, &file);
        let mut entry = [0; ENTRY];
        let read = loop {
            match entries.read_exact(&mut entry) {
                Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => break Ok(found),
                Err(e) => break Err(e),
                Ok(()) => {}
            }
            if let Some((id, hash)) = decode(&entry, ids) {
                found.insert(id, hash);
            }
        };
        // Closing it would not do: a forked child has the file open as well.
        file.unlock()?;
        read
    }

    /// Keeps what images look like.
    pub(super) fn add(&self, looks: &[Look]) {
        // Lost, they are found again by looking.
        let _ = self.append(looks);
    }

    fn append(&self, looks: &[Look]) -> io::Result<()> {
        fs::create_dir_all(self.path.parent().unwrap_or(&self.path))?;
        let mut options = File::options();
        options.create(true).truncate(false).read(true).write(true);
        let mut file = options.open(&self.path)?;
        file.lock()?;
        let written = self.append_to(&mut file, looks);
        file.unlock()?;
        written
    }

    fn append_to(&self, file: &mut File, looks: &[Look]) -> io::Result<()> {
        let size = ENTRY as u64;
        // Half an entry, of a writer that was killed, is written over.
        let mut count = file.metadata()?.len() / size;
        if count + looks.len() as u64 > self.limit {
            let kept = (self.limit / 2).min(count);
            let mut newest = vec![0; (kept * size) as usize];
            file.seek(SeekFrom::Start((count - kept) * size))?;
            file.read_exact(&mut newest)?;
            file.set_len(0)?;
            file.rewind()?;
            file.write_all(&newest)?;
            count = kept;
        }
        let room = self.limit.saturating_sub(count) as usize;
        let entries: Vec<u8> = looks.iter().take(room).flat_map(encode).collect();
        file.seek(SeekFrom::Start(count * size))?;
        file.write_all(&entries)
    }
}

fn encode((id, hash): &Look) -> [u8; ENTRY] {
    let mut entry = [0; ENTRY];
    entry[..32].copy_from_slice(id.as_bytes());
    entry[32..40].copy_from_slice(&hash.to_le_bytes());
    let sum = sum(&entry[..40]);
    entry[40..].copy_from_slice(&sum);
    entry
}

/// Returns what an entry says, if it is of one of these images and whole.
fn decode(entry: &[u8; ENTRY], ids: &HashSet<AssetId>) -> Option<Look> {
    let id = AssetId::try_from(&entry[..32]).ok().filter(|id| ids.contains(id))?;
    let hash = u64::from_le_bytes(entry[32..40].try_into().ok()?);
    (sum(&entry[..40]) == entry[40..]).then_some((id, hash))
}

fn sum(bytes: &[u8]) -> [u8; 8] {
    let digest: [u8; 32] = Sha256::new().chain_update(METHOD).chain_update(bytes).finalize().into();
    let mut sum = [0; 8];
    sum.copy_from_slice(&digest[..8]);
    sum
}

#[cfg(test)]
#[path = "kept_tests.rs"]
mod tests;
