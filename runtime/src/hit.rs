//! A hit: one page view or event, as it is stored; and what is stored beside hits. What was derived,
//! never what was sent: no IP address, no User-Agent, no query string.

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

/// What the table holds of one request, at the time it came in.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// When it was received, to the millisecond.
    pub at: Timestamp,
    /// What it was.
    pub kind: Kind,
}

/// Somebody's, or some program's.
// Nearly all are hits, so that the room of the smaller variants is not worth an allocation each.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// A visitor's: it counts.
    Hit(Hit),
    /// A program's or a spammer's: counted apart.
    Excluded(Excluded),
    /// How a visitor looked at a page: no hit, but said of one before it.
    Engagement(Engagement),
}

/// A page view or an event of a visitor.
///
/// The keys are short because they are stored with every hit; a key that is not there is `None`
/// or empty. A new one may be added, and a reader ignores those it does not know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hit {
    /// Who, on this day.
    #[serde(rename = "v")]
    pub visitor: VisitorId,
    /// The name of the event; `None` is a page view.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// The page's host, where it is not the site's own domain.
    #[serde(rename = "h", default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The page's path.
    #[serde(rename = "p")]
    pub page: String,
    /// Where the visitor came from, by name; `None` is direct.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The address before, without scheme and query.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub referrer: Option<String>,
    /// The campaign's parameters.
    #[serde(flatten)]
    pub campaign: Campaign,
    /// The country.
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
    /// What kind of device it is.
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub device: Option<Device>,
    /// How wide the window is.
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    pub screen: Option<Screen>,
    /// The event's properties.
    #[serde(rename = "m", default, skip_serializing_if = "Vec::is_empty")]
    pub props: Vec<(String, String)>,
}

/// The campaign parameters of a page's address, cleaned and bounded.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Campaign {
    /// `utm_source`, as it was written.
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

/// What is kept of a hit that does not count.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Excluded {
    /// Why it does not count. No hit has this key.
    #[serde(rename = "x")]
    pub reason: ExclusionReason,
    /// The page's path.
    #[serde(rename = "p")]
    pub page: String,
}

/// How a page was looked at since its tracker last said so.
///
/// It has none of the keys that a hit must have: a version that does not know engagements cannot read
/// one, and so counts no view for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Engagement {
    /// Who, on this day.
    #[serde(rename = "ev")]
    pub visitor: VisitorId,
    /// The page's host, where it is not the site's own domain.
    #[serde(rename = "h", default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The page's path.
    #[serde(rename = "ep")]
    pub page: String,
    /// The deepest part of the page that was in sight, in per cent of its height: 0 to 100.
    #[serde(rename = "sd", default, skip_serializing_if = "Option::is_none")]
    pub scroll: Option<u8>,
    /// How long the page was in front, in milliseconds. Nothing else has this key.
    #[serde(rename = "e")]
    pub engaged: u32,
}

/// How wide a window is. The bounds are Plausible's, so that its reports compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Screen {
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

impl Screen {
    /// The class of a width in CSS pixels; 0 is no width.
    #[must_use]
    pub const fn of_width(width: u32) -> Option<Self> {
        match width {
            0 => None,
            1..576 => Some(Self::Mobile),
            576..992 => Some(Self::Tablet),
            992..1440 => Some(Self::Laptop),
            1440.. => Some(Self::Desktop),
        }
    }

