// The tracker in a real Chromium, against a collector that writes down whatever reaches it. One test a behaviour.
// Runs the committed assets/*.min.js: what pages load is what is tested.
//
//   node --test tracker.test.mjs        (CHROMIUM names the browser, /usr/bin/chromium if it is not set)
//   MEASURING=1 node --test …           (all of it with the variant that can measure engagement)
//
// Nothing here sleeps. What should arrive is waited for; what should not arrive is shown by a marker that the page
// sends afterwards: the marker is in, and nothing else came before it.

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
const PATIENCE = 15_000; // milliseconds, for one thing to happen
const ZONE = 'Europe/Vienna';

// ---- browsers: one for each set of arguments, started when a test first asks for it

const ARGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];
const BROWSERS = {
  plain: { args: ARGS },
  // Without the mark of automation, as a reader's browser is.
  reader: { args: [...ARGS, '--disable-blink-features=AutomationControlled'] },
  // Playwright turns the back/forward cache off unless told not to.
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

// A Chromium with no driver: a driven one holds a prerendered page at its first script, to look at it. Such a page has to
// run its test itself.
async function openUndriven(t, url) {
  const profile = await mkdtemp(join(tmpdir(), 'footfall-profile-'));
  // A process group of its own, so that all its processes end with it and no other ones do.
  const child = spawn(EXECUTABLE, [...ARGS, `--user-data-dir=${profile}`, url], { detached: true, stdio: 'ignore' });
  const gone = once(child, 'exit');
  const end = () => process.kill(-child.pid, 'SIGKILL');
  // A group of its own also outlives a test run that is broken off.
  const breakOff = () => {
    end();
    process.exit(1);
  };
  process.once('SIGINT', breakOff).once('SIGTERM', breakOff);
  t.after(async () => {
    process.off('SIGINT', breakOff).off('SIGTERM', breakOff);
    end();
    await gone;
    await rm(profile, { recursive: true, force: true, maxRetries: 10 });
  });
}

// ---- servers

// For waiting until something holds, looked at again whenever `tell` is called.
function newSignal() {
  const waiting = new Set();
  const tell = () => waiting.forEach((look) => look());

  function until(what, found, seen) {
    return new Promise((resolve, refuse) => {
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
        refuse(new Error(`waited in vain for ${what}; so far: ${JSON.stringify(seen(), null, 1)}`));
      }, PATIENCE);
      waiting.add(look);
      look();
    });
  }
  return { tell, until };
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

// Serves the tracker and takes hits. Keeps each hit's body; a preflight or another content type is a fault of whichever
// test it happens in.
async function startCollector(t, tracker) {
  const hits = [];
  const faults = [];
  const cookies = [];
  const signal = newSignal();

  const port = await listen(t, async (request, response) => {
    if (request.url === '/js/footfall.js') {
      response.writeHead(200, { 'content-type': 'text/javascript' }).end(tracker);
      return;
    }
    if (request.method !== 'POST') {
      faults.push(`${request.method} ${request.url}`);
      response.writeHead(404).end();
      return;
    }
    let body = '';
    for await (const chunk of request) body += chunk;
    if (request.headers['content-type']?.toLowerCase() !== 'text/plain;charset=utf-8') {
      faults.push(`content type ${request.headers['content-type']}`);
    }
    if (request.headers.cookie) cookies.push(request.headers.cookie);
    hits.push({ ...JSON.parse(body), to: request.url });
    // The cookie must not stick: the tracker leaves credentials out.
    response.writeHead(202, { 'set-cookie': 'stuck=1; Path=/' }).end();
    signal.tell();
  });
  t.after(() => assert.deepEqual(faults, [], 'the collector was sent what it should not be'));

  // Resolves with what `found(hits)` answers, once it answers something.
  const until = (what, found) => signal.until(what, () => found(hits), () => hits);

  return { origin: `http://localhost:${port}`, hits, faults, cookies, until };
}

// ---- a laboratory: a collector, a site with the given pages, and a browser tab

