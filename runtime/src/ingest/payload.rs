//! Request bodies of hits, as sent by Footfall's tracker, Plausible's trackers and the plain snippet.
//!
//! Plausible's keys are those of its Events API (<https://plausible.io/docs/events-api>) and of the packages
//! `@plausible-analytics/tracker` and `plausible-tracker`.

use serde_json::{Map, Value};

use crate::ingest::rejection::Rejection;
use crate::platform::sanitize;

/// Maximum size of a body, in bytes.
///
/// Plausible allows 30 properties with names of 300 bytes and values of 2,000 bytes, and JSON escapes may double
/// that. Browsers send less than 2 KB.
pub const MAX_BODY: usize = 256 * 1024;

/// Maximum number of properties kept per event. Plausible's limit.
const MAX_PROPS: usize = 30;

/// Maximum length of an event's name, in characters. Plausible's limit.
pub const MAX_NAME: usize = 120;

/// Name of the event with which trackers report engagement. Reserved for that.
pub const ENGAGEMENT: &str = "engagement";

/// Maximum engagement time of one report, in milliseconds: 6 hours. Trackers report whenever the visitor leaves
/// the page, so a larger value means that a clock jumped.
pub const MAX_ENGAGED: u32 = 6 * 60 * 60 * 1000;

/// Reading time and scroll depth since the tracker's last report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngagementData {
    /// Maximum scroll depth, as a percentage of the page's height: 0 to 100.
    pub scroll: Option<u8>,
    /// How long the page was in the foreground, in milliseconds: at most [`MAX_ENGAGED`].
    pub engaged: u32,
}

/// A parsed body: its keys have the right types, but their values are not validated yet.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Payload {
    /// The event's name. `None` for a page view.
    pub event: Option<String>,
    /// The measurement of the event [`ENGAGEMENT`]. `None` for every other event.
    pub engagement: Option<EngagementData>,
    /// Whether the body names the event, even as a page view.
    pub has_name: bool,
    /// The page's URL.
    pub url: String,
    /// Plausible's `domain`: one site, or several separated by commas.
    pub domain: Option<String>,
    /// The referrer's URL.
    pub referrer: Option<String>,
    /// `utm_source`, which the plain snippet sends separately from the URL.
    pub utm_source: Option<String>,
    /// The width of the window, in CSS pixels.
    pub width: Option<u32>,
    /// The browser's IANA time zone.
    pub time_zone: Option<String>,
    /// Properties of the event.
    pub props: Vec<(String, String)>,
    /// Whether the URL's fragment is part of the page (Plausible's hash mode).
    pub fragment: bool,
    /// Whether the browser is automated (`navigator.webdriver`).
    pub automated: bool,
}

impl Payload {
    /// Parses a body. Ignores unknown keys, because trackers add new ones. Like Plausible, also ignores optional
    /// keys with the wrong type: nobody reads the response to a beacon, so rejecting a page view for its width
    /// would only lose it.
    ///
    /// # Errors
    /// [`Rejection::TooLarge`], [`Rejection::NotJson`], or [`Rejection::Key`] if the URL is missing, if the URL,
    /// name or domain is invalid, or if an engagement has no measurement.
    pub fn parse(body: &[u8]) -> Result<Self, Rejection> {
        if body.len() > MAX_BODY {
            return Err(Rejection::TooLarge);
        }
        let keys = match serde_json::from_slice(body) {
            Ok(Value::Object(keys)) => keys,
            Ok(_) => return Err(Rejection::NotJson("expected an object".to_owned())),
            Err(error) => return Err(Rejection::NotJson(error.to_string())),
        };
        let event = event(&keys)?;
        let is_engagement = event.as_deref() == Some(ENGAGEMENT);
        let text = |names| find(&keys, names).and_then(Value::as_str).map(str::to_owned);
        Ok(Self {
            event,
            engagement: is_engagement.then(|| engagement(&keys)).transpose()?,
            has_name: find(&keys, &["name", "n"]).is_some(),
            url: string(&keys, &["url", "u"])?.ok_or(Rejection::Key("url", "is missing"))?,
            domain: string(&keys, &["domain", "d"])?,
            referrer: text(&["referrer", "r"]),
            utm_source: text(&["utm_source"]),
            width: width(&keys),
            time_zone: text(&["z"]),
            props: props(&keys),
            fragment: flag(&keys, "h") || flag(&keys, "hashMode"),
            automated: flag(&keys, "b"),
        })
    }
}

/// Returns the value of the first of the keys `names` that is neither null nor an empty string.
fn find<'a>(keys: &'a Map<String, Value>, names: &[&'static str]) -> Option<&'a Value> {
    let is_set = |value: &&Value| !value.is_null() && value.as_str() != Some("");
    names.iter().filter_map(|name| keys.get(*name)).find(is_set)
}

/// Returns an optional string, or an error if it is not a string. The error uses the first name.
fn string(keys: &Map<String, Value>, names: &[&'static str]) -> Result<Option<String>, Rejection> {
    match find(keys, names) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Rejection::Key(names[0], "must be a string")),
    }
}

