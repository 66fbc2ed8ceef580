//! Where a value is: RFC 9535's normalized path.

use std::fmt;

use super::display::write_quoted;

/// One step down: to a member or to an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step<'v> {
    Name(&'v str),
    Index(usize),
}

/// The steps from the root to one node. Its text is the normalized path: `$['a'][0]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location<'v> {
    steps: Vec<Step<'v>>,
}

impl<'v> Location<'v> {
    pub fn steps(&self) -> &[Step<'v>] {
        &self.steps
    }
}

impl fmt::Display for Location<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("$")?;
        for step in &self.steps {
            f.write_str("[")?;
            match step {
                Step::Name(name) => write_quoted(f, name)?,
                Step::Index(index) => write!(f, "{index}")?,
            }
            f.write_str("]")?;
        }
        Ok(())
    }
}

/// What is kept of the way to a node: all of it, or nothing.
pub(super) trait Trail<'v>: Clone {
    fn then(&self, step: Step<'v>) -> Self;

    /// What it costs to keep.
    fn len(&self) -> usize;
}

impl<'v> Trail<'v> for () {
    fn then(&self, _: Step<'v>) {}

    fn len(&self) -> usize {
        0
    }
}

impl<'v> Trail<'v> for Location<'v> {
    fn then(&self, step: Step<'v>) -> Self {
        Self { steps: self.steps.iter().copied().chain([step]).collect() }
    }

    fn len(&self) -> usize {
        self.steps.len()
    }
}
