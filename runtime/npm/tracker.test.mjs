// Tests of the tracker in a real Chromium, against a collector that records every request. One test per behaviour.
// They run the committed assets/*.min.js, the files that pages load.
//
//   CHROMIUM    the browser [default: /usr/bin/chromium]
//   MEASURING   if set, every test runs the variant that can measure engagement
//
//   node --test tracker.test.mjs
//
// No test sleeps. A test waits for each hit that it expects. To show that no hit was sent, the page sends a marker
// afterwards: once the collector has the marker, nothing else may have arrived before it.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const [PLAIN, MEASURING] = await Promise.all(
  ['footfall.min.js', 'footfall.engagement.min.js'].map((file) => readFile(new URL(`../assets/${file}`, import.meta.url), 'utf8'))
);
const EXECUTABLE = process.env.CHROMIUM ?? '/usr/bin/chromium';
const TIMEOUT = 15_000; // milliseconds, for one thing to happen
const ZONE = 'Europe/Vienna';

// ---- browsers: one per set of arguments, started by the first test that needs it

const ARGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];
const BROWSERS = {
  plain: { args: ARGS },
  // Looks like a reader's browser: nothing shows that it is automated.
  reader: { args: [...ARGS, '--disable-blink-features=AutomationControlled'] },
  // Playwright disables the back/forward cache by default.
  cached: { args: ARGS, ignoreDefaultArgs: ['--disable-back-forward-cache'] },
};
const running = {};

function browser(kind) {
  running[kind] ??= chromium.launch({
    executablePath: EXECUTABLE,
    headless: true,
    ...BROWSERS[kind],
  });
  return running[kind];
}

after(async () => {
  for (const each of Object.values(running)) await (await each).close();
});

// Starts Chromium without Playwright, which would pause a prerendered page at its first script. The page has to run the
// steps of its test itself.
async function openWithoutPlaywright(t, url) {
  const profile = await mkdtemp(join(tmpdir(), 'footfall-profile-'));
  // A process group of its own, so that one signal ends all of its processes and no others.
  const child = spawn(EXECUTABLE, [...ARGS, `--user-data-dir=${profile}`, url], { detached: true, stdio: 'ignore' });
  const gone = once(child, 'exit');
  const end = () => process.kill(-child.pid, 'SIGKILL');
  // Interrupting the tests does not end another process group, so end it here.
  const interrupt = () => {
    end();
    process.exit(1);
  };
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  t.after(async () => {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
    end();
    await gone;
    await rm(profile, { recursive: true, force: true, maxRetries: 10 });
  });
}

// ---- servers

// Lets tests wait for a condition, which is checked again on every call of `notify`.
function newSignal() {
  const waiting = new Set();
  const notify = () => waiting.forEach((look) => look());

  function until(what, found, seen) {
    return new Promise((resolve, reject) => {
      const end = () => {
        clearTimeout(timer);
        waiting.delete(look);
      };
      const look = () => {
        const answer = found();
        if (!answer) return;
        end();
        resolve(answer);
      };
      const timer = setTimeout(() => {
        end();
        reject(new Error(`timed out waiting for ${what}; so far: ${JSON.stringify(seen(), null, 1)}`));
      }, TIMEOUT);
      waiting.add(look);
      look();
    });
  }
  return { notify, until };
}

async function listen(t, handler) {
  const server = createServer(handler);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return server.address().port;
}

// Serves the tracker and records the body of each hit. A test fails if it causes a preflight or a hit with another
// content type.
async function startCollector(t, tracker) {
  const hits = [];
  const errors = [];
  const cookies = [];
  const signal = newSignal();

  const port = await listen(t, async (request, response) => {
    if (request.url === '/js/footfall.js') {
      response.writeHead(200, { 'content-type': 'text/javascript' }).end(tracker);
      return;
    }
    if (request.method !== 'POST') {
      errors.push(`${request.method} ${request.url}`);
      response.writeHead(404).end();
      return;
    }
    let body = '';
    for await (const chunk of request) body += chunk;
    if (request.headers['content-type']?.toLowerCase() !== 'text/plain;charset=utf-8') {
      errors.push(`content type ${request.headers['content-type']}`);
    }
    if (request.headers.cookie) cookies.push(request.headers.cookie);
    hits.push({ ...JSON.parse(body), to: request.url });
    // The browser must ignore this cookie, because the tracker sends no credentials.
    response.writeHead(202, { 'set-cookie': 'stuck=1; Path=/' }).end();
    signal.notify();
  });
  t.after(() => assert.deepEqual(errors, [], 'the collector received unexpected requests'));

  // Resolves with the first truthy result of `found(hits)`.
  const until = (what, found) => signal.until(what, () => found(hits), () => hits);

  return { origin: `http://localhost:${port}`, hits, errors, cookies, until };
}

