use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use flate2::{Compression, Crc, write::ZlibEncoder};
use git2::{ObjectType, Oid};
use sha1::{Digest, Sha1};
use tempfile::NamedTempFile;
use ymir_core::{Error, Result};

/// Up to this size a pack is put together in memory.
const MEMORY: usize = 8 << 20;
const HEADER: usize = 12;

/// How well an object can be compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    /// It is compressed already: deflate only frames it.
    Stored,
    /// It is text, a tree or plain protobuf.
    Deflated,
}

/// A git pack in the making: whole objects without deltas, in the order they were put.
#[derive(Debug)]
pub(super) struct PackWriter {
    dir: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    index: HashMap<Oid, Place>,
    buffer: Vec<u8>,
    file: Option<NamedTempFile>,
    written: u64,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    offset: u64,
    crc: u32,
}

/// A complete pack with its index in temporary files: not durable yet and not visible to readers.
#[derive(Debug)]
pub(super) struct FinishedPack {
    pub(super) pack: NamedTempFile,
    pub(super) index: NamedTempFile,
    name: String,
    dir: PathBuf,
}

impl PackWriter {
    /// Returns an empty pack that is to stand in this directory.
    pub(super) fn new(dir: &Path) -> Self {
        let (index, buffer) = (HashMap::new(), header(0));
        let state = State { index, buffer, file: None, written: 0 };
        Self { dir: dir.to_owned(), state: Mutex::new(state) }
    }

    /// Puts an object in, unless it is there; compresses outside the lock.
    pub(super) fn put(&self, oid: Oid, kind: ObjectType, data: &[u8], how: Packing) -> Result<()> {
        if self.lock().index.contains_key(&oid) {
            return Ok(());
        }
        self.put_entry(oid, &entry(kind, data, how))
    }

    /// Puts an object in as it stands in a pack, whole and compressed.
    pub(super) fn put_entry(&self, oid: Oid, entry: &[u8]) -> Result<()> {
        let mut crc = Crc::new();
        crc.update(entry);
        let mut state = self.lock();
        if state.index.contains_key(&oid) {
            return Ok(());
        }
        let offset = state.written + state.buffer.len() as u64;
        state.index.insert(oid, Place { offset, crc: crc.sum() });
        state.buffer.extend_from_slice(entry);
        if state.buffer.len() > MEMORY { state.spill(&self.dir) } else { Ok(()) }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the pack and its index; none if there is nothing in it.
    pub(super) fn finish(self) -> Result<Option<FinishedPack>> {
        let mut state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        if state.index.is_empty() {
            return Ok(None);
        }
        let count = u32::try_from(state.index.len()).map_err(|_| {
            Error::invalid("a commit of more than 4,294,967,295 objects; commit in parts")
        })?;
        let (pack, checksum) = state.complete(&self.dir, count)?;
        let (data, name) = index(&state.index, checksum);
        let mut index = temporary(&self.dir, "tmp_idx_")?;
        index.write_all(&data).map_err(|e| write_error(index.path(), e))?;
        Ok(Some(FinishedPack { pack, index, name, dir: self.dir }))
    }
}

impl State {
    fn spill(&mut self, dir: &Path) -> Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(temporary(dir, "tmp_pack_")?),
        };
        file.write_all(&self.buffer).map_err(|e| write_error(file.path(), e))?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Writes the rest, the number of objects and the checksum of the whole.
    fn complete(&mut self, dir: &Path, count: u32) -> Result<(NamedTempFile, [u8; 20])> {
        if self.file.is_none() {
            self.buffer[..HEADER].copy_from_slice(&header(count));
            let checksum: [u8; 20] = Sha1::digest(&self.buffer).into();
            self.buffer.extend_from_slice(&checksum);
            self.spill(dir)?;
            let file = self.file.take().expect("spilling made it");
            return Ok((file, checksum));
        }
        self.spill(dir)?;
        let mut file = self.file.take().expect("spilling made it");
        let path = file.path().to_owned();
        let checksum = patch(file.as_file_mut(), count).map_err(|e| write_error(&path, e))?;
        Ok((file, checksum))
    }
}

