//! Page URLs as browsers send them. Each is parsed once; the rest of the code uses only its parts.

use url::Url;

use crate::platform::sanitize;

/// The URL of a web page: http or https, with a host.
#[derive(Debug, Clone)]
pub struct PageUrl(Url);

/// The campaign parameters of a URL, decoded but not yet sanitized.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CampaignParameters {
    /// `utm_source`; without it, `ref` or `source`.
    pub source: Option<String>,
    /// `utm_medium`.
    pub medium: Option<String>,
    /// `utm_campaign`.
    pub campaign: Option<String>,
    /// `utm_term`.
    pub term: Option<String>,
    /// `utm_content`.
    pub content: Option<String>,
}

impl PageUrl {
    /// Parses `text`. Resolves a relative URL against `base`, the request's `Referer`.
    ///
    /// Returns `None` if it is not the URL of a web page: `javascript:`, `file:`, `data:`, or without a host.
    #[must_use]
    pub fn parse(text: &str, base: Option<&str>) -> Option<Self> {
        let url = match Url::parse(text) {
            Ok(url) => url,
            Err(url::ParseError::RelativeUrlWithoutBase) => {
                Url::parse(base?).ok()?.join(text).ok()?
            }
            Err(_) => return None,
        };
        (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(Self(url))
    }

    /// Returns the host as [`Host`](footfall_infra::settings::Host) matches it: in lower case, without port.
    #[must_use]
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// Returns the path, with letters decoded: `/caf%C3%A9` becomes `/café`, and `/%41` becomes `/A`
    /// (RFC 3986, section 6.2.2). Other characters stay percent-encoded, because decoding them could make
    /// different paths look the same.
    ///
    /// With `fragment`, the path includes `#…`, for sites that use it for routing.
    #[must_use]
    pub fn path(&self, fragment: bool, max: usize) -> String {
        let mut path = decode_letters(self.0.path());
        if let Some(fragment) = self.0.fragment().filter(|f| fragment && !f.is_empty()) {
            path.push('#');
            path.push_str(&decode_letters(fragment));
        }
        sanitize::clean(&path, max)
    }

    /// Returns the campaign parameters in the query. Names must match exactly; the first of several counts.
    #[must_use]
    pub fn campaign(&self) -> CampaignParameters {
        let mut parameters = CampaignParameters::default();
        let mut fallback = None;
        for (name, value) in self.0.query_pairs() {
            let slot = match &*name {
                "utm_source" => &mut parameters.source,
                "utm_medium" => &mut parameters.medium,
                "utm_campaign" => &mut parameters.campaign,
                "utm_term" => &mut parameters.term,
                "utm_content" => &mut parameters.content,
                "ref" | "source" => &mut fallback,
                _ => continue,
            };
            if slot.is_none() && !value.trim().is_empty() {
                *slot = Some(value.into_owned());
            }
        }
        parameters.source = parameters.source.or(fallback);
        parameters
    }
}

/// Decodes percent-encoded letters, digits and other visible characters without a special meaning in URLs.
/// Converts the other escapes to upper case, so that each has one form.
fn decode_letters(encoded: &str) -> String {
    let mut decoded = String::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some(at) = rest.find('%') {
        decoded.push_str(&rest[..at]);
        rest = &rest[at..];
        let bytes = escaped_bytes(rest);
        let end = match std::str::from_utf8(&bytes) {
            Ok(all) => all.len(),
            Err(error) => error.valid_up_to(),
        };
        let valid = std::str::from_utf8(&bytes[..end]).unwrap_or_default();
        match (valid.chars().next(), bytes.first()) {
            (Some(c), _) if is_letter(c) && !makes_escape(&decoded, c) => {
                decoded.push(c);
                rest = &rest[3 * c.len_utf8()..];
            }
            (_, Some(_)) => {
                decoded.push_str(&rest[..3].to_ascii_uppercase());
                rest = &rest[3..];
            }
            (_, None) => {
                decoded.push('%');
                rest = &rest[1..];
            }
        }
    }
    decoded.push_str(rest);
    decoded
}

/// Returns whether appending `c` would turn a stray `%` into an escape, as decoding `/%C%64` to `/%Cd` would.
fn makes_escape(before: &str, c: char) -> bool {
    let start = before.strip_suffix(|c: char| c.is_ascii_hexdigit()).unwrap_or(before);
    c.is_ascii_hexdigit() && (start.ends_with('%') || before.ends_with('%'))
}

fn is_letter(c: char) -> bool {
    match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '.' | '_' | '~' => true,
        _ => !c.is_ascii() && !sanitize::is_invisible(c) && !c.is_whitespace(),
    }
}

