//! The functions rules may call, and no others: [`SIGNATURES`].
//!
//! The first argument is a path; what it gives is the value a function is applied to. The others are literals, fixed when
//! the rule is compiled. A function of a value it is not for (`luhn` of a boolean) is false, or gives nothing, which
//! makes the comparison around it false.
//!
//! - `luhn(path)`: a string of at least two digits, with at most one space or dash between two, whose check digit is
//!   right. A number counts by its text, so `4111111111111111` may come without quotes.
//! - `luhn(path, pattern)`: some match of the pattern in a string is such a number. This finds the card in a sentence:
//!   `luhn($.text, '\b(?:[0-9]{4}[ -]?){3}[0-9]{4}\b')`. Overlapping matches are tried too; a match may be
//!   [`CANDIDATE_BYTES_MAX`] bytes long.
//! - `cidr(path, network, …)`: a string that is an address in any of the networks: see [`Network`].
//! - `len(path)`: the Unicode scalar values of a string (`é` may be one or two of them), the items of an array, the
//!   members of an object. RFC 9535's `length()` counts the same.
//! - `entropy(path)`: bits per character of a string, with three decimals: see [`entropy_thousandths`].
//! - `lower(path)`: a string with each character in lower case, whatever stands beside it, so that `lower` of a part is a
//!   part of `lower` of the whole. `İ` becomes two characters; `Σ` becomes `σ` at the end of a word as well.

use contracts::json::{Number, Value};
use contracts::nearest::nearest;

use super::address::{Network, NetworkError};
use super::compare::any_holds;
use super::entropy::entropy_thousandths;
use super::luhn::{Candidates, UnboundedCandidates, is_luhn_valid};
use super::pattern::{Pattern, PatternError};
use super::work::{OverBudget, Work};

/// Networks of one `cidr`.
pub const NETWORKS_MAX: usize = 256;