fn patch(file: &mut File, count: u32) -> std::io::Result<[u8; 20]> {
    file.seek(SeekFrom::Start(0))?;
    file.write_all(&header(count))?;
    file.seek(SeekFrom::Start(0))?;
    let (mut hash, mut buffer) = (Sha1::new(), vec![0; 1 << 18]);
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            n => hash.update(&buffer[..n]),
        }
    }
    let checksum: [u8; 20] = hash.finalize().into();
    file.write_all(&checksum)?;
    Ok(checksum)
}

impl FinishedPack {
    /// Makes the pack visible to readers, of this and of other processes.
    pub(super) fn publish(self) -> Result<PathBuf> {
        let path = |extension| self.dir.join(format!("pack-{}.{extension}", self.name));
        let (pack, index) = (path("pack"), path("idx"));
        if index.exists() {
            return Ok(pack);
        }
        persist(self.pack, &pack)?;
        persist(self.index, &index)?;
        Ok(pack)
    }
}

fn persist(file: NamedTempFile, path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let readable = std::fs::Permissions::from_mode(0o444);
    file.as_file().set_permissions(readable).map_err(|e| write_error(path, e))?;
    file.persist(path).map(drop).map_err(|e| write_error(path, e.error))
}

fn temporary(dir: &Path, prefix: &str) -> Result<NamedTempFile> {
    let made = tempfile::Builder::new().prefix(prefix).tempfile_in(dir);
    made.map_err(|e| Error::io("cannot make a temporary file in the repository", dir, e))
}

fn write_error(path: &Path, e: std::io::Error) -> Error {
    Error::io("cannot write a pack of the repository", path, e)
}

fn header(count: u32) -> Vec<u8> {
    [b"PACK".as_slice(), &2u32.to_be_bytes(), &count.to_be_bytes()].concat()
}

/// Returns an object as it stands in a pack: type and size in a variable-length number, then zlib.
fn entry(kind: ObjectType, data: &[u8], how: Packing) -> Vec<u8> {
    let number = match kind {
        ObjectType::Commit => 1,
        ObjectType::Tree => 2,
        _ => 3,
    };
    let mut out = Vec::with_capacity(data.len() + 64);
    let mut size = data.len() as u64;
    let mut byte = (number << 4) | (size & 15) as u8;
    size >>= 4;
    while size > 0 {
        out.push(byte | 0x80);
        byte = (size & 0x7f) as u8;
        size >>= 7;
    }
    out.push(byte);
    let level = match how {
        Packing::Stored => Compression::none(),
        Packing::Deflated => Compression::new(1),
    };
    let mut zlib = ZlibEncoder::new(out, level);
    zlib.write_all(data).and_then(|()| zlib.finish()).expect("writing into memory does not fail")
}

/// Returns the index (version 2) and the name of a pack.
fn index(objects: &HashMap<Oid, Place>, checksum: [u8; 20]) -> (Vec<u8>, String) {
    let mut sorted: Vec<_> = objects.iter().collect();
    sorted.sort_unstable_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
    let mut fanout = [0u32; 256];
    let (mut ids, mut crcs) = (Vec::new(), Vec::new());
    let (mut offsets, mut large) = (Vec::new(), Vec::new());
    for (oid, place) in sorted {
        fanout[usize::from(oid.as_bytes()[0])] += 1;
        ids.extend_from_slice(oid.as_bytes());
        crcs.extend_from_slice(&place.crc.to_be_bytes());
        let offset = u32::try_from(place.offset).ok().filter(|offset| *offset < 1 << 31);
        let offset = offset.unwrap_or_else(|| {
            large.extend_from_slice(&place.offset.to_be_bytes());
            (1 << 31) | (large.len() / 8 - 1) as u32
        });
        offsets.extend_from_slice(&offset.to_be_bytes());
    }
    let mut out = vec![0xff, b't', b'O', b'c', 0, 0, 0, 2];
    let mut sum = 0;
    for count in fanout {
        sum += count;
        out.extend_from_slice(&u32::to_be_bytes(sum));
    }
    let name = hex::encode(Sha1::digest(&ids));
    for part in [ids, crcs, offsets, large, checksum.to_vec()] {
        out.extend_from_slice(&part);
    }
    let own: [u8; 20] = Sha1::digest(&out).into();
    out.extend_from_slice(&own);
    (out, name)
}
