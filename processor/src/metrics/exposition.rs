//! The text format of Prometheus, as far as it is needed: families of counters, gauges and histograms.
//!
//! Written by hand: every figure is read out of one snapshot, so that a registry of counters beside it would be a second
//! place of truth, and what is left is four kinds of line.

use std::fmt::{Display, Write as _};

use super::histogram::Histogram;

#[derive(Debug, Default)]
pub(super) struct Exposition(String);

/// A family whose name was written; its samples follow.
pub(super) struct Family<'e> {
    out: &'e mut String,
    name: &'static str,
}

/// Names and values, of our own vocabulary: stages, partitions, severities, reasons.
pub(super) type Labels<'l> = &'l [(&'static str, &'l dyn Display)];

impl Exposition {
    pub fn counter(&mut self, name: &'static str, help: &str) -> Family<'_> {
        debug_assert!(name.ends_with("_total"), "{name}");
        self.family(name, "counter", help)
    }

    pub fn gauge(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.family(name, "gauge", help)
    }

    pub fn histogram(&mut self, name: &'static str, help: &str, histogram: &Histogram) {
        let out = self.family(name, "histogram", help).out;
        for (bound, count) in histogram.cumulative() {
            put(out, format_args!("{name}_bucket{{le=\"{bound}\"}} {count}"));
        }
        put(out, format_args!("{name}_bucket{{le=\"+Inf\"}} {}", histogram.count));
        put(out, format_args!("{name}_sum {}", histogram.sum_s));
        put(out, format_args!("{name}_count {}", histogram.count));
    }

    pub fn into_text(self) -> String {
        self.0
    }

    fn family(&mut self, name: &'static str, kind: &str, help: &str) -> Family<'_> {
        put(&mut self.0, format_args!("# HELP {name} {help}\n# TYPE {name} {kind}"));
        Family { out: &mut self.0, name }
    }
}

impl Family<'_> {
    pub fn sample(&mut self, labels: Labels<'_>, value: impl Display) -> &mut Self {
        self.out.push_str(self.name);
        for (place, (name, label)) in labels.iter().enumerate() {
            let start = if place == 0 { '{' } else { ',' };
            write!(self.out, "{start}{name}=\"{}\"", escaped(label)).expect(INFALLIBLE);
        }
        let end = if labels.is_empty() { "" } else { "}" };
        put(self.out, format_args!("{end} {value}"));
        self
    }
}

const INFALLIBLE: &str = "invariant: a String takes text";

fn put(out: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(out, "{line}").expect(INFALLIBLE);
}

fn escaped(label: &dyn Display) -> String {
    label.to_string().replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n")
}
