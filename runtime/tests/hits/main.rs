//! Any input: no body makes a handler fail, no hit is larger than a write unit, and no clock loses a hit.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends there")]

mod clocks;
mod engagement;
mod random;
mod reports;

use footfall_infra::settings::Settings;
use footfall_runtime::auth::AccessMode;
use footfall_runtime::ingest::Ingest;
use footfall_runtime::platform::http::{Request, Response};
use footfall_runtime::web::Web;
use footfall_testkit::context::Fixed;
use footfall_testkit::memory::Memory;
use footfall_testkit::request;
use footfall_testkit::wait::wait;
use serde_json::Value;

const NOW: &str = "2026-11-22T13:05:06.789Z";

/// Both handlers with one store and one clock.
struct Footfall {
    store: Memory,
    clock: Fixed,
    track: Ingest<Memory, Fixed>,
    dashboard: Web<Memory, Fixed>,
}

impl Footfall {
    fn new(settings: &str) -> Self {
        let settings = Settings::from_yaml(settings).unwrap();
        let (store, clock) = (Memory::default(), Fixed::at(NOW));
        let track = Ingest::new(settings.clone(), store.clone(), clock.clone());
        let dashboard = Web::new(settings, store.clone(), clock.clone(), AccessMode::Open).unwrap();
        Self { store, clock, track, dashboard }
    }

    fn track(&self, request: &Request) -> Response {
        wait(self.track.handle(request))
    }

    fn shown(&self, query: &str) -> String {
        let answer = wait(self.dashboard.handle(&request::dashboard(query)));
        assert_eq!(answer.status(), 200, "{}", String::from_utf8_lossy(answer.body()));
        String::from_utf8(answer.into_body()).unwrap()
    }

    fn report(&self, query: &str) -> Value {
        serde_json::from_str(&self.shown(&format!("{query}&format=json"))).unwrap()
    }
}
