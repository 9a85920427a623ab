use std::str::FromStr;

use super::condition::{AnnotationCondition, AssetCondition, Compare, TextTest};
use super::cursor::Cursor;
use super::fields::{
    ANNOTATION_NUMBERS, ASSET, ASSET_NUMBERS, BOX, COMPARISONS, MARKS, MEDIA_TYPES, OUTCOME,
    OUTCOMES, find, list, nearest,
};
use super::model::Query;
use crate::{AssetId, Class, ClassId, Error, Result};

/// So many parentheses and `not` may stand in each other.
const DEPTH_MAX: usize = 64;
const QUERY: &str = "a condition such as class:NAME, area<0.1 or camera=3, `not` or `(`";
const COMPARISON: &str = "one of = != < <= > >=";

impl FromStr for Query {
    type Err = Error;

    /// Reads a query; see [`Query`] for what may be written.
    ///
    /// # Errors
    ///
    /// `InvalidInput` with the column and what was expected there.
    fn from_str(text: &str) -> Result<Self> {
        let mut parser = Parser { cursor: Cursor::new(text), depth: 0 };
        let query = parser.query()?;
        parser.cursor.skip_space();
        if parser.cursor.is_at_end() {
            return Ok(query);
        }
        let expected = "`and`, `or` or the end (a text with spaces or signs stands in quotes)";
        Err(parser.cursor.expected(parser.cursor.at(), expected))
    }
}

impl TryFrom<String> for Query {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

#[derive(Debug)]
struct Parser<'a> {
    cursor: Cursor<'a>,
    depth: usize,
}

