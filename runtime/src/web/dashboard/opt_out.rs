//! Excluding one's own visits: a URL at which the tracker asks, as a link and as a QR code.
//!
//! The answer stays in that browser (assets/footfall.js) and is never sent.

use footfall_infra::settings::Site;
use qrcodegen::{QrCode, QrCodeEcc};
use serde::Serialize;

use super::host_name;

/// Fragment of a page's URL at which the tracker asks.
const FRAGMENT: &str = "footfall";

/// Margin of a QR code, in modules: <https://www.qrcode.com/en/howto/code.html>
const MARGIN: i32 = 4;

/// Content of the page.
#[derive(Debug, Serialize)]
pub(super) struct OptOut {
    /// The site's domain.
    domain: String,
    /// URL at which its tracker asks. `None` if only this machine can reach the site.
    address: Option<String>,
    code: Option<Code>,
}

/// A QR code as the path of an SVG picture, in modules.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Code {
    size: i32,
    path: String,
}

impl OptOut {
    pub(super) fn of(site: &Site) -> Self {
        let domain = site.domain.to_string();
        let is_local = domain == "localhost" || domain.ends_with(".localhost");
        let address = (!is_local).then(|| format!("https://{domain}/#{FRAGMENT}"));
        let code = address.as_deref().and_then(Code::of);
        Self { domain: host_name::decoded(&domain), address, code }
    }
}

impl Code {
    /// Encodes a text with medium error correction. `None` if the text is too long, which no domain is.
    fn of(text: &str) -> Option<Self> {
        let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
        let mut path = String::new();
        for y in 0..code.size() {
            let mut x = 0;
            while x < code.size() {
                let run = (x..code.size()).take_while(|x| code.get_module(*x, y)).count();
                let width = i32::try_from(run).unwrap_or(0);
                if width > 0 {
                    path += &format!("M{} {}h{width}v1h-{width}z", x + MARGIN, y + MARGIN);
                }
                x += width + 1;
            }
        }
        Some(Self { size: code.size() + 2 * MARGIN, path })
    }
}

#[cfg(test)]
mod tests {
    use footfall_infra::settings::Settings;

    use super::*;

    #[test]
    fn has_a_url_unless_the_site_is_local() {
        let site = Settings::from_yaml("sites: [{domain: blog.example}]").unwrap().sites.remove(0);
        let opt_out = OptOut::of(&site);
        assert_eq!(opt_out.address.as_deref(), Some("https://blog.example/#footfall"));
        assert!(opt_out.code.is_some());
        let local = OptOut::of(&Settings::local().sites[0]);
        assert_eq!((local.address, local.code), (None, None));
    }

    #[test]
    fn draws_a_code_in_runs() {
        let text = "https://blog.example/#footfall";
        let code = Code::of(text).unwrap();
        let expected = QrCode::encode_text(text, QrCodeEcc::Medium).unwrap();
        assert_eq!(code.size, expected.size() + 8);
        // Each run, expanded into its modules.
        let mut drawn = 0;
        for run in code.path.split_terminator('z') {
            let numbers = run.split(['M', ' ', 'h', 'v']).filter_map(|word| word.parse().ok());
            let [x, y, width, 1, _] = numbers.collect::<Vec<i32>>()[..] else { panic!("{run}") };
            assert!((x..x + width).all(|x| expected.get_module(x - MARGIN, y - MARGIN)), "{run}");
            drawn += width;
        }
        let all = (0..expected.size()).flat_map(|y| (0..expected.size()).map(move |x| (x, y)));
        assert_eq!(drawn as usize, all.filter(|(x, y)| expected.get_module(*x, *y)).count());
    }
}
