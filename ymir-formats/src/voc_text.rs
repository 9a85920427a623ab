use std::borrow::Cow;

use encoding_rs::Encoding;

/// Returns the text of an XML file: UTF-8, UTF-16 with a byte order mark, or what the file says.
///
/// # Errors
///
/// Says which encoding is not supported, or where the text is wrong.
pub(super) fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, String> {
    match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest),
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        _ if bytes.is_ascii() => utf8(bytes),
        _ => {
            let name = declared(bytes);
            match (name.as_deref(), utf8(bytes)) {
                // Any text is one in an encoding of single bytes, and hardly any in it is UTF-8.
                (name, Ok(text)) if !name.is_some_and(is_of_several_bytes) => Ok(text),
                (Some("iso-8859-1" | "latin1" | "latin-1" | "us-ascii" | "ascii"), _) => {
                    Ok(Cow::Owned(bytes.iter().map(|byte| char::from(*byte)).collect()))
                }
                (None | Some("utf-8" | "utf8"), text) => text,
                (Some(encoding), _) => other(bytes, encoding),
            }
        }
    }
}

/// Returns whether a name is that of a known encoding in which characters have several bytes.
fn is_of_several_bytes(name: &str) -> bool {
    Encoding::for_label(name.as_bytes()).is_some_and(|known| !known.is_single_byte())
}

fn utf8(bytes: &[u8]) -> Result<Cow<'_, str>, String> {
    std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        format!("line {line}: the text is not UTF-8; convert the file to UTF-8")
    })
}

/// Returns the text of a file that says which encoding it has. Many do and are UTF-8 all the same,
/// which is seen where their text is none in the encoding.
fn other<'a>(bytes: &'a [u8], name: &str) -> Result<Cow<'a, str>, String> {
    // What is said in ASCII is not in UTF-16.
    let known = Encoding::for_label(name.as_bytes()).filter(|known| known.is_ascii_compatible());
    let text =
        known.and_then(|known| known.decode_without_bom_handling_and_without_replacement(bytes));
    text.map_or_else(|| utf8(bytes), Ok).map_err(|_| match known {
        Some(_) => format!("line 1: the text is not {name} as it says; convert it to UTF-8"),
        None => format!("line 1: the encoding {name} is not supported; convert it to UTF-8"),
    })
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<Cow<'static, str>, String> {
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    let text: Result<String, _> = char::decode_utf16(units).collect();
    text.map(Cow::Owned).map_err(|_| "line 1: the text is not UTF-16 as it says".to_owned())
}

/// Returns the encoding that the XML declaration names, in lower case.
fn declared(bytes: &[u8]) -> Option<String> {
    let head = &bytes[..bytes.len().min(200)];
    let head = head.split(|byte| *byte == b'>').next()?;
    let head = std::str::from_utf8(head).ok()?;
    let (_, rest) = head.strip_prefix("<?xml")?.split_once("encoding")?;
    let name = rest.trim_start().strip_prefix('=')?.trim_start();
    let name = name.split(['"', '\'']).nth(1)?;
    Some(name.to_ascii_lowercase())
}

/// Appends text as the content of an element or, the same, of an attribute. Characters that XML
/// cannot hold become U+FFFD.
pub(super) fn escape_into(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' => out.push_str("&#9;"),
            '\n' => out.push_str("&#10;"),
            '\r' => out.push_str("&#13;"),
            // Readers of XML turn them into a newline.
            '\u{85}' => out.push_str("&#133;"),
            '\u{2028}' => out.push_str("&#8232;"),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
}
