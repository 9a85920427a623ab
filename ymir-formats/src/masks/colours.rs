//! Which colour means which class.

use super::super::intake::read_text;
use std::collections::HashMap;
use std::path::Path;

/// The classes of Pascal VOC, whose numbers are their places counted from 1.
const VOC: [&str; 20] = [
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
];

/// Returns the n-th colour of Pascal VOC: the bits of the number, spread over the channels.
pub(super) fn voc_colour(n: u8) -> [u8; 3] {
    let bit = |place: u8| u8::from(u32::from(n) >> place & 1 == 1);
    let channel = |first: u8| (0..3).fold(0, |all, i| all | bit(3 * i + first) << (7 - i));
    [channel(0), channel(1), channel(2)]
}

/// The classes of a source by colour and by number.
#[derive(Debug, Default)]
pub(super) struct Colours {
    colours: HashMap<[u8; 3], Option<String>>,
    numbers: Vec<Option<String>>,
}

impl Colours {
    /// The classes of Pascal VOC.
    pub(super) fn voc() -> Self {
        let names = VOC.iter().map(|name| Some((*name).to_owned()));
        let numbers: Vec<_> = std::iter::once(None).chain(names).collect();
        let colours = (0..).zip(&numbers).map(|(n, name)| (voc_colour(n), name.clone()));
        Self { colours: colours.collect(), numbers }
    }

    /// Reads `labelmap.txt`: lines of `name:r,g,b` with whatever behind another colon, or of a name
    /// alone. A class of the name `background` is none.
    ///
    /// # Errors
    ///
    /// Says what is wrong, and in which line.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let text = read_text(path).map_err(|(_, reason)| reason)?;
        let mut read = Self::default();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let mut parts = line.split(':');
            let name = parts.next().unwrap_or_default().trim();
            let name = Some(name.to_owned()).filter(|name| !is_background(name));
            read.numbers.push(name.clone());
            let Some(colour) = parts.next().filter(|colour| !colour.trim().is_empty()) else {
                continue;
            };
            let channels: Result<Vec<u8>, _> =
                colour.split(',').map(|channel| channel.trim().parse()).collect();
            let Ok([r, g, b]) = channels.as_deref() else {
                return Err(format!("line {}: a colour is three numbers up to 255", number + 1));
            };
            read.colours.insert([*r, *g, *b], name);
        }
        Ok(read)
    }

    /// Returns the class of a pixel: its name, none for the background, or that it has none.
    pub(super) fn class(&self, number: Option<u32>, colour: Option<[u8; 3]>) -> Class<'_> {
        let by_colour = colour.and_then(|colour| self.colours.get(&colour));
        let by_number = || self.numbers.get(number? as usize);
        match by_colour.or_else(by_number) {
            Some(Some(name)) => Class::Named(name),
            Some(None) => Class::Background,
            None if number == Some(0) || colour == Some([0; 3]) => Class::Background,
            // Pascal VOC's border between objects.
            None if number == Some(255) || colour == Some([224, 224, 192]) => Class::Background,
            None => Class::Unknown,
        }
    }
}

/// What a pixel is of.
#[derive(Debug, PartialEq)]
pub(super) enum Class<'a> {
    Background,
    Named(&'a str),
    Unknown,
}

fn is_background(name: &str) -> bool {
    name.is_empty() || name.eq_ignore_ascii_case("background") || name == "__background__"
}
