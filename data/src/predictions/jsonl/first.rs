//! The first line of a file of JSON lines, which says what all others hold.

use std::fmt;

use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::Shape;
use crate::predictions::{
    error::{Fault, Problem, shown},
    layout::{Fields, Kind, enough, named, nearest},
};

/// Reads the fields of a line, but no values.
pub(super) struct FirstSeed<'a> {
    /// What is wrong, told better than the parser can.
    pub fault: &'a mut Option<Fault>,
}

/// The value of `probabilities` or `embedding`.
enum Many {
    List(usize),
    Names(Vec<String>),
    Other(&'static str),
}

impl<'de> DeserializeSeed<'de> for FirstSeed<'_> {
    type Value = Shape;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Shape, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for FirstSeed<'_> {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shape, A::Error> {
        let (mut fields, mut names) = (Fields::default(), None);
        let mut found = Ok(());
        while let Some(key) = map.next_key::<String>()? {
            let noted = match key.as_str() {
                "probabilities" => probabilities(map.next_value()?, &mut fields, &mut names),
                "embedding" => embedding(&map.next_value()?, &mut fields),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    plain(&key, &mut fields)
                }
            };
            found = found.and(noted);
        }
        let shape = found.and_then(|()| shape_of(&fields, names));
        shape.map_err(|fault| {
            *self.fault = Some(fault);
            A::Error::custom("a fault that was noted")
        })
    }
}

fn plain(key: &str, fields: &mut Fields) -> Result<(), Fault> {
    match key {
        "id" | "mean" | "std" | "score" | "cost" => fields.flat(key).map(|_| ()),
        _ => Err(Fault::file(Problem::UnknownColumn(nearest(key))).column(shown(key))),
    }
}

fn probabilities(value: Many, fields: &mut Fields, names: &mut Option<Vec<String>>) -> Result<(), Fault> {
    let fault = |problem| Fault::file(problem).column("probabilities");
    if fields.list.is_some() {
        return Err(fault(Problem::Twice));
    }
    match value {
        Many::List(count) => fields.list = Some(count),
        Many::Names(found) => {
            fields.list = Some(found.len());
            *names = Some(found);
        }
        Many::Other(what) => {
            let message = format!("it is {what}; write a list of numbers, or an object with a number for each class");
            return Err(fault(Problem::Columns(message)));
        }
    }
    Ok(())
}

fn embedding(value: &Many, fields: &mut Fields) -> Result<(), Fault> {
    let fault = |problem| Fault::file(problem).column("embedding");
    if fields.embedding_list.is_some() {
        return Err(fault(Problem::Twice));
    }
    match value {
        Many::List(count) => fields.embedding_list = Some(*count),
        Many::Names(_) => return Err(fault(Problem::Columns("it is an object; write a list of numbers".to_owned()))),
        Many::Other(what) => return Err(fault(Problem::Columns(format!("it is {what}; write a list of numbers")))),
    }
    Ok(())
}

fn shape_of(fields: &Fields, names: Option<Vec<String>>) -> Result<Shape, Fault> {
    let mut layout = fields.layout()?;
    if !fields.has_id {
        return Err(Fault::file(Problem::Missing("each row names its sample")).column("id"));
    }
    let by_name = names.is_some();
    if let Some(names) = names {
        let classes = named(names)?;
        enough(&classes)?;
        layout.kind = Kind::Probabilities(classes);
    }
    Ok(Shape { layout, by_name })
}

impl<'de> serde::Deserialize<'de> for Many {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ManyVisitor)
    }
}

struct ManyVisitor;

impl<'de> Visitor<'de> for ManyVisitor {
    type Value = Many;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list or an object")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Many, A::Error> {
        let mut count = 0;
        while list.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok(Many::List(count))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Many, A::Error> {
        let mut names = Vec::new();
        while let Some((name, IgnoredAny)) = map.next_entry::<String, IgnoredAny>()? {
            names.push(name);
        }
        Ok(Many::Names(names))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Many, E> {
        Ok(Many::Other("one number"))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Many, E> {
        Ok(Many::Other("one number"))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Many, E> {
        Ok(Many::Other("one number"))
    }

    fn visit_str<E>(self, _: &str) -> Result<Many, E> {
        Ok(Many::Other("a text"))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Many, E> {
        Ok(Many::Other("true or false"))
    }

    fn visit_unit<E>(self) -> Result<Many, E> {
        Ok(Many::Other("null"))
    }
}
