//! Spans of what a processor does with records whose trace somebody samples.
//!
//! Invariant: a batch or publication without such records makes no span; who samples decides what tracing costs. Nothing that
//! is published depends on it.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::SystemTime;

use bus::Header;

/// The header of W3C's trace context.
pub(crate) const TRACEPARENT: &str = "traceparent";
/// Traces that one span links; what is beyond has none.
pub const LINKS_MAX: usize = 32;

/// Where spans go. Called by the threads that do the work: it must not wait.
pub trait Spans: Send + Sync + Debug {
    fn take(&self, span: Span);
}

/// Something that was done for several records at once, hence for several traces.
#[derive(Debug, Clone)]
pub struct Span {
    pub name: &'static str,
    pub began: SystemTime,
    pub ended: SystemTime,
    /// Records or rows, sampled or not.
    pub count: usize,
    /// Of the sampled ones, each once.
    pub links: Vec<TraceParent>,
    /// Why it came to nothing, if it did.
    pub error: Option<String>,
}

/// Where in a trace a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent {
    pub trace_id: [u8; 16],
    pub span_id: [u8; 8],
}

impl TraceParent {
    /// `version-trace-parent-flags` in hexadecimal; `None` if it is another text, or is not sampled.
    fn sampled(text: &[u8]) -> Option<Self> {
        let text = str::from_utf8(text).ok().filter(|text| text.is_ascii())?;
        let mut parts = text.split('-');
        let (version, trace_id, span_id, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let flags = hexadecimal::<1>(flags)?[0];
        // Later versions may say more after the flags; `ff` is none.
        let is_known = hexadecimal::<1>(version)?[0] != 0xff && (version != "00" || parts.next().is_none());
        let found = Self { trace_id: hexadecimal(trace_id)?, span_id: hexadecimal(span_id)? };
        let is_valid = found.trace_id != [0; 16] && found.span_id != [0; 8];
        (is_known && is_valid && flags & 1 == 1).then_some(found)
    }
}

/// Lower case alone, as the format wants it.
fn hexadecimal<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if text.len() != 2 * N || text.bytes().any(|digit| !matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(bytes)
}

/// A span that began, if anybody takes spans.
#[derive(Debug)]
pub(crate) struct Begun<'s> {
    spans: &'s dyn Spans,
    name: &'static str,
    began: SystemTime,
    links: Vec<TraceParent>,
    count: usize,
}

impl<'s> Begun<'s> {
    /// `headers`: of each record or row. `None` also where none of them is sampled.
    pub fn of<'h>(
        spans: Option<&'s Arc<dyn Spans>>,
        name: &'static str,
        headers: impl Iterator<Item = impl Iterator<Item = Header<'h>>>,
    ) -> Option<Self> {
        let mut begun = Self { spans: &**spans?, name, began: SystemTime::now(), links: Vec::new(), count: 0 };
        for mut headers in headers {
            begun.count += 1;
            let found = headers.find(|header| header.name == TRACEPARENT);
            if let Some(link) = found.and_then(|header| TraceParent::sampled(header.value))
                && begun.links.len() < LINKS_MAX
                && !begun.links.contains(&link)
            {
                begun.links.push(link);
            }
        }
        (!begun.links.is_empty()).then_some(begun)
    }

    pub fn end(self, error: Option<String>) {
        let Self { spans, name, began, links, count } = self;
        spans.take(Span { name, began, ended: SystemTime::now(), count, links, error });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const PARENT: &str = "b7ad6b7169203331";

    #[test]
    fn only_what_is_a_sampled_trace_context_is_linked() {
        let cases = [
            (format!("00-{TRACE}-{PARENT}-01"), true),
            (format!("00-{TRACE}-{PARENT}-03"), true),
            (format!("cc-{TRACE}-{PARENT}-01-what-comes"), true),
            (format!("00-{TRACE}-{PARENT}-00"), false),
            (format!("00-{TRACE}-{PARENT}-01-more"), false),
            (format!("ff-{TRACE}-{PARENT}-01"), false),
            (format!("00-{}-{PARENT}-01", TRACE.to_uppercase()), false),
            (format!("00-{}-{PARENT}-01", "0".repeat(32)), false),
            (format!("00-{TRACE}-{}-01", "0".repeat(16)), false),
            (format!("00-{TRACE}-{PARENT}"), false),
            (format!("00-{TRACE}-+{}-01", &PARENT[1..]), false),
            ("ä".repeat(28), false),
            (String::new(), false),
        ];
        for (text, expected) in cases {
            assert_eq!(TraceParent::sampled(text.as_bytes()).is_some(), expected, "{text}");
        }
        assert_eq!(TraceParent::sampled(&[0xff; 55]), None);
    }
}
