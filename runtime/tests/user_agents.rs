//! Real user agents, compared with the maintained rules of uap-core, the package that they come from, and lists of
//! bots. Small made-up cases are beside the code that they test.

#![allow(clippy::panic, reason = "a test ends there")]

use footfall_runtime::hit::user_agent;
use footfall_runtime::ingest::bot;

struct Row<'a> {
    user_agent: &'a str,
    device: &'a str,
    browser: &'a str,
    browser_version: &'a str,
    os: &'a str,
    os_version: &'a str,
}

/// Reads data/user-agents.tsv, which runtime/npm/lists.mjs writes.
fn rows() -> Vec<Row<'static>> {
    let lines = include_str!("data/user-agents.tsv").lines().filter(|line| !line.starts_with('#'));
    let rows = lines.map(|line| {
        let fields: Vec<_> = line.split('\t').collect();
        let [user_agent, device, browser, browser_version, os, os_version] = fields[..] else {
            panic!("six fields: {line}");
        };
        Row { user_agent, device, browser, browser_version, os, os_version }
    });
    rows.collect()
}

fn client_of(row: &Row) -> user_agent::UserAgent {
    user_agent::parse(row.user_agent, user_agent::ClientHints::default())
}

/// Asserts that at least this share of the rows agrees, or prints those that do not.
fn agree(at_least: f64, disagreement: impl Fn(&Row) -> Option<String>) {
    let rows = rows();
    let wrong: Vec<_> = rows.iter().filter_map(&disagreement).collect();
    #[allow(clippy::cast_precision_loss, reason = "some hundred rows")]
    let share = 1.0 - wrong.len() as f64 / rows.len() as f64;
    assert!(
        share >= at_least,
        "{share:.4} of {} agree; these do not:\n{}",
        rows.len(),
        wrong.join("\n")
    );
}

/// Translates uap-core's name for a browser. Ours are the same on every device.
fn browser_name(family: &str) -> &str {
    match family {
        "Chrome Mobile" | "Chrome Mobile iOS" => "Chrome",
        "Chrome Mobile WebView" => "Android WebView",
        "DuckDuckGo Mobile" => "DuckDuckGo",
        "Ecosia Android" => "Ecosia",
        "Edge Mobile" => "Edge",
        "Firefox Mobile" | "Firefox iOS" => "Firefox",
        "Google" => "Google app",
        "Mobile Safari" => "Safari",
        "Mobile Safari UI/WKWebView" => "iOS WebView",
        "Opera Touch" | "Opera Mobile" | "Opera Mini" => "Opera",
        same => same,
    }
}

/// Translates uap-core's name for an operating system. It does not tell iPadOS and Fire OS from others.
fn system_name<'a>(family: &'a str, ours: Option<&'a str>) -> &'a str {
    match (family, ours) {
        ("iOS", Some("iPadOS")) => "iPadOS",
        ("Android", Some("Fire OS")) => "Fire OS",
        ("Mac OS X", _) => "macOS",
        ("Chrome OS", _) => "ChromeOS",
        ("Linux" | "Ubuntu" | "Debian" | "Fedora", _) => "GNU/Linux",
        (same, _) => same,
    }
}

#[test]
fn browsers_agree_with_uap_core() {
    agree(0.99, |row| {
        let ours = client_of(row).browser;
        (ours != Some(browser_name(row.browser)))
            .then(|| format!("{ours:?} {} {}", row.browser, row.user_agent))
    });
}

#[test]
fn operating_systems_agree_with_uap_core() {
    agree(0.99, |row| {
        let ours = client_of(row).os;
        (ours != Some(system_name(row.os, ours)))
            .then(|| format!("{ours:?} {} {}", row.os, row.user_agent))
    });
}

#[test]
fn devices_agree_with_their_package() {
    agree(0.98, |row| {
        let ours = client_of(row).device;
        (ours.as_str().to_lowercase() != row.device)
            .then(|| format!("{ours} {} {}", row.device, row.user_agent))
    });
}

/// Our versions equal those of uap-core, except frozen ones that we correct.
#[test]
fn versions_agree_with_uap_core() {
    let starts = |theirs: &str, ours: Option<user_agent::Version>| {
        ours.is_none_or(|ours| {
            theirs == ours.to_string() || theirs.starts_with(&format!("{ours}."))
        })
    };
    agree(0.99, |row| {
        let ours = client_of(row);
        (!starts(row.browser_version, ours.browser_version)).then(|| {
            format!("{:?} {} {}", ours.browser_version, row.browser_version, row.user_agent)
        })
    });
    agree(0.99, |row| {
        let ours = client_of(row);
        let unfrozen =
            row.os_version.starts_with("18.") && ours.os_version.is_some_and(|v| v.major >= 26);
        (!unfrozen && !starts(row.os_version, ours.os_version))
            .then(|| format!("{:?} {} {}", ours.os_version, row.os_version, row.user_agent))
    });
}

#[test]
fn browsers_are_not_bots() {
    for row in rows() {
        assert!(!bot::is_bot(row.user_agent), "{}", row.user_agent);
    }
}

#[test]
fn bots_are_recognised() {
    for user_agent in BOTS {
        assert!(bot::is_bot(user_agent), "{user_agent}");
    }
}