/// Returns the event's name. `None` for a page view, the default. A number is valid too: Plausible's users
/// count 404s that way.
fn event(keys: &Map<String, Value>) -> Result<Option<String>, Rejection> {
    let name = match find(keys, &["name", "n"]) {
        None => return Ok(None),
        Some(Value::String(name)) => name.clone(),
        Some(Value::Number(name)) => name.to_string(),
        Some(_) => return Err(Rejection::Key("name", "must be a string")),
    };
    if name.chars().count() > MAX_NAME {
        return Err(Rejection::Key("name", "must be at most 120 characters"));
    }
    // A character has at most four bytes, so this never truncates.
    let name = sanitize::clean(&name, 4 * MAX_NAME);
    match name.as_str() {
        "" => Err(Rejection::Key("name", "must have a visible character")),
        "pageview" => Ok(None),
        _ => Ok(Some(name)),
    }
}

/// Returns the measurement of an engagement. One of the two numbers is enough. The bounds of the scroll depth
/// are Plausible's; for times, Plausible accepts everything below 30 days.
fn engagement(keys: &Map<String, Value>) -> Result<EngagementData, Rejection> {
    let number = |name| match keys.get(name) {
        Some(Value::Number(number)) => number.as_u64(),
        Some(Value::String(text)) => text.parse().ok(),
        _ => None,
    };
    let (scroll, engaged) = (number("sd"), number("e"));
    if scroll.is_none() && engaged.is_none() {
        return Err(Rejection::Key("sd", "or `e` must be a whole number in an engagement"));
    }
    let engaged = engaged.map_or(0, |ms| u32::try_from(ms).unwrap_or(u32::MAX));
    Ok(EngagementData {
        scroll: scroll.map(|percent| u8::try_from(percent.min(100)).unwrap_or(100)),
        engaged: engaged.min(MAX_ENGAGED),
    })
}

/// Returns whether a key is `1` or `true`.
fn flag(keys: &Map<String, Value>, name: &'static str) -> bool {
    keys.get(name).is_some_and(|value| *value == Value::Bool(true) || value.as_u64() == Some(1))
}

/// Returns a width in CSS pixels. Zoomed browsers send fractions, and some clients send a string.
fn width(keys: &Map<String, Value>) -> Option<u32> {
    let width = match find(keys, &["width", "screen_width", "w"])? {
        Value::Number(width) => width.as_f64()?,
        // Parsed as JSON, because std's float parser adds 10 KB of tables.
        Value::String(width) => serde_json::from_str(width).ok()?,
        _ => return None,
    };
    // The cast saturates, so a width above the range of u32 still counts as large.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    (width >= 0.0).then_some(width as u32)
}

