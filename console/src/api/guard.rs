//! Who is answered: programs of this machine, and no web page that a browser of this machine shows.
//!
//! A port on loopback is reachable by every page in every browser here. Three things keep pages out. The `Host` must be
//! loopback: a name that was made to point at 127.0.0.1 (DNS rebinding) is another host. `Origin` and `Sec-Fetch-Site`,
//! which browsers add and pages cannot leave out, must be absent or our own. And a body must name its type
//! ([`super::body`]), none of which a form can send. The same rules hold on the socket: one behaviour.
//!
//! Absent on purpose: users. Whoever may run programs here may use the port; to keep it to one user, use the socket.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bus::ErrorKind;

use super::Problem;

pub async fn only_programs_of_this_machine(request: Request, next: Next) -> Response {
    match admit(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

fn admit(headers: &HeaderMap) -> Result<(), Problem> {
    let host = only(headers, &header::HOST).ok_or_else(|| refused("the request names no `Host`, or several"))?;
    let authority: Authority = host.parse().map_err(|_| refused("the `Host` is none"))?;
    // A user before the host has no place in this header; parsers differ on whose host it would be.
    if host.contains('@') || !is_loopback(authority.host()) {
        return Err(refused("the `Host` is not this machine's loopback; use 127.0.0.1, [::1] or localhost"));
    }
    let own_origin = format!("http://{host}");
    if headers.get_all(header::ORIGIN).iter().any(|origin| origin.as_bytes() != own_origin.as_bytes()) {
        return Err(refused("a page of another origin asks; only programs of this machine are answered"));
    }
    let own_site = |site: &[u8]| matches!(site, b"same-origin" | b"none");
    if headers.get_all("sec-fetch-site").iter().any(|site| !own_site(site.as_bytes())) {
        return Err(refused("a page of another site asks; only programs of this machine are answered"));
    }
    Ok(())
}

fn only<'h>(headers: &'h HeaderMap, name: &header::HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

fn is_loopback(host: &str) -> bool {
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn refused(message: &str) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, ErrorKind::Denied, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_kept_out_and_programs_let_in() {
        let cases: &[(&[(&str, &str)], bool)] = &[
            (&[("host", "localhost")], true),
            (&[("host", "LOCALHOST:7000")], true),
            (&[("host", "127.0.0.1:7000")], true),
            (&[("host", "127.9.9.9")], true),
            (&[("host", "[::1]:7000")], true),
            (&[], false),
            (&[("host", "")], false),
            (&[("host", "evil.example")], false),
            (&[("host", "localhost.evil.example")], false),
            (&[("host", "127.0.0.1.evil.example")], false),
            (&[("host", "evil.example@127.0.0.1")], false),
            (&[("host", "10.0.0.1")], false),
            (&[("host", "0.0.0.0")], false),
            (&[("host", "localhost"), ("host", "evil.example")], false),
            (&[("host", "localhost:7000"), ("origin", "http://localhost:7000")], true),
            (&[("host", "localhost:7000"), ("origin", "http://localhost:7001")], false),
            (&[("host", "localhost"), ("origin", "https://evil.example")], false),
            (&[("host", "localhost"), ("origin", "null")], false),
            (&[("host", "localhost"), ("sec-fetch-site", "none")], true),
            (&[("host", "localhost"), ("sec-fetch-site", "same-origin")], true),
            (&[("host", "localhost"), ("sec-fetch-site", "same-site")], false),
            (&[("host", "localhost"), ("sec-fetch-site", "cross-site")], false),
        ];
        for (headers, expected) in cases {
            let mut map = HeaderMap::new();
            for (name, value) in *headers {
                map.append(header::HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
            }
            assert_eq!(admit(&map).is_ok(), *expected, "{headers:?}");
        }
    }
}