// ---- test setup: a collector, a site with the given pages, and a browser tab

// `pages` maps paths to bodies, which are served with the snippet in the head. A page that contains an <html> tag is
// served as it is. SNIPPET, ORIGIN (the collector's) and SITE are replaced in all of them. A page may also be a function
// that returns a text or a promise of one. If `kind` is null, no browser is opened.
async function setUp(t, { pages, kind = 'plain', attributes = '', prepare, host = 'localhost', measures }) {
  measures ??= process.env.MEASURING || attributes.includes('data-engagement');
  const collector = await startCollector(t, measures ? MEASURING : PLAIN);
  const asked = []; // paths requested from the site
  const signal = newSignal();
  const snippet = `<script defer src="${collector.origin}/js/footfall.js" ${attributes}></script>`;

  const fill = (text) =>
    text.replaceAll('SNIPPET', snippet).replaceAll('ORIGIN', collector.origin).replaceAll('SITE', site);

  const port = await listen(t, async (request, response) => {
    const { pathname } = new URL(request.url, site);
    asked.push(pathname);
    signal.notify();
    const given = pages[pathname];
    if (given === undefined) {
      response.writeHead(204).end();
    } else if (typeof given === 'function') {
      response.end(await given(own));
    } else {
      const whole = given.includes('<html') ? given : `<html><head>SNIPPET</head>${given}`;
      // Sent without `no-store`, which would keep the page out of the back/forward cache.
      response.writeHead(200, { 'content-type': 'text/html;charset=utf-8' }).end(`<!doctype html>${fill(whole)}`);
    }
  });
  const site = `http://${host}:${port}`;
  const own = { ...collector, site, asked };
  own.fetched = (path) => signal.until(path, () => asked.includes(path), () => asked);
  if (!kind) return own;

  const context = await (await browser(kind)).newContext({
    timezoneId: ZONE,
    viewport: { width: 1111, height: 700 },
  });
  t.after(() => context.close());
  if (prepare) await context.addInitScript(typeof prepare === 'string' ? { content: prepare } : prepare);
  const page = await context.newPage();
  const thrown = [];
  page.on('pageerror', (error) => thrown.push(error.message));
  t.after(() => assert.deepEqual(thrown, [], 'the tracker threw an error into the page'));

  return Object.assign(own, {
    page,
    context,
    thrown,
    open: (path) => page.goto(site + path),
    // Sends a marker without the tracker, and returns all hits that arrived before it.
    async settled() {
      const marker = `marker ${Math.random()}`;
      await page.evaluate(
        ([to, n]) =>
          fetch(to, { method: 'POST', body: JSON.stringify({ n }), mode: 'no-cors', credentials: 'omit', keepalive: true }).then(() => {}),
        [`${collector.origin}/track`, marker]
      );
      await collector.until('the marker', (hits) => hits.some((hit) => hit.n === marker));
      return unmarked(collector.hits);
    },
    // Waits for `count` hits, then checks with a marker that there are no more.
    async exactly(count) {
      await collector.until(`${count} hits`, (hits) => unmarked(hits).length >= count);
      const all = await own.settled();
      assert.equal(all.length, count, JSON.stringify(all, null, 1));
      return all;
    },
  });
}

// The hits of the tracker, without markers, which have no URL.
const unmarked = (hits) => hits.filter((hit) => hit.u);

// Hits in short form: "pageview /about". Sorted, because hits sent at the same time may arrive in any order.
const brief = (hits) => hits.map((hit) => `${hit.n} ${hit.u.replace(/^https?:\/\/[^/]+/, '')}`).sort();

// ---- views

test('a page load sends one view with URL, referrer, width and time zone, and nothing else', async (t) => {
  const lab = await setUp(t, {
    kind: 'reader',
    pages: { '/': '<a href="/about">About</a>', '/about': 'About us' },
  });
  await lab.open('/?utm_source=newsletter#top');
  assert.deepEqual(await lab.exactly(1), [
    { n: 'pageview', u: `${lab.site}/?utm_source=newsletter`, w: 1111, z: ZONE, to: '/track' },
  ]);

  await lab.page.click('a');
  assert.deepEqual((await lab.exactly(2))[1], {
    n: 'pageview',
    u: `${lab.site}/about`,
    r: `${lab.site}/?utm_source=newsletter`,
    w: 1111,
    z: ZONE,
    to: '/track',
  });
});

for (const [how, tag] of Object.entries({
  'a script without defer or async, before the canonical link': '<script src="ORIGIN/js/footfall.js"></script>',
  'an async script': '<script async src="ORIGIN/js/footfall.js"></script>',
  'a script inserted by the page': `<script>
    addEventListener('load', () => {
      const script = document.createElement('script');
      script.src = 'ORIGIN/js/footfall.js';
      document.head.append(script);
    })</script>`,
})) {
  test(`the tracker works as ${how}`, async (t) => {
    const lab = await setUp(t, {
      pages: { '/': `<html><head>${tag}<link rel="canonical" href="/real"></head>Hello` },
    });
    await lab.open('/?a=1');
    assert.deepEqual(brief(await lab.exactly(1)), ['pageview /real?a=1']);
  });
}

