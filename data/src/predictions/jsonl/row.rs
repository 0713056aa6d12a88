//! A line of JSON straight into a batch.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize,
    de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::Shape;
use crate::predictions::{
    batch::{Batch, Real},
    error::{At, Fault, Problem, shown},
    layout::{Classes, Kind, nearest},
};

/// Reads a line into the row that the batch has begun.
pub(super) struct RowSeed<'a> {
    pub shape: &'a Shape,
    pub batch: &'a mut Batch,
    /// What is wrong, told better than the parser can; the place is for the caller to fill in.
    pub fault: &'a mut Option<Fault>,
}

/// Fields of a row, to see which were there.
#[derive(Clone, Copy)]
enum Field {
    Id,
    Probabilities,
    Mean,
    Std,
    Score,
    Embedding,
    Cost,
}

const FIELDS: [(Field, &str); 7] = [
    (Field::Id, "id"),
    (Field::Probabilities, "probabilities"),
    (Field::Mean, "mean"),
    (Field::Std, "std"),
    (Field::Score, "score"),
    (Field::Embedding, "embedding"),
    (Field::Cost, "cost"),
];

impl Shape {
    fn has(&self, field: Field) -> bool {
        let kind = &self.layout.kind;
        match field {
            Field::Id => true,
            Field::Probabilities => matches!(kind, Kind::Probabilities(_)),
            Field::Mean | Field::Std => *kind == Kind::Spread,
            Field::Score => *kind == Kind::Score,
            Field::Embedding => self.layout.embedding.is_some(),
            Field::Cost => self.layout.has_cost,
        }
    }
}

impl<'de> DeserializeSeed<'de> for RowSeed<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for RowSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = [false; FIELDS.len()];
        let wrong = |fault: &mut Option<Fault>, name: &str, problem: Problem| {
            *fault = Some(Fault::at(At::File, problem).column(name));
            A::Error::custom("a fault that was noted")
        };
        while let Some(key) = map.next_key::<Cow<'_, str>>()? {
            let Some((field, name)) = FIELDS.iter().find(|(_, name)| *name == key) else {
                return Err(wrong(self.fault, &shown(&key), Problem::UnknownColumn(nearest(&key))));
            };
            if std::mem::replace(&mut seen[*field as usize], true) {
                return Err(wrong(self.fault, name, Problem::Twice));
            }
            if !self.shape.has(*field) {
                return Err(wrong(self.fault, name, Problem::Unexpected));
            }
            let mut problem = None;
            let read = read(*field, &mut map, self.shape, self.batch, &mut problem);
            if let Some(problem) = problem {
                return Err(wrong(self.fault, name, problem));
            }
            read?;
        }
        match FIELDS.iter().find(|(field, _)| self.shape.has(*field) && !seen[*field as usize]) {
            Some((_, name)) => Err(wrong(self.fault, name, Problem::Lacking)),
            None => Ok(()),
        }
    }
}

fn read<'de, A: MapAccess<'de>>(
    field: Field,
    map: &mut A,
    shape: &Shape,
    batch: &mut Batch,
    problem: &mut Option<Problem>,
) -> Result<(), A::Error> {
    let (width, values) = (shape.layout.width(), &mut batch.values);
    let start = values.len() - width;
    match field {
        Field::Id => {
            let id = map.next_value::<Id>()?;
            match id.0 {
                Ok(id) => batch.push_id(&id),
                Err(bad) => *problem = Some(bad),
            }
            Ok(())
        }
        Field::Probabilities => {
            let names = shape.layout.classes().filter(|_| shape.by_name);
            map.next_value_seed(Many { into: &mut values[start..], names, problem })
        }
        Field::Mean | Field::Score => map.next_value_seed(One { into: &mut values[start], problem }),
        Field::Std => map.next_value_seed(One { into: &mut values[start + 1], problem }),
        Field::Embedding => {
            let start = batch.embeddings.len() - shape.layout.embedding.unwrap_or(0);
            map.next_value_seed(Many { into: &mut batch.embeddings[start..], names: None, problem })
        }
        Field::Cost => {
            let mut cost = f64::NAN;
            map.next_value_seed(One { into: &mut cost, problem })?;
            if let Some(last) = batch.costs.last_mut() {
                *last = cost;
            }
            Ok(())
        }
    }
}

/// A number.
struct One<'a, T> {
    into: &'a mut T,
    problem: &'a mut Option<Problem>,
}

impl<'de, T: Real> DeserializeSeed<'de> for One<'_, T> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match deserializer.deserialize_any(NumberVisitor)? {
            Ok(number) => *self.into = T::of_f64(number),
            Err(problem) => *self.problem = Some(problem),
        }
        Ok(())
    }
}

