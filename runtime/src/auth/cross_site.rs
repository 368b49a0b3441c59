//! Protection against cross-site request forgery.

use http::header::{HOST, ORIGIN};

use crate::platform::http::Request;

/// Returns whether a page of another site sent a request. Such a request must not change anything.
///
/// Browsers send `Sec-Fetch-Site`, and old ones `Origin`. Requests without either do not come from a browser, so
/// they carry nobody's cookies. The rules are those of <https://pkg.go.dev/net/http#CrossOriginProtection>.
#[must_use]
pub fn is_cross_site(request: &Request) -> bool {
    if let Some(site) = request.header("sec-fetch-site") {
        return !matches!(site, "same-origin" | "none");
    }
    let Some(origin) = request.header(ORIGIN.as_str()) else { return false };
    let host = origin.split_once("://").map(|(_, host)| host);
    host.is_none() || host != request.header(HOST.as_str())
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName};

    use super::*;

    fn request(headers: &[(&'static str, &str)]) -> Request {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        Request {
            method: "POST".to_owned(),
            path: "/login".to_owned(),
            query: String::new(),
            headers: map,
            body: Vec::new(),
            peer: "203.0.113.9".parse().unwrap(),
        }
    }

    #[test]
    fn recognizes_forms_of_other_sites() {
        let check = |headers: &[(&'static str, &str)], expected: bool| {
            assert_eq!(is_cross_site(&request(headers)), expected, "{headers:?}");
        };
        check(&[], false);
        check(&[("sec-fetch-site", "same-origin")], false);
        check(&[("sec-fetch-site", "none")], false);
        check(&[("sec-fetch-site", "same-site")], true);
        check(&[("sec-fetch-site", "cross-site")], true);
        check(&[("sec-fetch-site", "what is new in 2030")], true);
        // The newer header takes precedence.
        check(
            &[("sec-fetch-site", "cross-site"), ("origin", "https://e.x"), ("host", "e.x")],
            true,
        );
        check(&[("origin", "https://e.x"), ("host", "e.x")], false);
        check(&[("origin", "http://127.0.0.1:1"), ("host", "127.0.0.1:1")], false);
        check(&[("origin", "https://evil.x"), ("host", "e.x")], true);
        check(&[("origin", "https://e.x.evil.x"), ("host", "e.x")], true);
        check(&[("origin", "null"), ("host", "e.x")], true);
        check(&[("origin", "https://e.x")], true);
    }
}
