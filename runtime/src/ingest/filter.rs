//! Which hits are answered but not counted, and why.
//! Not here: the patterns that tell a bot (bot.rs), the spam list (source.rs), and who is turned
//! away altogether, such as a site that is not configured.

use footfall_infra::settings::Domain;

use crate::hit::exclusion::ExclusionReason;
use crate::hit::source;
use crate::ingest::bot;

/// The headers by which browsers say that nobody has asked for the page yet: Chromium's, the
/// one it sent before, Firefox's former one, and Safari's for its preview pictures.
pub const PURPOSE_HEADERS: [&str; 4] = ["sec-purpose", "purpose", "x-moz", "x-purpose"];

/// What a request says that bears on whether it is counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Signals<'a> {
    /// The `User-Agent` header.
    pub user_agent: Option<&'a str>,
    /// The value of the first of [`PURPOSE_HEADERS`] that is there.
    pub purpose: Option<&'a str>,
    /// What the snippet read from `navigator.webdriver`.
    pub automated: bool,
    /// The referrer's host name, without its port.
    pub referrer_host: Option<&'a str>,
    /// Domains that the owner has added to the spam list; each covers its subdomains.
    pub blocked_referrers: &'a [Domain],
}

/// The first reason not to count a hit, or None for one that counts.
#[must_use]
pub fn reason(signals: &Signals) -> Option<ExclusionReason> {
    let user_agent = signals.user_agent.map_or("", str::trim_ascii);
    if user_agent.is_empty() {
        Some(ExclusionReason::NoUserAgent)
    } else if signals.purpose.is_some_and(is_ahead_of_time) {
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

/// Values are words with parameters: `prefetch`, `prefetch;prerender`, `prefetch;anonymous-client-ip`.
fn is_ahead_of_time(purpose: &str) -> bool {
    let mut words = purpose.split([';', ',']).map(str::trim_ascii);
    words.any(|word| {
        ["prefetch", "prerender", "preview"].iter().any(|known| word.eq_ignore_ascii_case(known))
    })
}

/// The two headless browsers that name themselves in what is otherwise a browser's User-Agent.
fn is_headless(user_agent: &str) -> bool {
    user_agent.contains("HeadlessChrome") || user_agent.contains("PhantomJS")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHROME: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/152.0.0.0 Safari/537.36";

    fn check(signals: Signals, expected: Option<ExclusionReason>) {
        assert_eq!(reason(&signals), expected, "{signals:?}");
    }

    fn browser() -> Signals<'static> {
        Signals { user_agent: Some(CHROME), ..Signals::default() }
    }

    #[test]
    fn people_count() {
        check(browser(), None);
        check(Signals { referrer_host: Some("example.com"), ..browser() }, None);
        check(Signals { purpose: Some("navigate"), ..browser() }, None);
    }

    #[test]
    fn programs_do_not() {
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
    fn pages_nobody_asked_for() {
        for purpose in
            ["prefetch", "prefetch;prerender", "Prefetch; anonymous-client-ip", "preview"]
        {
            check(Signals { purpose: Some(purpose), ..browser() }, Some(ExclusionReason::Prefetch));
        }
    }

    #[test]
    fn spam() {
        let blocked = [Domain::try_from(String::from("Spam.example")).unwrap()];
        let from =
            |host| Signals { referrer_host: Some(host), blocked_referrers: &blocked, ..browser() };
        check(from("semalt.com"), Some(ExclusionReason::ReferrerSpam));
        check(from("a.spam.example"), Some(ExclusionReason::ReferrerSpam));
        check(from("notspam.example"), None);
    }

    #[test]
    fn names_are_read_back() {
        let parse = |name: &str| serde_json::from_value::<ExclusionReason>(name.into()).ok();
        for reason in ExclusionReason::ALL {
            assert_eq!(parse(reason.as_str()), Some(reason));
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
        }
        assert_eq!(parse("Bot"), None);
    }
}
