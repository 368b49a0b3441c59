//! Generated requests as browsers send them, the same in every run.

use std::fmt::Write as _;

/// Number of visitors, who take turns so that none exceeds the rate limit.
const VISITORS: u32 = 40_000;

/// Number of distinct bodies.
const BODIES: u64 = 2_000;

/// User-Agents of real browsers.
const USER_AGENTS: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/user-agents.tsv"));

/// Interval between hits of a crawler.
const CRAWLED: u64 = 25;
const CRAWLER: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";

const REFERRERS: [&str; 6] = [
    "https://www.google.com/",
    "https://news.ycombinator.com/item?id=1",
    "https://t.co/abc",
    "https://www.reddit.com/r/rust/comments/1/title/",
    "https://blog.example.org/2026/11/a-post",
    "https://example.com/",
];

const ZONES: [&str; 5] =
    ["Europe/Berlin", "America/New_York", "Asia/Tokyo", "Europe/London", "Asia/Kolkata"];

const WIDTHS: [u32; 5] = [390, 768, 1280, 1536, 1920];

/// An endless sequence of requests.
pub(crate) struct Hits {
    /// Each request without the visitor's address.
    pool: Vec<(String, String)>,
    sent: u32,
}

impl Hits {
    pub(crate) fn new() -> Self {
        let agents: Vec<&str> = USER_AGENTS
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split('\t').next())
            .collect();
        let mut dice = fastrand::Rng::with_seed(42);
        let pool = (0..BODIES)
            .map(|number| {
                let is_crawler = number % CRAWLED == CRAWLED - 1;
                let agent = if is_crawler { CRAWLER } else { agents[dice.usize(..agents.len())] };
                request(agent, &body(&mut dice))
            })
            .collect();
        Self { pool, sent: 0 }
    }

    /// Writes the next request into `bytes`, replacing its contents.
    pub(crate) fn next(&mut self, bytes: &mut String) {
        let (head, rest) = &self.pool[self.sent as usize % self.pool.len()];
        // The numbers of bodies and of visitors differ, so a visitor's pages change.
        let visitor = self.sent.wrapping_mul(7919) % VISITORS;
        self.sent = self.sent.wrapping_add(1);
        bytes.clear();
        bytes.push_str(head);
        let (high, low) = (visitor / 250, visitor % 250);
        // Writing to a String cannot fail.
        let _ = write!(bytes, "X-Forwarded-For: 203.0.{high}.{low}\r\n");
        bytes.push_str(rest);
    }
}

/// A body as Footfall's tracker sends it.
fn body(dice: &mut fastrand::Rng) -> String {
    // Earlier pages are more frequent: page k gets about 1/k of the views.
    let page = (501.0_f64.powf(dice.f64()) - 1.0) as u32;
    let mut url = format!("https://example.com/blog/{page}-a-post-about-something");
    if dice.f64() < 0.1 {
        url.push_str("?utm_source=newsletter&utm_medium=email&utm_campaign=november");
    }
    let event = if dice.f64() < 0.03 { "signup" } else { "pageview" };
    let mut body = serde_json::json!({
        "n": event,
        "u": url,
        "w": WIDTHS[dice.usize(..WIDTHS.len())],
        "z": ZONES[dice.usize(..ZONES.len())],
    });
    if dice.f64() < 0.6 {
        body["r"] = REFERRERS[dice.usize(..REFERRERS.len())].into();
    }
    body.to_string()
}

/// A browser's request, split at the header with the visitor's address.
fn request(user_agent: &str, body: &str) -> (String, String) {
    let head = format!(
        "POST /track HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: {user_agent}\r\nAccept: */*\r\n\
         Accept-Language: en-US,en;q=0.9\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n\
         AcquisitionParams: https://example.com\r\nReferer: https://example.com/\r\n\
         Sec-Fetch-Mode: cors\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Dest: empty\r\n\
         Content-Type: text/plain;charset=UTF-8\r\nConnection: keep-alive\r\n"
    );
    (head, format!("Content-Length: {}\r\n\r\n{body}", body.len()))
}
