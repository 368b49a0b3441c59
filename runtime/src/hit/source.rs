//! Where a visit came from: the name of a source for a referrer or a `utm_source`.
//! Not here: the other campaign fields, and whether a referrer is the site itself, which only
//! the site's settings can say.

use std::{borrow::Cow, fmt};

use footfall_infra::settings::Domain;
use url::Url;

use crate::platform::sorted_list::List;

/// The name of the source of visits that came from nowhere known: no referrer, no campaign.
pub const DIRECT: &str = "Direct";

static SOURCES: List = List::new(include_str!("../../lists/sources.txt"));
static SPAM: List = List::new(include_str!("../../lists/spam.txt"));

/// The longest name a source can have, in bytes: a hit has a bound whatever a client sends.
pub const MAX_NAME: usize = 100;

/// What is shown as the source of a visit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// A listed source's name, such as `Hacker News`, or else the referrer's host or the
    /// `utm_source` itself; never empty, at most [`MAX_NAME`] bytes.
    pub name: Cow<'static, str>,
    /// Known for listed sources alone.
    pub medium: Option<Medium>,
}

/// What kind of source it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Medium {
    /// Assistants that answer with links.
    Ai,
    /// Webmail.
    Email,
    /// Advertisements.
    Paid,
    /// Any other site.
    Referral,
    /// Search engines.
    Search,
    /// Networks, chats and forums where people share links.
    Social,
}

impl Medium {
    const ALL: [Self; 6] =
        [Self::Ai, Self::Email, Self::Paid, Self::Referral, Self::Search, Self::Social];

    /// The name used in lists, at rest and in answers.
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

    /// The medium of a name that [`Medium::as_str`] gives.
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

/// The source of a referrer: the listed one of the longest domain that its host is or is under,
/// or else the host without `www.`. None for a URL that names no host of the web, such as
/// `about:client`.
#[must_use]
pub fn source_of(referrer: &Url) -> Option<Source> {
    let host = plain_host(referrer.host_str()?);
    if host.is_empty() {
        return None;
    }
    let listed = match referrer.scheme() {
        "http" | "https" => of_domain(&host),
        // What Android's browsers send for an app that opened the page.
        "android-app" => of_key(&format!("android-app://{host}")),
        _ => return None,
    };
    Some(listed.unwrap_or_else(|| unlisted(&host)))
}

/// The source of a `utm_source`: a listed one for its name, alias or domain (`twitter`, `HN`,
/// `facebook.com`), or else the text as it stands. None for an empty one.
#[must_use]
pub fn from_utm(utm_source: &str) -> Option<Source> {
    let text: String =
        utm_source.trim().chars().filter(|char| !char.is_control()).take(MAX_NAME).collect();
    if text.is_empty() {
        return None;
    }
    let key = text.replace(' ', "").to_lowercase();
    let listed = if key.contains('.') { of_domain(&plain_host(&key)) } else { of_key(&key) };
    Some(listed.unwrap_or_else(|| unlisted(&text)))
}

/// What kind of source one of this name is, if it is listed.
#[must_use]
pub fn medium_of_name(name: &str) -> Option<Medium> {
    of_key(&name.replace(' ', "").to_lowercase())
        .filter(|source| source.name == name)
        .or_else(|| of_domain(&plain_host(name)))?
        .medium
}

/// Whether a host, or a domain it is under, is on the list of referrer spam or among `blocked`,
/// whatever the case of letters.
#[must_use]
pub fn is_spam(host: &str, blocked: &[Domain]) -> bool {
    let host = plain_host(host);
    domains(&host).any(|domain| {
        SPAM.get(domain).is_some()
            || blocked.iter().any(|entry| plain_host(entry.as_str()) == domain)
    })
}

/// A host as the lists write it: lower case, without the root's dot and without `www.`.
fn plain_host(host: &str) -> String {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    host.strip_prefix("www.").map(str::to_owned).unwrap_or(host)
}

/// A host and the domains it is under, the longest first, without the top-level one.
fn domains(host: &str) -> impl Iterator<Item = &str> {
    let longest = host.contains('.').then_some(host);
    std::iter::successors(longest, |domain| {
        domain.split_once('.').map(|(_, parent)| parent).filter(|parent| parent.contains('.'))
    })
}

fn of_domain(host: &str) -> Option<Source> {
    domains(host).find_map(of_key)
}

fn of_key(key: &str) -> Option<Source> {
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
        let source = source_of(&referrer.parse().expect(referrer));
        assert_eq!(source.as_ref().map(|source| &*source.name), expected, "{referrer}");
    }

    #[test]
    fn listed_referrers() {
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
    fn other_referrers() {
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
    fn campaigns() {
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
    fn spam() {
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

    /// What the list says is what the types can hold, and one source has one name.
    #[test]
    fn the_list_is_well_formed() {
        let mut names = std::collections::BTreeMap::new();
        for (key, _) in SOURCES.lines() {
            let source = of_key(key).expect(key);
            assert!(source.medium.is_some() && source.name.len() <= MAX_NAME, "{key}");
            let name =
                names.entry(source.name.to_lowercase()).or_insert_with(|| source.name.clone());
            assert_eq!(*name, source.name, "{key}");
        }
    }
}
