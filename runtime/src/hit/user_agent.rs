//! Which browser, system and kind of device a User-Agent names: two tables, read in one pass.
//! Not here: bots (bot.rs).
//!
//! Only what the text truly says is answered. Browsers have frozen parts of it (see
//! `SYSTEMS`), and an iPad that asks for desktop pages says in every way that it is a Mac.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a visitor looks at the page with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserAgent {
    /// The browser's name or, in an app that shows pages itself, the app's.
    pub browser: Option<&'static str>,
    /// Its major version; Safari's minor too, as Apple ships features in minor versions.
    pub browser_version: Option<Version>,
    /// The operating system's name.
    pub os: Option<&'static str>,
    /// As much of major and minor as is said, where what is said is true.
    pub os_version: Option<Version>,
    /// What kind of device it is; `Desktop` where nothing says otherwise.
    pub device: Device,
}

/// A version's first number or two. They are bounded, so it is small whatever a client sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// The first number.
    pub major: u16,
    /// The second number, where it is said and means something.
    pub minor: Option<u16>,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.major)?;
        self.minor.map_or(Ok(()), |minor| write!(f, ".{minor}"))
    }
}

/// What kind of device it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Device {
    /// A games console.
    Console,
    /// A desktop or laptop computer, and whatever does not say what it is.
    Desktop,
    /// A phone.
    Mobile,
    /// A tablet that says so.
    Tablet,
    /// A television, or what is plugged into one.
    #[serde(rename = "TV")]
    Tv,
}

