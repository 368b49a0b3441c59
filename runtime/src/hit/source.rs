//! Traffic sources: the name for a referrer or a `utm_source`.
//!
//! The other campaign parameters are in [`page_url`](crate::hit::page_url). Ingest decides whether a referrer is
//! the site itself, because that depends on the settings.

use std::{borrow::Cow, fmt};

use footfall_infra::settings::Domain;
use url::Url;

use crate::platform::sorted_list::SortedList;

/// Name of the source of direct visits: no referrer and no campaign.
pub const DIRECT: &str = "Direct";

static SOURCES: SortedList = SortedList::new(include_str!("../../lists/sources.txt"));
static SPAM: SortedList = SortedList::new(include_str!("../../lists/spam.txt"));

/// Maximum length of a source's name, in bytes. It keeps the size of hits bounded.
pub const MAX_NAME: usize = 100;

/// The source of a visit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// A listed name such as `Hacker News`; for unlisted sources, the referrer's host or the `utm_source`.
    /// Never empty, at most [`MAX_NAME`] bytes.
    pub name: Cow<'static, str>,
    /// The kind of source. `None` if the source is not listed.
    pub medium: Option<Medium>,
}

/// A kind of traffic source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Medium {
    /// AI assistants.
    Ai,
    /// Webmail.
    Email,
    /// Advertisements.
    Paid,
    /// Any other site.
    Referral,
    /// Search engines.
    Search,
    /// Social networks, chats and forums.
    Social,
}

impl Medium {
    const ALL: [Self; 6] =
        [Self::Ai, Self::Email, Self::Paid, Self::Referral, Self::Search, Self::Social];

    /// Returns the name used in the lists.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ai => "ai",
            Self::Email => "email",
            Self::Paid => "paid",
            Self::Referral => "referral",
            Self::Search => "search",
            Self::Social => "social",
        }
    }

    /// Parses a name that [`Medium::as_str`] returns.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|medium| medium.as_str() == name)
    }
}

