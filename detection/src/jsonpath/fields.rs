//! Many singular paths read from a text at once, in one pass of the scanner, building nothing.
//!
//! Invariants: what a slot holds is what its path selects from the same text parsed tolerantly. Of equal keys the last
//! counts, so a key that comes again empties what was read below it. Nothing is allocated once a [`Scratch`] is large
//! enough, but for a key that is written with escapes.
//!
//! The paths form a tree of steps, its nodes numbered so that what lies below a node directly follows it.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::ops::Range;

use contracts::json::{DEPTH_CEILING, Error, Fault, RawString, Token, Tokens};

use super::location::Step;
use super::slot::Slot;

/// Which of the paths a slot belongs to: its node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotId(usize);

/// The paths to read. As many as the rules name; their text is bounded.
#[derive(Debug, Clone)]
pub struct Fields {
    /// The root first; each before what is below it.
    nodes: Vec<Node>,
}

#[derive(Debug, Clone, Default)]
struct Node {
    /// Ascending by [`name_order`].
    members: Vec<(Box<str>, usize)>,
    /// Ascending by index.
    items: Vec<(usize, usize)>,
    /// The node after the last one below this.
    end: usize,
}

/// Room for what one text holds, to be used again for the next.
#[derive(Debug, Default)]
pub struct Scratch {
    /// One for each node; empty where nothing stands.
    spans: Vec<Range<usize>>,
}

/// What a text holds.
#[derive(Debug, Clone, Copy)]
pub struct Readings<'t, 's> {
    text: &'t str,
    spans: &'s [Range<usize>],
}

impl Fields {
    pub fn new<'p>(paths: impl IntoIterator<Item = Vec<Step<'p>>>) -> Self {
        let mut prefixes = BTreeSet::from([Vec::new()]);
        for path in paths {
            prefixes.extend((1..=path.len()).map(|length| path[..length].to_vec()));
        }
        // In this order each prefix comes before those it begins.
        let mut nodes: Vec<Node> = Vec::with_capacity(prefixes.len());
        let mut way: Vec<usize> = Vec::new();
        for prefix in prefixes {
            let place = nodes.len();
            nodes.push(Node::default());
            way.truncate(prefix.len());
            if let (Some(&parent), Some(step)) = (way.last(), prefix.last()) {
                match *step {
                    Step::Name(name) => nodes[parent].members.push((name.into(), place)),
                    Step::Index(index) => nodes[parent].items.push((index, place)),
                }
            }
            way.push(place);
            for &above in &way {
                nodes[above].end = place + 1;
            }
        }
        for node in &mut nodes {
            node.members.sort_by(|(one, _), (other, _)| name_order(one, other));
        }
        Self { nodes }
    }

    /// Where the value of a path will be; `None` of a path that is not among these.
    pub fn slot(&self, path: &[Step<'_>]) -> Option<SlotId> {
        let mut node = 0;
        for step in path {
            node = match step {
                Step::Name(name) => self.nodes[node].member(name)?,
                Step::Index(index) => self.nodes[node].item(*index)?,
            };
        }
        Some(SlotId(node))
    }

    /// Reads all of `text`, whose length is what it costs. It fails only where `text` is not JSON or too deep.
    pub fn read<'t, 's>(&self, text: &'t str, scratch: &'s mut Scratch) -> Result<Readings<'t, 's>, Error> {
        self.read_within(text, DEPTH_CEILING, scratch)
    }

    /// [`Fields::read`] of a text that may be `depth_max` deep, at most [`DEPTH_CEILING`].
    pub fn read_within<'t, 's>(
        &self,
        text: &'t str,
        depth_max: usize,
        scratch: &'s mut Scratch,
    ) -> Result<Readings<'t, 's>, Error> {
        scratch.spans.clear();
        scratch.spans.resize(self.nodes.len(), 0..0);
        let mut scan = Scan {
            tokens: Tokens::new(text, depth_max.min(DEPTH_CEILING)),
            nodes: &self.nodes,
            spans: &mut scratch.spans,
        };
        scan.document().map_err(|fault| fault.locate(text.as_bytes()))?;
        Ok(Readings { text, spans: &scratch.spans })
    }
}

impl<'t> Readings<'t, '_> {
    /// `slot` is of the [`Fields`] that were read.
    pub fn get(self, slot: SlotId) -> Slot<'t> {
        Slot::of(&self.text[self.spans[slot.0].clone()])
    }
}

impl Node {
    fn member(&self, name: &str) -> Option<usize> {
        let found = self.members.binary_search_by(|(known, _)| name_order(known, name));
        found.ok().map(|place| self.members[place].1)
    }

    fn member_of_key(&self, key: RawString<'_>) -> Option<usize> {
        match key.plain() {
            Some(name) => self.member(name),
            None => self.member(&key.decode_tolerant()),
        }
    }

    fn item(&self, index: usize) -> Option<usize> {
        let found = self.items.binary_search_by_key(&index, |(known, _)| *known);
        found.ok().map(|place| self.items[place].1)
    }
}

/// Shorter names first: most of the keys that no path names differ in length from those that are.
fn name_order(one: &str, other: &str) -> Ordering {
    one.len().cmp(&other.len()).then_with(|| one.cmp(other))
}

struct Scan<'t, 's> {
    tokens: Tokens<'t>,
    nodes: &'s [Node],
    spans: &'s mut [Range<usize>],
}

impl<'t> Scan<'t, '_> {
    fn document(&mut self) -> Result<(), Fault> {
        let first = self.tokens.next_token()?;
        self.value(0, first)?;
        // After the outermost value the scanner knows only the end.
        self.tokens.next_token()?;
        Ok(())
    }

    /// The value at a node that is among the paths or above one of them.
    fn value(&mut self, node: usize, token: Token<'t>) -> Result<(), Fault> {
        let start = self.tokens.offset() - written_bytes(token);
        match token {
            Token::ObjectStart if !self.nodes[node].members.is_empty() => self.members(node)?,
            Token::ArrayStart if !self.nodes[node].items.is_empty() => self.items(node)?,
            token => self.tokens.skip_value(token)?,
        }
        self.spans[node] = start..self.tokens.offset();
        Ok(())
    }

    fn members(&mut self, node: usize) -> Result<(), Fault> {
        let nodes = self.nodes;
        while let Token::Key(key) = self.tokens.next_token()? {
            let token = self.tokens.next_token()?;
            match nodes[node].member_of_key(key) {
                Some(member) => {
                    self.spans[member..nodes[member].end].fill(0..0);
                    self.value(member, token)?;
                }
                None => self.tokens.skip_value(token)?,
            }
        }
        Ok(())
    }

    fn items(&mut self, node: usize) -> Result<(), Fault> {
        let nodes = self.nodes;
        for index in 0.. {
            match (self.tokens.next_token()?, nodes[node].item(index)) {
                (Token::ArrayEnd, _) => break,
                (token, Some(item)) => self.value(item, token)?,
                (token, None) => self.tokens.skip_value(token)?,
            }
        }
        Ok(())
    }
}

/// How long the token that begins a value is.
fn written_bytes(token: Token<'_>) -> usize {
    const QUOTES: usize = 2;
    match token {
        Token::Null | Token::Bool(true) => "true".len(),
        Token::Bool(false) => "false".len(),
        Token::Number(text) => text.len(),
        Token::String(raw) => raw.as_written().len() + QUOTES,
        Token::ObjectStart | Token::ArrayStart => 1,
        Token::ObjectEnd | Token::ArrayEnd | Token::Key(_) | Token::End => {
            unreachable!("invariant: a value stands here, not {token:?}")
        }
    }
}