/// A function with its literals, to be applied to a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Function {
    /// It stands as a condition.
    Predicate(Predicate),
    /// It stands on the left of a comparison, in place of the path.
    Derivation(Derivation),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Predicate {
    Luhn,
    LuhnOfMatches(Candidates),
    Cidr(Vec<Network>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Derivation {
    Len,
    Entropy,
    Lower,
}

/// A function as documentation and completion show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature {
    pub name: &'static str,
    pub arguments: &'static str,
    pub gives: Gives,
    pub meaning: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gives {
    Condition,
    Number,
    String,
}

#[rustfmt::skip]
pub const SIGNATURES: [Signature; 5] = [
    Signature { name: "cidr", arguments: "path, network, …", gives: Gives::Condition, meaning: "an IP address in one of the networks" },
    Signature { name: "entropy", arguments: "path", gives: Gives::Number, meaning: "bits per character of a string, with three decimals" },
    Signature { name: "len", arguments: "path", gives: Gives::Number, meaning: "characters of a string, items of an array, members of an object" },
    Signature { name: "lower", arguments: "path", gives: Gives::String, meaning: "a string in lower case" },
    Signature { name: "luhn", arguments: "path[, pattern]", gives: Gives::Condition, meaning: "digits whose check digit is right, or a match of the pattern that is" },
];

/// Why a call is none, and which of the arguments after the path is to blame, from 0.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct FunctionError {
    pub argument: Option<usize>,
    pub kind: FunctionErrorKind,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FunctionErrorKind {
    #[error("expected one of the functions cidr, entropy, len, lower, luhn{}", nearest.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default())]
    Unknown { nearest: Option<&'static str> },
    #[error("expected the arguments of `{name}({expected})`, found {found} after the path")]
    Count { name: &'static str, expected: &'static str, found: usize },
    #[error("expected at most {NETWORKS_MAX} networks, found {found}; join neighbours to shorter prefixes")]
    TooManyNetworks { found: usize },
    #[error("expected a string, found {found}")]
    NotAString { found: &'static str },
    #[error(transparent)]
    Pattern(#[from] PatternError),
    #[error(transparent)]
    Candidates(#[from] UnboundedCandidates),
    #[error(transparent)]
    Network(#[from] NetworkError),
}

/// The function of this name with `literals`, the arguments after the path.
pub fn function(name: &str, literals: &[Value<'_>]) -> Result<Function, FunctionError> {
    let Some(signature) = SIGNATURES.iter().find(|signature| signature.name == name) else {
        let nearest = nearest(name, SIGNATURES.map(|signature| signature.name));
        return Err(FunctionError { argument: None, kind: FunctionErrorKind::Unknown { nearest } });
    };
    let function = match (signature.name, literals) {
        ("luhn", []) => Function::Predicate(Predicate::Luhn),
        ("luhn", [pattern]) => Function::Predicate(Predicate::LuhnOfMatches(argument(0, pattern, candidates)?)),
        ("cidr", [_, ..]) if literals.len() > NETWORKS_MAX => {
            let kind = FunctionErrorKind::TooManyNetworks { found: literals.len() };
            return Err(FunctionError { argument: Some(NETWORKS_MAX), kind });
        }
        ("cidr", [_, ..]) => {
            let networks = literals.iter().enumerate().map(|(place, literal)| argument(place, literal, network));
            Function::Predicate(Predicate::Cidr(networks.collect::<Result<_, _>>()?))
        }
        ("len", []) => Function::Derivation(Derivation::Len),
        ("entropy", []) => Function::Derivation(Derivation::Entropy),
        ("lower", []) => Function::Derivation(Derivation::Lower),
        _ => {
            let &Signature { name, arguments: expected, .. } = signature;
            let kind = FunctionErrorKind::Count { name, expected, found: literals.len() };
            return Err(FunctionError { argument: None, kind });
        }
    };
    Ok(function)
}

/// What `read` makes of the literal string at `place`.
fn argument<T>(
    place: usize,
    literal: &Value<'_>,
    read: impl FnOnce(&str) -> Result<T, FunctionErrorKind>,
) -> Result<T, FunctionError> {
    let text = literal.as_str().ok_or(FunctionErrorKind::NotAString { found: literal.kind() });
    text.and_then(read).map_err(|kind| FunctionError { argument: Some(place), kind })
}

fn candidates(pattern: &str) -> Result<Candidates, FunctionErrorKind> {
    Ok(Candidates::try_from(Pattern::parse(pattern)?)?)
}

fn network(text: &str) -> Result<Network, FunctionErrorKind> {
    Ok(text.parse()?)
}

impl Predicate {
    pub fn holds(&self, value: &Value<'_>, work: &mut Work) -> Result<bool, OverBudget> {
        match (self, value) {
            (Self::Luhn, Value::String(text)) => {
                work.spend(text.len())?;
                Ok(is_luhn_valid(text))
            }
            (Self::Luhn, Value::Number(number)) => {
                work.spend(number.as_str().len())?;
                Ok(number.as_str().bytes().all(|byte| byte.is_ascii_digit()) && is_luhn_valid(number.as_str()))
            }
            (Self::LuhnOfMatches(candidates), Value::String(text)) => candidates.any_valid(text, work),
            (Self::Cidr(networks), Value::String(text)) => any_holds(networks, |network| {
                work.spend(text.len())?;
                Ok(network.contains(text))
            }),
            _ => Ok(false),
        }
    }
}

impl Derivation {
    /// `None` of a value it is not for.
    pub fn of(self, value: &Value<'_>, work: &mut Work) -> Result<Option<Value<'static>>, OverBudget> {
        if let Value::String(text) = value {
            work.spend(text.len())?;
        }
        Ok(match (self, value) {
            (Self::Len, value) => length(value).map(|length| Value::Number(length.into())),
            (Self::Entropy, Value::String(text)) => Some(Value::Number(thousandths(entropy_thousandths(text)))),
            (Self::Lower, Value::String(text)) => {
                Some(Value::from(text.chars().flat_map(char::to_lowercase).collect::<String>()))
            }
            (Self::Entropy | Self::Lower, _) => None,
        })
    }
}

/// Unicode scalar values of a string, items of an array, members of an object; nothing else has a length.
pub(crate) fn length(value: &Value<'_>) -> Option<u64> {
    let length = match value {
        Value::String(text) => text.chars().count(),
        Value::Array(items) => items.len(),
        Value::Object(object) => object.len(),
        Value::Null | Value::Bool(_) | Value::Number(_) => return None,
    };
    Some(u64::try_from(length).expect("invariant: no text is longer than 2^64"))
}

fn thousandths(count: u64) -> Number<'static> {
    let text = format!("{}.{:03}", count / 1000, count % 1000);
    Number::parse(text).expect("invariant: digits, a point and three digits are a number")
}

#[cfg(test)]
mod tests {
    use contracts::json::{Mode, parse};

    use super::*;

    fn value(text: &str) -> Value<'_> {
        parse(text.as_bytes(), Mode::Tolerant, 64).unwrap()
    }

    /// What a function with these literals makes of a value: a boolean, another value, or `nothing`.
    fn applied(name: &str, literals: &str, argument: &str) -> String {
        let literals = value(literals);
        let mut work = Work::new(10_000);
        match function(name, literals.as_array().unwrap()).unwrap() {
            Function::Predicate(predicate) => predicate.holds(&value(argument), &mut work).unwrap().to_string(),
            Function::Derivation(derivation) => {
                let derived = derivation.of(&value(argument), &mut work).unwrap();
                derived.map_or("nothing".to_owned(), |value| value.to_string())
            }
        }
    }

    #[test]
    fn functions_give_what_the_table_says() {
        #[rustfmt::skip]
        let cases = [
            ("luhn", "[]", r#""4111 1111 1111 1111""#, "true"),
            ("luhn", "[]", "4111111111111111", "true"),
            ("luhn", "[]", "4111111111111112", "false"),
            ("luhn", "[]", "-18", "false"),
            ("luhn", "[]", "1.8", "false"),
            ("luhn", "[]", "null", "false"),
            ("luhn", "[]", r#"["18"]"#, "false"),
            ("luhn", r#"["[0-9]{2}"]"#, r#""it is 18.""#, "true"),
            ("luhn", r#"["[0-9]{2}"]"#, r#""it is 19.""#, "false"),
            ("luhn", r#"["[0-9]{2}"]"#, "18", "false"),
            ("cidr", r#"["10.0.0.0/8","fd00::/8"]"#, r#""10.1.2.3""#, "true"),
            ("cidr", r#"["10.0.0.0/8","fd00::/8"]"#, r#""fd00::1""#, "true"),
            ("cidr", r#"["10.0.0.0/8","fd00::/8"]"#, r#""11.1.2.3""#, "false"),
            ("cidr", r#"["10.0.0.0/8","fd00::/8"]"#, "10", "false"),
            ("len", "[]", r#""äö😀""#, "3"),
            ("len", "[]", r#""e\u0301""#, "2"),
            ("len", "[]", r#""""#, "0"),
            ("len", "[]", "[1,[2,3]]", "2"),
            ("len", "[]", r#"{"a":1,"a":2}"#, "1"),
            ("len", "[]", "12", "nothing"),
            ("len", "[]", "null", "nothing"),
            ("entropy", "[]", r#""abcd""#, "2.000"),
            ("entropy", "[]", r#""aab""#, "0.918"),
            ("entropy", "[]", r#""""#, "0.000"),
            ("entropy", "[]", "12", "nothing"),
            ("lower", "[]", r#""RM -RF ÄΣ""#, r#""rm -rf äσ""#),
            ("lower", "[]", r#""İ""#, "\"i\u{307}\""),
            ("lower", "[]", "true", "nothing"),
        ];
        for (name, literals, argument, expected) in cases {
            assert_eq!(applied(name, literals, argument), expected, "{name}({argument}) with {literals}");
        }
    }

    #[test]
    fn a_wrong_call_says_which_argument_and_why() {
        #[rustfmt::skip]
        let cases = [
            ("luhm", "[]", None, "expected one of the functions cidr, entropy, len, lower, luhn; did you mean `luhn`?"),
            ("sha256", "[]", None, "expected one of the functions cidr, entropy, len, lower, luhn"),
            ("len", "[1]", None, "expected the arguments of `len(path)`, found 1 after the path"),
            ("cidr", "[]", None, "expected the arguments of `cidr(path, network, …)`, found 0 after the path"),
            ("cidr", r#"["10.0.0.0/8",8]"#, Some(1), "expected a string, found a number"),
            ("cidr", r#"["10.0.0.0/8","10.0.0.1/8"]"#, Some(1), "expected only zeros after the prefix; write `10.0.0.0/8`"),
            ("luhn", r#"["("]"#, Some(0), "pattern, byte 0: unclosed group"),
            ("luhn", r#"["[0-9]+"]"#, Some(0), "expected a pattern whose matches are at most 256 bytes long, so that every one can be tried; write `{4,6}` in place of `+`, `*` or a greater number"),
            ("luhn", r#"["a","b"]"#, None, "expected the arguments of `luhn(path[, pattern])`, found 2 after the path"),
        ];
        for (name, literals, argument, expected) in cases {
            let error = function(name, value(literals).as_array().unwrap()).unwrap_err();
            assert_eq!((error.argument, &*error.to_string()), (argument, expected), "{name} with {literals}");
        }
        let many = vec![Value::from("10.0.0.0/8"); NETWORKS_MAX + 1];
        assert!(function("cidr", &many[1..]).is_ok());
        assert_eq!(function("cidr", &many).unwrap_err().argument, Some(NETWORKS_MAX));
    }

    #[test]
    fn every_function_shown_is_one() {
        for signature in SIGNATURES {
            let is_unknown = |error: FunctionError| matches!(error.kind, FunctionErrorKind::Unknown { .. });
            assert!(!function(signature.name, &[]).is_err_and(is_unknown), "{}", signature.name);
        }
    }
}
