//! Event bodies, from the parser to the item, and from there to the segment and back.

use footfall_infra::settings::{Settings, Site};
use footfall_runtime::hit::page_url::PageUrl;
use footfall_runtime::hit::user_agent::{self, ClientHints};
use footfall_runtime::hit::{Hit, Kind, Record};
use footfall_runtime::ingest::payload::{ENGAGEMENT, MAX_ENGAGED, Payload};
use footfall_runtime::ingest::{self, HitInput, Ingest};
use footfall_runtime::platform::http::{Request, Response};
use footfall_runtime::segment;
use footfall_runtime::segment::column::Column;
use footfall_runtime::segment::dictionary::Dictionaries;
use footfall_runtime::segment::hit_batch::HitBatch;
use footfall_runtime::storage::retention;
use footfall_runtime::storage::{Item, WRITE_UNIT};
use serde_json::Value;

use footfall_testkit::context::Fixed;
use footfall_testkit::memory::Memory;
use footfall_testkit::wait::wait;
use footfall_testkit::{FIREFOX, request};

use crate::is_clean;

const NOW: &str = "2026-11-22T13:05:06.789Z";

thread_local! {
    static SETTINGS: Settings = settings();
}

/// Returns settings with two sites. The second has a domain of maximum length, so its items have the least room.
fn settings() -> Settings {
    let longest = [63, 63, 63, 61].map(|length| "a".repeat(length)).join(".");
    let yaml = format!(
        "sites:\n- {{domain: example.com, hosts: [example.com, '*.example.com'], engagement: true}}\n\
         - {{domain: {longest}, engagement: true}}\nblocked_referrers: [spam.example]\n"
    );
    Settings::from_yaml(&yaml).unwrap()
}

/// Sends `body` as a view and as Plausible's event.
///
/// An accepted hit is stored as it was parsed, in one write unit. A rejected one is not stored.
pub fn check(body: &[u8]) {
    SETTINGS.with(|settings| {
        for path in ["/track", "/api/event"] {
            let request = Request { path: path.to_owned(), ..request::post(body) };
            sent(settings, &request);
        }
    });
}

fn sent(settings: &Settings, request: &Request) {
    let store = Memory::default();
    let track = Ingest::new(settings.clone(), store.clone(), Fixed::at(NOW));
    let answer = wait(track.handle(request));
    let hits = store.hits();
    let dropped = answer.headers().get("x-footfall-dropped").map(|it| it.to_str().unwrap());
    match answer.status().as_u16() {
        202 => {
            let payload = Payload::parse(&request.body).unwrap();
            let is_stored = dropped.is_none() || payload.engagement.is_none();
            assert_eq!(hits.len(), usize::from(is_stored), "{dropped:?}");
            if let [item] = &hits[..] {
                stored(settings, item, payload, dropped);
            }
        }
        400..=499 => {
            assert_eq!(hits, [], "rejected, but stored");
            assert!(dropped.is_some());
            is_rejection(&answer);
        }
        status => panic!("unexpected status {status}"),
    }
}

/// Checks that a rejection names the key and the reason.
fn is_rejection(answer: &Response) {
    let body: Value = serde_json::from_slice(answer.body()).unwrap();
    let errors = body["errors"].as_object().unwrap();
    assert_eq!(errors.len(), 1);
    assert!(errors.values().all(|of| !of[0].as_str().unwrap().is_empty()));
}

/// Checks that an item costs one write unit and equals the parsed payload.
fn stored(settings: &Settings, item: &Item, payload: Payload, dropped: Option<&str>) {
    let bytes = Item::overhead(&item.key) + item.value.len();
    assert!(bytes <= WRITE_UNIT, "{bytes} bytes cost two write units");
    let page = PageUrl::parse(&payload.url, None).unwrap();
    let site = settings.site_of_host(page.host()).unwrap();
    let at = NOW.parse().unwrap();
    assert_eq!(item.key.pk, format!("hit#{}#2026-11-22T13#00", site.domain));
    assert_eq!(item.expires, Some(retention::hit_expiry(site, at)));

    let kind = Kind::decode(&item.value).unwrap();
    assert_eq!(kind.encode(WRITE_UNIT).unwrap(), item.value, "encoding a decoded item changes it");
    match &kind {
        Kind::Excluded(excluded) => {
            assert_eq!(Some(excluded.reason.as_str()), dropped);
            is_cut_of(&excluded.page, &page.path(payload.fragment, ingest::MAX_PAGE));
        }
        Kind::Engagement(engagement) => {
            assert_eq!(payload.event.as_deref(), Some(ENGAGEMENT));
            assert!(engagement.engaged <= MAX_ENGAGED);
            assert!(engagement.scroll.is_none_or(|depth| depth <= 100));
            is_cut_of(&engagement.page, &page.path(payload.fragment, ingest::MAX_PAGE));
        }
        Kind::Hit(hit) => is_hit(site, item, hit, &page, payload),
    }
    survives_rollup(site, Record { at, kind });
}

