//! Hits and the other stored records. They hold only what was derived from a request: no IP address, no
//! User-Agent and no query string.

pub mod channel;
pub mod country;
pub mod exclusion;
pub mod page_url;
pub mod rate_limit;
pub mod source;
pub mod user_agent;
pub mod visitor;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::hit::country::Country;
use crate::hit::exclusion::ExclusionReason;
use crate::hit::user_agent::Device;
use crate::hit::visitor::VisitorId;
use crate::platform::sanitize;

/// A stored record: one accepted request and when it was received.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// When it was received, in milliseconds.
    pub at: Timestamp,
    /// The record itself.
    pub kind: Kind,
}

/// The three kinds of stored record.
// Nearly all records are hits, so boxing them to shrink the other variants would only add allocations.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// A visitor's page view or event. Reports count it.
    Hit(Hit),
    /// A hit from a bot or spammer. Reports count it separately, by reason.
    Excluded(Excluded),
    /// How long and how far a visitor read a page. It is not a hit; it adds to an earlier one.
    Engagement(Engagement),
}

/// A page view or an event of a visitor.
///
/// The JSON keys are short because every hit stores them. A missing key means `None` or empty. Keys may be
/// added, because readers ignore keys they do not know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hit {
    /// The visitor's pseudonym for this day.
    #[serde(rename = "v")]
    pub visitor: VisitorId,
    /// The event's name. `None` for a page view.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// The page's host, if it differs from the site's domain.
    #[serde(rename = "h", default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The page's path.
    #[serde(rename = "p")]
    pub page: String,
    /// The name of the traffic source. `None` for direct traffic.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The referrer, without scheme and query.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub referrer: Option<String>,
    /// The campaign parameters.
    #[serde(flatten)]
    pub campaign: Campaign,
    /// The visitor's country.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Country>,
    /// The browser's name.
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    pub browser: Option<String>,
    /// The browser's version.
    #[serde(rename = "bv", default, skip_serializing_if = "Option::is_none")]
    pub browser_version: Option<String>,
    /// The operating system's name.
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    pub os: Option<String>,
    /// The operating system's version.
    #[serde(rename = "ov", default, skip_serializing_if = "Option::is_none")]
    pub os_version: Option<String>,
    /// The device type.
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub device: Option<Device>,
    /// The width class of the window.
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    pub screen: Option<ScreenSize>,
    /// The event's properties.
    #[serde(rename = "m", default, skip_serializing_if = "Vec::is_empty")]
    pub props: Vec<(String, String)>,
}

/// The campaign parameters of a page's URL, sanitized and truncated.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Campaign {
    /// `utm_source`, in its original spelling.
    #[serde(rename = "us", default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// `utm_medium`.
    #[serde(rename = "um", default, skip_serializing_if = "Option::is_none")]
    pub medium: Option<String>,
    /// `utm_campaign`.
    #[serde(rename = "uc", default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `utm_term`.
    #[serde(rename = "ut", default, skip_serializing_if = "Option::is_none")]
    pub term: Option<String>,
    /// `utm_content`.
    #[serde(rename = "uo", default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
}

/// A hit excluded from reports.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Excluded {
    /// Why it is excluded. No other kind of record has this key.
    #[serde(rename = "x")]
    pub reason: ExclusionReason,
    /// The page's path.
    #[serde(rename = "p")]
    pub page: String,
}

/// Reading time and scroll depth of a page since its tracker's last report.
///
/// It has none of the keys that a hit must have. A version that does not know engagements therefore fails to
/// decode one, instead of counting it as a page view.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Engagement {
    /// The visitor's pseudonym for this day.
    #[serde(rename = "ev")]
    pub visitor: VisitorId,
    /// The page's host, if it differs from the site's domain.
    #[serde(rename = "h", default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The page's path.
    #[serde(rename = "ep")]
    pub page: String,
    /// Maximum scroll depth, as a percentage of the page's height: 0 to 100.
    #[serde(rename = "sd", default, skip_serializing_if = "Option::is_none")]
    pub scroll: Option<u8>,
    /// How long the page was in the foreground, in milliseconds. No other kind of record has this key.
    #[serde(rename = "e")]
    pub engaged: u32,
}

