//! Turns lines into hits, with the functions that live traffic goes through.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::Result;
use footfall_infra::settings::{Settings, Site};
use footfall_runtime::hit::country::Country;
use footfall_runtime::hit::exclusion::ExclusionReason;
use footfall_runtime::hit::page_url::PageUrl;
use footfall_runtime::hit::user_agent::{self, ClientHints};
use footfall_runtime::hit::visitor::{Salt, VisitorId};
use footfall_runtime::hit::{Excluded, Hit, Kind, Record};
use footfall_runtime::ingest::filter::{self, Signals};
use footfall_runtime::ingest::payload::Payload;
use footfall_runtime::ingest::{self, HitInput};
use footfall_runtime::storage::hour::utc_day;
use footfall_runtime::storage::retention::retained_from;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan as _};

use super::line_counts::{LineCounts, Reason};
use super::temp_files::TempFiles;

/// Maximum time that a line may be in the future, because clocks differ.
const MAX_CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// Maximum age of a hit in years. Reports go no further back.
const MAX_YEARS: i64 = 20;

/// A request in a server's log.
#[derive(Debug, Clone, Default)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) status: u16,
    /// The requested host, if the log has it.
    pub(crate) host: Option<&'a str>,
    /// The path and query, or the full URL.
    pub(crate) target: &'a str,
    pub(crate) referrer: Option<&'a str>,
    /// `None` if the log has no such field.
    pub(crate) user_agent: Option<&'a str>,
    /// The client: an address, or a name that the server replaced it with.
    pub(crate) client: &'a str,
    /// The answer's content type, if the log has it.
    pub(crate) content_type: Option<&'a str>,
    /// The client's country, if the log has it.
    pub(crate) country: Option<&'a str>,
}

/// Sorts hits into days, and counts lines that are not hits.
#[derive(Debug)]
pub(crate) struct Pipeline<'a> {
    settings: &'a Settings,
    pub(crate) site: &'a Site,
    pub(crate) now: Timestamp,
    /// The first day that is imported.
    first: Date,
    /// Used for this import only.
    salt: Salt,
    pub(crate) hits: TempFiles,
    pub(crate) counts: LineCounts,
    /// The current file.
    pub(crate) file: String,
}

impl<'a> Pipeline<'a> {
    pub(crate) fn new(
        settings: &'a Settings,
        site: &'a Site,
        now: Timestamp,
        salt: Salt,
    ) -> Result<Self> {
        let oldest = utc_day(now).saturating_sub(MAX_YEARS.years());
        // Skip the oldest day, because it would be deleted soon.
        let kept = retained_from(site, now);
        let kept = if kept > Date::MIN { kept.tomorrow().unwrap_or(kept) } else { kept };
        Ok(Self {
            settings,
            site,
            now,
            first: oldest.max(kept),
            salt,
            hits: TempFiles::new()?,
            counts: LineCounts::default(),
            file: String::new(),
        })
    }

    /// Counts a line that is not a hit.
    pub(crate) fn note(&mut self, line: u64, reason: Reason) {
        self.counts.note(reason, &self.file, line);
    }

    /// Checks that a time can be imported.
    pub(crate) fn check(&self, at: Timestamp) -> Result<(), Reason> {
        if self.now.checked_add(MAX_CLOCK_SKEW).is_ok_and(|latest| at > latest) {
            Err(Reason::Time)
        } else if utc_day(at) < self.first {
            Err(Reason::Old)
        } else {
            Ok(())
        }
    }

    /// Adds a hit.
    pub(crate) fn take(&mut self, line: u64, at: Timestamp, kind: Kind) -> Result<()> {
        match self.check(at) {
            Ok(()) => self.hits.push(&Record { at, kind }),
            Err(reason) => {
                self.note(line, reason);
                Ok(())
            }
        }
    }

    /// Adds a request, if it was for a page.
    pub(crate) fn request(&mut self, line: u64, at: Timestamp, request: &Request) -> Result<()> {
        match self.kind(request) {
            Ok(kind) => self.take(line, at, kind),
            Err(reason) => {
                self.note(line, reason);
                Ok(())
            }
        }
    }