    /// The name used in segments and in answers.
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

/// A stored record that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("a stored hit cannot be read: {0}")]
pub struct DecodeError(#[from] serde_json::Error);

/// How the bytes of a page view or an event begin, and those of nothing else: who counts them where they are
/// stored need not read them.
pub const HIT_PREFIX: &[u8] = b"{\"v\":";

impl Kind {
    /// The bytes to store: JSON, at most `max` bytes of it whatever was sent. The longest texts are
    /// cut, and show it; if that is not enough, the last properties are left out.
    ///
    /// # Errors
    /// None that is known: every part of a record is a string, a number or a list.
    pub fn encode(&self, max: usize) -> Result<Vec<u8>, serde_json::Error> {
        match self {
            Self::Hit(hit) => hit.clone().encode(max),
            Self::Excluded(filtered) => {
                let mut filtered = filtered.clone();
                loop {
                    let bytes = serde_json::to_vec(&filtered)?;
                    if bytes.len() <= max || !shorten(&mut [&mut filtered.page]) {
                        return Ok(bytes);
                    }
                }
            }
            Self::Engagement(engagement) => {
                let mut engagement = engagement.clone();
                loop {
                    let bytes = serde_json::to_vec(&engagement)?;
                    let mut texts: Vec<&mut String> = engagement.host.iter_mut().collect();
                    texts.push(&mut engagement.page);
                    if bytes.len() <= max || !shorten(&mut texts) {
                        return Ok(bytes);
                    }
                }
            }
        }
    }

    /// Reads what [`encode`](Self::encode) wrote, in this version or an earlier one.
    ///
    /// # Errors
    /// If the bytes are no record.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        // Each kind but the most frequent one has a key of its own.
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
            // A page or an event that was cut would be another one in the report: they come last.
            let shortened = shorten(&mut self.details())
                || self.props.pop().is_some()
                || shorten(&mut self.identities());
            if !shortened {
                return Ok(bytes);
            }
        }
    }

    /// Texts that a stranger chose, and that say more about a hit.
    fn details(&mut self) -> Vec<&mut String> {
        let campaign = &mut self.campaign;
        let optional =
            [&mut self.referrer, &mut campaign.term, &mut campaign.content, &mut campaign.name];
        let props = self.props.iter_mut().flat_map(|(name, value)| [name, value]);
        optional.into_iter().flatten().chain(props).collect()
    }

    /// Texts that a stranger chose, and that hits are counted by.
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

/// Cuts the longest text by a quarter; false if all are short already.
fn shorten(texts: &mut [&mut String]) -> bool {
    const SHORT: usize = 24;
    match texts.iter_mut().max_by_key(|text| text.len()) {
        Some(longest) if longest.len() > SHORT => {
            let max = (longest.len() * 3 / 4).max(SHORT);
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
    fn a_record_comes_back() {
        let filtered =
            Kind::Excluded(Excluded { reason: ExclusionReason::Bot, page: "/".to_owned() });
        let engagement = Kind::Engagement(engagement());
        assert_eq!(
            engagement.encode(900).unwrap(),
            br#"{"ev":"00000000000000ab","ep":"/","sd":40,"e":3000}"#
        );
        for kind in [Kind::Hit(hit()), filtered, engagement] {
            let bytes = kind.encode(900).unwrap();
            assert_eq!(bytes.starts_with(HIT_PREFIX), matches!(kind, Kind::Hit(_)));
            assert_eq!(Kind::decode(&bytes).unwrap(), kind);
        }
        assert_eq!(Kind::Hit(hit()).encode(900).unwrap(), br#"{"v":"00000000000000ab","p":"/"}"#);
        assert!(Kind::decode(b"{}").is_err());
        assert!(Kind::decode(br#"{"x":"a-reason-of-tomorrow","p":"/"}"#).is_err());
    }

    /// A version from before engagements read everything without `x` as a hit.
    #[test]
    fn a_version_that_knows_no_engagement_counts_none_as_a_view() {
        let bytes = Kind::Engagement(engagement()).encode(900).unwrap();
        assert!(serde_json::from_slice::<Hit>(&bytes).is_err());
    }

    #[test]
    fn an_engagement_keeps_to_its_size() {
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
    fn what_hits_are_counted_by_is_cut_last() {
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
    fn widths_have_classes() {
        let check = |width, expected| assert_eq!(Screen::of_width(width), expected, "{width}");
        check(0, None);
        check(575, Some(Screen::Mobile));
        check(576, Some(Screen::Tablet));
        check(992, Some(Screen::Laptop));
        check(1440, Some(Screen::Desktop));
    }
}
