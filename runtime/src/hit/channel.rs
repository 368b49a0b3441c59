//! Acquisition channels (GA4's default channel group).
//!
//! The rules and names are those of Google Analytics 4, as Plausible applies them, so that reports are
//! comparable: <https://support.google.com/analytics/answer/9756891>. There are two differences. Click
//! identifiers (`gclid`) are not stored, so they are not used. The kind of a source comes from Footfall's own
//! list (`lists/sources.txt`).

use crate::hit::source::{self, Medium};

/// Video sites. `lists/sources.txt` does not mark them as such.
const VIDEO: [&str; 4] = ["youtube", "vimeo", "twitch", "dailymotion"];

/// Shopping sites.
const SHOPPING: [&str; 8] =
    ["amazon", "ebay", "etsy", "aliexpress", "shopify", "walmart", "temu.com", "google shopping"];

/// Values of `utm_medium` for display advertising.
const DISPLAY: [&str; 5] = ["display", "banner", "expandable", "interstitial", "cpm"];

/// Values of `utm_medium` for social networks.
const SOCIAL: [&str; 6] =
    ["social", "social-network", "social-media", "sm", "social network", "social media"];

/// Parts of `utm_source` or `utm_medium` that mean email.
const EMAIL: [&str; 5] = ["email", "e-mail", "e_mail", "e mail", "newsletter"];

/// What a visit's first hit tells about the origin of the visit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct AcquisitionParams<'a> {
    /// The name of the source.
    pub source: Option<&'a str>,
    /// `utm_source`.
    pub utm_source: Option<&'a str>,
    /// `utm_medium`.
    pub utm_medium: Option<&'a str>,
    /// `utm_campaign`.
    pub utm_campaign: Option<&'a str>,
}

/// Returns the channel of a visit.
#[must_use]
pub fn channel(params: &AcquisitionParams<'_>) -> &'static str {
    let lower = |text: Option<&str>| text.unwrap_or_default().to_lowercase();
    let source = lower(params.source);
    let (utm_source, medium) = (lower(params.utm_source), lower(params.utm_medium));
    let campaign = lower(params.utm_campaign);
    let kind = params.source.and_then(source::medium_of_name);
    let is = |list: &[&str]| list.contains(&source.as_str());
    let has_any = |text: &str, parts: &[&str]| parts.iter().any(|part| text.contains(part));

    let is_video = is(&VIDEO);
    let is_shop = is(&SHOPPING) || is_shopping_campaign(&campaign);
    let is_social = kind == Some(Medium::Social) && !is_video;
    let is_search = kind == Some(Medium::Search);
    let is_ad_source =
        kind == Some(Medium::Paid) || has_any(&utm_source, &["adwords", "_ad", "-ads"]);
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
    } else if kind == Some(Medium::Email)
        || has_any(&utm_source, &EMAIL)
        || has_any(&medium, &EMAIL)
    {
        "Email"
    } else if medium == "affiliate" {
        "Affiliates"
    } else if medium == "audio" {
        "Audio"
    } else if utm_source == "sms" || medium == "sms" {
        "SMS"
    } else if medium.ends_with("push") || has_any(&medium, &["mobile", "notification"]) {
        "Mobile Push Notifications"
    } else if !source.is_empty() || matches!(medium.as_str(), "referral" | "app" | "link") {
        "Referral"
    } else {
        "Direct"
    }
}

/// Returns whether a campaign name contains `shopping`, or `shop` at the start of a word. `eshop` also matches;
/// `workshop` does not.
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
    fn visit_has_a_channel() {
        let check =
            |source: &str, utm_source: &str, medium: &str, campaign: &str, expected: &str| {
                let some = |text| Some(text).filter(|text: &&str| !text.is_empty());
                let params = AcquisitionParams {
                    source: some(source),
                    utm_source: some(utm_source),
                    utm_medium: some(medium),
                    utm_campaign: some(campaign),
                };
                assert_eq!(channel(&params), expected, "{params:?}");
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