    fn kind(&self, request: &Request) -> Result<Kind, Reason> {
        if request.method != "GET" {
            return Err(Reason::Method);
        }
        if !matches!(request.status, 200 | 304) {
            return Err(Reason::Status);
        }
        let page = self.page(request.host, request.target)?;
        let path = request.target.split(['?', '#']).next().unwrap_or_default();
        if !is_page(path, request.content_type) {
            return Err(Reason::NotAPage);
        }
        let referrer = request.referrer.and_then(|text| url::Url::parse(text).ok());
        let reason = request.user_agent.and_then(|user_agent| {
            filter::exclusion_reason(&Signals {
                user_agent: Some(user_agent),
                referrer_host: referrer.as_ref().and_then(url::Url::host_str),
                blocked_referrers: &self.settings.blocked_referrers,
                ..Signals::default()
            })
        });
        if let Some(reason) = reason {
            return Ok(self.filtered(reason, &page));
        }
        let user_agent = request.user_agent.unwrap_or_default();
        let visitor = match request.client.parse() {
            Ok(address) => self.salt.visitor(self.site.domain.as_str(), address, user_agent),
            Err(_) => self.visitor(&format!("{} {user_agent}", request.client)),
        };
        let client = user_agent::parse(user_agent, ClientHints::default());
        let country = request.country.and_then(Country::from_header);
        let payload = Payload::default();
        let input = HitInput {
            site: self.site,
            page: &page,
            payload,
            referrer: referrer.as_ref(),
            user_agent: client,
            visitor,
            country,
        };
        let hit = input.into_hit();
        if request.user_agent.is_none() {
            // Without a User-Agent the device is unknown.
            return Ok(Kind::Hit(Hit { device: None, ..hit }));
        }
        Ok(Kind::Hit(hit))
    }

    /// Returns the page of a path or URL, if it belongs to the site.
    pub(crate) fn page(&self, host: Option<&str>, target: &str) -> Result<PageUrl, Reason> {
        let page = if target.starts_with('/') {
            let own = self.site.domain.as_str();
            PageUrl::parse(&format!("https://{}{target}", host.unwrap_or(own)), None)
        } else {
            PageUrl::parse(target, None)
        };
        let page = page.ok_or(Reason::NotAPage)?;
        let is_own = self.settings.site_of_host(page.host()).is_some_and(|it| it == self.site);
        // A path without a host belongs to the site.
        if is_own || host.is_none() && target.starts_with('/') {
            Ok(page)
        } else {
            Err(Reason::Host)
        }
    }

    /// Returns an excluded hit.
    pub(crate) fn filtered(&self, reason: ExclusionReason, page: &PageUrl) -> Kind {
        Kind::Excluded(Excluded { reason, page: page.path(false, ingest::MAX_PAGE) })
    }

    /// Returns the exclusion reason of a spam referrer.
    pub(crate) fn spam(&self, referrer: Option<&url::Url>) -> Option<ExclusionReason> {
        filter::exclusion_reason(&Signals {
            user_agent: Some("Mozilla/5.0"),
            referrer_host: referrer.and_then(url::Url::host_str),
            blocked_referrers: &self.settings.blocked_referrers,
            ..Signals::default()
        })
        .filter(|reason| *reason == ExclusionReason::ReferrerSpam)
    }

    /// Returns the visitor for another tool's ID. The ID itself is not stored.
    pub(crate) fn visitor(&self, name: &str) -> VisitorId {
        let nowhere = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        self.salt.visitor(self.site.domain.as_str(), nowhere, name)
    }
}

/// Whether a path is a page. Decides by the content type if it is known, and otherwise by the file extension.
/// Paths such as `/.well-known/` are not pages.
fn is_page(path: &str, content_type: Option<&str>) -> bool {
    const PAGES: [&str; 10] =
        ["html", "htm", "xhtml", "shtml", "php", "asp", "aspx", "jsp", "cgi", "cfm"];
    if let Some(content_type) = content_type {
        return ["text/html", "application/xhtml+xml"]
            .iter()
            .any(|html| content_type.trim_start().to_ascii_lowercase().starts_with(html));
    }
    if path.starts_with("/.") {
        return false;
    }
    let name = path.rsplit('/').next().unwrap_or_default();
    let Some((_, ending)) = name.rsplit_once('.') else { return true };
    let ending = ending.to_ascii_lowercase();
    // `/posts/version-1.2` and `/about-mr.` have no extension.
    let is_ending = (1..=5).contains(&ending.len())
        && ending.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && ending.starts_with(|first: char| first.is_ascii_alphabetic());
    // Extensions that begin with a digit.
    let is_ending = is_ending || matches!(ending.as_str(), "7z" | "3gp");
    !is_ending || PAGES.contains(&ending.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distinguishes_pages_from_files() {
        for page in ["/", "/blog/", "/posts/a-b", "/a.html", "/A.PHP", "/posts/v1.2", "/~ann/mr."] {
            assert!(is_page(page, None), "{page}");
        }
        for file in ["/a.css", "/x.js", "/img/a.PNG", "/feed.xml", "/robots.txt", "/a.7z", "/.env"]
        {
            assert!(!is_page(file, None), "{file}");
        }
        assert!(is_page("/a.json", Some("text/html;%20charset=utf-8")));
        assert!(!is_page("/api", Some("application/json")));
    }
}
