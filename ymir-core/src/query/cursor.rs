use super::display::is_name;
use crate::{Error, Result};

/// What comparisons are written with.
const SIGNS: [char; 5] = ['=', '!', '<', '>', ':'];

/// So many characters of a query are shown on either side of a place.
const SHOWN: usize = 100;

/// A place in the text of a query.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    /// In bytes.
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn go_to(&mut self, at: usize) {
        self.at = at;
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(super) fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest().is_empty()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Takes a sign, if it comes next.
    pub(super) fn take(&mut self, sign: &str) -> bool {
        let is_next = self.rest().starts_with(sign);
        if is_next {
            self.at += sign.len();
        }
        is_next
    }

    /// Takes what has only such characters, perhaps nothing.
    fn take_while(&mut self, fits: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !fits(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// Takes a name, perhaps an empty one.
    pub(super) fn name(&mut self) -> &'a str {
        self.take_while(is_name)
    }

    /// Takes a value: a text in quotes, or one up to the next space, comma or parenthesis. One that
    /// begins with a sign of comparisons is a slip, such as `camera==3`.
    pub(super) fn value(&mut self, expected: &str) -> Result<String> {
        if let Some(text) = self.quoted()? {
            return Ok(text);
        }
        let ends = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | ',');
        let start = self.at;
        match self.take_while(|c| !ends(c)) {
            "" => Err(self.expected(start, expected)),
            text if text.starts_with(SIGNS) => {
                let remedy = format!(
                    "{expected} (compare by one of = != < <= > >=; a text that begins with a sign \
                     stands in quotes)"
                );
                Err(self.expected(start, &remedy))
            }
            text => Ok(text.to_owned()),
        }
    }

    /// Takes a text in quotes, if one comes next; a backslash stands before a quote or a backslash
    /// that is meant.
    pub(super) fn quoted(&mut self) -> Result<Option<String>> {
        let start = self.at;
        let Some(quote @ ('"' | '\'')) = self.peek() else { return Ok(None) };
        let mut text = String::new();
        let mut escaped = false;
        for (i, c) in self.rest().char_indices().skip(1) {
            match c {
                _ if escaped => {
                    if !matches!(c, '"' | '\'' | '\\') {
                        text.push('\\');
                    }
                    text.push(c);
                    escaped = false;
                }
                '\\' => escaped = true,
                c if c == quote => {
                    self.at += i + 1;
                    return Ok(Some(text));
                }
                c => text.push(c),
            }
        }
        Err(self.error(start, &format!("the text that begins here has no {quote} at its end")))
    }

    /// Returns the error for a place where something else was expected.
    pub(super) fn expected(&self, at: usize, expected: &str) -> Error {
        let rest = &self.text[at..];
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let found: String = match rest[..end].chars().count() {
            0 if rest.is_empty() => "the end".to_owned(),
            0 => "a space".to_owned(),
            1..=30 => format!("`{}`", &rest[..end]),
            _ => format!("`{}…`", rest.chars().take(30).collect::<String>()),
        };
        self.error(at, &format!("expected {expected}, found {found}"))
    }

    /// Returns an error that points at a place.
    pub(super) fn error(&self, at: usize, what: &str) -> Error {
        let column = self.text[..at].chars().count() + 1;
        Error::invalid(format!("column {column} of the query: {what}"))
            .with("query", self.around(at))
    }

    /// Returns the query, or what of a long one is near a place.
    fn around(&self, at: usize) -> String {
        let (before, behind) = self.text.split_at(at);
        let from = before.char_indices().rev().nth(SHOWN - 1).map_or(0, |(i, _)| i);
        let to = behind.char_indices().nth(SHOWN).map_or(self.text.len(), |(i, _)| at + i);
        let cut = |is_cut: bool| if is_cut { "…" } else { "" };
        format!("{}{}{}", cut(from > 0), &self.text[from..to], cut(to < self.text.len()))
    }
}
