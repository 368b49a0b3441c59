//! Browser, operating system and device type, parsed from User-Agents and client hints.
//!
//! Reports only what is certain. Browsers have frozen parts of the User-Agent (see the table of operating systems),
//! and an iPad that requests desktop pages is indistinguishable from a Mac. Bots are recognized in
//! [`ingest::bot`](crate::ingest::bot).

mod rules;

use std::fmt;

use serde::{Deserialize, Serialize};

use self::rules::{VersionRule, first_rules, number};

/// A visitor's browser, operating system and device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserAgent {
    /// The browser's name, or the name of an app that displays pages itself.
    pub browser: Option<&'static str>,
    /// The browser's major version. For Safari also the minor version, because Apple ships features in those.
    pub browser_version: Option<Version>,
    /// The operating system's name.
    pub os: Option<&'static str>,
    /// The operating system's version, as far as the User-Agent states it truthfully.
    pub os_version: Option<Version>,
    /// The device type. `Desktop` by default.
    pub device: Device,
}

/// The first one or two numbers of a version, each limited to 16 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// The first number.
    pub major: u16,
    /// The second number. `None` if it is missing or meaningless.
    pub minor: Option<u16>,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.major)?;
        self.minor.map_or(Ok(()), |minor| write!(f, ".{minor}"))
    }
}

/// A device type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Device {
    /// A games console.
    Console,
    /// A desktop or laptop computer, or an unknown device.
    Desktop,
    /// A phone.
    Mobile,
    /// A tablet that identifies itself as one.
    Tablet,
    /// A television, or a device plugged into one.
    #[serde(rename = "TV")]
    Tv,
}

impl Device {
    /// Returns the name used in storage and in API responses.
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

/// The raw client hints that browsers based on Chromium send by default.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClientHints<'a> {
    /// `Sec-CH-UA`: `"Brave";v="152", "Chromium";v="152", "Not/A)Brand";v="8"`.
    pub brands: Option<&'a str>,
    /// `Sec-CH-UA-Mobile`: `?1` or `?0`.
    pub mobile: Option<&'a str>,
    /// `Sec-CH-UA-Platform`: `"Windows"`.
    pub platform: Option<&'a str>,
}

/// Parses a User-Agent; uses the client hints for what it omits. Takes linear time and allocates nothing.
#[must_use]
pub fn parse(user_agent: &str, hints: ClientHints) -> UserAgent {
    let (browser, os) = first_rules(user_agent);
    let mut parsed = UserAgent {
        browser: browser.map(|rule| rule.name),
        browser_version: browser.and_then(|rule| rule.version.read(user_agent)),
        os: os.map(|rule| rule.name).or_else(|| platform(hints.platform?)),
        os_version: os.and_then(|rule| rule.version.read(user_agent)),
        device: Device::Desktop,
    };
    // Brands that the User-Agent does not name appear as Chrome in it.
    if matches!(parsed.browser, None | Some("Chrome"))
        && let Some((name, version)) = hints.brands.and_then(brand)
    {
        parsed.browser = Some(name);
        parsed.browser_version = version;
    }
    if matches!(parsed.os, Some("iOS" | "iPadOS")) {
        parsed.os_version = unfrozen_ios(user_agent, parsed.os_version);
    }
    parsed.device = device(user_agent, parsed.os, hints.mobile);
    parsed
}

/// Returns the true version of iOS, given the version `stated` in the User-Agent.
///
/// Safari 26 and later always state iOS 18. On iOS, Safari's version equals that of iOS, so it replaces the frozen
/// one. Web views in apps do not state Safari's version, so there 18.6 and 18.7 may mean any later version.
/// <https://webkit.org/blog/17333/webkit-features-in-safari-26-0/>
fn unfrozen_ios(user_agent: &str, stated: Option<Version>) -> Option<Version> {
    let is_frozen = stated.is_some_and(|stated| stated.major == 18 && stated.minor >= Some(6));
    let safari = VersionRule::MajorMinor("Version/").read(user_agent);
    match safari {
        Some(safari) if is_frozen && safari.major >= 26 => Some(safari),
        Some(_) => stated,
        // Chrome, Firefox, Edge and Google's app state the true version of iOS.
        None => stated
            .filter(|_| !is_frozen || user_agent.contains("iOS/") || user_agent.contains("GSA/")),
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
        // Google requires that phones say "Mobile" and tablets do not.
        Some("Android" | "Fire OS" | "HarmonyOS") if says("Tablet") || !says("Mobile") => {
            Device::Tablet
        }
        _ if says("Mobi") || mobile_hint == Some("?1") => Device::Mobile,
        _ if says("Tablet;") => Device::Tablet,
        _ => Device::Desktop,
    }
}

/// Parts of the User-Agents of televisions that run Android.
const TVS: [&str; 7] =
    ["Android TV", "BRAVIA", "CrKey", "GoogleTV", "Google TV", "SMART-TV", "; AFT"];

/// Brands of `Sec-CH-UA` that the User-Agent does not always name.
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

/// Finds the first known brand in `Sec-CH-UA`, with its version.
fn brand(brands: &str) -> Option<(&'static str, Option<Version>)> {
    BRANDS.iter().find_map(|&(brand, name)| {
        let (_, rest) = brands.split_once(brand)?;
        let version = rest.strip_prefix("\";v=\"")?;
        Some((name, number(version).map(|(major, _)| Version { major, minor: None })))
    })
}

/// Maps `Sec-CH-UA-Platform` to the name of an operating system.
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

    /// `expected` is the browser, its version, the operating system, its version, and the device type.
    fn check(user_agent: &str, hints: ClientHints, expected: [&str; 5]) {
        let parsed = parse(user_agent, hints);
        let text =
            |version: Option<Version>| version.map_or(String::new(), |version| version.to_string());
        let found = [
            parsed.browser.unwrap_or_default(),
            &text(parsed.browser_version),
            parsed.os.unwrap_or_default(),
            &text(parsed.os_version),
            parsed.device.as_str(),
        ];
        assert_eq!(found, expected, "{user_agent}");
    }

    fn check_text(user_agent: &str, expected: [&str; 5]) {
        check(user_agent, ClientHints::default(), expected);
    }

    #[test]
    fn ignores_frozen_versions() {
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
    fn parses_browsers_and_apps_on_ios() {
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
    fn parses_other_browsers() {
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
    fn client_hints_add_what_the_user_agent_omits() {
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
