//! The session cookie.

use http::header::COOKIE;

use crate::platform::http::Request;

/// Name of the session cookie. With the prefix `__Host-`, browsers accept it only from this host, for all of its
/// paths, and only if it is `Secure`:
/// <https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-4.1.3.2>
pub const COOKIE_NAME: &str = "__Host-footfall";

/// Returns the value of `Set-Cookie` for a session that lasts `max_age` seconds.
pub(super) fn cookie(session: &str, max_age: i64) -> String {
    format!("{COOKIE_NAME}={session}; Max-Age={max_age}; Path=/; HttpOnly; Secure; SameSite=Lax")
}

/// Returns the value of `Set-Cookie` that signs one browser out. A new signing key signs all of them out.
#[must_use]
pub fn expired_cookie() -> String {
    cookie("", 0)
}

/// Returns the value of the session cookie, if the request has one.
pub(super) fn session_cookie(request: &Request) -> Option<&str> {
    let headers = request.headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    headers
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE_NAME)
        .map(|(_, value)| value)
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
    fn finds_session_among_other_cookies() {
        let check = |cookies: &[&str], expected: Option<&str>| {
            let headers: Vec<_> = cookies.iter().map(|cookie| ("cookie", *cookie)).collect();
            assert_eq!(session_cookie(&request(&headers)), expected, "{cookies:?}");
        };
        check(&[], None);
        check(&["__Host-footfall=a.b"], Some("a.b"));
        check(&["theme=dark; __Host-footfall=a.b; x=y"], Some("a.b"));
        check(&["theme=dark", "__Host-footfall=a=b"], Some("a=b"));
        check(&["footfall=a; x__Host-footfall=b; __host-footfall=c; __Host-footfall"], None);
    }
}