/// A width class of windows. The bounds are Plausible's, so that reports are comparable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScreenSize {
    /// Under 576 pixels.
    #[serde(rename = "m")]
    Mobile,
    /// Under 992 pixels.
    #[serde(rename = "t")]
    Tablet,
    /// Under 1440 pixels.
    #[serde(rename = "l")]
    Laptop,
    /// 1440 pixels and more.
    #[serde(rename = "d")]
    Desktop,
}

impl ScreenSize {
    /// Returns the class of a width in CSS pixels. `None` if the width is 0, which means unknown.
    #[must_use]
    pub const fn from_width(width: u32) -> Option<Self> {
        match width {
            0 => None,
            1..576 => Some(Self::Mobile),
            576..992 => Some(Self::Tablet),
            992..1440 => Some(Self::Laptop),
            1440.. => Some(Self::Desktop),
        }
    }

    /// Returns the name used in segments and API responses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mobile => "Mobile",
            Self::Tablet => "Tablet",
            Self::Laptop => "Laptop",
            Self::Desktop => "Desktop",
        }
    }
}

/// A stored record that cannot be decoded.
#[derive(Debug, thiserror::Error)]
#[error("cannot decode a stored record: {0}")]
pub struct DecodeError(#[from] serde_json::Error);

/// Prefix of every encoded hit and of no other record, so the table can count hits without decoding them.
pub const HIT_PREFIX: &[u8] = b"{\"v\":";

impl Kind {
    /// Encodes the record as JSON of at most `max` bytes, whatever the client sent. Shortens the longest values,
    /// visibly; if that is not enough, drops the last properties.
    ///
    /// # Errors
    /// None known: a record consists of strings, numbers and lists.
    pub fn encode(&self, max: usize) -> Result<Vec<u8>, serde_json::Error> {
        match self {
            Self::Hit(hit) => hit.clone().encode(max),
            Self::Excluded(excluded) => {
                let mut excluded = excluded.clone();
                loop {
                    let bytes = serde_json::to_vec(&excluded)?;
                    if bytes.len() <= max || !shorten(&mut [&mut excluded.page]) {
                        return Ok(bytes);
                    }
                }
            }
            Self::Engagement(engagement) => {
                let mut engagement = engagement.clone();
                loop {
                    let bytes = serde_json::to_vec(&engagement)?;
                    let mut values: Vec<&mut String> = engagement.host.iter_mut().collect();
                    values.push(&mut engagement.page);
                    if bytes.len() <= max || !shorten(&mut values) {
                        return Ok(bytes);
                    }
                }
            }
        }
    }

    /// Decodes a record that this or an earlier version [encoded](Self::encode).
    ///
    /// # Errors
    /// If the bytes are not a record.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        // Every kind except hits, the most frequent one, has a key of its own.
        #[derive(Deserialize)]
        struct Probe {
            x: Option<serde::de::IgnoredAny>,
            e: Option<serde::de::IgnoredAny>,
        }
        let probe: Probe = serde_json::from_slice(bytes)?;
        Ok(match (probe.x, probe.e) {
            (None, None) => Self::Hit(serde_json::from_slice(bytes)?),
            (Some(_), _) => Self::Excluded(serde_json::from_slice(bytes)?),
            (None, Some(_)) => Self::Engagement(serde_json::from_slice(bytes)?),
        })
    }
}

impl Hit {
    fn encode(mut self, max: usize) -> Result<Vec<u8>, serde_json::Error> {
        loop {
            let bytes = serde_json::to_vec(&self)?;
            if bytes.len() <= max {
                return Ok(bytes);
            }
            // A truncated page or event would be a different one in reports, so those are shortened last.
            let shortened = shorten(&mut self.details())
                || self.props.pop().is_some()
                || shorten(&mut self.identities());
            if !shortened {
                return Ok(bytes);
            }
        }
    }

    /// Values chosen by the client that only add detail to the hit.
    fn details(&mut self) -> Vec<&mut String> {
        let campaign = &mut self.campaign;
        let optional =
            [&mut self.referrer, &mut campaign.term, &mut campaign.content, &mut campaign.name];
        let props = self.props.iter_mut().flat_map(|(name, value)| [name, value]);
        optional.into_iter().flatten().chain(props).collect()
    }

