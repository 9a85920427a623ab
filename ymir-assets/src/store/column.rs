//! The columns of a leaf: numbers that may be absent, and key-value pairs.

use ymir_core::Attributes;

use super::generated::trie::{AttributeColumn, FloatColumn};

/// Numbers, one per annotation; `NaN`, which is never stored, stands for an absent one.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) enum Floats {
    /// No annotation has one.
    #[default]
    None,
    Singles(Vec<f32>),
    Doubles(Vec<f64>),
}

impl Floats {
    pub(super) fn get(&self, i: usize) -> Option<f64> {
        let value = match self {
            Self::None => return None,
            Self::Singles(values) => f64::from(values[i]),
            Self::Doubles(values) => values[i],
        };
        (!value.is_nan()).then_some(value)
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Singles(values) => values.len() * 4,
            Self::Doubles(values) => values.len() * 8,
        }
    }

    /// Returns the values of a column of `count` annotations.
    pub(super) fn decode(column: Option<FloatColumn>, count: usize) -> Result<Self, &'static str> {
        let Some(FloatColumn { present, mut singles, mut doubles }) = column else {
            return Ok(Self::None);
        };
        singles.shrink_to_fit();
        doubles.shrink_to_fit();
        match (singles.is_empty(), doubles.is_empty()) {
            (false, true) => spread(singles, &present, count, f32::NAN).map(Self::Singles),
            (true, false) => spread(doubles, &present, count, f64::NAN).map(Self::Doubles),
            _ => Err("a column of numbers has not one kind of them"),
        }
    }
}

fn spread<T: Copy>(
    values: Vec<T>,
    present: &[u8],
    count: usize,
    absent: T,
) -> Result<Vec<T>, &'static str> {
    const WRONG: &str = "a column of numbers has not as many as it says";
    if present.is_empty() {
        return if values.len() == count { Ok(values) } else { Err(WRONG) };
    }
    if present.len() != count.div_ceil(8) {
        return Err(WRONG);
    }
    let mut values = values.into_iter();
    let spread: Option<Vec<T>> = (0..count)
        .map(|i| if present[i / 8] >> (i % 8) & 1 == 1 { values.next() } else { Some(absent) })
        .collect();
    spread.filter(|_| values.next().is_none()).ok_or(WRONG)
}

/// Collects the numbers of a column in the order of the annotations.
#[derive(Debug, Default)]
pub(super) struct FloatsBuilder {
    values: Vec<f64>,
    present: Vec<u8>,
    count: usize,
}

impl FloatsBuilder {
    pub(super) fn push(&mut self, value: Option<f64>) {
        if self.count.is_multiple_of(8) {
            self.present.push(0);
        }
        if let Some(value) = value {
            // Equal numbers must have equal bytes: the sum turns -0.0 into 0.0.
            self.values.push(value + 0.0);
            self.present[self.count / 8] |= 1 << (self.count % 8);
        }
        self.count += 1;
    }

    pub(super) fn finish(self) -> Option<FloatColumn> {
        if self.values.is_empty() {
            return None;
        }
        let dense = self.values.len() == self.count;
        let present = if dense { Vec::new() } else { self.present };
        let single = |value: &f64| f64::from(*value as f32) == *value;
        if self.values.iter().all(single) {
            let singles = self.values.iter().map(|value| *value as f32).collect();
            return Some(FloatColumn { present, singles, doubles: Vec::new() });
        }
        Some(FloatColumn { present, singles: Vec::new(), doubles: self.values })
    }
}

/// Adds the pairs of one owner to a column.
pub(super) fn push_attributes(
    column: &mut Option<AttributeColumn>,
    owner: usize,
    pairs: &Attributes,
) {
    if pairs.is_empty() {
        return;
    }
    let column = column.get_or_insert_default();
    for (key, value) in pairs {
        column.owners.push(owner as u32);
        column.keys.push(key.clone());
        column.values.push(value.clone());
    }
}

/// Checks a column whose owners are numbered below a count.
pub(super) fn check_attributes(
    column: &Option<AttributeColumn>,
    owners: usize,
) -> Result<(), &'static str> {
    let Some(column) = column else { return Ok(()) };
    let count = column.owners.len();
    if column.keys.len() != count || column.values.len() != count {
        return Err("a column of attributes has not one key and value per owner");
    }
    if !column.owners.is_sorted() || column.owners.last().is_some_and(|o| *o as usize >= owners) {
        return Err("a column of attributes has owners out of order or bounds");
    }
    Ok(())
}

/// Returns the pairs of one owner.
pub(super) fn attributes(column: &Option<AttributeColumn>, owner: usize) -> Attributes {
    let Some(column) = column else { return Attributes::new() };
    let start = column.owners.partition_point(|o| (*o as usize) < owner);
    let own = column.owners[start..].iter().take_while(|o| **o as usize == owner).count();
    let pairs = start..start + own;
    pairs.map(|i| (column.keys[i].clone(), column.values[i].clone())).collect()
}

/// Returns the value of one key of one owner.
pub(super) fn attribute<'a>(
    column: &'a Option<AttributeColumn>,
    owner: usize,
    key: &str,
) -> Option<&'a str> {
    let column = column.as_ref()?;
    let start = column.owners.partition_point(|o| (*o as usize) < owner);
    let own = column.owners[start..].iter().take_while(|o| **o as usize == owner).count();
    let place = (start..start + own).find(|i| column.keys[*i] == key)?;
    Some(&column.values[place])
}

/// Returns about how much memory a column takes.
pub(super) fn attribute_bytes(column: &Option<AttributeColumn>) -> usize {
    let Some(column) = column else { return 0 };
    let text: usize = column.keys.iter().chain(&column.values).map(String::len).sum();
    text + column.owners.len() * (4 + 2 * size_of::<String>())
}