// `pages` are bodies by path, served with the snippet in the head; one that holds an <html> tag is served as it is, with
// SNIPPET, ORIGIN (the collector's) and SITE filled in. A function gives a text when it is ready. Without `kind`, no
// browser is opened.
async function laboratory(t, { pages, kind = 'plain', attributes = '', prepare, host = 'localhost', measures }) {
  measures ??= process.env.MEASURING || attributes.includes('data-engagement');
  const collector = await startCollector(t, measures ? MEASURING : PLAIN);
  const asked = []; // what the site was asked for
  const signal = newSignal();
  const snippet = `<script defer src="${collector.origin}/js/footfall.js" ${attributes}></script>`;

  const fill = (text) =>
    text.replaceAll('SNIPPET', snippet).replaceAll('ORIGIN', collector.origin).replaceAll('SITE', site);

  const port = await listen(t, async (request, response) => {
    const { pathname } = new URL(request.url, site);
    asked.push(pathname);
    signal.tell();
    const given = pages[pathname];
    if (given === undefined) {
      response.writeHead(204).end();
    } else if (typeof given === 'function') {
      response.end(await given(own));
    } else {
      const whole = given.includes('<html') ? given : `<html><head>SNIPPET</head>${given}`;
      // No `no-store`: it would keep a page out of the back/forward cache.
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
  t.after(() => assert.deepEqual(thrown, [], 'the page saw an error'));

  return Object.assign(own, {
    page,
    context,
    thrown,
    open: (path) => page.goto(site + path),
    // Sends a marker, without the tracker's help, and answers with all that came before it.
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
    // Waits for so many hits, then proves by a marker that there are no more.
    async exactly(count) {
      await collector.until(`${count} hits`, (hits) => unmarked(hits).length >= count);
      const all = await own.settled();
      assert.equal(all.length, count, JSON.stringify(all, null, 1));
      return all;
    },
  });
}

// The tracker's own hits: markers name no page.
const unmarked = (hits) => hits.filter((hit) => hit.u);

// What a hit counted, in short: "pageview /about". Sorted, as hits sent in one breath may arrive in any order.
const brief = (hits) => hits.map((hit) => `${hit.n} ${hit.u.replace(/^https?:\/\/[^/]+/, '')}`).sort();

// ---- views

test('a full load is one view: address, referrer, width, time zone, and nothing else', async (t) => {
  const lab = await laboratory(t, {
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
  'neither defer nor async, before the canonical link': '<script src="ORIGIN/js/footfall.js"></script>',
  async: '<script async src="ORIGIN/js/footfall.js"></script>',
  'a script that the page inserts': `<script>
    addEventListener('load', () => {
      const script = document.createElement('script');
      script.src = 'ORIGIN/js/footfall.js';
      document.head.append(script);
    })</script>`,
})) {
  test(`it works with ${how}`, async (t) => {
    const lab = await laboratory(t, {
      pages: { '/': `<html><head>${tag}<link rel="canonical" href="/real"></head>Hello` },
    });
    await lab.open('/?a=1');
    assert.deepEqual(brief(await lab.exactly(1)), ['pageview /real?a=1']);
  });
}

test('data-api says where hits go', async (t) => {
  const lab = await laboratory(t, {
    pages: { '/': '<html><head><script defer src="ORIGIN/js/footfall.js" data-api="ORIGIN/by/another/way"></script></head>' },
  });
  await lab.open('/');
  assert.equal((await lab.exactly(1))[0].to, '/by/another/way');
});

test('a script included twice counts once', async (t) => {
  const lab = await laboratory(t, {
    pages: { '/': '<html><head>SNIPPET SNIPPET<script src="ORIGIN/js/footfall.js"></script></head>' },
  });
  await lab.open('/');
  await lab.exactly(1);
  await lab.page.evaluate(() => history.pushState(null, '', '/two'));
  await lab.page.evaluate(() => footfall('signup'));
  assert.deepEqual(brief(await lab.exactly(3)), ['pageview /', 'pageview /two', 'signup /two']);
});

test('data-manual: no automatic views, only those the page asks for', async (t) => {
  const lab = await laboratory(t, { attributes: 'data-manual', pages: { '/': '' } });
  await lab.open('/');
  await lab.page.evaluate(() => history.pushState(null, '', '/two'));
  assert.deepEqual(await lab.settled(), []);
  await lab.page.evaluate(() => footfall('pageview'));
  assert.deepEqual(brief(await lab.exactly(1)), ['pageview /two']);
});

test('pages that are not on http or https are not counted', async (t) => {
  const lab = await laboratory(t, { pages: { '/framed': `<html><body><iframe srcdoc='SNIPPET'></iframe></body>` } });
  const folder = await mkdtemp(join(tmpdir(), 'footfall-tracker-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'page.html');
  await writeFile(file, `<!doctype html><script src="${lab.origin}/js/footfall.js"></script>`);

  await lab.page.goto(pathToFileURL(file).href);
  assert.equal(await lab.page.evaluate(() => typeof footfall), 'function', 'the tracker did run');
  await lab.page.evaluate(() => footfall('signup'));
  assert.deepEqual(await lab.settled(), []);

  // A frame without an address of its own runs at about:srcdoc.
  await lab.open('/framed');
  assert.equal(await lab.page.evaluate(() => typeof frames[0].footfall), 'function', 'the tracker did run');
  await lab.page.evaluate(() => frames[0].footfall('signup'));
  assert.deepEqual(await lab.settled(), []);
});

// ---- canonical links

const canonical = (href) => `<html><head><link rel="canonical" href="${href}">SNIPPET</head>Hello`;

test('a canonical link on the same host replaces path and origin, and the query stays', async (t) => {
  const lab = await laboratory(t, { pages: { '/old': canonical('SITE/real?id=7#top') } });
  await lab.open('/old?utm_source=x');
  assert.equal((await lab.exactly(1))[0].u, `${lab.site}/real?utm_source=x`);
  // An event belongs to the same page as the view.
  await lab.page.evaluate(() => footfall('signup'));
  // The campaign was the load's, and is counted once.
  assert.equal((await lab.exactly(2))[1].u, `${lab.site}/real`);
});

test('a canonical link that differs by www. alone is on the same host', async (t) => {
  const lab = await laboratory(t, { host: 'www.localhost', pages: { '/old': canonical('https://localhost/real') } });
  await lab.open('/old');
  assert.equal((await lab.exactly(1))[0].u, 'https://localhost/real');
});

test('a canonical link on another host, or one that is no address, is not followed', async (t) => {
  const lab = await laboratory(t, {
    pages: { '/a': canonical('https://elsewhere.example/real'), '/b': canonical('https://:x'), '/c': canonical('') },
  });
  for (const path of ['/a', '/b', '/c']) await lab.open(path);
  const pages = (await lab.exactly(3)).map((hit) => hit.u).sort();
  assert.deepEqual(pages, ['/a', '/b', '/c'].map((path) => lab.site + path));
});

test('a canonical link left behind by a single-page app is not followed', async (t) => {
  const lab = await laboratory(t, { pages: { '/old': canonical('/real') } });
  await lab.open('/old');
  await lab.exactly(1);
  // Never rewritten.
  await lab.page.evaluate(() => history.pushState(null, '', '/one'));
  await lab.exactly(2);
  await lab.page.evaluate(() => footfall('signup'));
  await lab.exactly(3);
  // Rewritten late, after the view of /one: at the next path it still names /one.
  await lab.page.evaluate(() => {
    document.querySelector('link').href = '/one-canonical';
    history.pushState(null, '', '/two');
  });
  await lab.exactly(4);
  // Back where the page was loaded, the link of the load is right again.
  await lab.page.evaluate(() => history.go(-2));
  assert.deepEqual(brief(await lab.exactly(5)), [
    'pageview /one', 'pageview /real', 'pageview /real', 'pageview /two', 'signup /one',
  ]);
});

// ---- single-page apps

test('pushState, replaceState and popstate are views when the path changes; a query or a hash alone is none', async (t) => {
  const lab = await laboratory(t, { pages: { '/': '' } });
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
    assert.ok(now.every((hit) => !('r' in hit)), 'a referrer belongs to the first view of a load alone');
  }
  const seen = (await lab.settled()).length;
  await lab.page.evaluate(() => history.go(-5));
  const back = (await lab.exactly(seen + 1)).at(-1);
  assert.deepEqual(brief([back]), ['pageview /']);
});

test('the referrer of a load is sent with its first view only', async (t) => {
  const lab = await laboratory(t, { pages: { '/': '<a href="/app">App</a>', '/app': '' } });
  await lab.open('/');
  await lab.page.click('a');
  await lab.exactly(2);
  await lab.page.evaluate(() => history.pushState(null, '', '/app/one'));
  const referrers = (await lab.exactly(3)).map((hit) => hit.r);
  assert.deepEqual(referrers, [undefined, `${lab.site}/`, undefined]);
});

test('history methods keep their arguments, this, return value and errors', async (t) => {
  const lab = await laboratory(t, {
    pages: {
      // The page has replaced pushState before the tracker came, and wraps it again afterwards.
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

  // What the browser refuses, the page hears of, and nothing is counted.
  const refusal = await lab.page.evaluate(() => {
    try {
      history.replaceState(null, '', 'https://elsewhere.example/');
    } catch (error) {
      return error.name;
    }
  });
  assert.equal(refusal, 'SecurityError');
  await lab.exactly(2);
});

// ---- pages that come back, and pages that nobody has seen yet

test('a page restored from the back/forward cache is a view', async (t) => {
  const lab = await laboratory(t, {
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
  // By the page's own history: a tab that is driven would wait for a load, and there is none.
  lab.page.evaluate(() => history.back()).catch(() => {});
  await lab.until('the restored page, by its own word', (hits) => hits.some((hit) => hit.n === 'restored'));
  await lab.until('its view', (hits) => unmarked(hits).length >= 4);
  assert.deepEqual(brief(unmarked(lab.hits)), ['pageview /', 'pageview /', 'pageview /next', 'restored /']);
});

// A page that has the browser prerender /next, and once the tracker has run in there unseen, goes where /go says. It sends
// an event on leaving: what came before that was sent while /next was still unseen.
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

test('a page that is prerendered and never shown is not counted', async (t) => {
  const go = (lab) => lab.fetched('/ran-unseen').then(() => '/other');
  const lab = await laboratory(t, { kind: null, pages: { ...PRERENDER, '/go': go } });
  await openUndriven(t, `${lab.site}/`);
  await lab.until('the page that is shown instead', (hits) => hits.length >= 4);
  assert.deepEqual(brief(lab.hits), ['arrived /other', 'leaving /', 'pageview /', 'pageview /other']);
});

test('a prerendered page is counted when it is shown, with the events it had kept', async (t) => {
  const go = (lab) => lab.fetched('/ran-unseen').then(() => '/next');
  const lab = await laboratory(t, { kind: null, pages: { ...PRERENDER, '/go': go } });
  await openUndriven(t, `${lab.site}/`);
  await lab.until('the page once it is shown', (hits) => hits.length >= 4);
  assert.deepEqual(brief(lab.hits), ['early /next', 'leaving /', 'pageview /', 'pageview /next']);
  assert.deepEqual(brief(lab.hits.slice(0, 2)), ['leaving /', 'pageview /'], 'nothing of it before it is shown');
  assert.deepEqual(lab.hits.find((hit) => hit.n === 'early').p, { prerendering: true });
  assert.equal(lab.asked.filter((path) => path === '/next').length, 1, 'it was shown from its prerendering');
});

// ---- events

test('a custom event carries its properties, in either spelling, and the current page', async (t) => {
  const lab = await laboratory(t, { pages: { '/': '' } });
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

test('calls made before the script loads are replayed, also through the old function', async (t) => {
  const lab = await laboratory(t, {
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

// ---- those who ask not to be counted

// Chromium has a setting for one and nothing for the other, so both are put in the page's way.
const doNotTrack = () => Object.defineProperty(Navigator.prototype, 'doNotTrack', { get: () => '1' });
const globalPrivacyControl = () => Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', { get: () => true });

for (const [name, prepare] of Object.entries({ 'Do Not Track': doNotTrack, 'Global Privacy Control': globalPrivacyControl })) {
  test(`${name} with data-dnt: nothing is sent at all`, async (t) => {
    const lab = await laboratory(t, { attributes: 'data-dnt', prepare, pages: { '/': '' } });
    await lab.open('/');
    await lab.page.evaluate(() => footfall('signup'));
    await lab.page.evaluate(() => history.pushState(null, '', '/one'));
    assert.deepEqual(await lab.settled(), []);
  });

  test(`${name} without data-dnt: counted, as there is nothing to link a visit by`, async (t) => {
    const lab = await laboratory(t, { prepare, pages: { '/': '' } });
    await lab.open('/');
    await lab.exactly(1);
  });
}

test('data-dnt with neither signal: counted', async (t) => {
  const lab = await laboratory(t, { attributes: 'data-dnt', pages: { '/': '' } });
  await lab.open('/');
  await lab.exactly(1);
});

test('#footfall asks, and who says no is not counted in that browser until a yes', async (t) => {
  const lab = await laboratory(t, { attributes: 'data-engagement', pages: { '/': '', '/next': '' } });
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

test('where the browser keeps nothing, all are counted', async (t) => {
  const prepare = () =>
    Object.defineProperty(window, 'localStorage', {
      get: () => {
        throw new DOMException('denied', 'SecurityError');
      },
    });
  const lab = await laboratory(t, { prepare, pages: { '/': '' } });
  await lab.open('/');
  await lab.exactly(1);
});

// ---- apps that route by the fragment

test('data-hash: each fragment is a page of its own, counted once', async (t) => {
  const lab = await laboratory(t, { attributes: 'data-hash', pages: { '/': '' } });
  await lab.open('/?utm_source=x#/a');
  const [first] = await lab.exactly(1);
  assert.deepEqual([first.u, first.h], [`${lab.site}/?utm_source=x#/a`, 1]);
  // Browsers tell of a new fragment twice: by popstate and by hashchange.
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

test('data-hash with a canonical link: the fragment is added to it', async (t) => {
  const lab = await laboratory(t, { attributes: 'data-hash', pages: { '/old': canonical('/real') } });
  await lab.open('/old#/a');
  assert.deepEqual(brief(await lab.exactly(1)), ['pageview /real#/a']);
});

test('without data-hash a fragment is no page', async (t) => {
  const lab = await laboratory(t, { pages: { '/': '' } });
  await lab.open('/#/a');
  await lab.page.evaluate(() => (location.hash = '/b'));
  await lab.page.evaluate(() => history.pushState(null, '', '#/c'));
  const [hit] = await lab.exactly(1);
  assert.deepEqual([hit.u, hit.h], [`${lab.site}/`, undefined]);
});

// ---- pages behind others

// A headless browser looks at all of its pages at once, so that a page is told otherwise. `clock` is its time in milliseconds.
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

test('a page that is opened behind another is counted when it is looked at, with what it had kept', async (t) => {
  const lab = await laboratory(t, { prepare: `(${behind})()`, pages: { '/': '' } });
  await lab.open('/');
  await lab.page.evaluate(() => footfall('early'));
  await lab.page.evaluate(() => history.replaceState(null, '', '/real'));
  assert.deepEqual(await lab.settled(), []);
  await lab.page.evaluate(() => hide(false));
  assert.deepEqual(brief(await lab.exactly(2)), ['early /real', 'pageview /real']);
  // Once is enough, and from then on it is a page as any other.
  await lab.page.evaluate(() => { hide(true); hide(false); });
  await lab.page.evaluate(() => history.pushState(null, '', '/two'));
  assert.deepEqual(brief(await lab.exactly(3)), ['early /real', 'pageview /real', 'pageview /two']);
});

test('a page that counts by hand decides for itself when', async (t) => {
  const lab = await laboratory(t, { prepare: `(${behind})()`, attributes: 'data-manual', pages: { '/': '' } });
  await lab.open('/');
  await lab.page.evaluate(() => footfall('pageview'));
  assert.deepEqual(brief(await lab.exactly(1)), ['pageview /']);
});

// ---- engagement

// A page of 3,000 pixels in a window of 700.
const TALL = '<body style="margin: 0; height: 3000px">';
const engagements = (hits) => hits.filter((hit) => hit.n === 'engagement').map(({ u, sd, e }) => [new URL(u).pathname, sd, e]);
const scrollTo = (page, y) =>
  page.evaluate((y) => new Promise((resolve) => { addEventListener('scroll', resolve, { once: true }); window.scrollTo(0, y); }), y);
const measured = (t, more) => laboratory(t, { attributes: 'data-engagement', prepare: stage, pages: { '/': TALL, '/short': '<p>Hello' }, ...more });

test('data-engagement: the deepest part in sight and the time, told once the page is left', async (t) => {
  const lab = await measured(t, { kind: 'reader' });
  await lab.open('/?utm_source=x');
  await lab.exactly(1);
  await scrollTo(lab.page, 1400);
  await scrollTo(lab.page, 0);
  await lab.page.evaluate(() => (clock += 5000.4));
  await lab.exactly(1);
  await lab.open('/short');
  const [, , told] = (await lab.exactly(3)).sort((a, b) => (a.n < b.n ? 1 : -1));
  assert.deepEqual(told, { n: 'engagement', u: `${lab.site}/`, sd: 70, e: 5000, to: '/track' });
});

test('a tab that is closed tells its engagement', async (t) => {
  const lab = await measured(t);
  await lab.open('/short');
  await lab.exactly(1);
  await lab.page.close({ runBeforeUnload: true });
  await lab.until('an engagement', (hits) => engagements(hits).length > 0);
  assert.deepEqual(engagements(lab.hits), [['/short', 100, 0]]);
});

test('what is told again is what is new: more than 3 seconds, or a deeper part', async (t) => {
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

test('the time behind another window or tab does not count', async (t) => {
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

test('a step in an app ends the view before, and the next one begins at nothing', async (t) => {
  const lab = await measured(t);
  await lab.open('/');
  await scrollTo(lab.page, 800);
  // As routers do: the address, the content, and to the top, before anything is shown.
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

test('with data-manual, what is looked at is the view that the page counted', async (t) => {
  const lab = await measured(t, { attributes: 'data-engagement data-manual data-hash' });
  await lab.open('/#/a');
  await lab.page.evaluate(() => { clock += 5000; hide(true); hide(false); });
  assert.deepEqual(await lab.settled(), []);
  await lab.page.evaluate(() => { footfall('pageview'); footfall('signup'); clock += 3000; hide(true); });
  const all = await lab.exactly(3);
  const { u, h, e } = all.find((hit) => hit.n === 'engagement');
  assert.deepEqual([u, h, e], [`${lab.site}/#/a`, 1, 3000]);
});

test('engagement is not told without data-engagement, nor of who asks not to be counted', async (t) => {
  const leave = async (lab, views) => {
    await lab.open('/');
    await lab.exactly(views);
    await lab.page.evaluate(() => { clock += 5000; hide(true); });
    await lab.exactly(views);
  };
  for (const measures of [true, false]) await leave(await measured(t, { attributes: '', measures }), 1);
  const refuses = `(${stage})(); (${doNotTrack})()`;
  await leave(await measured(t, { attributes: 'data-engagement data-dnt', prepare: refuses }), 0);
});

// ---- how it is sent, and what is left behind

test('a text/plain body, no preflight, no cookie of the site, and nothing kept in the browser without its word', async (t) => {
  const lab = await laboratory(t, {
    // Cookies know no ports, so that the collector would be sent this one with any request that carries credentials.
    pages: { '/': `<html><head><script>document.cookie = 'session=secret'</script>SNIPPET</head>` },
  });
  await lab.open('/');
  await lab.page.evaluate(() => footfall('signup', { plan: 'pro' }));
  await lab.page.evaluate(() => history.pushState(null, '', '/one'));
  await lab.exactly(3);
  assert.deepEqual(lab.faults, [], 'a preflight, or another content type');
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

test('a hit sent in the last moment of a page arrives', async (t) => {
  const lab = await laboratory(t, {
    // Over loopback even a request that dies with its page gets out, so that keepalive is also asked for by name.
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

// Beacons carry cookies, which is why they come second.
test('where fetch has no keepalive, beacons are sent, with the same content type', async (t) => {
  const lab = await laboratory(t, {
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
  assert.deepEqual(lab.faults, []);
});

test('nothing that breaks around the tracker reaches the page', async (t) => {
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
      const lab = await laboratory(t, { prepare, pages: { '/': '<p>Hello</p>' } });
      await lab.page.goto(`${lab.site}/`);
      await lab.page.evaluate(() => footfall('signup', { plan: 'pro' }));
      await lab.page.evaluate(() => history.pushState(null, '', '/one'));
      assert.equal(await lab.page.evaluate(() => location.pathname), '/one');
      // An error nobody catches is told a turn later: give it one.
      await lab.page.evaluate(() => new Promise((resolve) => setTimeout(resolve)));
      assert.deepEqual(lab.thrown, []);
    });
  }
});

test('a driven browser says so, and a reader\'s does not', async (t) => {
  for (const [kind, flag] of [['plain', 1], ['reader', undefined]]) {
    const lab = await laboratory(t, { kind, pages: { '/': '' } });
    await lab.open('/');
    assert.equal((await lab.exactly(1))[0].b, flag, kind);
  }
});
