//! What a condition means once its path has given a value: comparison, membership, patterns, functions.
//!
//! Invariants: nothing here fails but by [`OverBudget`]: a value of the wrong type makes a condition false. Cost is
//! linear in the values, but for sorting the keys of objects that are compared, and counted in [`Work`]. No floating
//! point: the same values give the same answer on every machine.
//!
//! # What was decided
//!
//! - **A path that gives nothing** makes every condition on it false, `!=` too: there is nothing to compare. A path that
//!   gives several values makes a condition true if any of them does ([`any_holds`]). So `$.a[*] != 1` asks for some item
//!   that is not 1, and `not $.a[*] == 1` for none that is.
//! - **`exists`** asks for a node; the value `null` is one.
//! - **Types**: a condition on two types is false, `!=` too. `not $.a == 1` holds for all that is not 1, whatever its
//!   type, and where `$.a` is missing. The one exception is null on the right: `$.a != null` holds for every value but
//!   null. Null equals null alone.
//! - **Numbers** compare by the decimal they write ([`contracts::json::Decimal`]): `1.0 == 1e0`, and 2⁵³ + 1 is not 2⁵³.
//! - **Strings** are ordered by UTF-16 code unit, as everything else in the system is.
//! - **Booleans, null, arrays and objects** have no order: `<`, `<=`, `>`, `>=` on them are false.
//! - **Arrays** are equal item by item, **objects** member by member in any order, both as deep as they go.
//! - **`contains`**: on a string, the right side is a string somewhere inside; on an array, an item equals it.
//! - **`in`**: some item of the list equals it; items may be of different types.
//! - **Patterns** search, unanchored, in strings only: see [`Pattern`].
//!
//! Absent on purpose: paths (see [`crate::jsonpath`]), time, and state.

mod address;
mod compare;
mod entropy;
mod function;
mod luhn;
mod pattern;
mod work;

pub use address::{Network, NetworkError};
pub(crate) use compare::number_order;
pub use compare::{Comparison, any_holds, compare, contains, equal, is_in};
pub use entropy::entropy_thousandths;
pub(crate) use function::length;
pub use function::{
    Derivation, Function, FunctionError, FunctionErrorKind, Gives, NETWORKS_MAX, Predicate, SIGNATURES, Signature,
    function,
};
pub use luhn::{CANDIDATE_BYTES_MAX, Candidates, UnboundedCandidates, is_luhn_valid};
pub use pattern::{PATTERN_BYTES_MAX, Pattern, PatternError, PatternErrorKind};
pub use work::{OverBudget, Work};
