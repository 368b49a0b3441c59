//! Small cases for every definition and every example of docs/definitions.md. A case lists the hits and the expected
//! numbers, which both raw and rolled-up hits must give. The reference implementation must agree.

mod acquisition;
mod filters;
mod hits;
mod periods;
mod tables;
mod visits;

use std::collections::BTreeSet;

use footfall_runtime::hit::exclusion::ExclusionReason;
use footfall_runtime::hit::{Engagement, Excluded, Hit, Kind};
use jiff::Timestamp;
use jiff::civil::DateTime;
use serde_json::json;

use crate::world::{Question, World, lines};

/// Hits of a site in a zone, one per line, such as `2026-11-23 09:00 ann /a event=sign+up source=Google`. Times are
/// local, or UTC with a trailing `Z`; `+` stands for a space. A name that begins with `!` is not a visitor but the
/// reason of an excluded hit. A line with `looked=` (seconds) or `scrolled=` (per cent) is an engagement.
struct Traffic {
    zone: &'static str,
    hits: &'static str,
}

impl Traffic {
    fn time(&self, day: &str, time: &str) -> Timestamp {
        let (time, zone) = match time.strip_suffix('Z') {
            Some(time) => (time, "UTC"),
            None => (time, self.zone),
        };
        let at: DateTime = format!("{day}T{time}").parse().unwrap();
        at.in_tz(zone).unwrap().timestamp()
    }

    fn world(&self) -> World {
        let mut world = World::new(self.zone, 1);
        for line in self.hits.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let parts: Vec<&str> = line.split(' ').collect();
            let [day, time, who, page, rest @ ..] = parts.as_slice() else { panic!("{line}") };
            let at = self.time(day, time);
            let kind = match who.strip_prefix('!') {
                Some(reason) => {
                    let known = ExclusionReason::ALL.into_iter().find(|of| of.as_str() == reason);
                    Kind::Excluded(Excluded { reason: known.unwrap(), page: (*page).to_owned() })
                }
                None => engagement(who, page, rest)
                    .map_or_else(|| Kind::Hit(hit(who, page, rest)), Kind::Engagement),
            };
            world.add(at, kind, 0, 0);
        }
        world
    }

    /// Asks at a local time. For every group of numbers with a line in `expected`, these lines must be complete:
    /// `total`, `bar`, `page` and so on. A missing group is written `page -`; empty bars are left out.
    #[track_caller]
    fn says(&self, now: &str, query: &str, expected: &str) {
        let (day, time) = now.split_once(' ').unwrap();
        let now = self.time(day, time);
        let world = self.world();
        let question = Question::parse(query, now);
        let check = |how: &str| {
            let report = world.checked_as(query, &question);
            let found = lines(&report);
            let expected: Vec<&str> = expected.lines().map(str::trim).collect();
            let expected: Vec<&str> =
                expected.into_iter().filter(|line| !line.is_empty()).collect();
            let group = |line: &str| line.split(' ').next().unwrap().to_owned();
            let groups: BTreeSet<String> = expected.iter().map(|line| group(line)).collect();
            for name in groups {
                let is_said =
                    |line: &&str| group(line) == name && !(name == "bar" && line.ends_with(" -"));
                let found: Vec<&str> = found.iter().map(String::as_str).filter(is_said).collect();
                let nothing = format!("{name} -");
                let expected = expected.iter().copied();
                let expected: Vec<&str> =
                    expected.filter(|line| group(line) == name && *line != nothing).collect();
                let found: Vec<&str> = found.into_iter().filter(|line| *line != nothing).collect();
                assert_eq!(found, expected, "{how}: {query} at {now} of {}", self.hits);
            }
        };
        world.fold_old(now);
        check("raw");
        world.fold_all();
        check("folded");
    }
}

fn engagement(who: &str, page: &str, rest: &[&str]) -> Option<Engagement> {
    let number = |name: &str| {
        let said = rest.iter().find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
        said.map(|number| number.parse::<u32>().unwrap())
    };
    let (looked, scrolled) = (number("looked"), number("scrolled"));
    if looked.is_none() && scrolled.is_none() {
        return None;
    }
    let Hit { visitor, host, page, .. } = hit(who, page, &[]);
    let scroll = scrolled.map(|percent| u8::try_from(percent).unwrap());
    Some(Engagement { visitor, host, page, scroll, engaged: looked.unwrap_or(0) * 1000 })
}

fn hit(who: &str, page: &str, rest: &[&str]) -> Hit {
    let visitor = who.bytes().fold(0_u64, |number, byte| number << 8 | u64::from(byte));
    let (host, page) = page.split_at(page.find('/').unwrap());
    let mut hit = json!({ "v": format!("{visitor:016x}"), "p": page });
    if !host.is_empty() {
        hit["h"] = host.into();
    }
    for part in rest {
        let (name, value) = part.split_once('=').unwrap();
        // The abbreviations of hit.rs.
        let key = match name {
            "event" => "n",
            "source" => "s",
            "referrer" => "r",
            "utm_source" => "us",
            "utm_medium" => "um",
            "utm_campaign" => "uc",
            "utm_term" => "ut",
            "utm_content" => "uo",
            "country" => "c",
            "browser" => "b",
            "browser_version" => "bv",
            "os" => "o",
            "os_version" => "ov",
            "device" => "d",
            "screen" => "w",
            other => panic!("{other}"),
        };
        hit[key] = value.replace('+', " ").into();
    }
    serde_json::from_value(hit).unwrap()
}

const fn utc(hits: &'static str) -> Traffic {
    Traffic { zone: "UTC", hits }
}

const fn berlin(hits: &'static str) -> Traffic {
    Traffic { zone: "Europe/Berlin", hits }
}

/// Some days after the case, so that the whole period has passed.
const LATER: &str = "2026-12-01 12:00";

/// Monday, 23 November 2026.
const MONDAY: &str = "period=custom&from=2026-11-23&to=2026-11-23";
const TUESDAY: &str = "period=custom&from=2026-11-24&to=2026-11-24";
const BOTH: &str = "period=custom&from=2026-11-23&to=2026-11-24";

fn monday(rest: &str) -> String {
    format!("{MONDAY}&{rest}")
}

#[test]
fn every_example_of_the_page_has_a_case() {
    let page = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/definitions.md"))
        .replace("**", "");
    // Bold text marks examples; the page has no other.
    let examples: Vec<String> = page.split('*').skip(1).step_by(2).map(one_line).collect();
    assert!(examples.len() > 15, "{examples:?}");
    let cases = [
        include_str!("cases/hits.rs"),
        include_str!("cases/visits.rs"),
        include_str!("cases/acquisition.rs"),
        include_str!("cases/periods.rs"),
        include_str!("cases/filters.rs"),
        include_str!("cases/tables.rs"),
    ];
    let lines = cases.into_iter().flat_map(str::lines);
    let comments: String = lines.filter_map(|line| line.strip_prefix("///")).collect();
    let comments = one_line(&comments);
    for example in examples {
        assert!(comments.contains(&example), "no case has the example: {example}");
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
