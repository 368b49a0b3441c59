// The whole way, in a real browser: a small site with the printed snippet, readers who look at it, and the dashboard
// that says what they read. The parts have their own tests; this one is about what lies between them.
//
//   FOOTFALL_URL          a running dev server with the site `localhost` and nothing counted yet
//   FOOTFALL_SNIPPET      the snippet that it prints, as HTML
//   FOOTFALL_SCREENSHOTS  a folder for dashboard-{empty,light,dark,phone}.png; none are taken without it
//   CHROMIUM              the browser, /usr/bin/chromium if it is not set
//
//   node --test browser.test.mjs        (skipped without the first two)
//
// The steps run in order and add up: each states what it adds, and the dashboard must show exactly the sum.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { chromium } from 'playwright-core';

const { FOOTFALL_URL, FOOTFALL_SNIPPET, FOOTFALL_SCREENSHOTS } = process.env;
const FOOTFALL = FOOTFALL_URL?.replace(/\/$/, '');
const SITE = 'localhost';
const PATIENCE = 15_000; // milliseconds, for one thing to happen
const ARGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
  '--host-resolver-rules=MAP localhost 127.0.0.1',
];

function launch(...more) {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    args: [...ARGS, ...more],
  });
}

// Three pages: two that carry the snippet, and one that does not.
async function serveSite() {
  const page = (title, head, body) =>
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${title}</title>
    <link rel="icon" href="data:,">${head}</head><body><h1>${title}</h1>${body}</body></html>`;
  const pages = {
    '/': page('Home', FOOTFALL_SNIPPET, '<a href="/about">About</a>'),
    '/about': page('About', FOOTFALL_SNIPPET, '<a href="/">Home</a>'),
    '/plain': page('Plain', '', 'No snippet here.'),
  };
  const server = createServer((request, response) => {
    const found = pages[new URL(request.url, 'http://site').pathname];
    response.writeHead(found ? 200 : 404, { 'content-type': 'text/html;charset=utf-8' }).end(found);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `http://${SITE}:${server.address().port}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

// ---- what the dashboard answers

async function report() {
  const answer = await fetch(`${FOOTFALL}/dashboard?site=${SITE}&format=json`);
  assert.equal(answer.status, 200, `the dashboard's JSON: ${answer.status}`);
  return answer.json();
}

// A report without what may be written in any order or may be left out: lists by name, and no zeroes.
function counts({ totals, sources, pages, events, filtered }) {
  const named = (list, key, value) => Object.fromEntries(list.map((row) => [row[key], value(row)]));
  return {
    views: totals.views,
    visitors: totals.visitors,
    events: totals.events,
    sources: named(sources, 'source', ({ views, visitors }) => ({ views, visitors })),
    pages: named(pages, 'page', ({ views, visitors, sources }) => ({
      views,
      visitors,
      sources: named(sources, 'source', (row) => row.views),
    })),
    custom: named(events, 'name', ({ count, visitors }) => ({ count, visitors })),
    filtered: named(filtered.filter((row) => row.count > 0), 'reason', (row) => row.count),
  };
}

// Polls until the report says what is expected; fails with the difference.
async function reportOf(expected) {
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    const full = await report();
    try {
      assert.deepEqual(counts(full), expected);
      return full;
    } catch (difference) {
      if (Date.now() > deadline) throw difference;
    }
    await pause(50);
  }
}

// The numbers in a visible text: "1,234 views" has the one number 1234.
const numbers = (text) => (text.match(/\d[\d,.\u00a0\u202f ]*/g) ?? []).map((found) => Number(found.replace(/\D/g, '')));

const today = (zone) => new Intl.DateTimeFormat('en-CA', { timeZone: zone, dateStyle: 'short' }).format(new Date());

// ---- opening the dashboard

