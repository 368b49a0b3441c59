//! The body of a hit, as Footfall's tracker, Plausible's trackers and the plain snippet send it.
//!
//! Plausible's keys come from its Events API reference (<https://plausible.io/docs/events-api>)
//! and from what `@plausible-analytics/tracker` and `plausible-tracker` send.

use serde_json::{Map, Value};

use crate::ingest::rejection::Rejection;
use crate::platform::sanitize;

/// The largest body that is read, in bytes.
///
/// Plausible allows 30 properties with names of 300 bytes and values of 2,000, which JSON may make
/// twice as long; what browsers send is under 2 KB.
pub const MAX_BODY: usize = 256 * 1024;

/// The most properties that are kept of an event: Plausible's limit.
const MAX_PROPS: usize = 30;

/// The longest name of an event, in characters: Plausible's limit.
pub const MAX_NAME: usize = 120;

/// The name of the event by which trackers say how a page was looked at. It is no other event's.
pub const ENGAGEMENT: &str = "engagement";

/// The longest time that one engagement may say, in milliseconds: 6 hours. A tracker sends one
/// whenever its page is left, so more than that is a clock that jumped.
pub const MAX_ENGAGED: u32 = 6 * 60 * 60 * 1000;

/// How a page was looked at since the tracker last said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngagementData {
    /// The deepest part of the page that was in sight, in per cent of its height: 0 to 100.
    pub scroll: Option<u8>,
    /// How long the page was in front, in milliseconds: at most [`MAX_ENGAGED`].
    pub engaged: u32,
}

/// A body whose keys have the right types. What they say is judged elsewhere.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Payload {
    /// What happened; `None` is a page view.
    pub event: Option<String>,
    /// What the event [`ENGAGEMENT`] measured; no other event has it, and that one always does.
    pub engagement: Option<EngagementData>,
    /// Whether the body names what happened, be it a page view.
    pub is_named: bool,
    /// The page's address.
    pub url: String,
    /// Plausible's `domain`: one site, or several with commas between them.
    pub domain: Option<String>,
    /// The address of the page before.
    pub referrer: Option<String>,
    /// `utm_source` beside the address, as the plain snippet sends it.
    pub utm_source: Option<String>,
    /// The width of the window, in CSS pixels.
    pub width: Option<u32>,
    /// The browser's IANA time zone.
    pub time_zone: Option<String>,
    /// Properties of the event.
    pub props: Vec<(String, String)>,
    /// The address's fragment is part of the page (Plausible's hash mode).
    pub fragment: bool,
    /// The browser says that a program drives it (`navigator.webdriver`).
    pub automated: bool,
}

