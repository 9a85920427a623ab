use std::io::{self, Read};

/// Reads a regular file to its end, with one call where it is as long as was told.
pub fn read_whole(file: &mut impl Read, size: usize) -> io::Result<Vec<u8>> {
    // One byte more than there are: a call that returns less has come to the end.
    let mut bytes = vec![0; size + 1];
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read(&mut bytes[filled..]) {
            Ok(0) => break,
            Ok(n) => {
                filled += n;
                if filled == size {
                    break;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    if filled > size {
        file.read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}