// Opens the dashboard in a context of its own and hands its page to `look`. Whatever it does there, it may ask no other
// host, break no Content-Security-Policy, and log no error.
async function openDashboard(browser, options, look) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const wrong = [];
  try {
    await context.addInitScript(() => {
      addEventListener('securitypolicyviolation', (event) =>
        console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`)
      );
    });
    const page = await context.newPage();
    page.on('console', (message) => message.type() === 'error' && wrong.push(message.text()));
    page.on('pageerror', (error) => wrong.push(error.message));
    page.on('request', (request) => {
      const url = new URL(request.url());
      const own = url.protocol === 'data:' || url.origin === new URL(FOOTFALL).origin;
      if (!own) wrong.push(`asked ${request.url()}`);
    });
    const answer = await page.goto(`${FOOTFALL}/dashboard?site=${SITE}`, { waitUntil: 'load' });
    assert.equal(answer.status(), 200);
    const policy = answer.headers()['content-security-policy'];
    assert.ok(policy, 'a Content-Security-Policy');
    assert.doesNotMatch(policy, /unsafe-(inline|eval)/);
    await look(page);
    assert.deepEqual(wrong, []);
  } finally {
    await context.close();
  }
}

async function screenshot(page, name) {
  if (!FOOTFALL_SCREENSHOTS) return;
  await mkdir(FOOTFALL_SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: join(FOOTFALL_SCREENSHOTS, `dashboard-${name}.png`), fullPage: true });
}

// What the page says to somebody who looks at it, against the report.
async function assertShows(page, full) {
  for (const tile of ['views', 'visitors', 'events']) {
    const value = page.locator(`[data-tile="${tile}"] .value`);
    // The first two are promised; a tile for events may be missing.
    if (tile === 'events' && (await value.count()) === 0) continue;
    assert.ok(await value.isVisible(), `the tile ${tile} is visible`);
    assert.deepEqual(numbers(await value.innerText()), [full.totals[tile]], `the tile ${tile}`);
  }
  for (const { page: path, views, visitors } of full.pages) {
    const row = page.locator(`tr[data-page="${path}"]`);
    assert.ok(await row.isVisible(), `the row ${path} is visible`);
    const shown = await row.innerText();
    assert.ok(shown.includes(path), `the row ${path} names its page: ${shown}`);
    for (const number of [views, visitors]) {
      assert.ok(numbers(shown.replace(path, '')).includes(number), `the row ${path} says ${number}: ${shown}`);
    }
  }
  for (const { day, views } of full.days.filter((each) => each.views > 0)) {
    assert.equal(await page.locator(`[data-day="${day}"]`).first().getAttribute('data-views'), String(views), day);
  }
  const text = await page.locator('body').innerText();
  for (const word of [...full.sources.map((row) => row.source), ...full.events.map((row) => row.name)]) {
    assert.ok(text.includes(word), `the page names ${word}`);
  }
}

// How light the page's background is, 0 to 255.
const lightness = (page) =>
  page.evaluate(() => {
    const colours = [document.body, document.documentElement].map((each) => getComputedStyle(each).backgroundColor);
    const opaque = colours.find((colour) => !/^(transparent|rgba\(0, 0, 0, 0\))$/.test(colour)) ?? 'rgb(255, 255, 255)';
    // Drawn, not parsed: a style may give its colours in any notation.
    const pen = Object.assign(document.createElement('canvas'), { width: 1, height: 1 }).getContext('2d');
    pen.fillStyle = opaque;
    pen.fillRect(0, 0, 1, 1);
    const [red, green, blue] = pen.getImageData(0, 0, 1, 1).data;
    return (red + green + blue) / 3;
  });

// ---- the test

test('from a page with the snippet to the dashboard', {
  skip: FOOTFALL && FOOTFALL_SNIPPET ? false : 'FOOTFALL_URL and FOOTFALL_SNIPPET are not set',
}, async (t) => {
  const site = await serveSite();
  t.after(() => site.close());
  // What readers have, as far as a server can tell; and what a crawler or a monitor has.
  const reader = await launch('--disable-blink-features=AutomationControlled');
  t.after(() => reader.close());
  const automated = await launch();
  t.after(() => automated.close());

  const plain = await automated.newContext();
  const headlessAgent = await (await plain.newPage()).evaluate(() => navigator.userAgent);
  await plain.close();
  assert.match(headlessAgent, /HeadlessChrome/);
  const userAgent = headlessAgent.replace('HeadlessChrome', 'Chrome');

  // What each step expects, kept up by the steps themselves.
  const expected = { views: 0, visitors: 0, events: 0, sources: {}, pages: {}, custom: {}, filtered: {} };

  // A step that fails leaves the sums of the later ones wrong, so they are not run.
  let broken = false;
  const step = (name, run) =>
    t.test(name, { skip: broken && 'a step before it failed' }, async () => {
      broken = true;
      await run();
      broken = false;
    });

  await step('an empty dashboard shows the snippet to start with', async () => {
    await reportOf(expected);
    await openDashboard(reader, {}, async (page) => {
      const text = await page.locator('body').innerText();
      assert.ok(text.includes('/js/footfall.js'), `the snippet is in sight: ${text}`);
      await screenshot(page, 'empty');
    });
  });

  await step('a reader: a load with a campaign, a link, a step in an app, back, and an event', async () => {
    const context = await reader.newContext({ userAgent });
    const page = await context.newPage();
    const errors = [];
    page.on('pageerror', (error) => errors.push(error.message));
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));

    await page.goto(`${site.origin}/?utm_source=newsletter`);
    await Promise.all([page.waitForURL('**/about'), page.click('a')]);
    await page.evaluate(() => history.pushState(null, '', '/app/one'));
    await page.evaluate(
      () =>
        new Promise((resolve) => {
          addEventListener('popstate', resolve, { once: true });
          history.back();
        })
    );
    await page.evaluate(() => footfall('signup', { plan: 'pro' }));

    // The source belongs to a hit: the campaign to the one view that names it, and to none after it.
    Object.assign(expected, {
      views: 4,
      visitors: 1,
      events: 1,
      sources: { newsletter: { views: 1, visitors: 1 }, Direct: { views: 3, visitors: 1 } },
      pages: {
        '/': { views: 1, visitors: 1, sources: { newsletter: 1 } },
        '/about': { views: 2, visitors: 1, sources: { Direct: 2 } },
        '/app/one': { views: 1, visitors: 1, sources: { Direct: 1 } },
      },
      custom: { signup: { count: 1, visitors: 1 } },
    });
    const full = await reportOf(expected);
    assert.equal(full.site, SITE);
    assert.deepEqual(full.days.filter((each) => each.views > 0).map(({ day, views, visitors }) => ({ day, views, visitors })), [
      { day: today(full.time_zone), views: 4, visitors: 1 },
    ]);
    assert.deepEqual(errors, []);
    assert.deepEqual(await context.cookies(), []);
    await context.close();
  });

  await step('an automated browser is seen, and counted only as filtered', async () => {
    const context = await automated.newContext();
    const page = await context.newPage();
    await page.goto(`${site.origin}/`);
    await page.goto(`${site.origin}/about`);
    expected.filtered = { headless: 2 };
    await reportOf(expected);
    await context.close();
  });

  await step('a reader without JavaScript is counted by the pixel, as a view of the page', async () => {
    const context = await reader.newContext({ userAgent, javaScriptEnabled: false });
    const page = await context.newPage();
    const [pixel] = await Promise.all([
      page.waitForResponse((answer) => new URL(answer.url()).pathname === '/pixel.gif', { timeout: PATIENCE }),
      page.goto(`${site.origin}/about`),
    ]);
    assert.equal(pixel.status(), 200);
    assert.match(pixel.headers()['content-type'], /^image\/gif/);
    expected.views += 1;
    expected.sources.Direct.views += 1;
    Object.assign(expected.pages['/about'], { views: 3, sources: { Direct: 3 } });
    await reportOf(expected);
    await context.close();
  });

  await step('a hit that a page writes itself, with and without a preflight', async () => {
    const context = await reader.newContext({ userAgent });
    const page = await context.newPage();
    await page.goto(`${site.origin}/plain`);
    for (const headers of [{}, { 'content-type': 'application/json' }]) {
      // An error here is the browser's: an answer that does not allow the site's origin cannot be read.
      const ok = await page.evaluate(
        ([footfall, headers]) =>
          fetch(`${footfall}/track`, {
            method: 'POST',
            headers,
            body: JSON.stringify({ url: location.href, utm_source: 'seed' }),
          }).then((answer) => answer.ok),
        [FOOTFALL, headers]
      );
      assert.ok(ok, JSON.stringify(headers));
    }
    expected.views += 2;
    expected.sources.seed = { views: 2, visitors: 1 };
    expected.pages['/plain'] = { views: 2, visitors: 1, sources: { seed: 2 } };
    await reportOf(expected);
    await context.close();
  });

  await step('the dashboard shows it all: light, dark and on a phone', async () => {
    const full = await reportOf(expected);
    const found = {};
    for (const [name, options] of Object.entries({
      light: { colorScheme: 'light' },
      dark: { colorScheme: 'dark' },
      phone: { colorScheme: 'light', viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true },
    })) {
      await openDashboard(reader, options, async (page) => {
        await assertShows(page, full);
        found[name] = await lightness(page);
        const { scrollWidth, innerWidth } = await page.evaluate(() => ({
          scrollWidth: document.documentElement.scrollWidth,
          innerWidth,
        }));
        // A phone that finds the page too wide zooms out, and then its innerWidth grows too: so the width is named.
        assert.ok(scrollWidth <= (options.viewport?.width ?? innerWidth), `${name}: ${scrollWidth} pixels wide in ${innerWidth}`);
        await screenshot(page, name);
      });
    }
    assert.ok(found.dark < 100 && found.light > 155, `backgrounds of dark and light: ${JSON.stringify(found)}`);
  });

  await step('looking at the dashboard is not counted', async () => {
    await reportOf(expected);
  });
});
