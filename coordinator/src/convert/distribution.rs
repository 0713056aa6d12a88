//! Distributions as programs describe them, and values of theirs, both ways.

use hone_proto::v1::{self, distribution::Kind, option::Value as OptionValue};
use hone_search::{Choice, Distribution, Parameter, Space, Value};

/// Reads a distribution of the parameter called `name`.
///
/// # Errors
/// What is wrong with it, in words.
pub fn distribution_from_proto(name: &str, message: Option<v1::Distribution>) -> Result<Distribution, String> {
    let kind = message.and_then(|message| message.kind).ok_or_else(|| format!("parameter `{name}` has no distribution"))?;
    let distribution = match kind {
        Kind::Float(v1::FloatRange { low, high, log, step }) => Distribution::Float { low, high, log, step },
        Kind::Int(v1::IntRange { low, high, log, step }) => {
            Distribution::Int { low, high, log, step: if step == 0 { 1 } else { step } }
        }
        Kind::Options(v1::Options { options }) => {
            let choices = options.into_iter().map(|option| choice(name, option)).collect::<Result<_, _>>()?;
            Distribution::Categorical { choices }
        }
    };
    let space = Space { parameters: vec![Parameter { name: name.to_owned(), distribution, when: Vec::new() }] };
    match space.validate().first() {
        Some(error) => Err(error.to_string()),
        None => Ok(space.parameters.into_iter().next().expect("it has just been put there").distribution),
    }
}

fn choice(name: &str, option: v1::Option) -> Result<Choice, String> {
    Ok(match option.value.ok_or_else(|| format!("parameter `{name}` has an option without a value"))? {
        OptionValue::Float(value) => Choice::Float(value),
        OptionValue::Int(value) => Choice::Int(value),
        OptionValue::Bool(value) => Choice::Bool(value),
        OptionValue::String(text) => Choice::Str(text),
    })
}

/// A value as it is; a text stays a text.
pub fn value_from_proto(value: &v1::parameter::Value) -> Value {
    use v1::parameter::Value as Wire;
    match value {
        Wire::Float(value) => Value::Float(*value),
        Wire::Int(value) => Value::Int(*value),
        Wire::Bool(value) => Value::Bool(*value),
        Wire::String(text) => Value::Str(text.clone()),
    }
}

/// A parameter with its value.
pub fn parameter_to_proto(name: &str, value: Value) -> v1::Parameter {
    use v1::parameter::Value as Wire;
    let value = match value {
        Value::Bool(value) => Wire::Bool(value),
        Value::Int(value) => Wire::Int(value),
        Value::Float(value) => Wire::Float(value),
        Value::Str(value) => Wire::String(value),
    };
    v1::Parameter { name: name.to_owned(), value: Some(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: Kind) -> Result<Distribution, String> {
        distribution_from_proto("x", Some(v1::Distribution { kind: Some(kind) }))
    }

    #[test]
    fn every_kind_is_read() {
        let float = v1::FloatRange { low: 0.0, high: 1.0, log: false, step: Some(0.5) };
        assert_eq!(read(Kind::Float(float)), Ok(Distribution::Float { low: 0.0, high: 1.0, log: false, step: Some(0.5) }));
        let int = v1::IntRange { low: 1, high: 9, log: true, step: 0 };
        assert_eq!(read(Kind::Int(int)), Ok(Distribution::Int { low: 1, high: 9, log: true, step: 1 }));
        let option = |value| v1::Option { value: Some(value) };
        let options = vec![option(OptionValue::Bool(true)), option(OptionValue::String("a".to_owned()))];
        let choices = vec![Choice::Bool(true), Choice::Str("a".to_owned())];
        assert_eq!(read(Kind::Options(v1::Options { options })), Ok(Distribution::Categorical { choices }));
    }

    #[test]
    fn what_is_no_distribution_is_refused_by_name() {
        let reversed = v1::FloatRange { low: 1.0, high: 0.0, ..Default::default() };
        for kind in [Kind::Float(reversed), Kind::Options(v1::Options { options: vec![v1::Option { value: None }] })] {
            assert!(read(kind).unwrap_err().contains("`x`"));
        }
        assert!(distribution_from_proto("x", None).unwrap_err().contains("`x`"));
    }
}
