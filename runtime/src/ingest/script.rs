//! The tracker script, and the response with it.

use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, VARY};

use crate::platform::http::{Request, Response, accepts_gzip, response, set};

/// The minified tracker.
pub const SCRIPT: &str = include_str!("../../assets/footfall.min.js");
const SCRIPT_GZIP: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/footfall.min.js.gz"));

/// The minified tracker that also measures engagement. Sites that do not measure it get the smaller [`SCRIPT`].
pub const ENGAGEMENT_SCRIPT: &str = include_str!("../../assets/footfall.engagement.min.js");
const ENGAGEMENT_SCRIPT_GZIP: &[u8] =
    include_bytes!(concat!(env!("OUT_DIR"), "/footfall.engagement.min.js.gz"));

/// Responds with the tracker. Caches keep it for a day: every page loads it from the same URL, and a deploy may
/// change it.
pub(super) fn script(request: &Request, has_engagement: bool) -> Response {
    let (plain, gzip) = if has_engagement {
        (ENGAGEMENT_SCRIPT, ENGAGEMENT_SCRIPT_GZIP)
    } else {
        (SCRIPT, SCRIPT_GZIP)
    };
    let accepts_gzip = accepts_gzip(&request.headers);
    let body = if accepts_gzip { gzip } else { plain.as_bytes() };
    let mut response = response(StatusCode::OK, "text/javascript; charset=utf-8", body);
    if accepts_gzip {
        set(&mut response, CONTENT_ENCODING, "gzip");
    }
    set(&mut response, VARY, "accept-encoding");
    set(&mut response, CACHE_CONTROL, "public, max-age=86400");
    response
}