    /// Values chosen by the client that reports group by.
    fn identities(&mut self) -> Vec<&mut String> {
        let campaign = &mut self.campaign;
        let optional = [
            &mut self.event,
            &mut self.source,
            &mut self.host,
            &mut campaign.source,
            &mut campaign.medium,
        ];
        optional.into_iter().flatten().chain([&mut self.page]).collect()
    }
}

/// Shortens the longest value by a quarter. Returns false if all are already short.
fn shorten(values: &mut [&mut String]) -> bool {
    const MIN_LENGTH: usize = 24;
    match values.iter_mut().max_by_key(|value| value.len()) {
        Some(longest) if longest.len() > MIN_LENGTH => {
            let max = (longest.len() * 3 / 4).max(MIN_LENGTH);
            sanitize::truncate(longest, max);
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hit() -> Hit {
        serde_json::from_str(r#"{"v":"00000000000000ab","p":"/"}"#).unwrap()
    }

    fn engagement() -> Engagement {
        Engagement {
            visitor: VisitorId::new(0xab),
            host: None,
            page: "/".to_owned(),
            scroll: Some(40),
            engaged: 3000,
        }
    }

    #[test]
    fn record_round_trips() {
        let excluded =
            Kind::Excluded(Excluded { reason: ExclusionReason::Bot, page: "/".to_owned() });
        let engagement = Kind::Engagement(engagement());
        assert_eq!(
            engagement.encode(900).unwrap(),
            br#"{"ev":"00000000000000ab","ep":"/","sd":40,"e":3000}"#
        );
        for kind in [Kind::Hit(hit()), excluded, engagement] {
            let bytes = kind.encode(900).unwrap();
            assert_eq!(bytes.starts_with(HIT_PREFIX), matches!(kind, Kind::Hit(_)));
            assert_eq!(Kind::decode(&bytes).unwrap(), kind);
        }
        assert_eq!(Kind::Hit(hit()).encode(900).unwrap(), br#"{"v":"00000000000000ab","p":"/"}"#);
        assert!(Kind::decode(b"{}").is_err());
        assert!(Kind::decode(br#"{"x":"a-reason-of-tomorrow","p":"/"}"#).is_err());
    }

    /// Versions that predate engagements decode everything without `x` as a hit.
    #[test]
    fn engagement_does_not_decode_as_hit() {
        let bytes = Kind::Engagement(engagement()).encode(900).unwrap();
        assert!(serde_json::from_slice::<Hit>(&bytes).is_err());
    }

    #[test]
    fn engagement_stays_within_its_size_limit() {
        let long = Engagement {
            host: Some("h".repeat(200)),
            page: "\"".repeat(500),
            scroll: None,
            ..engagement()
        };
        let bytes = Kind::Engagement(long).encode(600).unwrap();
        assert!(bytes.len() <= 600, "{}", bytes.len());
        let Kind::Engagement(stored) = Kind::decode(&bytes).unwrap() else { panic!() };
        assert_eq!((stored.scroll, stored.engaged), (None, 3000));
        assert!(stored.page.ends_with('…'));
    }

    #[test]
    fn values_that_reports_group_by_are_shortened_last() {
        let text = |length| Some("x".repeat(length));
        let long = Hit {
            page: format!("/{}", "p".repeat(449)),
            referrer: text(200),
            campaign: Campaign {
                name: text(100),
                term: text(100),
                content: text(100),
                ..Campaign::default()
            },
            props: vec![("plan".to_owned(), "x".repeat(200)); 20],
            ..hit()
        };
        let bytes = Kind::Hit(long.clone()).encode(900).unwrap();
        assert!(bytes.len() <= 900);
        let Kind::Hit(stored) = Kind::decode(&bytes).unwrap() else { panic!() };
        assert_eq!(stored.page, long.page);
        assert!(stored.referrer.unwrap().ends_with('…'));
    }

    #[test]
    fn width_has_a_class() {
        let check =
            |width, expected| assert_eq!(ScreenSize::from_width(width), expected, "{width}");
        check(0, None);
        check(575, Some(ScreenSize::Mobile));
        check(576, Some(ScreenSize::Tablet));
        check(992, Some(ScreenSize::Laptop));
        check(1440, Some(ScreenSize::Desktop));
    }
}