/// Decodes up to four escapes at the start of `text`: a UTF-8 character has at most four bytes.
fn escaped_bytes(text: &str) -> Vec<u8> {
    let byte = |escape: &[u8]| match escape {
        [b'%', high, low] => {
            let digit = |byte: &u8| char::from(*byte).to_digit(16);
            u8::try_from(digit(high)? << 4 | digit(low)?).ok()
        }
        _ => None,
    };
    text.as_bytes().chunks_exact(3).take(4).map_while(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_only_urls_of_web_pages() {
        let check = |text: &str, host: Option<&str>| {
            let page = PageUrl::parse(text, Some("https://example.com/a/b"));
            assert_eq!(page.as_ref().map(PageUrl::host), host, "{text}");
        };
        check("https://example.com/", Some("example.com"));
        check("HTTP://EXAMPLE.com:8080/x", Some("example.com"));
        check("https://user:pw@example.com/", Some("example.com"));
        check("https://example.com@evil.org/", Some("evil.org"));
        check("https://bücher.example/", Some("xn--bcher-kva.example"));
        check("/c", Some("example.com"));
        check("//evil.org/c", Some("evil.org"));
        check("javascript:alert(1)", None);
        check("data:text/html,x", None);
        check("file:///etc/passwd", None);
        check("about:blank", None);
        check("https://", None);
        assert!(PageUrl::parse("/c", None).is_none());
    }

    #[test]
    fn paths_are_readable_and_stay_distinct() {
        let check = |url: &str, fragment: bool, expected: &str| {
            let page = PageUrl::parse(url, None).unwrap();
            assert_eq!(page.path(fragment, 100), expected, "{url}");
        };
        check("https://e.x", false, "/");
        check("https://e.x/a/../b?c#d", false, "/b");
        check("https://e.x/#/route", true, "/#/route");
        check("https://e.x/#/route", false, "/");
        check("https://e.x/caf%C3%A9", false, "/café");
        check("https://e.x/café", false, "/café");
        check("https://e.x/%F0%9F%A6%80/x", false, "/🦀/x");
        check("https://e.x/a%2Fb%3Fc%00", false, "/a%2Fb%3Fc%00");
        check("https://e.x/%C3", false, "/%C3");
        check("https://e.x/%C3%28", false, "/%C3%28");
        check("https://e.x/%E2%80%AEgnp", false, "/%E2%80%AEgnp");
        check("https://e.x/%", false, "/%");
        check("https://e.x/%+9%C3%A9", false, "/%+9é");
        check("https://e.x/%41%7e%2f%2F", false, "/A~%2F%2F");
        check("https://e.x/%é", false, "/%é");
        check("https://e.x/%C%64", false, "/%C%64");
        check("https://e.x/%%43%64", false, "/%%43d");
        check("https://e.x/%2F%64", false, "/%2Fd");
        let long = format!("https://e.x/{}", "a".repeat(8192));
        assert_eq!(PageUrl::parse(&long, None).unwrap().path(false, 100).len(), 100);
    }

    #[test]
    fn campaign_comes_from_the_query() {
        let campaign = |url: &str| PageUrl::parse(url, None).unwrap().campaign();
        let found = campaign("https://e.x/?utm_source=my-blog&utm_medium=a%2C+b+%3Ax&ref=other");
        assert_eq!(found.source.as_deref(), Some("my-blog"));
        assert_eq!(found.medium.as_deref(), Some("a, b :x"));
        assert_eq!(campaign("https://e.x/?ref=hn").source.as_deref(), Some("hn"));
        assert_eq!(campaign("https://e.x/?source=&ref=x").source.as_deref(), Some("x"));
        assert_eq!(campaign("https://e.x/"), CampaignParameters::default());
    }
}
