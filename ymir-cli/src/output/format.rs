/// Returns a text without control characters: names of files and classes are strangers' and could
/// otherwise steer the terminal.
pub(crate) fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

/// Returns a number of bytes as people read it.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    match unit {
        0 => format!("{count} B"),
        _ => format!("{value:.1} {}", UNITS[unit]),
    }
}

/// Returns a figure between 0 and 1, or a dash where there is none.
pub(crate) fn metric(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.3}"))
}

/// Returns a duration as people read it.
pub(crate) fn seconds(value: f64) -> String {
    match value {
        value if value < 60.0 => format!("{value:.1} s"),
        value => {
            let whole = value.round() as u64;
            format!("{} min {:02} s", whole / 60, whole % 60)
        }
    }
}
