// The tracker: the script that a site's pages run. `npm/tracker.mjs` minifies this source into two files.
// footfall.min.js leaves out the code behind `ENGAGEMENT`. footfall.engagement.min.js contains it, and is served where a
// site measures engagement.
//
//   <script defer src="https://ENDPOINT/js/footfall.js"></script>
//
// Attributes of the script tag:
//   data-api="https://…/track"   where to send hits; default: /track on the origin that serves the script
//   data-manual                  sends no views automatically: the page calls footfall('pageview') itself
//   data-dnt                     does not count visitors with Do Not Track or Global Privacy Control
//   data-hash                    makes the fragment (#/about) part of the page, for apps with hash routing
//   data-engagement              also sends scroll depth and time on page
//
// In the page:
//   footfall('signup', { plan: 'pro' })              a custom event with properties
//   footfall('signup', { props: { plan: 'pro' } })   the same, in the form of Plausible's trackers
//   footfall('pageview')                             a view sent by the page
//
// To allow calls before this file has loaded, define a queue in the page:
//   window.footfall = window.footfall || function () { (footfall.q = footfall.q || []).push(arguments) }
//
// A page whose URL ends in #footfall asks the visitor whether to count this browser. "No" is stored under `footfall` in
// localStorage, and "yes" removes it. The tracker stores nothing else.
//
// It has no dependencies and never throws into the page. Its syntax is ES2017 at most. A browser that cannot parse it is
// not counted, and the page still works.
(() => {
  try {
    const script = document.currentScript;
    // A queue defined by the page, or this tracker itself if the script is included twice.
    const existing = window.footfall || {};
    if (existing.on) return;

    const data = script.dataset;
    const api = data.api || new URL('/track', script.src);

    let queue = existing.q || []; // calls queued until start(); 0 afterwards
    let entryPath; // the path at load
    let canonical; // the canonical URL at load, if the page has one on this host
    let lastPlace; // path and fragment of the last view
    let measuredPage; // URL of the last view; false if engagement is not measured
    let activeSince; // when that page last got the reader's attention, in milliseconds; 0 while it does not have it
    let engagedTime; // milliseconds of attention not sent yet
    let deepest; // lowest pixel scrolled into view
    let sentDepth; // `deepest` as last sent
    // The visitor opted out, on every site by a browser signal or on this one by #footfall.
    let optedOut = 'dnt' in data && (navigator.doNotTrack == '1' || navigator.globalPrivacyControl);

    try {
      if (location.hash == '#footfall') {
        confirm('Count my visits?') ? delete localStorage.footfall : (localStorage.footfall = 1);
      }
      optedOut |= localStorage.footfall;
    } catch (e) {
      // This browser denies access to localStorage.
    }

    // Prefers fetch to sendBeacon. With keepalive, both outlive the page equally well, because browsers implement them
    // by the same mechanism. Only fetch can omit cookies: otherwise, an endpoint on a subdomain of the site would receive
    // the site's session cookies. Some content blockers also block every beacon, regardless of its target. Without
    // keepalive (Firefox before 133), a fetch is cancelled when the page closes, but a beacon is not.
    // A string body makes the content type text/plain, so the request needs no preflight. A failed fetch is not retried
    // as a beacon: it may have been counted before it failed, and if a blocker stopped it, that is the visitor's choice.
    const post = (body) => {
      if (window.Request && 'keepalive' in Request.prototype) {
        fetch(api, { method: 'POST', body, mode: 'no-cors', credentials: 'omit', keepalive: true }).catch(() => {});
      } else {
        navigator.sendBeacon(api, body);
      }
    };

    const fragment = () => ('hash' in data ? location.hash : '');
    const place = () => location.pathname + fragment();

    // The canonical link applies only to the path at load. A single-page app may update the link late or never, so on
    // other paths it may still name the previous page.
    const pageUrl = (search) =>
      (canonical && location.pathname == entryPath ? canonical : location.origin + location.pathname) + search + fragment();

    const withoutWww = (host) => host.replace(/^www\./, '');

    const readCanonical = () => {
      entryPath = location.pathname;
      const link = document.querySelector('link[rel~=canonical]');
      try {
        const url = new URL(link.href);
        if (withoutWww(url.hostname) == withoutWww(location.hostname)) canonical = url.origin + url.pathname;
      } catch (e) {
        // No canonical link, or an invalid one: use the location.
      }
    };

    const submit = (hit) => {
      // Only http and https: file: and about: pages belong to no site.
      if (optedOut || !/^h/.test(location)) return;
      if ('hash' in data) hit.h = 1;
      if (navigator.webdriver) hit.b = 1;
      // JSON.stringify omits undefined values.
      post(JSON.stringify(hit));
    };

    const measure = () => {
      const now = performance.now();
      if (activeSince) engagedTime += now - activeSince;
      activeSince = !document.hidden && document.hasFocus() ? now : 0;
      deepest = Math.max(deepest, scrollY + innerHeight);
    };

    // Plausible's rule: send again if the reader scrolled deeper, or stayed for 3 more seconds.
    const sendEngagement = () => {
      measure();
      if (!measuredPage || (deepest <= sentDepth && engagedTime < 3000)) return;
      const height = Math.max(document.documentElement.scrollHeight, document.body.scrollHeight);
      submit({ n: 'engagement', u: measuredPage, sd: Math.min(100, Math.round((deepest / height) * 100)), e: Math.round(engagedTime) });
      sentDepth = deepest;
      engagedTime = 0;
    };

    const send = (name, options) => {
      if (ENGAGEMENT && name == 'engagement') return sendEngagement();
      const isView = name == 'pageview';
      const first = isView && lastPlace == null;
      if (isView) {
        if (ENGAGEMENT) {
          // A new view ends the previous one.
          sendEngagement();
          engagedTime = deepest = sentDepth = 0;
          measuredPage = 'engagement' in data && pageUrl('');
        }
        lastPlace = place();
      }
      if (!name) return;
      submit({
        n: name,
        // Campaign parameters (in the query) and the referrer describe the load, so only its first view has them.
        u: pageUrl(first ? location.search : ''),
        r: (first && document.referrer) || undefined,
        w: innerWidth,
        z: Intl.DateTimeFormat().resolvedOptions().timeZone,
        p: (options && (options.props || options)) || undefined,
      });
    };

    const footfall = (window.footfall = function (...call) {
      try {
        if (queue) queue.push(call);
        else send(...call);
      } catch (e) {
        // Never throw into the page.
      }
    });
    footfall.on = 1;
    // If the page kept a reference to the queueing function, its later calls arrive here.
    footfall.q = { push: (call) => footfall(...call) };

    const view = () => footfall('pageview');
    const viewIfMoved = () => {
      if (place() != lastPlace) view();
    };

    const watch = () => {
      addEventListener('popstate', viewIfMoved);
      if ('hash' in data) addEventListener('hashchange', viewIfMoved);
      // Restored from the back/forward cache: a new view of the same load.
      addEventListener('pageshow', (event) => {
        if (event.persisted) view();
      });
      ['pushState', 'replaceState'].forEach((method) => {
        const original = history[method];
        // If the original throws, the error reaches the page, as it would without the tracker.
        history[method] = function () {
          const result = original.apply(this, arguments);
          viewIfMoved();
          return result;
        };
      });
    };

    const start = () => {
      const automatic = data.manual == null;
      // Wait for a reader and for the canonical link. A prerendered page has no reader until it is activated, and most
      // never are. A page opened in a background tab has none until the tab is shown. A script without `defer` may run
      // before the canonical link is parsed.
      const readyEvent = document.prerendering
        ? 'prerenderingchange'
        : document.readyState == 'loading'
          ? 'DOMContentLoaded'
          : automatic && document.hidden && 'visibilitychange';
      if (readyEvent) return document.addEventListener(readyEvent, start, { once: true });

      const calls = queue;
      queue = 0;
      readCanonical();
      if (automatic) view();
      calls.forEach((call) => footfall(...call));
      if (automatic) watch();
      if (ENGAGEMENT && 'engagement' in data) {
        const sendOnLeave = () => footfall('engagement');
        document.addEventListener('visibilitychange', sendOnLeave);
        addEventListener('pagehide', sendOnLeave);
        ['focus', 'blur', 'scroll'].forEach((type) => addEventListener(type, measure));
      }
    };
    start();
  } catch (e) {
    // This page is not counted, but keeps working.
  }
})();
