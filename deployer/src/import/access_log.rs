//! Access logs of Apache, nginx and whatever writes as they do: the common format, the combined one with
//! referrer and User-Agent, and either with the host in front.
//!
//! ```text
//! 127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /a HTTP/1.0" 200 2326 "http://e.x/" "Mozilla/4.08"
//! ```
//!
//! <https://httpd.apache.org/docs/2.4/logs.html#accesslog>,
//! <https://nginx.org/en/docs/http/ngx_http_log_module.html>

use std::borrow::Cow;
use std::io::BufRead;
use std::net::IpAddr;

use anyhow::Result;
use jiff::Timestamp;
use jiff::fmt::strtime;

use super::line_counts::Reason;
use super::pipeline::{Pipeline, Request};
use super::source::{Line, each_line};

/// A line's parts.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    host: Option<&'a str>,
    client: &'a str,
    at: Timestamp,
    /// The request's line, as it stands there.
    request: Cow<'a, str>,
    status: u16,
    /// What stands in the two quoted fields behind, if there are any.
    more: Option<(Cow<'a, str>, Cow<'a, str>)>,
}

/// Reads a log. `before` is how many lines were before.
pub(crate) fn read(
    input: &mut dyn BufRead,
    before: u64,
    pipeline: &mut Pipeline<'_>,
) -> Result<()> {
    each_line(input, before, |number, line| {
        pipeline.counts.lines += 1;
        match line {
            Line::Unfinished(_) => pipeline.note(number, Reason::Unfinished),
            Line::TooLong => pipeline.note(number, Reason::Unreadable),
            Line::Whole(text) => match parse(&String::from_utf8_lossy(text)) {
                Some(entry) => take(&entry, number, pipeline)?,
                None => pipeline.note(number, Reason::Unreadable),
            },
        }
        Ok(())
    })
}

fn take(entry: &Entry<'_>, line: u64, pipeline: &mut Pipeline<'_>) -> Result<()> {
    let said = |text: &str| !text.is_empty() && text != "-";
    let more = entry.more.as_ref();
    let mut words = entry.request.split(' ');
    let request = Request {
        method: words.next().unwrap_or_default(),
        status: entry.status,
        host: entry.host,
        target: words.next().unwrap_or_default(),
        referrer: more.map(|more| &*more.0).filter(|text| said(text)),
        // A browser that says `-` says nothing; a log that has no such field is another matter.
        user_agent: more.map(|more| if said(&more.1) { &*more.1 } else { "" }),
        client: entry.client,
        ..Request::default()
    };
    pipeline.request(line, entry.at, &request)
}

/// Parses a line; `None` if it is none of an access log.
pub(crate) fn parse(line: &str) -> Option<Entry<'_>> {
    let (before, rest) = line.split_once(" [")?;
    let (time, rest) = rest.split_once("] \"")?;
    let (request, rest) = quoted(rest)?;
    let mut words = rest.trim_start().splitn(3, ' ');
    let status = words.next()?;
    let status = status.parse().ok().filter(|_| status.len() == 3)?;
    let size = words.next().unwrap_or("-");
    if size != "-" && !size.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let more = words.next().and_then(|rest| {
        let (referrer, rest) = quoted(rest.strip_prefix('"')?)?;
        let (user_agent, _) = quoted(rest.strip_prefix(" \"")?)?;
        Some((referrer, user_agent))
    });
    let at = strtime::parse("%d/%b/%Y:%H:%M:%S %z", time).ok()?.to_timestamp().ok()?;
    let (host, client) = names(before)?;
    Some(Entry { host, client, at, request, status, more })
}

/// The host, if there is one, and who asked: `client identity user`, or `host:port client identity user`.
fn names(text: &str) -> Option<(Option<&str>, &str)> {
    let mut words = text.split(' ').filter(|word| !word.is_empty());
    let (first, second) = (words.next()?, words.next()?);
    let has_third = words.next().is_some();
    let is_address = |word: &str| word.parse::<IpAddr>().is_ok();
    if !is_address(first) && is_address(second) && has_third {
        let (host, port) = first.rsplit_once(':').unwrap_or((first, ""));
        let is_port = port.bytes().all(|byte| byte.is_ascii_digit());
        return Some((Some(if is_port { host } else { first }), second));
    }
    has_third.then_some((None, first))
}

