//! The known name that a misspelt one was probably meant to be.

/// Further off than this, a name is not a slip of the one meant.
const SIMILARITY_MIN: f64 = 0.8;

/// The most similar of the known names; of equally similar ones the first.
pub fn nearest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let mut best: Option<(f64, &str)> = None;
    for candidate in known {
        let similarity = strsim::jaro_winkler(name, candidate);
        if similarity >= SIMILARITY_MIN && best.is_none_or(|(most, _)| similarity > most) {
            best = Some((similarity, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
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
            ("zzz", None),
            // Shares letters with `security`, and means something else.
            ("client_secret", None),
            ("", None),
        ];
        for (name, expected) in cases {
            assert_eq!(nearest(name, ["brokers", "security"]), expected, "nearest to {name:?}");
        }
    }
}