impl Device {
    /// The name used at rest and in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Console => "Console",
            Self::Desktop => "Desktop",
            Self::Mobile => "Mobile",
            Self::Tablet => "Tablet",
            Self::Tv => "TV",
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The client hints that browsers built on Chromium send unasked, as the headers' values stand.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClientHints<'a> {
    /// `Sec-CH-UA`: `"Brave";v="152", "Chromium";v="152", "Not/A)Brand";v="8"`.
    pub brands: Option<&'a str>,
    /// `Sec-CH-UA-Mobile`: `?1` or `?0`.
    pub mobile: Option<&'a str>,
    /// `Sec-CH-UA-Platform`: `"Windows"`.
    pub platform: Option<&'a str>,
}

/// Reads a User-Agent, and the hints for what it leaves out. Takes time in proportion to its
/// length and allocates nothing.
#[must_use]
pub fn parse(user_agent: &str, hints: ClientHints) -> UserAgent {
    let (browser, os) = first_rules(user_agent);
    let mut client = UserAgent {
        browser: browser.map(|rule| rule.name),
        browser_version: browser.and_then(|rule| rule.version.read(user_agent)),
        os: os.map(|rule| rule.name).or_else(|| platform(hints.platform?)),
        os_version: os.and_then(|rule| rule.version.read(user_agent)),
        device: Device::Desktop,
    };
    // Brands that do not name themselves in the User-Agent call themselves Chrome in it.
    if matches!(client.browser, None | Some("Chrome"))
        && let Some((name, version)) = hints.brands.and_then(brand)
    {
        client.browser = Some(name);
        client.browser_version = version;
    }
    if matches!(client.os, Some("iOS" | "iPadOS")) {
        client.os_version = unfrozen_ios(user_agent, client.os_version);
    }
    client.device = device(user_agent, client.os, hints.mobile);
    client
}

/// Safari 26 and later say that they run on iOS 18, whatever they run on. Safari's version is
/// the system's on iOS, so it tells what the frozen number hides; where no version of Safari is
/// said, as in the views inside apps, 18.6 and 18.7 may be any later one.
/// <https://webkit.org/blog/17333/webkit-features-in-safari-26-0/>
fn unfrozen_ios(user_agent: &str, said: Option<Version>) -> Option<Version> {
    let frozen = said.is_some_and(|said| said.major == 18 && said.minor >= Some(6));
    let safari = Find::MajorMinor("Version/").read(user_agent);
    match safari {
        Some(safari) if frozen && safari.major >= 26 => Some(safari),
        Some(_) => said,
        // Chrome, Firefox, Edge and Google's app write the system's own number.
        None => {
            said.filter(|_| !frozen || user_agent.contains("iOS/") || user_agent.contains("GSA/"))
        }
    }
}

fn device(user_agent: &str, os: Option<&str>, mobile_hint: Option<&str>) -> Device {
    let says = |word| user_agent.contains(word);
    match os {
        Some("Xbox" | "PlayStation" | "Nintendo") => Device::Console,
        Some("tvOS" | "webOS" | "Tizen") if !says("Mobile") => Device::Tv,
        Some("Android" | "Fire OS") if TVS.iter().any(|tv| says(tv)) => Device::Tv,
        Some("iPadOS") => Device::Tablet,
        Some("iOS") => Device::Mobile,
        // Google asks of makers that phones say "Mobile" and tablets do not.
        Some("Android" | "Fire OS" | "HarmonyOS") if says("Tablet") || !says("Mobile") => {
            Device::Tablet
        }
        _ if says("Mobi") || mobile_hint == Some("?1") => Device::Mobile,
        _ if says("Tablet;") => Device::Tablet,
        _ => Device::Desktop,
    }
}

/// Words by which televisions that run Android are known.
const TVS: [&str; 7] =
    ["Android TV", "BRAVIA", "CrKey", "GoogleTV", "Google TV", "SMART-TV", "; AFT"];

/// A name and the beginning of a word that stands for it.
struct Rule {
    token: &'static str,
    name: &'static str,
    version: Find,
}

/// Where a version stands.
#[derive(Clone, Copy)]
enum Find {
    /// Nowhere, or not a true one.
    None,
    /// After this text; its first number.
    Major(&'static str),
    /// After this text; its first two numbers, with `.` or `_` between them.
    MajorMinor(&'static str),
    /// Another number is said, which means this version.
    Is(u16, Option<u16>),
}

impl Find {
    fn read(self, user_agent: &str) -> Option<Version> {
        match self {
            Self::None => None,
            Self::Major(before) => {
                Some(Version { minor: None, ..version_after(user_agent, before)? })
            }
            Self::MajorMinor(before) => version_after(user_agent, before),
            Self::Is(major, minor) => Some(Version { major, minor }),
        }
    }
}

fn version_after(user_agent: &str, before: &str) -> Option<Version> {
    let (_, rest) = user_agent.split_once(before)?;
    let (major, rest) = number(rest)?;
    let minor = rest.strip_prefix(['.', '_']).and_then(number).map(|(minor, _)| minor);
    Some(Version { major, minor })
}

/// The number that a text begins with, and the rest. None where there is none that fits.
fn number(text: &str) -> Option<(u16, &str)> {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

/// The first rule of each table whose token begins a word anywhere in the text.
fn first_rules(user_agent: &str) -> (Option<&'static Rule>, Option<&'static Rule>) {
    let (mut browser, mut os) = (BROWSERS.len(), SYSTEMS.len());
    let mut in_word = false;
    for (at, byte) in user_agent.bytes().enumerate() {
        let begins = !in_word && byte.is_ascii_alphanumeric();
        in_word = byte.is_ascii_alphanumeric() || byte == b'_';
        if begins {
            let rest = &user_agent.as_bytes()[at..];
            browser = first_rule(&BROWSERS[..browser], rest).unwrap_or(browser);
            os = first_rule(&SYSTEMS[..os], rest).unwrap_or(os);
        }
    }
    (BROWSERS.get(browser), SYSTEMS.get(os))
}

fn first_rule(rules: &[Rule], text: &[u8]) -> Option<usize> {
    // Most tokens differ in the first byte, and comparing that costs no call.
    rules.iter().position(|rule| {
        let token = rule.token.as_bytes();
        token.first() == text.first() && text.starts_with(token)
    })
}

const fn rule(token: &'static str, name: &'static str, version: Find) -> Rule {
    Rule { token, name, version }
}

/// A product whose major version follows its token.
const fn product(token: &'static str, name: &'static str) -> Rule {
    rule(token, name, Find::Major(token))
}

/// In the order of how much they say: an app, a browser that also names the one it is built on,
/// the one that others are built on.
static BROWSERS: &[Rule] = &[
    // Apps that show pages themselves.
    rule("FBAN/Messenger", "Messenger", Find::Major("FBAV/")),
    rule("Orca-Android", "Messenger", Find::Major("FBAV/")),
    product("Instagram ", "Instagram"),
    product("Barcelona ", "Threads"),
    rule("FBAN/", "Facebook", Find::Major("FBAV/")),
    rule("FBAV/", "Facebook", Find::Major("FBAV/")),
    rule("FB_IAB/", "Facebook", Find::Major("FBAV/")),
    rule("musical_ly", "TikTok", Find::None),
    rule("trill_", "TikTok", Find::None),
    rule("BytedanceWebview/", "TikTok", Find::None),
    product("Snapchat/", "Snapchat"),
    rule("Pinterest", "Pinterest", Find::None),
    rule("LinkedInApp", "LinkedIn", Find::None),
    rule("TwitterAndroid", "Twitter", Find::None),
    rule("Twitter for ", "Twitter", Find::None),
    product("MicroMessenger/", "WeChat"),
    product("KAKAOTALK ", "KakaoTalk"),
    product("Line/", "LINE"),
    product("GSA/", "Google app"),
    // Browsers that name Chrome, Safari or Firefox as well.
    rule("DuckDuckGo/", "DuckDuckGo", Find::None), // counts the shape of the text, not the browser
    product("Ddg/", "DuckDuckGo"),
    product("Edg/", "Edge"),
    product("EdgA/", "Edge"),
    product("EdgiOS/", "Edge"),
    product("Edge/", "Edge"),
    product("OPR/", "Opera"),
    product("OPT/", "Opera"),
    product("OPX/", "Opera"),
    product("OPiOS/", "Opera"),
    product("Opera Mini/", "Opera"),
    rule("Opera/9.80", "Opera", Find::Major("Version/")), // stopped at 9.80, for pages that read one digit
    product("Opera/", "Opera"),
    product("Opera ", "Opera"),
    product("SamsungBrowser/", "Samsung Internet"),
    product("Vivaldi/", "Vivaldi"),
    product("YaBrowser/", "Yandex Browser"),
    product("YaApp_iOS/", "Yandex Browser"),
    product("UCBrowser/", "UC Browser"),
    product("UBrowser/", "UC Browser"),
    product("Brave/", "Brave"),
    rule("Brave", "Brave", Find::None),
    product("Ecosia android@", "Ecosia"),
    product("Ecosia ios@", "Ecosia"),
    product("Whale/", "Naver Whale"),
    product("MiuiBrowser/", "Mi Browser"),
    product("HuaweiBrowser/", "Huawei Browser"),
    product("HeyTapBrowser/", "HeyTap Browser"),
    product("VivoBrowser/", "Vivo Browser"),
    product("MQQBrowser/", "QQ Browser"),
    product("QQBrowser/", "QQ Browser"),
    product("Quark/", "Quark"),
    product("Silk/", "Silk"),
    product("coc_coc_browser/", "Cốc Cốc"),
    product("AlohaBrowser/", "Aloha"),
    product("Puffin/", "Puffin"),
    product("Maxthon/", "Maxthon"),
    product("Avast/", "Avast Secure Browser"),
    product("PaleMoon/", "Pale Moon"),
    product("SeaMonkey/", "SeaMonkey"),
    product("Waterfox/", "Waterfox"),
    product("Epiphany/", "GNOME Web"),
    product("Falkon/", "Falkon"),
    product("Konqueror/", "Konqueror"),
    product("Electron/", "Electron"),
    product("Focus/", "Firefox Focus"),
    product("Klar/", "Firefox Focus"),
    // The ones that others are built on.
    product("FxiOS/", "Firefox"),
    product("Firefox/", "Firefox"),
    product("CriOS/", "Chrome"),
    rule("wv)", "Android WebView", Find::Major("Chrome/")),
    rule("Version/4.0 Chrome/", "Android WebView", Find::Major("Chrome/")),
    product("HeadlessChrome/", "Chrome"),
    product("Chromium/", "Chromium"),
    product("Chrome/", "Chrome"),
    rule("Trident/", "Internet Explorer", Find::Major("rv:")),
    product("MSIE ", "Internet Explorer"),
    rule("Version/4.0 Mobile Safari/", "Android Browser", Find::None),
    rule("Safari/", "Safari", Find::MajorMinor("Version/")),
    rule("Mobile/15E148", "iOS WebView", Find::None),
];

/// In the order of how much they say: a television that is also a Linux, a Linux.
static SYSTEMS: &[Rule] = &[
    rule("Xbox", "Xbox", Find::None),
    rule("PlayStation", "PlayStation", Find::None),
    rule("PLAYSTATION", "PlayStation", Find::None),
    rule("Nintendo", "Nintendo", Find::None),
    rule("AppleTV", "tvOS", Find::None),
    rule("Apple TV", "tvOS", Find::None),
    rule("Tizen", "Tizen", Find::MajorMinor("Tizen ")),
    rule("Web0S", "webOS", Find::None),
    rule("webOS", "webOS", Find::None),
    rule("KAIOS/", "KaiOS", Find::MajorMinor("KAIOS/")),
    rule("OpenHarmony", "HarmonyOS", Find::MajorMinor("OpenHarmony ")),
    rule("HarmonyOS", "HarmonyOS", Find::None),
    rule("Windows Phone", "Windows Phone", Find::MajorMinor("Windows Phone ")),
    // A build number that has stood since 2022, and is not what people call the version.
    rule("CrOS ", "ChromeOS", Find::None),
    rule("iPad", "iPadOS", Find::MajorMinor("CPU OS ")),
    rule("iPhone", "iOS", Find::MajorMinor("iPhone OS ")),
    rule("iPod", "iOS", Find::MajorMinor("iPhone OS ")),
    // Amazon's tablets and sticks; the number after "Android" is not Fire OS's.
    rule("KF", "Fire OS", Find::None),
    rule("AFT", "Fire OS", Find::None),
    rule("Silk/", "Fire OS", Find::None),
    // Chrome and what is built on it say "Android 10; K" on every version and device.
    rule("Android 10; K)", "Android", Find::None),
    rule("Android ", "Android", Find::MajorMinor("Android ")),
    rule("Android", "Android", Find::None),
    // Windows 11 says 10.0 as Windows 10 does.
    rule("Windows NT 10.", "Windows", Find::None),
    rule("Windows NT 6.3", "Windows", Find::Is(8, Some(1))),
    rule("Windows NT 6.2", "Windows", Find::Is(8, None)),
    rule("Windows NT 6.1", "Windows", Find::Is(7, None)),
    // XP and Vista, which have no number.
    rule("Windows", "Windows", Find::None),
    // Every browser has said 10.15 or 10_15_7 since macOS 11, so that it says nothing.
    rule("Mac OS X 10_15", "macOS", Find::None),
    rule("Mac OS X 10.15", "macOS", Find::None),
    rule("Mac OS X ", "macOS", Find::MajorMinor("Mac OS X ")),
    rule("Macintosh", "macOS", Find::None),
    rule("FreeBSD", "FreeBSD", Find::None),
    rule("OpenBSD", "OpenBSD", Find::None),
    rule("NetBSD", "NetBSD", Find::None),
    rule("Linux", "GNU/Linux", Find::None),
    rule("X11", "GNU/Linux", Find::None),
];

/// Brands of `Sec-CH-UA` that do not always name themselves in the User-Agent.
const BRANDS: [(&str, &str); 10] = [
    ("Brave", "Brave"),
    ("Microsoft Edge", "Edge"),
    ("Opera", "Opera"),
    ("Opera GX", "Opera"),
    ("Samsung Internet", "Samsung Internet"),
    ("Vivaldi", "Vivaldi"),
    ("YaBrowser", "Yandex Browser"),
    ("Yandex", "Yandex Browser"),
    ("DuckDuckGo", "DuckDuckGo"),
    ("Android WebView", "Android WebView"),
];

fn brand(brands: &str) -> Option<(&'static str, Option<Version>)> {
    BRANDS.iter().find_map(|&(brand, name)| {
        let (_, rest) = brands.split_once(brand)?;
        let version = rest.strip_prefix("\";v=\"")?;
        Some((name, number(version).map(|(major, _)| Version { major, minor: None })))
    })
}

fn platform(hint: &str) -> Option<&'static str> {
    match hint.trim_matches('"') {
        "Android" => Some("Android"),
        "Chrome OS" | "Chromium OS" => Some("ChromeOS"),
        "iOS" => Some("iOS"),
        "Linux" => Some("GNU/Linux"),
        "macOS" => Some("macOS"),
        "Windows" => Some("Windows"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KHTML: &str = "AppleWebKit/537.36 (KHTML, like Gecko)";

    /// `expected` is browser, its version, system, its version, device.
    fn check(user_agent: &str, hints: ClientHints, expected: [&str; 5]) {
        let client = parse(user_agent, hints);
        let text =
            |version: Option<Version>| version.map_or(String::new(), |version| version.to_string());
        let found = [
            client.browser.unwrap_or_default(),
            &text(client.browser_version),
            client.os.unwrap_or_default(),
            &text(client.os_version),
            client.device.as_str(),
        ];
        assert_eq!(found, expected, "{user_agent}");
    }

    fn check_text(user_agent: &str, expected: [&str; 5]) {
        check(user_agent, ClientHints::default(), expected);
    }

    #[test]
    fn frozen_numbers_are_not_versions() {
        let chrome = |os| format!("Mozilla/5.0 ({os}) {KHTML} Chrome/152.0.0.0 Safari/537.36");
        let check = |os, expected: [&str; 3]| {
            let [name, version, device] = expected;
            check_text(&chrome(os), ["Chrome", "152", name, version, device]);
        };
        check("Windows NT 10.0; Win64; x64", ["Windows", "", "Desktop"]);
        check("Windows NT 6.3; Win64; x64", ["Windows", "8.1", "Desktop"]);
        check("Windows NT 6.1", ["Windows", "7", "Desktop"]);
        check("Windows NT 5.1", ["Windows", "", "Desktop"]);
        check("Macintosh; Intel Mac OS X 10_15_7", ["macOS", "", "Desktop"]);
        check("Macintosh; Intel Mac OS X 10_13_6", ["macOS", "10.13", "Desktop"]);
        check("X11; CrOS x86_64 14541.0.0", ["ChromeOS", "", "Desktop"]);
        check("X11; Linux x86_64", ["GNU/Linux", "", "Desktop"]);
        check("Linux; Android 10; K", ["Android", "", "Tablet"]);
        check("Linux; Android 10; SM-T510", ["Android", "10", "Tablet"]);
        check("Linux; Android 8.1.0; LG-M1", ["Android", "8.1", "Tablet"]);
        check("Linux; Android 11; KFTUWI", ["Fire OS", "", "Tablet"]);
        check("Linux; Android 14; BRAVIA VU1", ["Android", "14", "TV"]);
    }

    #[test]
    fn ios() {
        let ios = |rest: &str| format!("Mozilla/5.0 (iPhone; CPU iPhone OS {rest}");
        let safari = " like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)";
        for (os, rest, browser, version, os_version) in [
            ("17_5_1", "Version/17.5 Mobile/15E148 Safari/604.1", "Safari", "17.5", "17.5"),
            ("18_7", "Version/26.1 Mobile/15E148 Safari/604.1", "Safari", "26.1", "26.1"),
            ("18_7", "Version/18.7 Mobile/15E148 Safari/604.1", "Safari", "18.7", "18.7"),
            ("18_7", "CriOS/154.0.8037.55 Mobile/15E148 Safari/604.1", "Chrome", "154", "18.7"),
            ("26_4_2", "CriOS/154.0.8037.55 Mobile/15E148 Safari/604.1", "Chrome", "154", "26.4"),
            ("18_7", "Mobile/15E148", "iOS WebView", "", ""),
            (
                "17_1",
                "Mobile/15E148 Instagram 340.0.3.27.90 (iPhone14,5; iOS 17_1)",
                "Instagram",
                "340",
                "17.1",
            ),
            (
                "17_1",
                "Mobile/15E148 [FBAN/FBIOS;FBAV/470.1.0.41.76;FBBV/1]",
                "Facebook",
                "470",
                "17.1",
            ),
            (
                "17_1",
                "Version/17.1 Mobile/15E148 Safari/604.1 Ddg/17.1",
                "DuckDuckGo",
                "17",
                "17.1",
            ),
        ] {
            check_text(
                &format!("{}{safari} {rest}", ios(os)),
                [browser, version, "iOS", os_version, "Mobile"],
            );
        }
    }

    #[test]
    fn others() {
        for (user_agent, expected) in [
            ("", ["", "", "", "", "Desktop"]),
            (
                "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko",
                ["Internet Explorer", "11", "Windows", "", "Desktop"],
            ),
            (
                "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 5.1)",
                ["Internet Explorer", "8", "Windows", "", "Desktop"],
            ),
            (
                "Opera/9.80 (Windows NT 6.1) Presto/2.12.388 Version/12.18",
                ["Opera", "12", "Windows", "7", "Desktop"],
            ),
            (
                "Mozilla/5.0 (Android 13; Tablet; rv:130.0) Gecko/130.0 Firefox/130.0",
                ["Firefox", "130", "Android", "13", "Tablet"],
            ),
            (
                "Mozilla/5.0 (Mobile; Nokia 8110 4G; rv:48.0) Gecko/48.0 Firefox/48.0 KAIOS/2.5",
                ["Firefox", "48", "KaiOS", "2.5", "Mobile"],
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64) Chrome/99999999999999999999 Safari/537.36",
                ["Chrome", "", "GNU/Linux", "", "Desktop"],
            ),
            ("Mozilla/5.0 (\u{e9}; \u{1f600}) Firefox/1", ["Firefox", "1", "", "", "Desktop"]),
        ] {
            check_text(user_agent, expected);
        }
        for (token, name) in [
            ("Edg/152.0", "Edge"),
            ("OPR/135.0", "Opera"),
            ("Vivaldi/7.5", "Vivaldi"),
            ("YaBrowser/25.10", "Yandex Browser"),
            ("SamsungBrowser/30.0", "Samsung Internet"),
            ("UCBrowser/13.4", "UC Browser"),
            ("Electron/31.0", "Electron"),
        ] {
            let user_agent = format!(
                "Mozilla/5.0 (X11; Linux x86_64) {KHTML} Chrome/152.0.0.0 Safari/537.36 {token}"
            );
            assert_eq!(
                parse(&user_agent, ClientHints::default()).browser,
                Some(name),
                "{user_agent}"
            );
        }
        let web_view = format!(
            "Mozilla/5.0 (Linux; Android 15; Pixel 8 Build/AP3A; wv) {KHTML} Version/4.0 Chrome/152.0.0.0 Mobile Safari/537.36"
        );
        check_text(&web_view, ["Android WebView", "152", "Android", "15", "Mobile"]);
    }

    #[test]
    fn hints_say_what_the_text_hides() {
        let chrome =
            format!("Mozilla/5.0 (X11; Linux x86_64) {KHTML} Chrome/152.0.0.0 Safari/537.36");
        let brands = |brands| ClientHints { brands: Some(brands), ..ClientHints::default() };
        let check_brands = |text, browser, version| {
            check(&chrome, brands(text), [browser, version, "GNU/Linux", "", "Desktop"]);
        };
        check_brands(r#""Brave";v="152", "Chromium";v="152", "Not/A)Brand";v="8""#, "Brave", "152");
        check_brands(
            r#""Opera GX";v="135", "Not-A.Brand";v="8", "Chromium";v="151""#,
            "Opera",
            "135",
        );
        check_brands(r#""Chromium";v="152", "Google Chrome";v="152""#, "Chrome", "152");
        check_brands(r#""Brave"#, "Chrome", "152");
        let mobile = ClientHints { mobile: Some("?1"), ..ClientHints::default() };
        check(&chrome, mobile, ["Chrome", "152", "GNU/Linux", "", "Mobile"]);
        let platform = ClientHints { platform: Some("\"Chrome OS\""), ..ClientHints::default() };
        check(
            "Mozilla/5.0 Chrome/152.0.0.0",
            platform,
            ["Chrome", "152", "ChromeOS", "", "Desktop"],
        );
    }
}