impl Parser<'_> {
    fn query(&mut self) -> Result<Query> {
        let mut parts = vec![self.all_of()?];
        while self.word("or") {
            parts.push(self.all_of()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Query::Or(parts) })
    }

    fn all_of(&mut self) -> Result<Query> {
        let mut parts = vec![self.one()?];
        while self.word("and") {
            parts.push(self.one()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Query::And(parts) })
    }

    fn one(&mut self) -> Result<Query> {
        self.cursor.skip_space();
        let start = self.cursor.at();
        self.depth += 1;
        // The condition inside is one more.
        if self.depth > DEPTH_MAX + 1 {
            let message =
                format!("more than {DEPTH_MAX} parentheses and `not` stand in each other");
            return Err(self.cursor.error(start, &message));
        }
        let query = if self.cursor.take("(") {
            self.inner()
        } else if self.word("not") {
            self.one().map(Query::negate)
        } else if self.word("all") {
            Ok(Query::All)
        } else if self.word("negative") {
            Ok(Query::negative())
        } else if self.word("any") {
            self.open()?;
            self.inner().map(Query::any)
        } else {
            self.condition(start)
        };
        self.depth -= 1;
        query
    }

    /// Reads what stands in parentheses, behind the opening one.
    fn inner(&mut self) -> Result<Query> {
        let query = self.query()?;
        self.cursor.skip_space();
        let at = self.cursor.at();
        if self.cursor.take(")") {
            return Ok(query);
        }
        Err(self.cursor.expected(at, "`and`, `or` or `)`"))
    }

    fn open(&mut self) -> Result<()> {
        self.cursor.skip_space();
        let at = self.cursor.at();
        if self.cursor.take("(") { Ok(()) } else { Err(self.cursor.expected(at, "`(`")) }
    }

    /// Takes a word, in whatever case, if it comes next and is not compared with something.
    fn word(&mut self, word: &str) -> bool {
        self.cursor.skip_space();
        let start = self.cursor.at();
        let found = self.cursor.name().eq_ignore_ascii_case(word);
        let end = self.cursor.at();
        self.cursor.skip_space();
        let is_compared = matches!(self.cursor.peek(), Some('=' | '!' | '<' | '>' | ':'));
        self.cursor.go_to(if found { end } else { start });
        if found && is_compared {
            self.cursor.go_to(start);
        }
        found && !is_compared
    }

    fn condition(&mut self, start: usize) -> Result<Query> {
        if let Some(key) = self.cursor.quoted()? {
            return self.asset_attribute(key);
        }
        let name = self.cursor.name();
        if name.is_empty() {
            return Err(self.cursor.expected(start, QUERY));
        }
        if let Some(number) = find(&ASSET_NUMBERS, name) {
            let (compare, value) = (self.compare()?, self.number()?);
            return Ok(Query::Asset(AssetCondition::Number(number, compare, value)));
        }
        if let Some(number) = find(&ANNOTATION_NUMBERS, name) {
            let (compare, value) = (self.compare()?, self.number()?);
            return Ok(Query::Annotation(AnnotationCondition::Number(number, compare, value)));
        }
        match name {
            "boxes" => self.boxes(),
            "class" => self.class(),
            "unlisted" => {
                let names = self.is(|parser| parser.cursor.value("the name of a class"))?;
                Ok(Query::Annotation(AnnotationCondition::Unlisted(names)))
            }
            "flag" => {
                let mark = self.is_one(&MARKS)?;
                Ok(Query::Annotation(AnnotationCondition::Mark(mark)))
            }
            "outcome" => self.outcome(),
            "type" => {
                let kinds = self.is(|parser| parser.named(&MEDIA_TYPES))?;
                Ok(Query::Asset(AssetCondition::MediaType(kinds)))
            }
            "name" => {
                self.colon()?;
                let pattern = self.cursor.value("a pattern such as *.jpg")?;
                Ok(Query::Asset(AssetCondition::FileName(pattern)))
            }
            "id" => {
                let ids = self.is(Self::id)?;
                Ok(Query::Asset(AssetCondition::Id(ids)))
            }
            _ => self.attribute(name, start),
        }
    }

    /// Reads outcomes: those of the attribute that holds them.
    fn outcome(&mut self) -> Result<Query> {
        let is = |outcome: &str| {
            let test = TextTest::Compare(Compare::Equal, outcome.to_owned());
            Query::Annotation(AnnotationCondition::Attribute(OUTCOME.to_owned(), test))
        };
        let mut any: Vec<_> = self.is(|parser| parser.named(&OUTCOMES).map(is))?;
        Ok(if any.len() == 1 { any.remove(0) } else { Query::Or(any) })
    }

    fn attribute(&mut self, name: &str, start: usize) -> Result<Query> {
        for prefix in [ASSET, BOX] {
            let Some(key) = name.strip_prefix(prefix) else { continue };
            let key = match self.cursor.quoted()? {
                Some(key) if name == prefix => key,
                _ if !key.is_empty() => key.to_owned(),
                _ => {
                    let at = self.cursor.at();
                    return Err(self.cursor.expected(at, "the name of an attribute"));
                }
            };
            if prefix == ASSET {
                return self.asset_attribute(key);
            }
            let test = self.test()?;
            return Ok(Query::Annotation(AnnotationCondition::Attribute(key, test)));
        }
        if let Some(field) = nearest(name) {
            let message = format!(
                "`{name}` is no field; write `{field}`, or `{ASSET}{name}` for an attribute of this name"
            );
            return Err(self.cursor.error(start, &message));
        }
        self.asset_attribute(name.to_owned())
    }

    fn asset_attribute(&mut self, key: String) -> Result<Query> {
        Ok(Query::Asset(AssetCondition::Attribute(key, self.test()?)))
    }

    /// Reads what an attribute is tested for.
    fn test(&mut self) -> Result<TextTest> {
        self.cursor.skip_space();
        if self.cursor.take(":") {
            self.cursor.skip_space();
            return Ok(TextTest::Like(self.cursor.value("a pattern such as front*")?));
        }
        let at = self.cursor.at();
        let Some(compare) = self.comparison() else {
            return Err(self.cursor.expected(at, &format!("{COMPARISON}, or `:` and a pattern")));
        };
        self.cursor.skip_space();
        Ok(TextTest::Compare(compare, self.cursor.value("a value")?))
    }

    fn boxes(&mut self) -> Result<Query> {
        self.cursor.skip_space();
        let counted = if self.cursor.take("(") { self.inner()? } else { Query::All };
        let compare = self.compare()?;
        self.cursor.skip_space();
        let at = self.cursor.at();
        let number = self.cursor.value("a whole number")?.parse();
        let number = number.map_err(|_| self.cursor.expected(at, "a whole number"))?;
        Ok(Query::Count(Box::new(counted), compare, number))
    }

    fn class(&mut self) -> Result<Query> {
        self.cursor.skip_space();
        let not = self.cursor.take("!=");
        let classes = if not { self.values(Self::class_name) } else { self.is(Self::class_name) };
        Ok(Query::Annotation(AnnotationCondition::Class { classes: classes?, not }))
    }

    fn class_name(&mut self) -> Result<Class> {
        let is_plain = self.cursor.peek() == Some('#');
        let value = self.cursor.value("the name of a class")?;
        let id = value.strip_prefix('#').filter(|_| is_plain).and_then(|id| id.parse().ok());
        Ok(id.map_or(Class::Name(value), |id| Class::Id(ClassId(id))))
    }

    fn id(&mut self) -> Result<AssetId> {
        let at = self.cursor.at();
        let expected = "an id of 64 hexadecimal digits";
        let id = self.cursor.value(expected)?.parse();
        id.map_err(|_: Error| self.cursor.expected(at, expected))
    }

    /// Reads values that are separated by commas, behind `:` or `=`.
    fn is<T>(&mut self, value: impl Fn(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        self.colon()?;
        self.values(value)
    }

    fn is_one<T: Copy>(&mut self, names: &[(&str, T)]) -> Result<T> {
        self.colon()?;
        self.named(names)
    }

    fn values<T>(&mut self, value: impl Fn(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let mut values = Vec::new();
        loop {
            self.cursor.skip_space();
            values.push(value(self)?);
            let end = self.cursor.at();
            self.cursor.skip_space();
            if !self.cursor.take(",") {
                self.cursor.go_to(end);
                return Ok(values);
            }
        }
    }

    fn named<T: Copy>(&mut self, names: &[(&str, T)]) -> Result<T> {
        let at = self.cursor.at();
        let expected = format!("one of {}", list(names));
        let name = self.cursor.value(&expected)?.to_ascii_lowercase();
        find(names, &name).ok_or_else(|| self.cursor.expected(at, &expected))
    }

    fn colon(&mut self) -> Result<()> {
        self.cursor.skip_space();
        let at = self.cursor.at();
        if !self.cursor.take(":") && !self.cursor.take("=") {
            return Err(self.cursor.expected(at, "`:`"));
        }
        self.cursor.skip_space();
        Ok(())
    }

    fn comparison(&mut self) -> Option<Compare> {
        let (_, compare) = COMPARISONS.iter().find(|(sign, _)| self.cursor.take(sign))?;
        Some(*compare)
    }

    fn compare(&mut self) -> Result<Compare> {
        self.cursor.skip_space();
        let at = self.cursor.at();
        self.comparison().ok_or_else(|| self.cursor.expected(at, COMPARISON))
    }

    fn number(&mut self) -> Result<f64> {
        self.cursor.skip_space();
        let at = self.cursor.at();
        let value = self.cursor.value("a number")?.parse::<f64>().ok();
        let value = value.filter(|value| value.is_finite());
        value.ok_or_else(|| self.cursor.expected(at, "a number"))
    }
}
