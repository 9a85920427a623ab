//! Values of COCO documents as programs write them: a value that makes no sense is told of its item,
//! and does not end the reading of the document.

use std::fmt;

use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// The most numbers that an outline, a mask or a list of keypoints may have.
pub(super) const MAX_NUMBERS: usize = 4_000_000;

/// An id: a whole number, or in some documents a text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Id {
    Number(i64),
    Text(Box<str>),
    /// It is neither.
    Bad,
}

/// A number, also in quotes or as a truth value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    Is(f64),
    /// Null.
    None,
    /// It is none.
    Bad,
}

impl Number {
    /// Returns the number, if there is one.
    ///
    /// # Errors
    ///
    /// Names the field if it is something else.
    pub(super) fn get(self, field: &str) -> Result<Option<f64>, String> {
        match self {
            Self::Is(number) => Ok(Some(number)),
            Self::None => Ok(None),
            Self::Bad => Err(format!("its {field} is no number")),
        }
    }

    /// Returns a whole number from 0 on.
    pub(super) fn whole(self) -> Option<u32> {
        match self {
            Self::Is(number) => whole(number),
            Self::None | Self::Bad => None,
        }
    }
}

/// Returns a number that is a whole one from 0 on.
pub(super) fn whole(number: f64) -> Option<u32> {
    let is_whole = number >= 0.0 && number.fract() == 0.0 && number <= f64::from(u32::MAX);
    is_whole.then_some(number as u32)
}

/// A list of numbers.
#[derive(Debug)]
pub(super) enum Numbers {
    Are(Vec<f64>),
    /// It is none, or has something else in it.
    Bad,
}

impl Numbers {
    /// Returns the numbers.
    ///
    /// # Errors
    ///
    /// Names the field if it is something else.
    pub(super) fn get(self, field: &str) -> Result<Vec<f64>, String> {
        match self {
            Self::Are(numbers) => Ok(numbers),
            Self::Bad => Err(format!("its {field} is no list of numbers")),
        }
    }
}

/// Numbers, or one.
#[derive(Debug)]
pub(super) enum Part {
    Number(f64),
    Numbers(Vec<f64>),
    Bad,
}

/// What there can be where a number, a text or a list of numbers is wanted.
pub(super) enum Any {
    Null,
    Number(f64),
    Whole(i64),
    Text(Box<str>),
    Numbers(Vec<f64>),
    Other,
}

impl<'de> Deserialize<'de> for Any {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyVisitor)
    }
}

struct AnyVisitor;

impl<'de> Visitor<'de> for AnyVisitor {
    type Value = Any;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E: Error>(self) -> Result<Any, E> {
        Ok(Any::Null)
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<Any, E> {
        Ok(Any::Number(f64::from(u8::from(truth))))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Any, E> {
        Ok(Any::Whole(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Any, E> {
        Ok(i64::try_from(number).map_or(Any::Number(number as f64), Any::Whole))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Any, E> {
        Ok(Any::Number(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Any, E> {
        Ok(Any::Text(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Any, A::Error> {
        let (mut numbers, mut count, mut good) = (Vec::new(), 0, true);
        while let Some(number) = seq.next_element::<Number>()? {
            count += 1;
            if count > MAX_NUMBERS {
                return Err(A::Error::custom("a list of numbers is too long"));
            }
            match number {
                Number::Is(number) if good => numbers.push(number),
                Number::Is(_) => {}
                Number::None | Number::Bad => good = false,
            }
        }
        Ok(if good { Any::Numbers(numbers) } else { Any::Other })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Any, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Any::Other)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberVisitor)
    }
}

/// Reads a number by itself: there are millions of them.
struct NumberVisitor;

impl<'de> Visitor<'de> for NumberVisitor {
    type Value = Number;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_unit<E: Error>(self) -> Result<Number, E> {
        Ok(Number::None)
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<Number, E> {
        Ok(Number::Is(f64::from(u8::from(truth))))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Number, E> {
        Ok(Number::Is(number as f64))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Number, E> {
        Ok(Number::Is(number as f64))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Number, E> {
        Ok(Number::Is(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Number, E> {
        let number = text.trim().parse().ok().filter(|number: &f64| number.is_finite());
        Ok(number.map_or(Number::Bad, Number::Is))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Number, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Number::Bad)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Number, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Number::Bad)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Any::deserialize(deserializer)? {
            Any::Whole(number) => Self::Number(number),
            // Tables of numbers make fractions of ids.
            Any::Number(n) if n.fract() == 0.0 && n.abs() < 9e15 => Self::Number(n as i64),
            // A number in quotes is that number.
            Any::Text(text) => text.trim().parse().map_or(Self::Text(text), Self::Number),
            _ => Self::Bad,
        })
    }
}

impl<'de> Deserialize<'de> for Numbers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Any::deserialize(deserializer)? {
            Any::Numbers(numbers) => Self::Are(numbers),
            Any::Null => Self::Are(Vec::new()),
            _ => Self::Bad,
        })
    }
}

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Any::deserialize(deserializer)? {
            Any::Numbers(numbers) => Self::Numbers(numbers),
            Any::Number(number) => Self::Number(number),
            Any::Whole(number) => Self::Number(number as f64),
            _ => Self::Bad,
        })
    }
}
