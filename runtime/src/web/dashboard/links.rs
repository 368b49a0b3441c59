//! Links from rows to the web pages they are about.

use footfall_infra::settings::Site;
use url::Url;

use crate::query::dimension::{Dimension, Key};

/// Returns the URL of the web page that a row is about: on one of the site's own hosts, or the referrer.
#[must_use]
pub(super) fn address(site: &Site, key: &Key, value: &str) -> Option<String> {
    match key {
        Key::Dimension(Dimension::Page | Dimension::EntryPage | Dimension::ExitPage) => {
            page_address(site, value)
        }
        Key::Dimension(Dimension::Referrer) => referrer_address(value),
        _ => None,
    }
}

/// Returns the URL of a referrer, which is stored without its scheme. `None` for an app.
fn referrer_address(referrer: &str) -> Option<String> {
    let url = Url::parse(&format!("https://{referrer}")).ok()?;
    let is_plain = url.username().is_empty() && url.password().is_none() && url.port().is_none();
    (is_plain && url.domain()?.contains('.')).then(|| url.to_string())
}

/// Returns the URL of a page on one of the site's own hosts. `None` for any other host, whatever the page is called,
/// and for local hosts, whose ports are unknown.
fn page_address(site: &Site, page: &str) -> Option<String> {
    let (host, path) = match page.find('/')? {
        0 => (site.domain.as_str(), page),
        at => page.split_at(at),
    };
    let url = Url::parse(&format!("https://{host}{path}")).ok()?;
    let found = url.host_str()?;
    let is_local = found == "localhost" || found.ends_with(".localhost") || url.domain().is_none();
    let is_own = url.username().is_empty() && url.port().is_none() && site.has_host(found);
    (is_own && !is_local).then(|| url.to_string())
}

#[cfg(test)]
mod tests {
    use footfall_infra::settings::Settings;

    use super::*;

    #[test]
    fn links_pages_on_the_sites_own_hosts_only() {
        let yaml = "sites: [{domain: example.com, hosts: [example.com, '*.example.com']}]";
        let site = Settings::from_yaml(yaml).unwrap().sites.remove(0);
        let check = |page: &str, expected: Option<&str>| {
            assert_eq!(page_address(&site, page).as_deref(), expected, "{page}");
        };
        check("/", Some("https://example.com/"));
        check("/café/#a", Some("https://example.com/caf%C3%A9/#a"));
        check("//evil.example", Some("https://example.com//evil.example"));
        check("blog.example.com/a", Some("https://blog.example.com/a"));
        check("evil.example/a", None);
        check("example.com@evil.example/a", None);
        check("evil.example@example.com/a", None);
        check("example.com:81/a", None);
        check("javascript:alert(1)//example.com/", None);
        check("javascript:alert(1)", None);
        check("", None);
        let local = &Settings::local().sites[0];
        assert_eq!(page_address(local, "/"), None);
    }

    #[test]
    fn links_referrers() {
        let check = |referrer: &str, expected: Option<&str>| {
            assert_eq!(referrer_address(referrer).as_deref(), expected, "{referrer}");
        };
        check("news.ycombinator.com/item", Some("https://news.ycombinator.com/item"));
        check("t.co", Some("https://t.co/"));
        check("android-app://com.example.app", None);
        check("a@evil.example", None);
        check("javascript:alert(1)", None);
        check("intranet/wiki", None);
        check("", None);
    }
}