impl fmt::Display for Medium {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Returns the source of a referrer: the entry for the longest listed domain that covers its host. Without an
/// entry, it is the host without `www.`. `None` for a URL without a web host, such as `about:client`.
#[must_use]
pub fn from_referrer(referrer: &Url) -> Option<Source> {
    let host = plain_host(referrer.host_str()?);
    if host.is_empty() {
        return None;
    }
    let listed = match referrer.scheme() {
        "http" | "https" => listed_domain(&host),
        // Browsers on Android send this when an app opened the page.
        "android-app" => listed_key(&format!("android-app://{host}")),
        _ => return None,
    };
    Some(listed.unwrap_or_else(|| unlisted(&host)))
}

/// Returns the source of a `utm_source`: the entry listed for its name, alias or domain (`twitter`, `HN`,
/// `facebook.com`). Without an entry, it is the value itself. `None` if it is empty.
#[must_use]
pub fn from_utm(utm_source: &str) -> Option<Source> {
    let text: String =
        utm_source.trim().chars().filter(|char| !char.is_control()).take(MAX_NAME).collect();
    if text.is_empty() {
        return None;
    }
    let key = text.replace(' ', "").to_lowercase();
    let listed =
        if key.contains('.') { listed_domain(&plain_host(&key)) } else { listed_key(&key) };
    Some(listed.unwrap_or_else(|| unlisted(&text)))
}

/// Returns the kind of the source with this name, if it is listed.
#[must_use]
pub fn medium_of_name(name: &str) -> Option<Medium> {
    listed_key(&name.replace(' ', "").to_lowercase())
        .filter(|source| source.name == name)
        .or_else(|| listed_domain(&plain_host(name)))?
        .medium
}

/// Returns whether a host or one of its parent domains is listed as referrer spam or in `blocked`. Ignores
/// case.
#[must_use]
pub fn is_spam(host: &str, blocked: &[Domain]) -> bool {
    let host = plain_host(host);
    domains(&host).any(|domain| {
        SPAM.get(domain).is_some()
            || blocked.iter().any(|entry| plain_host(entry.as_str()) == domain)
    })
}

/// Normalizes a host as in the lists: lower case, without trailing dot and `www.`.
fn plain_host(host: &str) -> String {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    host.strip_prefix("www.").map(str::to_owned).unwrap_or(host)
}

/// Iterates over a host and its parent domains, longest first, without the top-level domain.
fn domains(host: &str) -> impl Iterator<Item = &str> {
    let longest = host.contains('.').then_some(host);
    std::iter::successors(longest, |domain| {
        domain.split_once('.').map(|(_, parent)| parent).filter(|parent| parent.contains('.'))
    })
}

fn listed_domain(host: &str) -> Option<Source> {
    domains(host).find_map(listed_key)
}

fn listed_key(key: &str) -> Option<Source> {
    let (name, medium) = SOURCES.get(key)?.split_once('\t')?;
    Some(Source { name: Cow::Borrowed(name), medium: Medium::parse(medium) })
}

fn unlisted(name: &str) -> Source {
    let name = name[..name.floor_char_boundary(MAX_NAME)].to_owned();
    Source { name: Cow::Owned(name), medium: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(referrer: &str, expected: Option<&str>) {
        let source = from_referrer(&referrer.parse().expect(referrer));
        assert_eq!(source.as_ref().map(|source| &*source.name), expected, "{referrer}");
    }

    #[test]
    fn listed_referrer_has_the_listed_name() {
        for (referrer, name) in [
            ("https://www.google.com/", "Google"),
            ("https://www.google.co.uk/search?q=a", "Google"),
            ("https://news.google.com/", "Google News"),
            ("https://docs.google.com/", "Google"),
            ("https://mail.google.com/", "Gmail"),
            ("https://gemini.google.com/", "Gemini"),
            ("https://t.co/abc", "Twitter"),
            ("https://mobile.twitter.com/", "Twitter"),
            ("https://x.com/", "Twitter"),
            ("https://news.ycombinator.com/item?id=1", "Hacker News"),
            ("https://lobste.rs/", "Lobsters"),
            ("https://old.reddit.com/r/rust", "Reddit"),
            ("https://chatgpt.com/", "ChatGPT"),
            ("https://chat.openai.com/", "ChatGPT"),
            ("https://www.perplexity.ai/", "Perplexity"),
            ("https://claude.ai/", "Claude"),
            ("https://kagi.com/", "Kagi"),
            ("https://search.brave.com/", "Brave Search"),
            ("https://www.ecosia.org/", "Ecosia"),
            ("https://html.duckduckgo.com/", "DuckDuckGo"),
            ("https://mastodon.social/@a", "Mastodon"),
            ("https://go.bsky.app/", "Bluesky"),
            ("https://lnkd.in/x", "LinkedIn"),
            ("https://gist.github.com/", "GitHub"),
            ("https://youtu.be/x", "YouTube"),
            ("https://l.instagram.com/", "Instagram"),
            ("https://lm.facebook.com/", "Facebook"),
            ("https://l.threads.com/", "Threads"),
            ("https://web.telegram.org/", "Telegram"),
            ("https://someone.substack.com/p/a", "Substack"),
            ("https://dev.to/a", "DEV Community"),
            ("https://de.search.yahoo.com/", "Yahoo"),
            ("https://WWW.Bing.COM./search", "Bing"),
            ("android-app://com.google.android.gm/", "Gmail"),
            (
                "android-app://com.google.android.googlequicksearchbox/https/www.google.com",
                "Google",
            ),
            ("android-app://com.Slack/", "Slack"),
            ("android-app://com.reddit.frontpage", "Reddit"),
        ] {
            check(referrer, Some(name));
        }
    }

    #[test]
    fn unlisted_referrer_has_its_host_as_name() {
        check("https://www.example.org:8080/a?b", Some("example.org"));
        check("https://com.reddit.frontpage/", Some("com.reddit.frontpage"));
        check("https://notgoogle.com/", Some("notgoogle.com"));
        check("http://twitter/", Some("twitter"));
        check("http://192.0.2.1/", Some("192.0.2.1"));
        check("http://[2001:db8::1]/", Some("[2001:db8::1]"));
        check("android-app://com.example.reader", Some("com.example.reader"));
        check(&format!("https://{}example.org/", "a.".repeat(100)), Some(&"a.".repeat(50)));
        for none in [
            "about:client",
            "file:///etc/passwd",
            "data:text/plain,a",
            "chrome-extension://abc/x",
            "mailto:a@b.c",
        ] {
            check(none, None);
        }
    }

    #[test]
    fn names_source_of_utm_source() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(from_utm(text).as_ref().map(|source| &*source.name), expected, "{text}");
        };
        check("twitter", Some("Twitter"));
        check(" TWITTER ", Some("Twitter"));
        check("t.co", Some("Twitter"));
        check("google", Some("Google"));
        check("hn", Some("Hacker News"));
        check("Hacker News", Some("Hacker News"));
        check("www.facebook.com", Some("Facebook"));
        check("chatgpt.com", Some("ChatGPT"));
        check("newsletter", Some("newsletter"));
        check("The Weekly", Some("The Weekly"));
        check("blog.example.org", Some("blog.example.org"));
        check("a\u{0}b\nc", Some("abc"));
        check("", None);
        check(" \n ", None);
        check(&"é".repeat(200), Some(&"é".repeat(50)));
        assert_eq!(from_utm("fb-ads").and_then(|source| source.medium), Some(Medium::Paid));
    }

    #[test]
    fn spam_covers_subdomains_and_blocked_domains() {
        let blocked = [Domain::try_from(String::from("www.Blocked.example")).unwrap()];
        for (host, expected) in [
            ("semalt.com", true),
            ("a.b.semalt.com", true),
            ("SEMALT.com.", true),
            ("notsemalt.com", false),
            ("blocked.example", true),
            ("www.blocked.example", true),
            ("a.blocked.example", true),
            ("example", false),
            ("", false),
        ] {
            assert_eq!(is_spam(host, &blocked), expected, "{host}");
        }
    }

    /// Every entry parses, and no source is listed under two spellings.
    #[test]
    fn list_of_sources_is_well_formed() {
        let mut names = std::collections::BTreeMap::new();
        for (key, _) in SOURCES.lines() {
            let source = listed_key(key).expect(key);
            assert!(source.medium.is_some() && source.name.len() <= MAX_NAME, "{key}");
            let name =
                names.entry(source.name.to_lowercase()).or_insert_with(|| source.name.clone());
            assert_eq!(*name, source.name, "{key}");
        }
    }
}