/// A text up to its closing quote, with what was escaped in it, and what follows. Apache writes `\"`, `\\`,
/// `\t` and `\xhh`, nginx `\xHH`.
fn quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let end = text.find(['"', '\\'])?;
    if text.as_bytes()[end] == b'"' {
        return Some((Cow::Borrowed(&text[..end]), &text[end + 1..]));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes().iter().copied().enumerate();
    while let Some((at, byte)) = rest.next() {
        match byte {
            b'"' => {
                let text = &text[at + 1..];
                return Some((Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()), text));
            }
            b'\\' => {
                let (at, escaped) = rest.next()?;
                let hex = || u8::from_str_radix(text.get(at + 1..at + 3)?, 16).ok();
                match escaped {
                    b'x' => {
                        if let Some(byte) = hex() {
                            bytes.push(byte);
                            rest.nth(1);
                        }
                    }
                    b't' | b'n' | b'r' | b'v' | b'b' | b'f' => bytes.push(b' '),
                    other => bytes.push(other),
                }
            }
            other => bytes.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_the_formats_of_the_manual() {
        // https://httpd.apache.org/docs/2.4/logs.html
        let common = r#"127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326"#;
        let entry = parse(common).unwrap();
        assert_eq!((entry.host, entry.client, entry.status), (None, "127.0.0.1", 200));
        assert_eq!(entry.at.to_string(), "2000-10-10T20:55:36Z");
        assert_eq!((&*entry.request, &entry.more), ("GET /apache_pb.gif HTTP/1.0", &None));
        let combined = format!(
            r#"{common} "http://www.example.com/start.html" "Mozilla/4.08 [en] (Win98; I ;Nav)""#
        );
        let more = parse(&combined).unwrap().more.unwrap();
        assert_eq!(&*more.0, "http://www.example.com/start.html");
        assert_eq!(&*more.1, "Mozilla/4.08 [en] (Win98; I ;Nav)");
        // `%v:%p` in front, as Debian's vhost_combined has it.
        let host = format!("www.example.com:443 {combined}");
        assert_eq!(parse(&host).unwrap().host, Some("www.example.com"));
        // More fields behind are no matter, nor is a user with a space.
        let more = format!("{combined} 0.003 \"gzip\"").replace("frank", "frank m");
        assert!(parse(&more).unwrap().more.is_some());
        // A name in place of an address, and an address of the sixth version.
        assert_eq!(parse(&common.replace("127.0.0.1", "a.example")).unwrap().client, "a.example");
        assert_eq!(
            parse(&common.replace("127.0.0.1", "2001:db8::1")).unwrap().client,
            "2001:db8::1"
        );
    }

    #[test]
    fn unescapes_quoted_fields() {
        let line = r#"::1 - - [10/Oct/2000:13:55:36 +0000] "GET /a\"b HTTP/1.0" 200 - "-" "a\x22b\xC3\xA9\\ \t""#;
        let entry = parse(line).unwrap();
        assert_eq!(entry.request, "GET /a\"b HTTP/1.0");
        assert_eq!(entry.more.unwrap().1, "a\"bé\\  ");
        assert!(parse(r#"::1 - - [10/Oct/2000:13:55:36 +0000] "\x" 200 -"#).is_some());
        assert!(parse(r#"::1 - - [10/Oct/2000:13:55:36 +0000] "\"#).is_none());
    }

    #[test]
    fn rejects_invalid_lines() {
        let none = [
            "",
            "hello",
            r#"1.2.3.4 - - [10/Oct/2000:13:55:36] "GET / HTTP/1.0" 200 1"#,
            r#"1.2.3.4 - - [99/Oct/2000:13:55:36 +0000] "GET / HTTP/1.0" 200 1"#,
            r#"1.2.3.4 - - [10/Oct/2000:13:55:36 +0000] "GET / HTTP/1.0" OK 1"#,
            r#"1.2.3.4 - - [10/Oct/2000:13:55:36 +0000] "GET / HTTP/1.0 200 1"#,
            r#"1.2.3.4 [10/Oct/2000:13:55:36 +0000] "GET / HTTP/1.0" 200 1"#,
        ];
        for line in none {
            assert_eq!(parse(line), None, "{line}");
        }
    }
}
