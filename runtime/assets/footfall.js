// The tracker: what a page runs to be counted. Readable source; `npm/tracker.mjs` writes footfall.min.js from it.
//
//   <script defer src="https://ENDPOINT/js/footfall.js"></script>
//
// Attributes of the script tag:
//   data-api="https://…/track"   where hits go, if not to /track on the origin the script came from
//   data-manual                  no automatic views: the page calls footfall('pageview') itself
//   data-dnt                     a visitor with Do Not Track or Global Privacy Control on is not counted
//
// In the page:
//   footfall('signup', { plan: 'pro' })              a custom event with its properties
//   footfall('signup', { props: { plan: 'pro' } })   the same, as Plausible's trackers spell it
//   footfall('pageview')                             a view, by hand
//
// To call it before this file has loaded, define it as a queue:
//   window.footfall = window.footfall || function () { (footfall.q = footfall.q || []).push(arguments) }
//
// It keeps nothing in the browser, needs nothing but the browser, and never throws into the page.
// Syntax up to ES2017: a browser that cannot parse it does not count, and nothing else happens to it.
(() => {
  try {
    const script = document.currentScript;
    // The queue that the page may have defined, or this very function if the script is included twice.
    const before = window.footfall || {};
    if (before.on) return;

    const api = script.getAttribute('data-api') || new URL(script.src).origin + '/track';

    let waiting = before.q || []; // calls kept until start(); then nothing waits any more
    let entry; // the path that this page was loaded with
    let canonical; // what its canonical link said about it
    let counted; // the path of the last view

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

    // A canonical link speaks for the path that the page was loaded with, and for no other: an app that changes its
    // path rewrites the link later or never, so after that it may still name the page before.
    const page = () => (canonical && location.pathname == entry ? canonical : location.origin + location.pathname);

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

    const send = (name, options) => {
      const isView = name == 'pageview';
      const first = isView && counted == null;
      if (isView) counted = location.pathname;
      const refused = navigator.doNotTrack == '1' || navigator.globalPrivacyControl === true;
      // Files, blank frames and the like are nobody's site.
      if (!name || !/^http/.test(location.protocol) || (refused && script.hasAttribute('data-dnt'))) return;
      post(
        // Keys without a value are left out by JSON.
        JSON.stringify({
          n: name,
          // Campaigns live in the query. They and the referrer say where the load came from, which is counted once.
          u: page() + (first ? location.search : ''),
          r: (first && document.referrer) || undefined,
          w: innerWidth,
          z: Intl.DateTimeFormat().resolvedOptions().timeZone,
          p: (options && (options.props || options)) || undefined,
          b: navigator.webdriver ? 1 : undefined,
        })
      );
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
      if (location.pathname != counted) view();
    };

    const watch = () => {
      addEventListener('popstate', moved);
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
      // A prerendered page has no reader until it is activated, and most never are. A script without `defer` runs
      // before the canonical link may have been read.
      const later = document.prerendering
        ? 'prerenderingchange'
        : document.readyState == 'loading' && 'DOMContentLoaded';
      if (later) return document.addEventListener(later, start);

      const calls = waiting;
      waiting = 0;
      const automatic = !script.hasAttribute('data-manual');
      readCanonical();
      if (automatic) view();
      calls.forEach((call) => footfall(...call));
      if (automatic) watch();
    };
    start();
  } catch (e) {
    // Not counted, and the page does not notice.
  }
})();
