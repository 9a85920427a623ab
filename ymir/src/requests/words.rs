//! What a deserializer says, in the words of who gives options in another language.

/// The types of Rust that a deserializer says it expected, and what users know them by.
const TYPES: [(&str, &str); 12] = [
    ("u8", "a whole number from 0 to 255"),
    ("u16", "a whole number from 0 to 65535"),
    ("u32", "a whole number from 0 to 4294967295"),
    ("u64", "a whole number, 0 or more"),
    ("usize", "a whole number, 0 or more"),
    ("i64", "a whole number"),
    ("f64", "a number"),
    ("a boolean", "true or false"),
    ("a string", "a text"),
    ("a borrowed string", "a text"),
    ("a sequence", "a list"),
    ("a map", "named fields"),
];

/// Returns a reason with what was expected in plain words.
pub(super) fn plain(reason: &str) -> String {
    let Some((found, expected)) = reason.split_once(", expected ") else {
        return reason.to_owned();
    };
    let word = TYPES.iter().find(|(name, _)| *name == expected).map(|(_, word)| *word);
    let word = word.or_else(|| expected.starts_with("struct ").then_some("named fields"));
    format!("{found}, expected {}", word.unwrap_or(expected))
}
