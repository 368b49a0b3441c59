//! The body of a hit, as Footfall's tracker, Plausible's trackers and the plain snippet send it.
//!
//! Plausible's keys come from its Events API reference (<https://plausible.io/docs/events-api>)
//! and from what `@plausible-analytics/tracker` and `plausible-tracker` send.

use serde_json::{Map, Value};

use crate::refusal::Refusal;

/// The largest body that is read, in bytes.
///
/// Plausible allows 30 properties with names of 300 bytes and values of 2,000, which JSON may make
/// twice as long; what browsers send is under 2 KB.
pub const MAX_BODY: usize = 256 * 1024;

/// The most properties that an event can have: Plausible's limit.
const MAX_PROPS: usize = 30;

/// The longest name of an event, in bytes: Plausible's limit.
const MAX_NAME: usize = 120;

/// A body whose keys have the right types. What they say is judged elsewhere.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Payload {
    /// What happened; `None` is a page view.
    pub event: Option<String>,
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
    /// Parses a body. Unknown keys are ignored: trackers grow new ones.
    ///
    /// # Errors
    /// [`Refusal::TooLarge`], [`Refusal::NotJson`], or [`Refusal::Key`] for the first key that is
    /// missing or of the wrong type.
    pub fn parse(body: &[u8]) -> Result<Self, Refusal> {
        if body.len() > MAX_BODY {
            return Err(Refusal::TooLarge);
        }
        let keys = match serde_json::from_slice(body) {
            Ok(Value::Object(keys)) => keys,
            Ok(_) => return Err(Refusal::NotJson("it is no object".to_owned())),
            Err(error) => return Err(Refusal::NotJson(error.to_string())),
        };
        let event = text(&keys, &["name", "n"])?.filter(|name| name != "pageview");
        if event.as_ref().is_some_and(|name| name.len() > MAX_NAME) {
            return Err(Refusal::Key("name", "must be at most 120 bytes"));
        }
        Ok(Self {
            event,
            url: text(&keys, &["url", "u"])?.ok_or(Refusal::Key("url", "is missing"))?,
            domain: text(&keys, &["domain", "d"])?,
            referrer: text(&keys, &["referrer", "r"])?,
            utm_source: text(&keys, &["utm_source"])?,
            width: width(&keys)?,
            time_zone: text(&keys, &["z"])?,
            props: props(&keys)?,
            fragment: flag(&keys, "h") || flag(&keys, "hashMode"),
            automated: flag(&keys, "b"),
        })
    }
}

/// The first of the keys `names` that is there and not null.
fn find<'a>(keys: &'a Map<String, Value>, names: &[&'static str]) -> Option<&'a Value> {
    names.iter().find_map(|name| keys.get(*name)).filter(|value| !value.is_null())
}

/// A text, `None` if it is not there or empty. The first name is the one an error speaks of.
fn text(keys: &Map<String, Value>, names: &[&'static str]) -> Result<Option<String>, Refusal> {
    match find(keys, names) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
        Some(_) => Err(Refusal::Key(names[0], "must be a string")),
    }
}

/// `1` and `true`.
fn flag(keys: &Map<String, Value>, name: &'static str) -> bool {
    keys.get(name).is_some_and(|value| *value == Value::Bool(true) || value.as_u64() == Some(1))
}

/// A width in CSS pixels; browsers that zoom send fractions, and some clients send text.
fn width(keys: &Map<String, Value>) -> Result<Option<u32>, Refusal> {
    let width = match find(keys, &["width", "screen_width", "w"]) {
        None => return Ok(None),
        Some(Value::Number(width)) => width.as_f64(),
        Some(Value::String(width)) => width.parse().ok(),
        Some(_) => None,
    };
    match width {
        // The cast saturates: a width beyond u32 is still a large one.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        Some(width) if width >= 0.0 => Ok(Some(width as u32)),
        _ => Err(Refusal::Key("width", "must be a number of pixels")),
    }
}

/// Properties: an object, or one as JSON in a string (as `plausible-tracker` sends it). Numbers and
/// booleans become text; lists, objects and nulls are left out, as Plausible does.
fn props(keys: &Map<String, Value>) -> Result<Vec<(String, String)>, Refusal> {
    const WRONG: Refusal = Refusal::Key("props", "must be an object");
    let inner;
    let props = match find(keys, &["props", "p", "meta", "m"]) {
        None => return Ok(Vec::new()),
        Some(Value::Object(props)) => props,
        Some(Value::String(json)) if json.is_empty() => return Ok(Vec::new()),
        Some(Value::String(json)) => {
            inner = serde_json::from_str::<Map<String, Value>>(json).map_err(|_| WRONG)?;
            &inner
        }
        Some(_) => return Err(WRONG),
    };
    if props.len() > MAX_PROPS {
        return Err(Refusal::Key("props", "must have at most 30 properties"));
    }
    let pair = |(name, value): (&String, &Value)| match value {
        Value::String(text) => Some((name.clone(), text.clone())),
        Value::Number(number) => Some((name.clone(), number.to_string())),
        Value::Bool(flag) => Some((name.clone(), flag.to_string())),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    Ok(props.iter().filter_map(pair).collect())
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
        check(br#"{"url":"x","width":[]}"#, "`width` must be a number");
        check(br#"{"url":"x","width":-1}"#, "`width` must be a number");
        check(br#"{"url":"x","props":[]}"#, "`props` must be an object");
        check(br#"{"url":"x","props":"["}"#, "`props` must be an object");
        check(format!(r#"{{"url":"x","n":"{}"}}"#, "n".repeat(121)).as_bytes(), "120 bytes");
        check("[".repeat(60_000).as_bytes(), "JSON");
        check(&vec![b' '; MAX_BODY + 1], "too large");
        let props: Vec<String> = (0..31).map(|i| format!(r#""{i}":1"#)).collect();
        let many = format!(r#"{{"url":"x","p":{{{}}}}}"#, props.join(","));
        check(many.as_bytes(), "30 properties");
    }
}
