//! What other tools call browsers, systems and devices, in the words of this one.

use footfall_runtime::hit::user_agent::Device;
use footfall_runtime::platform::sanitize::clean;

/// A name, and the version behind it: `Mac OS X 10.15`, `Firefox 130.0`.
pub(crate) fn split(text: &str) -> (&str, Option<&str>) {
    let text = text.trim();
    match text.rsplit_once(' ') {
        Some((name, version)) if version.starts_with(|first: char| first.is_ascii_digit()) => {
            (name, Some(version))
        }
        _ => (text, None),
    }
}

/// A browser: as the library `detect-browser` calls it, which Umami has its names from
/// (<https://github.com/DamonOehlman/detect-browser>), or as most people do.
pub(crate) fn browser(name: &str) -> Option<String> {
    let known = match name.to_ascii_lowercase().as_str() {
        "" | "unknown" | "(unknown)" | "(not set)" => return None,
        "chrome" | "crios" | "mobile chrome" => "Chrome",
        "chromium-webview" | "chrome webview" | "android webview" => "Android WebView",
        "firefox" | "fxios" | "mobile firefox" => "Firefox",
        "safari" | "ios" | "ios-webview" | "mobile safari" => "Safari",
        "edge" | "edge-chromium" | "edge-ios" | "microsoft edge" => "Edge",
        "opera" | "opera-mini" | "opera mini" => "Opera",
        "samsung" | "samsung browser" | "samsung internet" => "Samsung Internet",
        "yandexbrowser" | "yandex" | "yandex browser" => "Yandex Browser",
        "ie" | "msie" | "internet explorer" => "Internet Explorer",
        "android" | "android browser" => "Android Browser",
        "silk" => "Silk",
        "brave" => "Brave",
        "vivaldi" => "Vivaldi",
        "facebook" => "Facebook",
        "instagram" => "Instagram",
        "miui" => "Mi Browser",
        _ => return Some(clean(name, 50)).filter(|name| !name.is_empty()),
    };
    Some(known.to_owned())
}

/// A browser's version, as long as live traffic has it: Safari's has a second number, since that is where
/// its features come.
pub(crate) fn browser_version(browser: Option<&str>, version: &str) -> Option<String> {
    let numbers = if browser == Some("Safari") { 2 } else { 1 };
    let version: Vec<&str> = version.split('.').take(numbers).collect();
    Some(clean(&version.join("."), 20)).filter(|version| !version.is_empty())
}

/// A system.
pub(crate) fn os(name: &str) -> Option<String> {
    let lower = name.to_ascii_lowercase();
    let known = match lower.as_str() {
        "" | "unknown" | "(unknown)" | "(not set)" => return None,
        "mac os" | "mac os x" | "macos" | "mac" | "os x" => "macOS",
        "linux" | "gnu/linux" => "GNU/Linux",
        "android" | "android os" => "Android",
        "chrome os" | "chromeos" | "chromium os" => "ChromeOS",
        "ios" => "iOS",
        "ipados" => "iPadOS",
        "windows phone" | "windows mobile" => "Windows Phone",
        _ if lower.starts_with("windows") => "Windows",
        _ => return Some(clean(name, 50)).filter(|name| !name.is_empty()),
    };
    Some(known.to_owned())
}

/// A kind of device; Plausible and Umami tell laptops from desktops by the width of the screen.
pub(crate) fn device(name: &str) -> Option<Device> {
    match name.to_ascii_lowercase().as_str() {
        "desktop" | "laptop" | "ultrawide" => Some(Device::Desktop),
        "mobile" => Some(Device::Mobile),
        "tablet" => Some(Device::Tablet),
        "tv" => Some(Device::Tv),
        "console" => Some(Device::Console),
        _ => None,
    }
}

/// The kind of device that nearly all of a system are.
pub(crate) fn device_of(os: Option<&str>) -> Option<Device> {
    match os? {
        "iOS" | "Android" | "Windows Phone" => Some(Device::Mobile),
        "iPadOS" => Some(Device::Tablet),
        _ => Some(Device::Desktop),
    }
}

/// The width of a screen: `1920,1080,1` or `1920x1080`.
pub(crate) fn width(size: &str) -> Option<u32> {
    size.split([',', 'x']).next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_names_to_those_of_live_traffic() {
        assert_eq!(split("Mac OS X 10.15"), ("Mac OS X", Some("10.15")));
        assert_eq!(split("Linux"), ("Linux", None));
        assert_eq!(browser_version(Some("Firefox"), "151.0.1").as_deref(), Some("151"));
        assert_eq!(browser_version(Some("Safari"), "17.4.1").as_deref(), Some("17.4"));
        assert_eq!(browser("edge-chromium").as_deref(), Some("Edge"));
        assert_eq!(browser("Falkon").as_deref(), Some("Falkon"));
        assert_eq!(browser("(unknown)"), None);
        assert_eq!(os("Windows 10").as_deref(), Some("Windows"));
        assert_eq!(os("Mac OS").as_deref(), Some("macOS"));
        assert_eq!(device("laptop"), Some(Device::Desktop));
        assert_eq!(
            (width("1920,1080,1"), width("390x844"), width("")),
            (Some(1920), Some(390), None)
        );
    }
}