test('data-api sets where hits are sent', async (t) => {
  const lab = await setUp(t, {
    pages: { '/': '<html><head><script defer src="ORIGIN/js/footfall.js" data-api="ORIGIN/by/another/way"></script></head>' },
  });
  await lab.open('/');
  assert.equal((await lab.exactly(1))[0].to, '/by/another/way');
});

test('a script included twice sends each hit once', async (t) => {
  const lab = await setUp(t, {
    pages: { '/': '<html><head>SNIPPET SNIPPET<script src="ORIGIN/js/footfall.js"></script></head>' },
  });
  await lab.open('/');
  await lab.exactly(1);
  await lab.page.evaluate(() => history.pushState(null, '', '/two'));
  await lab.page.evaluate(() => footfall('signup'));
  assert.deepEqual(brief(await lab.exactly(3)), ['pageview /', 'pageview /two', 'signup /two']);
});

test('data-manual sends only the views that the page asks for', async (t) => {
  const lab = await setUp(t, { attributes: 'data-manual', pages: { '/': '' } });
  await lab.open('/');
  await lab.page.evaluate(() => history.pushState(null, '', '/two'));
  assert.deepEqual(await lab.settled(), []);
  await lab.page.evaluate(() => footfall('pageview'));
  assert.deepEqual(brief(await lab.exactly(1)), ['pageview /two']);
});