impl Payload {
    /// Parses a body. Unknown keys are ignored: trackers grow new ones. So is a key of the wrong type
    /// that a hit can do without, as Plausible does: nobody reads the answer to a beacon, and a view
    /// is not lost over its width.
    ///
    /// # Errors
    /// [`Rejection::TooLarge`], [`Rejection::NotJson`], or [`Rejection::Key`] if the address, the name or
    /// the domain is missing or wrong, or an engagement measured nothing.
    pub fn parse(body: &[u8]) -> Result<Self, Rejection> {
        if body.len() > MAX_BODY {
            return Err(Rejection::TooLarge);
        }
        let keys = match serde_json::from_slice(body) {
            Ok(Value::Object(keys)) => keys,
            Ok(_) => return Err(Rejection::NotJson("it is no object".to_owned())),
            Err(error) => return Err(Rejection::NotJson(error.to_string())),
        };
        let event = event(&keys)?;
        let is_engagement = event.as_deref() == Some(ENGAGEMENT);
        let text = |names| find(&keys, names).and_then(Value::as_str).map(str::to_owned);
        Ok(Self {
            event,
            engagement: is_engagement.then(|| measured(&keys)).transpose()?,
            is_named: find(&keys, &["name", "n"]).is_some(),
            url: required_text(&keys, &["url", "u"])?.ok_or(Rejection::Key("url", "is missing"))?,
            domain: required_text(&keys, &["domain", "d"])?,
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

/// The first of the keys `names` that says something: neither null nor an empty text.
fn find<'a>(keys: &'a Map<String, Value>, names: &[&'static str]) -> Option<&'a Value> {
    let said = |value: &&Value| !value.is_null() && value.as_str() != Some("");
    names.iter().filter_map(|name| keys.get(*name)).find(said)
}

/// A text that must be one if it is there. The first name is the one an error speaks of.
fn required_text(
    keys: &Map<String, Value>,
    names: &[&'static str],
) -> Result<Option<String>, Rejection> {
    match find(keys, names) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Rejection::Key(names[0], "must be a string")),
    }
}

/// The name of what happened; a page view if there is none. A number is a name too: Plausible's
/// users count their 404s so.
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
    // Four bytes a character: nothing is cut here.
    let name = sanitize::clean(&name, 4 * MAX_NAME);
    match name.as_str() {
        "" => Err(Rejection::Key("name", "must have a visible character")),
        "pageview" => Ok(None),
        _ => Ok(Some(name)),
    }
}

/// What an engagement measured: one number of the two is enough. The bounds of the scroll depth are
/// Plausible's; of times, it takes whatever is under 30 days.
fn measured(keys: &Map<String, Value>) -> Result<EngagementData, Rejection> {
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

/// `1` and `true`.
fn flag(keys: &Map<String, Value>, name: &'static str) -> bool {
    keys.get(name).is_some_and(|value| *value == Value::Bool(true) || value.as_u64() == Some(1))
}

/// A width in CSS pixels; browsers that zoom send fractions, and some clients send text.
fn width(keys: &Map<String, Value>) -> Option<u32> {
    let width = match find(keys, &["width", "screen_width", "w"])? {
        Value::Number(width) => width.as_f64()?,
        // As JSON's numbers are read: how std reads one takes 10 KB of tables.
        Value::String(width) => serde_json::from_str(width).ok()?,
        _ => return None,
    };
    // The cast saturates: a width beyond u32 is still a large one.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    (width >= 0.0).then_some(width as u32)
}

/// Properties: an object, or one as JSON in a string (as `plausible-tracker` sends it). Numbers and
/// booleans become text; lists, objects, nulls and empty texts are left out, as Plausible does.
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
    fn our_tracker_is_understood() {
        let payload = parse(
            r#"{"n":"pageview","u":"https://e.x/","r":"https://t.co/","w":1280.5,"z":"Asia/Tokyo","b":1}"#,
        );
        assert_eq!(payload.event, None);
        assert_eq!(payload.width, Some(1280));
        assert_eq!(payload.time_zone.as_deref(), Some("Asia/Tokyo"));
        assert!(payload.automated);
    }

    #[test]
    fn plausible_is_understood() {
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
    fn the_plain_snippet_is_understood() {
        let payload = parse(r#"{"url":"https://e.x/","utm_source":"a, b :x"}"#);
        assert_eq!(payload.utm_source.as_deref(), Some("a, b :x"));
    }

    #[test]
    fn an_engagement_is_understood_within_bounds() {
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
        // No other event measures anything, whatever it says.
        assert_eq!(parse(r#"{"n":"Engagement","u":"x","sd":1,"e":1}"#).engagement, None);
        assert_eq!(parse(r#"{"u":"x","sd":1,"e":1}"#).engagement, None);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let check = |body: &[u8], expected: &str| {
            let refusal = Payload::parse(body).unwrap_err().to_string();
            assert!(refusal.contains(expected), "{refusal:?} should say {expected:?}");
        };
        check(b"", "JSON");
        check(b"url=https://e.x", "JSON");
        check(b"[]", "no object");
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
    fn what_a_hit_can_do_without_does_not_refuse_it() {
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
    fn a_key_that_says_nothing_hides_no_other() {
        let payload = parse(
            r#"{"name":null,"n":"signup","url":"","u":"https://e.x/","p":null,"m":{"a":"b"}}"#,
        );
        assert_eq!(payload.event.as_deref(), Some("signup"));
        assert_eq!(payload.url, "https://e.x/");
        assert_eq!(payload.props.len(), 1);
        assert_eq!(parse(r#"{"url":"x","n":404}"#).event.as_deref(), Some("404"));
    }
}