struct NumberVisitor;

impl<'de> Visitor<'de> for NumberVisitor {
    type Value = Result<f64, Problem>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Ok(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Ok(number as f64))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Ok(number as f64))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Err(Problem::NoNumber(format!("\"{text}\""))))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Err(Problem::NoNumber(value.to_string())))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Err(Problem::Null))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Err(Problem::NoNumber("[…]".to_owned())))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Err(Problem::NoNumber("{…}".to_owned())))
    }
}

/// A list of numbers, or an object of numbers by class.
struct Many<'a, T> {
    into: &'a mut [T],
    names: Option<&'a Classes>,
    problem: &'a mut Option<Problem>,
}

impl<'de, T: Real> DeserializeSeed<'de> for Many<'_, T> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.names {
            Some(_) => deserializer.deserialize_map(self),
            None => deserializer.deserialize_seq(self),
        }
    }
}

impl<'de, T: Real> Visitor<'de> for Many<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.names.is_some() { "an object as in the first row" } else { "a list of numbers as in the first row" })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let expected = self.into.len();
        for found in 0..expected {
            if list.next_element_seed(One { into: &mut self.into[found], problem: self.problem })?.is_none() {
                *self.problem = Some(Problem::Ragged { found, expected, origin: "first row" });
                return Ok(());
            }
        }
        let mut found = expected;
        while list.next_element::<IgnoredAny>()?.is_some() {
            found += 1;
        }
        if found > expected {
            *self.problem = Some(Problem::Ragged { found, expected, origin: "first row" });
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some(Classes::Named(names)) = self.names else { return Ok(()) };
        let (mut found, mut guess) = (0, 0);
        let mut seen = vec![false; names.len()];
        while let Some(name) = map.next_key::<Cow<'_, str>>()? {
            // Nearly always in the same order as in the first row.
            let place = match names.get(guess) {
                Some(next) if *next == name => guess,
                Some(_) | None => match names.iter().position(|known| *known == name) {
                    Some(place) => place,
                    None => {
                        map.next_value::<IgnoredAny>()?;
                        let message = format!("it has the class `{}`, which the first row does not have", shown(&name));
                        *self.problem = Some(Problem::Columns(message));
                        continue;
                    }
                },
            };
            if std::mem::replace(&mut seen[place], true) {
                let message = format!("it has the class `{}` twice; keep one", shown(&name));
                *self.problem = Some(Problem::Columns(message));
            }
            guess = place + 1;
            found += 1;
            map.next_value_seed(One { into: &mut self.into[place], problem: self.problem })?;
        }
        if found < names.len() && self.problem.is_none() {
            *self.problem = Some(Problem::Ragged { found, expected: names.len(), origin: "first row" });
        }
        Ok(())
    }
}

/// The id of a sample: a text, or a whole number, which stands for its digits.
struct Id(Result<Vec<u8>, Problem>);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IdVisitor)
    }
}

struct IdVisitor;

impl IdVisitor {
    fn refuse<E>() -> Result<Id, E> {
        Ok(Id(Err(Problem::Id("the id is neither a text nor a whole number; write it as a text".to_owned()))))
    }
}

impl<'de> Visitor<'de> for IdVisitor {
    type Value = Id;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a whole number")
    }

    fn visit_str<E>(self, id: &str) -> Result<Id, E> {
        Ok(Id(Ok(id.as_bytes().to_vec())))
    }

    fn visit_u64<E>(self, id: u64) -> Result<Id, E> {
        Ok(Id(Ok(id.to_string().into_bytes())))
    }

    fn visit_i64<E>(self, id: i64) -> Result<Id, E> {
        Ok(Id(Ok(id.to_string().into_bytes())))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Id, E> {
        Self::refuse()
    }

    fn visit_bool<E>(self, _: bool) -> Result<Id, E> {
        Self::refuse()
    }

    fn visit_unit<E>(self) -> Result<Id, E> {
        Self::refuse()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Id, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Self::refuse()
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Id, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Self::refuse()
    }
}

/// The id of a line and nothing else, to pass over lines quickly. `None`: it has none that is one.
pub(super) struct IdOnly(pub Option<Vec<u8>>);

impl<'de> Deserialize<'de> for IdOnly {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(IdOnlyVisitor)
    }
}

struct IdOnlyVisitor;

impl<'de> Visitor<'de> for IdOnlyVisitor {
    type Value = IdOnly;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<IdOnly, A::Error> {
        let mut found = None;
        while let Some(key) = map.next_key::<Cow<'_, str>>()? {
            if key == "id" {
                found = map.next_value::<Id>()?.0.ok();
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(IdOnly(found))
    }
}