/// Returns the properties: an object, or a string with an object as JSON, which `plausible-tracker` sends.
/// Numbers and booleans become strings. As in Plausible, lists, objects, nulls and empty strings are left out.
fn props(keys: &Map<String, Value>) -> Vec<(String, String)> {
    let inner;
    let props = match find(keys, &["props", "p", "meta", "m"]) {
        Some(Value::Object(props)) => props,
        Some(Value::String(json)) => {
            inner = serde_json::from_str::<Map<String, Value>>(json).unwrap_or_default();
            &inner
        }
        _ => return Vec::new(),
    };
    let pair = |(name, value): (&String, &Value)| match value {
        Value::String(text) if !text.is_empty() => Some((name.clone(), text.clone())),
        Value::Number(number) => Some((name.clone(), number.to_string())),
        Value::Bool(flag) => Some((name.clone(), flag.to_string())),
        _ => None,
    };
    props.iter().filter_map(pair).take(MAX_PROPS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &str) -> Payload {
        Payload::parse(body.as_bytes()).unwrap()
    }

    #[test]
    fn parses_hits_of_our_tracker() {
        let payload = parse(
            r#"{"n":"pageview","u":"https://e.x/","r":"https://t.co/","w":1280.5,"z":"Asia/Tokyo","b":1}"#,
        );
        assert_eq!(payload.event, None);
        assert_eq!(payload.width, Some(1280));
        assert_eq!(payload.time_zone.as_deref(), Some("Asia/Tokyo"));
        assert!(payload.automated);
    }

    #[test]
    fn parses_hits_of_plausible_trackers() {
        let long = parse(
            r#"{"name":"signup","url":"https://e.x/","domain":"e.x","referrer":null,"props":{"plan":"pro","seats":3,"trial":true,"tags":[1],"none":null},"screen_width":800}"#,
        );
        let short = parse(
            r##"{"n":"signup","u":"https://e.x/","d":"e.x","r":"","p":"{\"plan\":\"pro\",\"seats\":3,\"trial\":true}","w":"800","h":1,"v":36,"i":false}"##,
        );
        assert_eq!(long.event.as_deref(), Some("signup"));
        assert_eq!(long.props.len(), 3);
        assert!(short.fragment && !long.fragment);
        assert_eq!(Payload { fragment: false, ..short }, long);
    }

    #[test]
    fn parses_hits_of_the_plain_snippet() {
        let payload = parse(r#"{"url":"https://e.x/","utm_source":"a, b :x"}"#);
        assert_eq!(payload.utm_source.as_deref(), Some("a, b :x"));
    }

    #[test]
    fn parses_engagement_within_bounds() {
        let check = |keys: &str, scroll, engaged| {
            let payload = parse(&format!(r#"{{"n":"engagement","u":"https://e.x/",{keys}}}"#));
            assert_eq!(payload.engagement, Some(EngagementData { scroll, engaged }), "{keys}");
        };
        check(r#""sd":42,"e":3210,"p":{},"d":"e.x","v":36"#, Some(42), 3210);
        check(r#""sd":"42","e":"3210""#, Some(42), 3210);
        check(r#""sd":0,"e":0"#, Some(0), 0);
        check(r#""sd":100"#, Some(100), 0);
        check(r#""sd":101,"e":-5"#, Some(100), 0);
        check(r#""sd":18446744073709551615,"e":18446744073709551615"#, Some(100), MAX_ENGAGED);
        // A page without a height: JSON has no NaN.
        check(r#""sd":null,"e":21600001"#, None, MAX_ENGAGED);
        check(r#""sd":-1,"e":21600000"#, None, MAX_ENGAGED);
        check(r#""sd":[],"e":1"#, None, 1);
        // Other events have no measurement, even with these keys.
        assert_eq!(parse(r#"{"n":"Engagement","u":"x","sd":1,"e":1}"#).engagement, None);
        assert_eq!(parse(r#"{"u":"x","sd":1,"e":1}"#).engagement, None);
    }

    #[test]
    fn rejection_names_the_problem() {
        let check = |body: &[u8], expected: &str| {
            let rejection = Payload::parse(body).unwrap_err().to_string();
            assert!(rejection.contains(expected), "{rejection:?} should contain {expected:?}");
        };
        check(b"", "JSON");
        check(b"url=https://e.x", "JSON");
        check(b"[]", "expected an object");
        check(b"\xff\xfe", "JSON");
        check(b"{\"url\":\"\xff\"}", "JSON");
        check(b"{}", "`url` is missing");
        check(br#"{"url":null}"#, "`url` is missing");
        check(br#"{"url":7}"#, "`url` must be a string");
        check(br#"{"url":"x","name":{}}"#, "`name` must be a string");
        check(br#"{"url":"x","domain":7}"#, "`domain` must be a string");
        check(br#"{"url":"x","name":"  "}"#, "`name` must have a visible character");
        check(br#"{"url":"x","name":"engagement"}"#, "`sd` or `e` must be a whole number");
        check(br#"{"url":"x","n":"engagement","sd":"half","e":0.5}"#, "`sd` or `e`");
        let long = |letters| format!(r#"{{"url":"x","n":"{}"}}"#, "é".repeat(letters));
        check(long(121).as_bytes(), "120 characters");
        assert_eq!(parse(&long(120)).event.unwrap().chars().count(), 120);
        check("[".repeat(60_000).as_bytes(), "JSON");
        check(&vec![b' '; MAX_BODY + 1], "too large");
    }

    #[test]
    fn ignores_invalid_optional_keys() {
        let plain = parse(r#"{"url":"x"}"#);
        let check = |body: &str| assert_eq!(parse(body), plain, "{body}");
        check(r#"{"url":"x","referrer":7}"#);
        check(r#"{"url":"x","width":[]}"#);
        check(r#"{"url":"x","width":-1}"#);
        check(r#"{"url":"x","w":"abc"}"#);
        check(r#"{"url":"x","props":[]}"#);
        check(r#"{"url":"x","props":"not json"}"#);
        check(r#"{"url":"x","p":{"empty":"","list":[1]}}"#);
        check(r#"{"url":"x","z":{}}"#);
        let many: Vec<String> = (0..40).map(|i| format!(r#""{i}":1"#)).collect();
        let many = format!(r#"{{"url":"x","p":{{{}}}}}"#, many.join(","));
        assert_eq!(parse(&many).props.len(), 30);
    }

    #[test]
    fn empty_key_does_not_hide_its_alias() {
        let payload = parse(
            r#"{"name":null,"n":"signup","url":"","u":"https://e.x/","p":null,"m":{"a":"b"}}"#,
        );
        assert_eq!(payload.event.as_deref(), Some("signup"));
        assert_eq!(payload.url, "https://e.x/");
        assert_eq!(payload.props.len(), 1);
        assert_eq!(parse(r#"{"url":"x","n":404}"#).event.as_deref(), Some("404"));
    }
}