test('pages outside http and https are not counted', async (t) => {
  const lab = await setUp(t, { pages: { '/framed': `<html><body><iframe srcdoc='SNIPPET'></iframe></body>` } });
  const folder = await mkdtemp(join(tmpdir(), 'footfall-tracker-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'page.html');
  await writeFile(file, `<!doctype html><script src="${lab.origin}/js/footfall.js"></script>`);

  await lab.page.goto(pathToFileURL(file).href);
  assert.equal(await lab.page.evaluate(() => typeof footfall), 'function', 'the tracker did not run');
  await lab.page.evaluate(() => footfall('signup'));
  assert.deepEqual(await lab.settled(), []);

  // The URL of a srcdoc frame is about:srcdoc.
  await lab.open('/framed');
  assert.equal(await lab.page.evaluate(() => typeof frames[0].footfall), 'function', 'the tracker did not run');
  await lab.page.evaluate(() => frames[0].footfall('signup'));
  assert.deepEqual(await lab.settled(), []);
});

// ---- canonical links

const canonical = (href) => `<html><head><link rel="canonical" href="${href}">SNIPPET</head>Hello`;

test('a canonical link on the same host replaces origin and path, and keeps the query', async (t) => {
  const lab = await setUp(t, { pages: { '/old': canonical('SITE/real?id=7#top') } });
  await lab.open('/old?utm_source=x');
  assert.equal((await lab.exactly(1))[0].u, `${lab.site}/real?utm_source=x`);
  // An event has the same page as the view.
  await lab.page.evaluate(() => footfall('signup'));
  // Only the load's first view has the campaign.
  assert.equal((await lab.exactly(2))[1].u, `${lab.site}/real`);
});

test('a canonical link may add or drop www.', async (t) => {
  const lab = await setUp(t, { host: 'www.localhost', pages: { '/old': canonical('https://localhost/real') } });
  await lab.open('/old');
  assert.equal((await lab.exactly(1))[0].u, 'https://localhost/real');
});

test('a canonical link that is invalid or on another host is ignored', async (t) => {
  const lab = await setUp(t, {
    pages: { '/a': canonical('https://elsewhere.example/real'), '/b': canonical('https://:x'), '/c': canonical('') },
  });
  for (const path of ['/a', '/b', '/c']) await lab.open(path);
  const pages = (await lab.exactly(3)).map((hit) => hit.u).sort();
  assert.deepEqual(pages, ['/a', '/b', '/c'].map((path) => lab.site + path));
});

test('a canonical link that a single-page app did not update is ignored', async (t) => {
  const lab = await setUp(t, { pages: { '/old': canonical('/real') } });
  await lab.open('/old');
  await lab.exactly(1);
  // The app does not update the link.
  await lab.page.evaluate(() => history.pushState(null, '', '/one'));
  await lab.exactly(2);
  await lab.page.evaluate(() => footfall('signup'));
  await lab.exactly(3);
  // The app updates the link late, after the view of /one. At /two it still names /one.
  await lab.page.evaluate(() => {
    document.querySelector('link').href = '/one-canonical';
    history.pushState(null, '', '/two');
  });
  await lab.exactly(4);
  // Back at the path of the load, the canonical URL of the load applies again.
  await lab.page.evaluate(() => history.go(-2));
  assert.deepEqual(brief(await lab.exactly(5)), [
    'pageview /one', 'pageview /real', 'pageview /real', 'pageview /two', 'signup /one',
  ]);
});

// ---- single-page apps

test('pushState, replaceState and popstate send a view if the path changes, not for a new query or hash alone', async (t) => {
  const lab = await setUp(t, { pages: { '/': '' } });
  await lab.open('/');
  await lab.exactly(1);
  for (const [step, more] of [
    [() => history.pushState(null, '', '/one'), ['pageview /one']],
    [() => history.pushState(null, '', '/one?page=2'), []],
    [() => history.pushState(null, '', '/one?page=3#part'), []],
    [() => (location.hash = 'other'), []],
    [() => history.pushState(null, ''), []],
    [() => history.replaceState(null, '', '/two?x=1'), ['pageview /two']],
    [() => history.replaceState(null, '', '/two'), []],
  ]) {
    const seen = lab.hits.length;
    await lab.page.evaluate(step);
    await lab.settled();
    const now = unmarked(lab.hits.slice(seen));
    assert.deepEqual(brief(now), more, String(step));
    assert.ok(now.every((hit) => !('r' in hit)), 'only the first view of a load has a referrer');
  }
  const seen = (await lab.settled()).length;
  await lab.page.evaluate(() => history.go(-5));
  const back = (await lab.exactly(seen + 1)).at(-1);
  assert.deepEqual(brief([back]), ['pageview /']);
});

test('only the first view of a load has its referrer', async (t) => {
  const lab = await setUp(t, { pages: { '/': '<a href="/app">App</a>', '/app': '' } });
  await lab.open('/');
  await lab.page.click('a');
  await lab.exactly(2);
  await lab.page.evaluate(() => history.pushState(null, '', '/app/one'));
  const referrers = (await lab.exactly(3)).map((hit) => hit.r);
  assert.deepEqual(referrers, [undefined, `${lab.site}/`, undefined]);
});

test('history methods keep their arguments, this, return value and errors', async (t) => {
  const lab = await setUp(t, {
    pages: {
      // The page replaces pushState before the tracker loads, and wraps it again afterwards.
      '/': `<html><head><script>
        window.calls = [];
        const native = history.pushState;
        history.pushState = function (...all) {
          calls.push({ all, own: this === history });
          native.apply(this, all);
          return 'from the page';
        };
      </script>SNIPPET<script defer src="data:text/javascript,
        const tracked = history.pushState;
        history.pushState = function (...all) { return [tracked.apply(this, all), 'wrapped again']; };
      "></script></head>`,
    },
  });
  await lab.open('/');
  await lab.exactly(1);
  const answer = await lab.page.evaluate(() => history.pushState({ a: 1 }, 'title', '/one'));
  assert.deepEqual(answer, ['from the page', 'wrapped again']);
  assert.deepEqual(await lab.page.evaluate(() => calls), [{ all: [{ a: 1 }, 'title', '/one'], own: true }]);
  assert.deepEqual(await lab.page.evaluate(() => history.state), { a: 1 });
  assert.deepEqual(brief(await lab.exactly(2)), ['pageview /', 'pageview /one']);

  // If the browser rejects a call, the page gets the error, and nothing is counted.
  const error = await lab.page.evaluate(() => {
    try {
      history.replaceState(null, '', 'https://elsewhere.example/');
    } catch (error) {
      return error.name;
    }
  });
  assert.equal(error, 'SecurityError');
  await lab.exactly(2);
});

// ---- the back/forward cache and prerendering

test('a page restored from the back/forward cache sends a view', async (t) => {
  const lab = await setUp(t, {
    kind: 'cached',
    pages: {
      '/': `<script>addEventListener('pageshow', (event) => { if (event.persisted) footfall('restored') })</script>`,
      '/next': '',
    },
  });
  await lab.open('/');
  await lab.exactly(1);
  await lab.open('/next');
  await lab.exactly(2);
  // Uses history.back() because Playwright's goBack() would wait for a load, which never comes.
  lab.page.evaluate(() => history.back()).catch(() => {});
  await lab.until('the event of the restored page', (hits) => hits.some((hit) => hit.n === 'restored'));
  await lab.until('the view of the restored page', (hits) => unmarked(hits).length >= 4);
  assert.deepEqual(brief(unmarked(lab.hits)), ['pageview /', 'pageview /', 'pageview /next', 'restored /']);
});

// The page / has the browser prerender /next. Once the tracker has run there, unseen, / navigates to the path that /go
// returns. It sends an event before leaving. Hits that arrive before that event were sent while /next was unseen.
const PRERENDER = {
  '/': `
    <script type="speculationrules">{"prerender": [{"urls": ["/next"], "eagerness": "immediate"}]}</script>
    <script defer src="data:text/javascript,
      fetch('/go').then((answer) => answer.text()).then((path) => {
        footfall('leaving');
        location.href = path;
      });
    "></script>`,
  '/next': `<html><head>SNIPPET<script defer src="data:text/javascript,
      footfall('early', { prerendering: document.prerendering });
      fetch(document.prerendering ? '/ran-unseen' : '/ran-seen');
    "></script></head>`,
  '/other': `<script defer src="data:text/javascript,footfall('arrived')"></script>`,
};

test('a prerendered page that is never shown is not counted', async (t) => {
  const go = (lab) => lab.fetched('/ran-unseen').then(() => '/other');
  const lab = await setUp(t, { kind: null, pages: { ...PRERENDER, '/go': go } });
  await openWithoutPlaywright(t, `${lab.site}/`);
  await lab.until('the views and events of the two pages shown', (hits) => hits.length >= 4);
  assert.deepEqual(brief(lab.hits), ['arrived /other', 'leaving /', 'pageview /', 'pageview /other']);
});

test('a prerendered page is counted when it is shown, with its queued events', async (t) => {
  const go = (lab) => lab.fetched('/ran-unseen').then(() => '/next');
  const lab = await setUp(t, { kind: null, pages: { ...PRERENDER, '/go': go } });
  await openWithoutPlaywright(t, `${lab.site}/`);
  await lab.until('the view and event of the page once it is shown', (hits) => hits.length >= 4);
  assert.deepEqual(brief(lab.hits), ['early /next', 'leaving /', 'pageview /', 'pageview /next']);
  assert.deepEqual(brief(lab.hits.slice(0, 2)), ['leaving /', 'pageview /'], 'the prerendered page sent a hit before it was shown');
  assert.deepEqual(lab.hits.find((hit) => hit.n === 'early').p, { prerendering: true });
  assert.equal(lab.asked.filter((path) => path === '/next').length, 1, 'the browser loaded the page again instead of showing the prerendered one');
});

// ---- events

test('a custom event has its properties, passed in either form, and the current page', async (t) => {
  const lab = await setUp(t, { pages: { '/': '' } });
  await lab.open('/');
  await lab.page.evaluate(() => history.pushState(null, '', '/one?x=1'));
  await lab.exactly(2);
  for (const send of [
    () => footfall('signup', { plan: 'pro', seats: 3 }),
    () => footfall('signup', { props: { plan: 'pro', seats: 3 } }),
    () => footfall('download'),
    () => footfall(),
  ]) {
    await lab.page.evaluate(send);
    await lab.settled();
  }
  const events = (await lab.exactly(5)).slice(2);
  assert.deepEqual(
    events.map(({ n, u, p, r }) => ({ n, u: u.slice(lab.site.length), p, r })),
    [
      { n: 'signup', u: '/one', p: { plan: 'pro', seats: 3 }, r: undefined },
      { n: 'signup', u: '/one', p: { plan: 'pro', seats: 3 }, r: undefined },
      { n: 'download', u: '/one', p: undefined, r: undefined },
    ]
  );
});

test('calls made before the script loads are sent, and so are later calls of the queueing function', async (t) => {
  const lab = await setUp(t, {
    pages: {
      '/': `<html><head><script>
        window.footfall = window.footfall || function () { (footfall.q = footfall.q || []).push(arguments) };
        window.kept = footfall;
        footfall('early', { plan: 'pro' });
        footfall('earlier');
      </script>SNIPPET</head>`,
    },
  });
  await lab.open('/');
  assert.deepEqual(brief(await lab.exactly(3)), ['earlier /', 'early /', 'pageview /']);
  assert.deepEqual(lab.hits.find((hit) => hit.n === 'early').p, { plan: 'pro' });
  await lab.page.evaluate(() => kept('late'));
  assert.equal((await lab.exactly(4)).at(-1).n, 'late');
});

// ---- opting out

// Chromium has a setting for only one of these signals, so the tests override both properties.
const doNotTrack = () => Object.defineProperty(Navigator.prototype, 'doNotTrack', { get: () => '1' });
const globalPrivacyControl = () => Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', { get: () => true });

for (const [name, prepare] of Object.entries({ 'Do Not Track': doNotTrack, 'Global Privacy Control': globalPrivacyControl })) {
  test(`${name} with data-dnt: nothing is sent`, async (t) => {
    const lab = await setUp(t, { attributes: 'data-dnt', prepare, pages: { '/': '' } });
    await lab.open('/');
    await lab.page.evaluate(() => footfall('signup'));
    await lab.page.evaluate(() => history.pushState(null, '', '/one'));
    assert.deepEqual(await lab.settled(), []);
  });

  test(`${name} without data-dnt: counted, because nothing links a visit to a person`, async (t) => {
    const lab = await setUp(t, { prepare, pages: { '/': '' } });
    await lab.open('/');
    await lab.exactly(1);
  });
}

test('data-dnt with neither signal: counted', async (t) => {
  const lab = await setUp(t, { attributes: 'data-dnt', pages: { '/': '' } });
  await lab.open('/');
  await lab.exactly(1);
});

test('#footfall asks the visitor, and after a no this browser is not counted until a yes', async (t) => {
  const lab = await setUp(t, { attributes: 'data-engagement', pages: { '/': '', '/next': '' } });
  let says;
  const asked = [];
  lab.page.on('dialog', (dialog) => {
    asked.push(dialog.message());
    return says ? dialog.accept() : dialog.dismiss();
  });
  const kept = () => lab.page.evaluate(() => ({ ...localStorage }));
  says = false;
  await lab.open('/#footfall');
  assert.deepEqual(await kept(), { footfall: '1' });
  await lab.page.evaluate(() => footfall('signup'));
  await lab.open('/next');
  assert.deepEqual(await lab.settled(), []);
  assert.deepEqual(asked, ['Count my visits?']);
  says = true;
  await lab.open('/#footfall');
  assert.deepEqual(await kept(), {});
  assert.equal(asked.length, 2);
  await lab.exactly(1);
});

test('a visitor whose browser denies localStorage is counted', async (t) => {
  const prepare = () =>
    Object.defineProperty(window, 'localStorage', {
      get: () => {
        throw new DOMException('denied', 'SecurityError');
      },
    });
  const lab = await setUp(t, { prepare, pages: { '/': '' } });
  await lab.open('/');
  await lab.exactly(1);
});

// ---- hash routing

test('data-hash: each change of the fragment sends one view', async (t) => {
  const lab = await setUp(t, { attributes: 'data-hash', pages: { '/': '' } });
  await lab.open('/?utm_source=x#/a');
  const [first] = await lab.exactly(1);
  assert.deepEqual([first.u, first.h], [`${lab.site}/?utm_source=x#/a`, 1]);
  // Browsers report a new fragment twice, with popstate and hashchange.
  await lab.page.evaluate(() => (location.hash = '/b'));
  await lab.exactly(2);
  await lab.page.evaluate(() => footfall('signup'));
  await lab.page.evaluate(() => history.pushState(null, '', '#/c'));
  await lab.exactly(4);
  await lab.page.goBack();
  const all = await lab.exactly(5);
  assert.deepEqual(brief(all), ['pageview /#/b', 'pageview /#/b', 'pageview /#/c', 'pageview /?utm_source=x#/a', 'signup /#/b']);
  assert.ok(all.every((hit) => hit.h === 1));
});

test('data-hash with a canonical link: the fragment is appended to the link', async (t) => {
  const lab = await setUp(t, { attributes: 'data-hash', pages: { '/old': canonical('/real') } });
  await lab.open('/old#/a');
  assert.deepEqual(brief(await lab.exactly(1)), ['pageview /real#/a']);
});

test('without data-hash, fragments are ignored', async (t) => {
  const lab = await setUp(t, { pages: { '/': '' } });
  await lab.open('/#/a');
  await lab.page.evaluate(() => (location.hash = '/b'));
  await lab.page.evaluate(() => history.pushState(null, '', '#/c'));
  const [hit] = await lab.exactly(1);
  assert.deepEqual([hit.u, hit.h], [`${lab.site}/`, undefined]);
});

// ---- background tabs

// A headless browser reports every page as visible and focused, so this overrides both. `clock` is the page's time in
// milliseconds.
const stage = () => {
  window.clock = 1000;
  performance.now = () => window.clock;
  window.away = false;
  window.unfocused = false;
  Object.defineProperty(Document.prototype, 'hidden', { get: () => window.away });
  Document.prototype.hasFocus = () => !window.away && !window.unfocused;
  window.hide = (away) => {
    window.away = away;
    document.dispatchEvent(new Event('visibilitychange'));
  };
  window.look = (focused) => {
    window.unfocused = !focused;
    dispatchEvent(new Event(focused ? 'focus' : 'blur'));
  };
};
const behind = `() => { (${stage})(); window.away = true; }`;

test('a page opened in a background tab is counted when the tab is shown, with its queued events', async (t) => {
  const lab = await setUp(t, { prepare: `(${behind})()`, pages: { '/': '' } });
  await lab.open('/');
  await lab.page.evaluate(() => footfall('early'));
  await lab.page.evaluate(() => history.replaceState(null, '', '/real'));
  assert.deepEqual(await lab.settled(), []);
  await lab.page.evaluate(() => hide(false));
  assert.deepEqual(brief(await lab.exactly(2)), ['early /real', 'pageview /real']);
  // Showing the tab again does not count again. From here on it behaves like any other page.
  await lab.page.evaluate(() => { hide(true); hide(false); });
  await lab.page.evaluate(() => history.pushState(null, '', '/two'));
  assert.deepEqual(brief(await lab.exactly(3)), ['early /real', 'pageview /real', 'pageview /two']);
});

test('data-manual sends a view even from a background tab', async (t) => {
  const lab = await setUp(t, { prepare: `(${behind})()`, attributes: 'data-manual', pages: { '/': '' } });
  await lab.open('/');
  await lab.page.evaluate(() => footfall('pageview'));
  assert.deepEqual(brief(await lab.exactly(1)), ['pageview /']);
});

// ---- engagement

// A page 3,000 pixels high, in a window of 700.
const TALL = '<body style="margin: 0; height: 3000px">';
const engagements = (hits) => hits.filter((hit) => hit.n === 'engagement').map(({ u, sd, e }) => [new URL(u).pathname, sd, e]);
const scrollTo = (page, y) =>
  page.evaluate((y) => new Promise((resolve) => { addEventListener('scroll', resolve, { once: true }); window.scrollTo(0, y); }), y);
const measured = (t, more) => setUp(t, { attributes: 'data-engagement', prepare: stage, pages: { '/': TALL, '/short': '<p>Hello' }, ...more });

test('data-engagement sends scroll depth and time when the reader leaves the page', async (t) => {
  const lab = await measured(t, { kind: 'reader' });
  await lab.open('/?utm_source=x');
  await lab.exactly(1);
  await scrollTo(lab.page, 1400);
  await scrollTo(lab.page, 0);
  await lab.page.evaluate(() => (clock += 5000.4));
  await lab.exactly(1);
  await lab.open('/short');
  const [, , engagement] = (await lab.exactly(3)).sort((a, b) => (a.n < b.n ? 1 : -1));
  assert.deepEqual(engagement, { n: 'engagement', u: `${lab.site}/`, sd: 70, e: 5000, to: '/track' });
});

test('closing a tab sends its engagement', async (t) => {
  const lab = await measured(t);
  await lab.open('/short');
  await lab.exactly(1);
  await lab.page.close({ runBeforeUnload: true });
  await lab.until('an engagement', (hits) => engagements(hits).length > 0);
  assert.deepEqual(engagements(lab.hits), [['/short', 100, 0]]);
});

test('engagement is sent again after 3 more seconds or a greater scroll depth', async (t) => {
  const lab = await measured(t);
  await lab.open('/');
  const leave = (ms) => lab.page.evaluate((ms) => { clock += ms; hide(true); hide(false); }, ms);
  await leave(100);
  await leave(1000);
  await leave(1900);
  await lab.exactly(2);
  await leave(100);
  await lab.exactly(3);
  await scrollTo(lab.page, 2300);
  await leave(10);
  await leave(10);
  assert.deepEqual(engagements(await lab.exactly(4)), [['/', 23, 100], ['/', 23, 3000], ['/', 100, 10]]);
});

test('time in the background or without focus does not count', async (t) => {
  const lab = await measured(t);
  await lab.open('/');
  await lab.page.evaluate(() => {
    clock += 2000;
    look(false);
    clock += 60_000;
    look(true);
    clock += 2500;
    hide(true);
    clock += 60_000;
    hide(false);
    clock += 3000;
    hide(true);
  });
  assert.deepEqual(engagements(await lab.exactly(3)), [['/', 23, 4500], ['/', 23, 3000]]);
});

test('navigation in a single-page app ends the engagement of one view and starts the next at zero', async (t) => {
  const lab = await measured(t);
  await lab.open('/');
  await scrollTo(lab.page, 800);
  // As routers do, change the URL and the content, then scroll to the top, all before the next frame.
  await lab.page.evaluate(() => new Promise((resolve) => {
    clock += 4000;
    history.pushState(null, '', '/two');
    document.body.style.height = '1400px';
    addEventListener('scroll', resolve, { once: true });
    window.scrollTo(0, 0);
  }));
  await lab.page.evaluate(() => {
    clock += 1234;
    hide(true);
  });
  const all = await lab.exactly(4);
  assert.deepEqual(engagements(all).sort(), [['/', 50, 4000], ['/two', 50, 1234]]);
});

test('data-manual measures the engagement of the views that the page sends', async (t) => {
  const lab = await measured(t, { attributes: 'data-engagement data-manual data-hash' });
  await lab.open('/#/a');
  await lab.page.evaluate(() => { clock += 5000; hide(true); hide(false); });
  assert.deepEqual(await lab.settled(), []);
  await lab.page.evaluate(() => { footfall('pageview'); footfall('signup'); clock += 3000; hide(true); });
  const all = await lab.exactly(3);
  const { u, h, e } = all.find((hit) => hit.n === 'engagement');
  assert.deepEqual([u, h, e], [`${lab.site}/#/a`, 1, 3000]);
});

test('engagement is not sent without data-engagement, nor for visitors who opted out', async (t) => {
  const leave = async (lab, views) => {
    await lab.open('/');
    await lab.exactly(views);
    await lab.page.evaluate(() => { clock += 5000; hide(true); });
    await lab.exactly(views);
  };
  for (const measures of [true, false]) await leave(await measured(t, { attributes: '', measures }), 1);
  const optsOut = `(${stage})(); (${doNotTrack})()`;
  await leave(await measured(t, { attributes: 'data-engagement data-dnt', prepare: optsOut }), 0);
});

// ---- transport and storage

test('hits are text/plain, without preflight or cookies, and nothing is stored unless the visitor opts out', async (t) => {
  const lab = await setUp(t, {
    // Cookies ignore ports, so any request with credentials would send this one to the collector.
    pages: { '/': `<html><head><script>document.cookie = 'session=secret'</script>SNIPPET</head>` },
  });
  await lab.open('/');
  await lab.page.evaluate(() => footfall('signup', { plan: 'pro' }));
  await lab.page.evaluate(() => history.pushState(null, '', '/one'));
  await lab.exactly(3);
  assert.deepEqual(lab.errors, [], 'unexpected requests, or another content type');
  assert.deepEqual(lab.cookies, []);

  const kept = await lab.page.evaluate(async () => ({
    cookie: document.cookie,
    local: localStorage.length,
    session: sessionStorage.length,
    databases: (await indexedDB.databases()).length,
    caches: (await caches.keys()).length,
    name: window.name,
  }));
  assert.deepEqual(kept, { cookie: 'session=secret', local: 0, session: 0, databases: 0, caches: 0, name: '' });
  assert.deepEqual((await lab.context.cookies()).map((cookie) => cookie.name), ['session']);
});

test('a hit sent while the page unloads arrives', async (t) => {
  const lab = await setUp(t, {
    // Over loopback, even a request without keepalive would arrive. So check that the tracker sets it.
    prepare: () => {
      const native = window.fetch;
      window.fetch = (to, options) => native(to, options.keepalive ? options : { ...options, body: '{"n":"mortal"}' });
    },
    pages: { '/': `<script>addEventListener('pagehide', () => footfall('leaving'))</script>`, '/next': '' },
  });
  await lab.open('/');
  await lab.exactly(1);
  await lab.open('/next');
  assert.deepEqual(brief(await lab.exactly(3)), ['leaving /', 'pageview /', 'pageview /next']);
});

// Beacons carry cookies, so the tracker prefers fetch.
test('browsers without fetch keepalive send beacons with the same content type', async (t) => {
  const lab = await setUp(t, {
    prepare: () => {
      delete Request.prototype.keepalive;
      const beacon = navigator.sendBeacon;
      window.beacons = 0;
      navigator.sendBeacon = function (...all) {
        beacons += 1;
        return beacon.apply(navigator, all);
      };
    },
    pages: { '/': '' },
  });
  await lab.open('/');
  await lab.page.evaluate(() => footfall('signup', { plan: 'pro' }));
  assert.deepEqual(brief(await lab.exactly(2)), ['pageview /', 'signup /']);
  assert.equal(await lab.page.evaluate(() => beacons), 2);
  assert.deepEqual(lab.errors, []);
});

test('errors in the tracker never reach the page', async (t) => {
  for (const prepare of [
    () => (window.fetch = () => { throw new Error('no fetch here'); }),
    () => (window.fetch = () => Promise.reject(new Error('blocked'))),
    () => (window.fetch = () => undefined),
    () => (Intl.DateTimeFormat = undefined),
    () => { delete Request.prototype.keepalive; delete Navigator.prototype.sendBeacon; },
    () => Object.freeze(history),
    () => (window.footfall = { q: 'junk' }),
  ]) {
    await t.test(String(prepare), async (t) => {
      const lab = await setUp(t, { prepare, pages: { '/': '<p>Hello</p>' } });
      await lab.page.goto(`${lab.site}/`);
      await lab.page.evaluate(() => footfall('signup', { plan: 'pro' }));
      await lab.page.evaluate(() => history.pushState(null, '', '/one'));
      assert.equal(await lab.page.evaluate(() => location.pathname), '/one');
      // The browser reports uncaught errors one turn of the event loop later.
      await lab.page.evaluate(() => new Promise((resolve) => setTimeout(resolve)));
      assert.deepEqual(lab.thrown, []);
    });
  }
});

test('hits carry b: 1 only in an automated browser', async (t) => {
  for (const [kind, flag] of [['plain', 1], ['reader', undefined]]) {
    const lab = await setUp(t, { kind, pages: { '/': '' } });
    await lab.open('/');
    assert.equal((await lab.exactly(1))[0].b, flag, kind);
  }
});
