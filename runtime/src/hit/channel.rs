//! Channels: what kind of way led a visit here.
//!
//! The rules, and their names, are those of Google Analytics 4's default channel group as Plausible
//! applies them, so that reports compare: <https://support.google.com/analytics/answer/9756891>. Two
//! things differ: click identifiers (`gclid`) are not stored, and so decide nothing; and what kind of
//! source one is, our own list says (`lists/sources.txt`).

use crate::hit::source::{self, Medium};

/// Sources of videos that the list of sources has among others.
const VIDEO: [&str; 4] = ["youtube", "vimeo", "twitch", "dailymotion"];

/// Sources that sell things.
const SHOPPING: [&str; 8] =
    ["amazon", "ebay", "etsy", "aliexpress", "shopify", "walmart", "temu.com", "google shopping"];

/// `utm_medium`s of advertisements that are looked at.
const DISPLAY: [&str; 5] = ["display", "banner", "expandable", "interstitial", "cpm"];

/// `utm_medium`s of networks.
const SOCIAL: [&str; 6] =
    ["social", "social-network", "social-media", "sm", "social network", "social media"];

const EMAIL: [&str; 5] = ["email", "e-mail", "e_mail", "e mail", "newsletter"];

/// What a visit's first hit says of where it came from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct AcquisitionParams<'a> {
    /// The source's name.
    pub source: Option<&'a str>,
    /// `utm_source`.
    pub utm_source: Option<&'a str>,
    /// `utm_medium`.
    pub utm_medium: Option<&'a str>,
    /// `utm_campaign`.
    pub utm_campaign: Option<&'a str>,
}

/// The channel of a visit.
#[must_use]
pub fn channel(origin: &AcquisitionParams<'_>) -> &'static str {
    let lower = |text: Option<&str>| text.unwrap_or_default().to_lowercase();
    let source = lower(origin.source);
    let (named, medium) = (lower(origin.utm_source), lower(origin.utm_medium));
    let campaign = lower(origin.utm_campaign);
    let kind = origin.source.and_then(source::medium_of_name);
    let is = |list: &[&str]| list.contains(&source.as_str());
    let has_any = |text: &str, parts: &[&str]| parts.iter().any(|part| text.contains(part));

    let is_video = is(&VIDEO);
    let is_shop = is(&SHOPPING) || is_shopping_campaign(&campaign);
    let is_social = kind == Some(Medium::Social) && !is_video;
    let is_search = kind == Some(Medium::Search);
    let is_ad_source = kind == Some(Medium::Paid) || has_any(&named, &["adwords", "_ad", "-ads"]);
    let is_paid_medium = medium.contains("cp")
        || medium == "ppc"
        || medium == "retargeting"
        || medium.starts_with("paid");
    let is_paid = is_paid_medium || is_ad_source;

    if campaign.contains("cross-network") {
        "Cross-network"
    } else if is_shop && is_paid_medium {
        "Paid Shopping"
    } else if is_search && is_paid {
        "Paid Search"
    } else if is_social && is_paid {
        "Paid Social"
    } else if is_video && is_paid {
        "Paid Video"
    } else if DISPLAY.contains(&medium.as_str()) {
        "Display"
    } else if is_paid {
        "Paid Other"
    } else if is_shop {
        "Organic Shopping"
    } else if is_social || SOCIAL.contains(&medium.as_str()) {
        "Organic Social"
    } else if is_video || medium.contains("video") {
        "Organic Video"
    } else if kind == Some(Medium::Ai) {
        "AI Assistants"
    } else if is_search {
        "Organic Search"
    } else if kind == Some(Medium::Email) || has_any(&named, &EMAIL) || has_any(&medium, &EMAIL) {
        "Email"
    } else if medium == "affiliate" {
        "Affiliates"
    } else if medium == "audio" {
        "Audio"
    } else if named == "sms" || medium == "sms" {
        "SMS"
    } else if medium.ends_with("push") || has_any(&medium, &["mobile", "notification"]) {
        "Mobile Push Notifications"
    } else if !source.is_empty() || matches!(medium.as_str(), "referral" | "app" | "link") {
        "Referral"
    } else {
        "Direct"
    }
}

/// `shop` where a word may begin (so not in "workshop" … but for an "e" before it, as in "eshop"), or
/// `shopping`.
fn is_shopping_campaign(campaign: &str) -> bool {
    campaign.contains("shopping")
        || campaign.match_indices("shop").any(|(at, _)| {
            let before = campaign[..at].chars().next_back();
            before.is_none_or(|letter| letter == 'e' || !letter.is_ascii_lowercase())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visits_have_channels() {
        let check = |source: &str, named: &str, medium: &str, campaign: &str, expected: &str| {
            let some = |text| Some(text).filter(|text: &&str| !text.is_empty());
            let origin = AcquisitionParams {
                source: some(source),
                utm_source: some(named),
                utm_medium: some(medium),
                utm_campaign: some(campaign),
            };
            assert_eq!(channel(&origin), expected, "{origin:?}");
        };
        check("", "", "", "", "Direct");
        check("Google", "", "", "", "Organic Search");
        check("Google", "google", "cpc", "", "Paid Search");
        check("Facebook", "", "", "", "Organic Social");
        check("Facebook", "facebook", "paid-social", "", "Paid Social");
        check("Hacker News", "", "", "", "Organic Social");
        check("YouTube", "", "", "", "Organic Video");
        check("YouTube", "", "cpv", "", "Paid Video");
        check("ChatGPT", "", "", "", "AI Assistants");
        check("Gmail", "", "", "", "Email");
        check("weekly", "weekly", "newsletter", "", "Email");
        check("weekly", "weekly", "email", "spring", "Email");
        check("x", "x", "banner", "", "Display");
        check("x", "x", "cpm", "", "Display");
        check("x", "x", "ppc", "", "Paid Other");
        check("x", "x", "affiliate", "", "Affiliates");
        check("x", "x", "audio", "", "Audio");
        check("x", "x", "sms", "", "SMS");
        check("x", "x", "web-push", "", "Mobile Push Notifications");
        check("x", "x", "", "cross-network sale", "Cross-network");
        check("x", "x", "", "eshop", "Organic Shopping");
        check("x", "x", "", "workshop", "Referral");
        check("x", "x", "cpc", "shopping", "Paid Shopping");
        check("amazon", "", "", "", "Organic Shopping");
        check("blog.example.com", "", "", "", "Referral");
        check("", "", "referral", "", "Referral");
        check("", "", "social", "", "Organic Social");
    }
}