/// Checks that a hit equals the parsed payload, with values cut only if there is no room.
fn is_hit(site: &Site, item: &Item, hit: &Hit, page: &PageUrl, payload: Payload) {
    let referrer = payload.referrer.as_deref().and_then(|text| url::Url::parse(text).ok());
    let client = user_agent::parse(FIREFOX, ClientHints::default());
    let input = HitInput {
        site,
        page,
        payload,
        referrer: referrer.as_ref(),
        user_agent: client,
        visitor: hit.visitor,
        country: None,
    };
    let whole = input.into_hit();
    let bytes = Kind::Hit(whole.clone()).encode(usize::MAX).unwrap();
    if Item::overhead(&item.key) + bytes.len() <= WRITE_UNIT {
        assert_eq!(*hit, whole);
        return;
    }
    is_cut_of(&hit.page, &whole.page);
    let (of, wholes) = (&hit.campaign, &whole.campaign);
    let pairs = [
        (&hit.event, &whole.event),
        (&hit.host, &whole.host),
        (&hit.source, &whole.source),
        (&hit.referrer, &whole.referrer),
        (&of.source, &wholes.source),
        (&of.medium, &wholes.medium),
        (&of.name, &wholes.name),
        (&of.term, &wholes.term),
        (&of.content, &wholes.content),
    ];
    for (cut, whole) in pairs {
        assert_eq!(cut.is_some(), whole.is_some());
        cut.iter().zip(whole).for_each(|(cut, whole)| is_cut_of(cut, whole));
    }
    assert!(hit.props.len() <= whole.props.len());
    for (cut, whole) in hit.props.iter().zip(&whole.props) {
        is_cut_of(&cut.0, &whole.0);
        is_cut_of(&cut.1, &whole.1);
    }
    let cut = Hit {
        event: whole.event.clone(),
        host: whole.host.clone(),
        page: whole.page.clone(),
        source: whole.source.clone(),
        referrer: whole.referrer.clone(),
        campaign: whole.campaign.clone(),
        props: whole.props.clone(),
        ..hit.clone()
    };
    assert_eq!(cut, whole, "values that cannot be cut changed");
}

/// Checks that a text equals the whole one, or is a marked beginning of it.
#[track_caller]
fn is_cut_of(cut: &str, whole: &str) {
    is_clean(cut, whole.len());
    let begins = cut.strip_suffix('…').is_some_and(|start| whole.starts_with(start));
    assert!(cut == whole || begins, "{cut:?} is not cut from {whole:?}");
}

/// Checks that a record stays the same in a segment.
fn survives_rollup(site: &Site, record: Record) {
    let (mut rows, mut texts) = (HitBatch::default(), Dictionaries::default());
    rows.push(&mut texts, &record);
    let encoded = segment::encode(site.domain.as_str(), "2026-11-22T13", &rows, &texts, 0).unwrap();
    assert!(encoded.rest.is_empty());
    let mut other = Dictionaries::default();
    let back = segment::decode(&encoded.first, &Column::ALL, &mut other).unwrap();
    assert_eq!(crate::segment::words(&back, &other), crate::segment::words(&rows, &texts));
    if let Kind::Hit(hit) = record.kind {
        let text = |column| other.of(column).value(back.column(column)[0]).map(str::to_owned);
        assert_eq!(text(Column::Event), hit.event);
        assert_eq!(text(Column::Source), hit.source);
        assert_eq!(text(Column::Referrer), hit.referrer);
        let props: Value = text(Column::Props).map_or(Value::Null, |it| it.parse().unwrap());
        for (name, value) in &hit.props {
            // If two names are cut to the same one, only one property is kept.
            assert!(
                props[name] == **value || hit.props.iter().filter(|it| it.0 == *name).count() > 1
            );
        }
    }
}
