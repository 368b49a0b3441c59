//! Decides which hits are stored but excluded from reports.
//!
//! Elsewhere: bot patterns ([`bot`]), the list of referrer spam ([`source`]), and reasons to reject a hit
//! altogether, such as an unknown site ([`rejection`](super::rejection)).

use footfall_infra::settings::Domain;

use crate::hit::exclusion::ExclusionReason;
use crate::hit::source;
use crate::ingest::bot;

/// Headers with which browsers mark pages loaded in advance: Chromium's current and former one, Firefox's former
/// one, and Safari's for previews.
pub const PURPOSE_HEADERS: [&str; 4] = ["sec-purpose", "purpose", "x-moz", "x-purpose"];

/// Request data used to exclude hits.
#[derive(Clone, Copy, Debug, Default)]
pub struct Signals<'a> {
    /// The `User-Agent` header.
    pub user_agent: Option<&'a str>,
    /// The value of the first present header of [`PURPOSE_HEADERS`].
    pub purpose: Option<&'a str>,
    /// Whether the tracker saw `navigator.webdriver`.
    pub automated: bool,
    /// The referrer's host, without port.
    pub referrer_host: Option<&'a str>,
    /// Domains that the owner added to the spam list. Each covers its subdomains.
    pub blocked_referrers: &'a [Domain],
}

/// Returns the first reason to exclude a hit. `None` if it counts.
#[must_use]
pub fn exclusion_reason(signals: &Signals) -> Option<ExclusionReason> {
    let user_agent = signals.user_agent.map_or("", str::trim_ascii);
    if user_agent.is_empty() {
        Some(ExclusionReason::NoUserAgent)
    } else if signals.purpose.is_some_and(is_prefetch) {
        Some(ExclusionReason::Prefetch)
    } else if signals.automated || is_headless(user_agent) {
        Some(ExclusionReason::Headless)
    } else if bot::is_bot(user_agent) {
        Some(ExclusionReason::Bot)
    } else if signals
        .referrer_host
        .is_some_and(|host| source::is_spam(host, signals.blocked_referrers))
    {
        Some(ExclusionReason::ReferrerSpam)
    } else {
        None
    }
}

/// Returns whether a header of [`PURPOSE_HEADERS`] marks a prefetch. Its value is a list of words, such as
/// `prefetch`, `prefetch;prerender` or `prefetch;anonymous-client-ip`.
fn is_prefetch(purpose: &str) -> bool {
    let mut words = purpose.split([';', ',']).map(str::trim_ascii);
    words.any(|word| {
        ["prefetch", "prerender", "preview"].iter().any(|known| word.eq_ignore_ascii_case(known))
    })
}

/// Returns whether a User-Agent names one of the two headless browsers that identify themselves.
fn is_headless(user_agent: &str) -> bool {
    user_agent.contains("HeadlessChrome") || user_agent.contains("PhantomJS")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHROME: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/152.0.0.0 Safari/537.36";

    fn check(signals: Signals, expected: Option<ExclusionReason>) {
        assert_eq!(exclusion_reason(&signals), expected, "{signals:?}");
    }

    fn browser() -> Signals<'static> {
        Signals { user_agent: Some(CHROME), ..Signals::default() }
    }

    #[test]
    fn browser_hits_count() {
        check(browser(), None);
        check(Signals { referrer_host: Some("example.com"), ..browser() }, None);
        check(Signals { purpose: Some("navigate"), ..browser() }, None);
    }

    #[test]
    fn excludes_programs() {
        check(Signals::default(), Some(ExclusionReason::NoUserAgent));
        check(Signals { user_agent: Some("  "), ..browser() }, Some(ExclusionReason::NoUserAgent));
        check(Signals { user_agent: Some("curl/8.9.1"), ..browser() }, Some(ExclusionReason::Bot));
        let headless = CHROME.replace("Chrome", "HeadlessChrome");
        check(
            Signals { user_agent: Some(&headless), ..browser() },
            Some(ExclusionReason::Headless),
        );
        check(Signals { automated: true, ..browser() }, Some(ExclusionReason::Headless));
    }

    #[test]
    fn excludes_prefetched_pages() {
        for purpose in
            ["prefetch", "prefetch;prerender", "Prefetch; anonymous-client-ip", "preview"]
        {
            check(Signals { purpose: Some(purpose), ..browser() }, Some(ExclusionReason::Prefetch));
        }
    }

    #[test]
    fn excludes_referrer_spam() {
        let blocked = [Domain::try_from(String::from("Spam.example")).unwrap()];
        let from =
            |host| Signals { referrer_host: Some(host), blocked_referrers: &blocked, ..browser() };
        check(from("semalt.com"), Some(ExclusionReason::ReferrerSpam));
        check(from("a.spam.example"), Some(ExclusionReason::ReferrerSpam));
        check(from("notspam.example"), None);
    }

    #[test]
    fn reason_names_round_trip() {
        let parse = |name: &str| serde_json::from_value::<ExclusionReason>(name.into()).ok();
        for reason in ExclusionReason::ALL {
            assert_eq!(parse(reason.as_str()), Some(reason));
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
        }
        assert_eq!(parse("Bot"), None);
    }
}
