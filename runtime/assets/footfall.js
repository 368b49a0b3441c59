// The tracker: what a page runs to be counted. Readable source, of which `npm/tracker.mjs` writes two files: one without
// what is below `ENGAGEMENT`, footfall.min.js, and one with it, which is served where a site measures engagement.
//
//   <script defer src="https://ENDPOINT/js/footfall.js"></script>
//
// Attributes of the script tag:
//   data-api="https://…/track"   where hits go, if not to /track on the origin the script came from
//   data-manual                  no automatic views: the page calls footfall('pageview') itself
//   data-dnt                     a visitor with Do Not Track or Global Privacy Control on is not counted
//   data-hash                    the fragment (#/about) is part of the page, for apps that route by it
//   data-engagement              how far pages are scrolled, and how long they are looked at, is sent too
//
// In the page:
//   footfall('signup', { plan: 'pro' })              a custom event with its properties
//   footfall('signup', { props: { plan: 'pro' } })   the same, as Plausible's trackers spell it
//   footfall('pageview')                             a view, by hand
//
// To call it before this file has loaded, define it as a queue:
//   window.footfall = window.footfall || function () { (footfall.q = footfall.q || []).push(arguments) }
//
// A page opened with #footfall behind its address asks whether this browser is counted. A "no" is kept in it, under
// `footfall` in localStorage, and a "yes" takes it away. Nothing else is ever kept.
//
// It needs nothing but the browser, and never throws into the page.
// Syntax up to ES2017: a browser that cannot parse it does not count, and nothing else happens to it.
(() => {
  try {
    const script = document.currentScript;
    // The queue that the page may have defined, or this very function if the script is included twice.
    const before = window.footfall || {};
    if (before.on) return;

    const data = script.dataset;
    const api = data.api || new URL('/track', script.src);

    let waiting = before.q || []; // calls kept until start(); then nothing waits any more
    let entry; // the path that this page was loaded with
    let canonical; // what its canonical link said about it
    let counted; // where the last view was
    let looked; // the page of the last view, if how it is looked at is measured
    let since; // when that page last came to the front, in milliseconds; 0 while it is not there
    let engaged; // milliseconds that it was there, and deepest pixel that was in sight
    let deepest;
    let told; // the deepest pixel that was sent
    // The visitor's own word, for all pages or for these.
    let no = 'dnt' in data && (navigator.doNotTrack == '1' || navigator.globalPrivacyControl);

    try {
      if (location.hash == '#footfall') {
        confirm('Count my visits?') ? delete localStorage.footfall : (localStorage.footfall = 1);
      }
      no |= localStorage.footfall;
    } catch (e) {
      // A browser that keeps nothing.
    }

    // fetch first, sendBeacon second. Where a browser knows keepalive, both outlive the page equally well (they
    // are one mechanism underneath), and only fetch can leave the cookies out: an endpoint on a subdomain of the
    // site would otherwise be sent the site's own sessions. Content blockers also stop beacons as a kind, whoever
    // sends them. Where keepalive is unknown (Firefox before 133), a fetch dies with the page and a beacon does not.
    // A string body makes the content type text/plain, so there is no preflight. A failed fetch is not tried again
    // in another way: it may have been counted before it failed, and if it was blocked, that is the visitor's word.
    const post = (body) => {
      if (window.Request && 'keepalive' in Request.prototype) {
        fetch(api, { method: 'POST', body, mode: 'no-cors', credentials: 'omit', keepalive: true }).catch(() => {});
      } else {
        navigator.sendBeacon(api, body);
      }
    };

    const fragment = () => ('hash' in data ? location.hash : '');
    const place = () => location.pathname + fragment();

    // A canonical link speaks for the path that the page was loaded with, and for no other: an app that changes its
    // path rewrites the link later or never, so after that it may still name the page before.
    const page = (search) =>
      (canonical && location.pathname == entry ? canonical : location.origin + location.pathname) + search + fragment();

    const bare = (host) => host.replace(/^www\./, '');

    const readCanonical = () => {
      entry = location.pathname;
      const link = document.querySelector('link[rel~=canonical]');
      try {
        const url = new URL(link.href);
        if (bare(url.hostname) == bare(location.hostname)) canonical = url.origin + url.pathname;
      } catch (e) {
        // No canonical link, or none that is a URL: the location it is.
      }
    };

    const submit = (hit) => {
      // Files, blank frames and the like are nobody's site.
      if (no || !/^h/.test(location)) return;
      if ('hash' in data) hit.h = 1;
      if (navigator.webdriver) hit.b = 1;
      // Keys without a value are left out by JSON.
      post(JSON.stringify(hit));
    };

    const measure = () => {
      const now = performance.now();
      if (since) engaged += now - since;
      since = !document.hidden && document.hasFocus() ? now : 0;
      deepest = Math.max(deepest, scrollY + innerHeight);
    };

    // Plausible's rule: what is new since the last time is sent if the reader came deeper, or stayed for 3 seconds.
    const tell = () => {
      measure();
      if (!looked || (deepest <= told && engaged < 3000)) return;
      const height = Math.max(document.documentElement.scrollHeight, document.body.scrollHeight);
      submit({ n: 'engagement', u: looked, sd: Math.min(100, Math.round((deepest / height) * 100)), e: Math.round(engaged) });
      told = deepest;
      engaged = 0;
    };

    const send = (name, options) => {
      if (ENGAGEMENT && name == 'engagement') return tell();
      const isView = name == 'pageview';
      const first = isView && counted == null;
      if (isView) {
        if (ENGAGEMENT) {
          // The view before ends here.
          tell();
          engaged = deepest = told = 0;
          looked = 'engagement' in data && page('');
        }
        counted = place();
      }
      if (!name) return;
      submit({
        n: name,
        // Campaigns live in the query. They and the referrer say where the load came from, which is counted once.
        u: page(first ? location.search : ''),
        r: (first && document.referrer) || undefined,
        w: innerWidth,
        z: Intl.DateTimeFormat().resolvedOptions().timeZone,
        p: (options && (options.props || options)) || undefined,
      });
    };

    const footfall = (window.footfall = function (...call) {
      try {
        if (waiting) waiting.push(call);
        else send(...call);
      } catch (e) {
        // The page must not notice.
      }
    });
    footfall.on = 1;
    // A page that kept the queueing function in a variable goes on pushing here.
    footfall.q = { push: (call) => footfall(...call) };

    const view = () => footfall('pageview');
    const moved = () => {
      if (place() != counted) view();
    };

    const watch = () => {
      addEventListener('popstate', moved);
      if ('hash' in data) addEventListener('hashchange', moved);
      // Back from the back/forward cache: the same load, seen again.
      addEventListener('pageshow', (event) => {
        if (event.persisted) view();
      });
      ['pushState', 'replaceState'].forEach((method) => {
        const original = history[method];
        // What the original throws is the page's to catch, as it would be without us.
        history[method] = function () {
          const result = original.apply(this, arguments);
          moved();
          return result;
        };
      });
    };

    const start = () => {
      const automatic = data.manual == null;
      // A prerendered page has no reader until it is activated, and most never are; nor has one in a tab that was
      // opened behind another, until it is looked at. A script without `defer` runs before the canonical link may
      // have been read.
      const later = document.prerendering
        ? 'prerenderingchange'
        : document.readyState == 'loading'
          ? 'DOMContentLoaded'
          : automatic && document.hidden && 'visibilitychange';
      if (later) return document.addEventListener(later, start, { once: true });

      const calls = waiting;
      waiting = 0;
      readCanonical();
      if (automatic) view();
      calls.forEach((call) => footfall(...call));
      if (automatic) watch();
      if (ENGAGEMENT && 'engagement' in data) {
        const leave = () => footfall('engagement');
        document.addEventListener('visibilitychange', leave);
        addEventListener('pagehide', leave);
        ['focus', 'blur', 'scroll'].forEach((type) => addEventListener(type, measure));
      }
    };
    start();
  } catch (e) {
    // Not counted, and the page does not notice.
  }
})();