/// One or two user agents of each kind of bot.
const BOTS: [&str; 66] = [
    "Googlebot/2.1 (+http://www.google.com/bot.html)",
    "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "AdsBot-Google (+http://www.google.com/adsbot.html)",
    "Mediapartners-Google",
    "Mozilla/5.0 (compatible; Google-Extended/1.0; +http://www.google.com/bot.html)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm) Chrome/140.0.0.0 Safari/537.36",
    "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
    "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)",
    "DuckDuckBot/1.0; (+http://duckduckgo.com/duckduckbot.html)",
    "Mozilla/5.0 (compatible; SeznamBot/3.2-test1-1; +http://napoveda.seznam.cz/en/seznambot-intro/)",
    "Sogou News Spider/4.0(+http://www.sogou.com/docs/help/webmasters.htm#07)",
    "Mozilla/5.0 (compatible;PetalBot;+https://webmaster.petalsearch.com/site/petalbot)",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_10_1) AppleWebKit/600.2.5 (KHTML, like Gecko) Version/8.0.2 Safari/600.2.5 (Applebot/0.1)",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_10_1) AppleWebKit/600.2.5 (KHTML, like Gecko) Version/8.0.2 Safari/600.2.5 (Amazonbot/0.1; +https://developer.amazon.com/support/amazonbot)",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 11_0 like Mac OS X) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/40.0.3754.1902 Mobile Safari/537.36; Bytespider",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.0; +https://openai.com/gptbot)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko); compatible; ChatGPT-User/1.0; +https://openai.com/bot",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko); compatible; OAI-SearchBot/1.0; +https://openai.com/searchbot",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ClaudeBot/1.0; +claudebot@anthropic.com)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; PerplexityBot/1.0; +https://perplexity.ai/perplexitybot)",
    "CCBot/2.0 (http://commoncrawl.org/faq/)",
    "meta-externalads/1.1 (+https://developers.facebook.com/docs/sharing/webmasters/crawler)",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "Twitterbot/0.1",
    "LinkedInBot/1.0 (compatible; Mozilla/5.0; Jakarta Commons-HttpClient/3.1 +http://www.linkedin.com)",
    "Slackbot-LinkExpanding (+https://api.slack.com/robots)",
    "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
    "TelegramBot (like TwitterBot)",
    "WhatsApp/2.23.20.0",
    "Mozilla/5.0 (compatible; redditbot/1.0; +http://www.reddit.com/feedback)",
    "Mozilla/5.0 (compatible; Pinterestbot/1.0; +http://www.pinterest.com/bot.html)",
    "http.rb/2.2.2 (Mastodon/1.5.1; +https://example-masto-instance.org/)",
    "Mozilla/5.0 (compatible; AhrefsBot/6.1; +http://ahrefs.com/robot/)",
    "Mozilla/5.0 (compatible; SemrushBot-SA/0.97; +http://www.semrush.com/bot.html)",
    "MJ12bot/v1.2.0 (http://majestic12.co.uk/bot.php?+)",
    "Mozilla/5.0 (compatible; DotBot/1.1; http://www.opensiteexplorer.org/dotbot, help@moz.com)",
    "Mozilla/5.0 (compatible; DataForSeoBot/1.0; +https://dataforseo.com/dataforseo-bot)",
    "Screaming Frog SEO Spider/5.1",
    "Scrapy/1.0.3 (+http://scrapy.org)",
    "Mozilla/5.0 (compatible; heritrix/1.14.3 +http://archive.org)",
    "ia_archiver (+http://www.alexa.com/site/help/webmasters; crawler@alexa.com)",
    "Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/59.0.3071.109 Safari/537.36 PingdomPageSpeed/1.0 (pingbot/2.0; +http://www.pingdom.com/)",
    "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5 Build/MRA58N) AppleWebKit/537.36(KHTML, like Gecko) Chrome/69.0.3464.0 Mobile Safari/537.36 Chrome-Lighthouse",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/140.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Unknown; Linux x86_64) AppleWebKit/538.1 (KHTML, like Gecko) PhantomJS/2.1.1 Safari/538.1",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_13_4) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/65.0.3325.181 Safari/537.36 AppEngine-Google; (+http://code.google.com/appengine; appid: s~feedly-nikon3)",
    "Feedbin feed-id:2005098 - 2 subscribers",
    "NewsBlur Feed Fetcher - 1 subscriber - http://www.newsblur.com/site/0000000/webpage",
    "Mozilla/5.0 (compatible; inoreader.com; 1 subscribers)",
    "Mozilla/5.0 (compatible; CensysInspect/1.1; +https://about.censys.io/)",
    "Mozilla/5.0 (compatible; Nmap Scripting Engine; https://nmap.org/book/nse.html)",
    "Mozilla/5.0 zgrab/0.x",
    "curl/8.9.1",
    "Wget/1.21.4",
    "python-requests/2.32.3",
    "Python-urllib/3.12",
    "Go-http-client/2.0",
    "okhttp/4.12.0",
    "Apache-HttpClient/4.5.14 (Java/17.0.9)",
    "Java/17.0.9",
    "axios/1.7.2",
    "node-fetch/1.0 (+https://github.com/bitinn/node-fetch)",
    "node",
    "PostmanRuntime/7.39.0",
    "Mozilla/5.0",
];
