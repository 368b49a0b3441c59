//! The rules that recognize browsers and operating systems: two tables, searched in one pass.

use super::Version;

/// Maps a token at the start of a word to a name.
pub(super) struct Rule {
    token: &'static str,
    pub(super) name: &'static str,
    pub(super) version: VersionRule,
}

/// Where to find the version.
#[derive(Clone, Copy)]
pub(super) enum VersionRule {
    /// There is none, or it is not true.
    None,
    /// The first number after this text.
    Major(&'static str),
    /// The first two numbers after this text, separated by `.` or `_`.
    MajorMinor(&'static str),
    /// Always this version: the User-Agent states it as a different number.
    Is(u16, Option<u16>),
}

impl VersionRule {
    /// Reads the version from a User-Agent.
    pub(super) fn read(self, user_agent: &str) -> Option<Version> {
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

/// Splits off the number at the start of a text. `None` if there is none, or if it is too large.
pub(super) fn number(text: &str) -> Option<(u16, &str)> {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

/// Returns the first matching rule of each table, for browsers and operating systems. A rule matches if its token
/// is at the start of a word.
pub(super) fn first_rules(user_agent: &str) -> (Option<&'static Rule>, Option<&'static Rule>) {
    let (mut browser, mut os) = (BROWSERS.len(), OPERATING_SYSTEMS.len());
    let mut in_word = false;
    for (at, byte) in user_agent.bytes().enumerate() {
        let begins = !in_word && byte.is_ascii_alphanumeric();
        in_word = byte.is_ascii_alphanumeric() || byte == b'_';
        if begins {
            let rest = &user_agent.as_bytes()[at..];
            browser = first_rule(&BROWSERS[..browser], rest).unwrap_or(browser);
            os = first_rule(&OPERATING_SYSTEMS[..os], rest).unwrap_or(os);
        }
    }
    (BROWSERS.get(browser), OPERATING_SYSTEMS.get(os))
}

fn first_rule(rules: &[Rule], text: &[u8]) -> Option<usize> {
    // Comparing the first bytes decides most cases, without a function call.
    rules.iter().position(|rule| {
        let token = rule.token.as_bytes();
        token.first() == text.first() && text.starts_with(token)
    })
}

const fn rule(token: &'static str, name: &'static str, version: VersionRule) -> Rule {
    Rule { token, name, version }
}

/// Creates a rule for a product whose major version follows its token.
const fn product(token: &'static str, name: &'static str) -> Rule {
    rule(token, name, VersionRule::Major(token))
}

/// From most to least specific: apps, browsers that also name the one they are based on, and the browsers that
/// others are based on.
static BROWSERS: &[Rule] = &[
    // Apps that display pages themselves.
    rule("FBAN/Messenger", "Messenger", VersionRule::Major("FBAV/")),
    rule("Orca-Android", "Messenger", VersionRule::Major("FBAV/")),
    product("Instagram ", "Instagram"),
    product("Barcelona ", "Threads"),
    rule("FBAN/", "Facebook", VersionRule::Major("FBAV/")),
    rule("FBAV/", "Facebook", VersionRule::Major("FBAV/")),
    rule("FB_IAB/", "Facebook", VersionRule::Major("FBAV/")),
    rule("musical_ly", "TikTok", VersionRule::None),
    rule("trill_", "TikTok", VersionRule::None),
    rule("BytedanceWebview/", "TikTok", VersionRule::None),
    product("Snapchat/", "Snapchat"),
    rule("Pinterest", "Pinterest", VersionRule::None),
    rule("LinkedInApp", "LinkedIn", VersionRule::None),
    rule("TwitterAndroid", "Twitter", VersionRule::None),
    rule("Twitter for ", "Twitter", VersionRule::None),
    product("MicroMessenger/", "WeChat"),
    product("KAKAOTALK ", "KakaoTalk"),
    product("Line/", "LINE"),
    product("GSA/", "Google app"),
    // Browsers that name Chrome, Safari or Firefox as well.
    rule("DuckDuckGo/", "DuckDuckGo", VersionRule::None), // a version of the User-Agent's format, not of the browser
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
    rule("Opera/9.80", "Opera", VersionRule::Major("Version/")), // frozen at 9.80, for pages that parse only one digit
    product("Opera/", "Opera"),
    product("Opera ", "Opera"),
    product("SamsungBrowser/", "Samsung Internet"),
    product("Vivaldi/", "Vivaldi"),
    product("YaBrowser/", "Yandex Browser"),
    product("YaApp_iOS/", "Yandex Browser"),
    product("UCBrowser/", "UC Browser"),
    product("UBrowser/", "UC Browser"),
    product("Brave/", "Brave"),
    rule("Brave", "Brave", VersionRule::None),
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
    // Browsers that others are based on.
    product("FxiOS/", "Firefox"),
    product("Firefox/", "Firefox"),
    product("CriOS/", "Chrome"),
    rule("wv)", "Android WebView", VersionRule::Major("Chrome/")),
    rule("Version/4.0 Chrome/", "Android WebView", VersionRule::Major("Chrome/")),
    product("HeadlessChrome/", "Chrome"),
    product("Chromium/", "Chromium"),
    product("Chrome/", "Chrome"),
    rule("Trident/", "Internet Explorer", VersionRule::Major("rv:")),
    product("MSIE ", "Internet Explorer"),
    rule("Version/4.0 Mobile Safari/", "Android Browser", VersionRule::None),
    rule("Safari/", "Safari", VersionRule::MajorMinor("Version/")),
    rule("Mobile/15E148", "iOS WebView", VersionRule::None),
];

/// From most to least specific: a television that runs Linux comes before Linux.
static OPERATING_SYSTEMS: &[Rule] = &[
    rule("Xbox", "Xbox", VersionRule::None),
    rule("PlayStation", "PlayStation", VersionRule::None),
    rule("PLAYSTATION", "PlayStation", VersionRule::None),
    rule("Nintendo", "Nintendo", VersionRule::None),
    rule("AppleTV", "tvOS", VersionRule::None),
    rule("Apple TV", "tvOS", VersionRule::None),
    rule("Tizen", "Tizen", VersionRule::MajorMinor("Tizen ")),
    rule("Web0S", "webOS", VersionRule::None),
    rule("webOS", "webOS", VersionRule::None),
    rule("KAIOS/", "KaiOS", VersionRule::MajorMinor("KAIOS/")),
    rule("OpenHarmony", "HarmonyOS", VersionRule::MajorMinor("OpenHarmony ")),
    rule("HarmonyOS", "HarmonyOS", VersionRule::None),
    rule("Windows Phone", "Windows Phone", VersionRule::MajorMinor("Windows Phone ")),
    // A build number frozen since 2022, which is not the version that people know.
    rule("CrOS ", "ChromeOS", VersionRule::None),
    rule("iPad", "iPadOS", VersionRule::MajorMinor("CPU OS ")),
    rule("iPhone", "iOS", VersionRule::MajorMinor("iPhone OS ")),
    rule("iPod", "iOS", VersionRule::MajorMinor("iPhone OS ")),
    // Amazon's tablets and sticks. The number after "Android" is not the version of Fire OS.
    rule("KF", "Fire OS", VersionRule::None),
    rule("AFT", "Fire OS", VersionRule::None),
    rule("Silk/", "Fire OS", VersionRule::None),
    // Chrome and browsers based on it send "Android 10; K" on every version and device.
    rule("Android 10; K)", "Android", VersionRule::None),
    rule("Android ", "Android", VersionRule::MajorMinor("Android ")),
    rule("Android", "Android", VersionRule::None),
    // Windows 10 and 11 both send 10.0.
    rule("Windows NT 10.", "Windows", VersionRule::None),
    rule("Windows NT 6.3", "Windows", VersionRule::Is(8, Some(1))),
    rule("Windows NT 6.2", "Windows", VersionRule::Is(8, None)),
    rule("Windows NT 6.1", "Windows", VersionRule::Is(7, None)),
    // XP and Vista, whose versions have no number.
    rule("Windows", "Windows", VersionRule::None),
    // Since macOS 11, every browser sends 10.15 or 10_15_7 regardless of the version.
    rule("Mac OS X 10_15", "macOS", VersionRule::None),
    rule("Mac OS X 10.15", "macOS", VersionRule::None),
    rule("Mac OS X ", "macOS", VersionRule::MajorMinor("Mac OS X ")),
    rule("Macintosh", "macOS", VersionRule::None),
    rule("FreeBSD", "FreeBSD", VersionRule::None),
    rule("OpenBSD", "OpenBSD", VersionRule::None),
    rule("NetBSD", "NetBSD", VersionRule::None),
    rule("Linux", "GNU/Linux", VersionRule::None),
    rule("X11", "GNU/Linux", VersionRule::None),
];
