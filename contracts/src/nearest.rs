//! The known name that a misspelt one was probably meant to be.

/// Further off than this, a name is not a slip of the one meant, unless it is only one stroke away.
const SIMILARITY_MIN: f64 = 0.8;

/// Shorter names are one stroke away from too many others.
const ONE_STROKE_CHARS_MIN: usize = 3;

/// The known name with the fewest strokes between; of several the most similar one, of those the first.
pub fn nearest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let mut best: Option<(usize, f64, &str)> = None;
    for candidate in known {
        let strokes = strsim::osa_distance(name, candidate);
        let similarity = strsim::jaro_winkler(name, candidate);
        let is_slip = strokes <= 1 && candidate.chars().count() >= ONE_STROKE_CHARS_MIN;
        let is_better =
            best.is_none_or(|(fewest, most, _)| strokes < fewest || (strokes == fewest && similarity > most));
        if (is_slip || similarity >= SIMILARITY_MIN) && is_better {
            best = Some((strokes, similarity, candidate));
        }
    }
    best.map(|(_, _, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_finds_its_name_and_a_stranger_finds_none() {
        let cases = [
            ("broker", Some("brokers")),
            ("borkers", Some("brokers")),
            ("brokers", Some("brokers")),
            ("securty", Some("security")),
            ("dri", Some("dir")),
            ("zzz", None),
            // Shares letters with `security`, and means something else.
            ("client_secret", None),
            ("", None),
        ];
        for (name, expected) in cases {
            assert_eq!(nearest(name, ["brokers", "security", "dir"]), expected, "nearest to {name:?}");
        }
    }
}
