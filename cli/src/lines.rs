//! Lines out of pieces, however they were cut, in bounded memory.
//!
//! Invariant: a line is at most [`LINE_BYTES_MAX`]; of a longer one nothing is kept but its number.

use console::intake::LINE_BYTES_MAX;

#[derive(Debug, PartialEq, Eq)]
pub struct Line {
    /// From 1, blank lines counted.
    pub number: u64,
    pub text: Text,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Text {
    /// Without its line break.
    Whole(Vec<u8>),
    TooLong,
}

/// Cuts a stream of bytes into lines.
#[derive(Debug, Default)]
pub struct Lines {
    number: u64,
    rest: Rest,
}

/// What came of the line that is not at its end yet.
#[derive(Debug)]
enum Rest {
    Kept(Vec<u8>),
    Dropped,
}

impl Default for Rest {
    fn default() -> Self {
        Self::Kept(Vec::new())
    }
}

impl Lines {
    /// Takes a piece and gives out the lines that end in it; blank ones are passed over.
    pub fn push(&mut self, piece: &[u8], out: &mut Vec<Line>) {
        let mut parts = piece.split(|byte| *byte == b'\n');
        let last = parts.next_back().expect("invariant: a split has at least one part");
        for part in parts {
            self.append(part);
            self.end(out);
        }
        self.append(last);
    }

    /// The last line, if no line break ended it.
    pub fn finish(&mut self, out: &mut Vec<Line>) {
        if !matches!(&self.rest, Rest::Kept(kept) if kept.is_empty()) {
            self.end(out);
        }
    }

    fn append(&mut self, part: &[u8]) {
        if let Rest::Kept(kept) = &mut self.rest {
            if kept.len() + part.len() > LINE_BYTES_MAX {
                self.rest = Rest::Dropped;
            } else {
                kept.extend_from_slice(part);
            }
        }
    }

    fn end(&mut self, out: &mut Vec<Line>) {
        self.number += 1;
        let text = match std::mem::take(&mut self.rest) {
            Rest::Kept(kept) if kept.trim_ascii().is_empty() => return,
            Rest::Kept(kept) => Text::Whole(kept),
            Rest::Dropped => Text::TooLong,
        };
        out.push(Line { number: self.number, text });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(pieces: &[&[u8]]) -> Vec<Line> {
        let (mut lines, mut out) = (Lines::default(), Vec::new());
        for piece in pieces {
            lines.push(piece, &mut out);
        }
        lines.finish(&mut out);
        out
    }

    proptest! {
        #[test]
        fn lines_are_the_same_however_the_stream_was_cut(text in "[a\\n \\r]{0,60}", size in 1_usize..7) {
            let pieces: Vec<_> = text.as_bytes().chunks(size).collect();
            let plain: Vec<_> = (1..)
                .zip(text.split('\n'))
                .filter(|(_, line)| !line.trim_ascii().is_empty())
                .map(|(number, line)| Line { number, text: Text::Whole(line.as_bytes().to_vec()) })
                .collect();
            prop_assert_eq!(cut(&pieces), plain);
        }
    }

    #[test]
    fn a_line_that_is_too_long_keeps_its_number_and_nothing_else() {
        let long = vec![b'x'; LINE_BYTES_MAX + 1];
        let most = vec![b'y'; LINE_BYTES_MAX];
        let lines = cut(&[b"a\n", &long[..1000], &long[1000..], b"\n", &most, b"\nb"]);
        let whole = |text: &[u8]| Text::Whole(text.to_vec());
        let texts = [whole(b"a"), Text::TooLong, whole(&most), whole(b"b")];
        let expected: Vec<_> = (1..).zip(texts).map(|(number, text)| Line { number, text }).collect();
        assert!(lines == expected, "numbers {:?}", lines.iter().map(|line| line.number).collect::<Vec<_>>());
    }
}
