//! Not to be counted: an address of the site at which the tracker asks, as a link and for a phone's camera.
//!
//! What a visitor answers stays in that browser (assets/footfall.js). No server knows it.

use footfall_infra::settings::Site;
use qrcodegen::{QrCode, QrCodeEcc};
use serde::Serialize;

use super::host_name;

/// What stands behind the address of a page for the tracker to ask.
const FRAGMENT: &str = "footfall";

/// The margin of a code, in modules: <https://www.qrcode.com/en/howto/code.html>
const MARGIN: i32 = 4;

/// The page's words.
#[derive(Debug, Serialize)]
pub(super) struct Myself {
    /// The site's domain.
    domain: String,
    /// Where its tracker asks, if that is an address that others can reach.
    address: Option<String>,
    code: Option<Code>,
}

/// A QR code as the path of an SVG picture, in modules.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Code {
    size: i32,
    path: String,
}

impl Myself {
    pub(super) fn of(site: &Site) -> Self {
        let domain = site.domain.to_string();
        let is_local = domain == "localhost" || domain.ends_with(".localhost");
        let address = (!is_local).then(|| format!("https://{domain}/#{FRAGMENT}"));
        let code = address.as_deref().and_then(Code::of);
        Self { domain: host_name::decoded(&domain), address, code }
    }
}

impl Code {
    /// A code with room for scratches; none if the text is too long, as no domain is.
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
    fn a_site_has_an_address_where_its_tracker_asks() {
        let site = Settings::from_yaml("sites: [{domain: blog.example}]").unwrap().sites.remove(0);
        let myself = Myself::of(&site);
        assert_eq!(myself.address.as_deref(), Some("https://blog.example/#footfall"));
        assert!(myself.code.is_some());
        let local = Myself::of(&Settings::local().sites[0]);
        assert_eq!((local.address, local.code), (None, None));
    }

    #[test]
    fn a_code_is_drawn_in_runs() {
        let text = "https://blog.example/#footfall";
        let code = Code::of(text).unwrap();
        let expected = QrCode::encode_text(text, QrCodeEcc::Medium).unwrap();
        assert_eq!(code.size, expected.size() + 8);
        // Each run again as its modules.
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
