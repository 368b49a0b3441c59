//! The HTML snippet that an owner pastes into a site's pages.

use crate::api;
use crate::settings::Site;

/// Returns the snippet for a site's pages.
///
/// `endpoint` is the API's URL without a trailing slash, such as `https://stats.example.com`. The image counts
/// readers without JavaScript. Its referrer policy makes the browser send the page's full URL.
#[must_use]
pub fn snippet(site: &Site, endpoint: &str) -> String {
    let endpoint = escape(endpoint);
    let dnt = if site.respect_dnt { " data-dnt" } else { "" };
    let engagement = if site.engagement { " data-engagement" } else { "" };
    let (script, pixel) = (api::SCRIPT, api::PIXEL);
    format!(
        "<script defer src=\"{endpoint}{script}\"{dnt}{engagement}></script>\n\
         <noscript><img src=\"{endpoint}{pixel}\" alt=\"\" width=\"1\" height=\"1\" \
         referrerpolicy=\"no-referrer-when-downgrade\"></noscript>\n"
    )
}

/// Escapes an attribute value. The endpoint comes from a `Host` header or a command line.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    #[test]
    fn snippet_contains_the_escaped_endpoint() {
        let settings = Settings::from_yaml("sites: [{domain: e.x, respect_dnt: true}]").unwrap();
        assert_eq!(
            snippet(&settings.sites[0], "https://stats.e.x"),
            "<script defer src=\"https://stats.e.x/js/footfall.js\" data-dnt></script>\n\
             <noscript><img src=\"https://stats.e.x/pixel.gif\" alt=\"\" width=\"1\" height=\"1\" \
             referrerpolicy=\"no-referrer-when-downgrade\"></noscript>\n"
        );
        let settings = Settings::from_yaml("sites: [{domain: e.x, engagement: true}]").unwrap();
        let measuring = snippet(&settings.sites[0], "https://stats.e.x");
        assert!(measuring.starts_with(
            "<script defer src=\"https://stats.e.x/js/footfall.js\" data-engagement></script>\n"
        ));
        assert!(!snippet(&Settings::local().sites[0], "\"><script>").contains("\"><script>"));
    }
}
