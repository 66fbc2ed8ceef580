//! RFC 9535: queries over JSON.
