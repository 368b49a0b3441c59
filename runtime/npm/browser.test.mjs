// End to end in a real browser: a small site with the snippet, visitors, and the dashboard that shows their visits.
// Each part has tests of its own; this one covers how they work together.
//
//   FOOTFALL_URL          a running dev server with the site `localhost` and nothing counted yet
//   FOOTFALL_SNIPPET      the snippet that it prints, as HTML
//   FOOTFALL_DEV          the program `dev`, to start a second server with demo traffic
//   FOOTFALL_DEPLOYER     the deployer's program, which imports a log
//   FOOTFALL_SCREENSHOTS  a folder for dashboard-*.png; none are taken without it
//   CHROMIUM              the browser, /usr/bin/chromium if it is not set
//
//   node --test browser.test.mjs        (each test is skipped without what it needs)
//
// The steps of the first test run in order and build on each other: each adds to the expected totals, and the
// dashboard must show exactly these. The second test clicks through the dashboard of a busy site, the third compares
// the day on which clocks go back.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import axe from 'axe-core';
import { chromium } from 'playwright-core';
import { newFolder, startDev } from './dev.mjs';

const { FOOTFALL_URL, FOOTFALL_SNIPPET, FOOTFALL_DEV, FOOTFALL_DEPLOYER, FOOTFALL_SCREENSHOTS } = process.env;
const FOOTFALL = FOOTFALL_URL?.replace(/\/$/, '');
const SITE = 'localhost';
const TIMEOUT = 15_000; // milliseconds, for one thing to happen
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

// Three pages: two with the snippet, and one without.
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

// ---- reports

async function report() {
  const answer = await fetch(`${FOOTFALL}/dashboard?site=${SITE}&format=json`);
  assert.equal(answer.status, 200, `the dashboard's JSON: ${answer.status}`);
  return answer.json();
}

// A report without order and zeros, which may vary: rows are keyed by value.
function counts({ totals, tables, filtered }) {
  const rows = (dimension, ...numbers) =>
    Object.fromEntries(
      (tables[dimension]?.rows ?? []).map((row) => [
        row.value ?? '',
        Object.fromEntries(numbers.map((number) => [number, row[number]])),
      ])
    );
  return {
    views: totals.views,
    visitors: totals.visitors,
    visits: totals.visits,
    events: totals.events,
    sources: rows('source', 'views', 'visitors'),
    pages: rows('page', 'views', 'visitors'),
    entries: rows('entry_page', 'visits'),
    custom: rows('event', 'events', 'visitors'),
    filtered: Object.fromEntries(filtered.filter((row) => row.count > 0).map((row) => [row.reason, row.count])),
  };
}

// Polls until the report is as expected. Fails with the difference.
async function reportOf(expected) {
  const deadline = Date.now() + TIMEOUT;
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

// The numbers in a text: "1,234 views" has the number 1234.
const numbers = (text) => (text.match(/\d[\d,.\u00a0\u202f ]*/g) ?? []).map((found) => Number(found.replace(/\D/g, '')));

const today = (zone) => new Intl.DateTimeFormat('en-CA', { timeZone: zone, dateStyle: 'short' }).format(new Date());

// ---- opening the dashboard

// Opens a URL of the dashboard in its own context and passes the page to `look`. The page may not contact other hosts,
// violate its Content-Security-Policy or log errors.
async function open(browser, url, options, look, status = 200) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const wrong = [];
  try {
    await context.addInitScript(() => {
      addEventListener('securitypolicyviolation', (event) =>
        console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`)
      );
    });
    const page = await context.newPage();
    page.setDefaultTimeout(TIMEOUT);
    page.on('console', (message) => {
      // A browser logs an expected status of 400 as an error.
      const isStatus = status >= 400 && message.text().startsWith('Failed to load resource');
      if (message.type() === 'error' && !isStatus) wrong.push(message.text());
    });
    // Chromium reports a cancelled transition between slow pages as an error. No script is involved.
    const isOwn = (error) => !error.message.startsWith('Transition was aborted');
    page.on('pageerror', (error) => isOwn(error) && wrong.push(error.message));
    page.on('request', (request) => {
      const asked = new URL(request.url());
      const own = asked.protocol === 'data:' || asked.origin === new URL(url).origin;
      if (!own) wrong.push(`asked ${request.url()}`);
    });
    const answer = await page.goto(url, { waitUntil: 'load' });
    assert.equal(answer.status(), status);
    const policy = answer.headers()['content-security-policy'];
    assert.ok(policy, 'a Content-Security-Policy');
    assert.doesNotMatch(policy, /unsafe-(inline|eval)/);
    await look(page);
    assert.deepEqual(wrong, []);
  } finally {
    await context.close();
  }
}

const openDashboard = (browser, options, look) => open(browser, `${FOOTFALL}/dashboard?site=${SITE}`, options, look);

async function screenshot(page, name) {
  if (!FOOTFALL_SCREENSHOTS) return;
  await mkdir(FOOTFALL_SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: join(FOOTFALL_SCREENSHOTS, `dashboard-${name}.png`), fullPage: true });
}

// Compares the visible page with the report.
async function assertShows(page, full) {
  for (const tile of ['views', 'visitors', 'events']) {
    const value = page.locator(`[data-tile="${tile}"] .value`);
    // A site without events has no tile for them.
    if (tile === 'events' && (await value.count()) === 0) continue;
    assert.ok(await value.isVisible(), `the tile ${tile} is visible`);
    assert.deepEqual(numbers(await value.innerText()), [full.totals[tile]], `the tile ${tile}`);
  }
  for (const { value: path, views, visitors } of full.tables.page.rows) {
    const row = page.locator(`tr[data-page="${path}"]`);
    assert.ok(await row.isVisible(), `the row ${path} is visible`);
    const shown = await row.innerText();
    assert.ok(shown.includes(path), `the row ${path} names its page: ${shown}`);
    for (const number of [views, visitors]) {
      assert.ok(numbers(shown.replace(path, '')).includes(number), `the row ${path} says ${number}: ${shown}`);
    }
  }
  for (const { at, visitors } of full.bars.filter((each) => each.visitors > 0)) {
    const bar = page.locator(`[data-bar="${at}"]`).first();
    assert.equal(Number(await bar.getAttribute('data-value')), visitors, at);
    assert.ok(await bar.locator('.drawn').isVisible(), `the bar ${at} is drawn`);
    assert.equal(await bar.evaluate((each) => getComputedStyle(each).opacity), '1', `the bar ${at} is in sight`);
  }
  for (const dimension of ['source', 'event']) {
    for (const { value } of full.tables[dimension].rows) {
      assert.ok(await page.locator(`tr[data-${dimension}="${value}"]`).isVisible(), `the page names ${value}`);
    }
  }
}

// Asserts that the page is no wider than the screen. The width comes from the context because a phone zooms out of a
// page that is too wide, which makes its innerWidth larger.
async function assertFits(page) {
  const { width } = page.viewportSize();
  const found = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(found <= width, `${page.url()}: ${found} pixels wide in ${width}`);
}

// Asserts that axe-core finds no serious problem.
async function assertAccessible(page, what) {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  const found = violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(' | ')}`);
  assert.deepEqual(found, [], what);
}

// Lightness of the page's background, from 0 to 255.
const lightness = (page) =>
  page.evaluate(() => {
    const colours = [document.body, document.documentElement].map((each) => getComputedStyle(each).backgroundColor);
    const opaque = colours.find((colour) => !/^(transparent|rgba\(0, 0, 0, 0\))$/.test(colour)) ?? 'rgb(255, 255, 255)';
    // Drawn because a style may use any notation for colours.
    const pen = Object.assign(document.createElement('canvas'), { width: 1, height: 1 }).getContext('2d');
    pen.fillStyle = opaque;
    pen.fillRect(0, 0, 1, 1);
    const [red, green, blue] = pen.getImageData(0, 0, 1, 1).data;
    return (red + green + blue) / 3;
  });

// Desktop and phone.
const SIZES = {
  1280: { viewport: { width: 1280, height: 800 } },
  360: { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 },
};

// Asserts that every number is within its tile or card.
async function assertNumbersFit(page) {
  await assertFits(page);
  const outside = await page.evaluate(() =>
    [...document.querySelectorAll('.value, .change, .axis, .cards .rows td')].flatMap((each) => {
      const range = document.createRange();
      range.selectNodeContents(each.querySelector('[aria-hidden]') ?? each);
      const [text, box] = [range, each.closest('[data-tile], .card')].map((it) => it.getBoundingClientRect());
      return text.left < box.left || text.right > box.right
        ? [`${each.textContent}: ${text.left} to ${text.right} in ${box.left} to ${box.right}`]
        : [];
    })
  );
  assert.deepEqual(outside, []);
}

// ---- the test

test('from a page with the snippet to the dashboard', {
  skip: FOOTFALL && FOOTFALL_SNIPPET ? false : 'FOOTFALL_URL and FOOTFALL_SNIPPET are not set',
}, async (t) => {
  const site = await serveSite();
  t.after(() => site.close());
  // Browsers as visitors have them, and browsers as crawlers and monitors have them.
  const reader = await launch('--disable-blink-features=AutomationControlled');
  t.after(() => reader.close());
  const automated = await launch();
  t.after(() => automated.close());

  const plain = await automated.newContext();
  const headlessAgent = await (await plain.newPage()).evaluate(() => navigator.userAgent);
  await plain.close();
  assert.match(headlessAgent, /HeadlessChrome/);
  const userAgent = headlessAgent.replace('HeadlessChrome', 'Chrome');

  // Expected totals, which each step updates.
  const expected = {
    views: 0, visitors: 0, visits: 0, events: 0, sources: {}, pages: {}, entries: {}, custom: {}, filtered: {},
  };

  // The steps after a failed one are skipped, as their totals would be wrong.
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
      await screenshot(page, 'new');
    });
  });

  await step('a visitor: a load with a campaign, a link, navigation in an app, back, and an event', async () => {
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

    // This is one visit, from the campaign.
    Object.assign(expected, {
      views: 4,
      visitors: 1,
      visits: 1,
      events: 1,
      sources: { newsletter: { views: 4, visitors: 1 } },
      pages: {
        '/': { views: 1, visitors: 1 },
        '/about': { views: 2, visitors: 1 },
        '/app/one': { views: 1, visitors: 1 },
      },
      entries: { '/': { visits: 1 } },
      custom: { signup: { events: 1, visitors: 1 } },
    });
    const full = await reportOf(expected);
    assert.equal(full.site, SITE);
    assert.equal(full.now, 1);
    assert.deepEqual(
      full.bars.filter((each) => each.views > 0).map(({ at, views, visitors }) => ({ at, views, visitors })),
      [{ at: today(full.time_zone), views: 4, visitors: 1 }]
    );
    assert.deepEqual(errors, []);
    assert.deepEqual(await context.cookies(), []);
    await context.close();
  });

  await step('an automated browser is counted as excluded traffic only', async () => {
    const context = await automated.newContext();
    const page = await context.newPage();
    await page.goto(`${site.origin}/`);
    await page.goto(`${site.origin}/about`);
    expected.filtered = { headless: 2 };
    await reportOf(expected);
    await context.close();
  });

  await step('a visitor without JavaScript is counted by the pixel', async () => {
    const context = await reader.newContext({ userAgent, javaScriptEnabled: false });
    const page = await context.newPage();
    const [pixel] = await Promise.all([
      page.waitForResponse((answer) => new URL(answer.url()).pathname === '/pixel.gif', { timeout: TIMEOUT }),
      page.goto(`${site.origin}/about`),
    ]);
    assert.equal(pixel.status(), 200);
    assert.match(pixel.headers()['content-type'], /^image\/gif/);
    // The same IP address and browser, so the same visit.
    expected.views += 1;
    expected.sources.newsletter.views += 1;
    expected.pages['/about'].views += 1;
    await reportOf(expected);
    await context.close();
  });

  await step('a hit sent by the page itself, with and without a preflight', async () => {
    // Another browser is another visitor.
    const context = await reader.newContext({ userAgent: `${userAgent} Edg/152.0.0.0` });
    const page = await context.newPage();
    await page.goto(`${site.origin}/plain`);
    for (const headers of [{}, { 'content-type': 'application/json' }]) {
      // This fails in the browser if the response does not allow the site's origin.
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
    expected.visitors += 1;
    expected.visits += 1;
    expected.sources.seed = { views: 2, visitors: 1 };
    expected.pages['/plain'] = { views: 2, visitors: 1 };
    expected.entries['/plain'] = { visits: 1 };
    await reportOf(expected);
    await context.close();
  });

  await step('the dashboard shows all visits: light, dark and on a phone', async () => {
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
        await assertFits(page);
        await screenshot(page, `counted-${name}`);
      });
    }
    assert.ok(found.dark < 100 && found.light > 155, `backgrounds of dark and light: ${JSON.stringify(found)}`);
  });

  await step('viewing the dashboard is not counted', async () => {
    await reportOf(expected);
  });
});

// ---- a busy site

// A server with four sites: a year of demo traffic, nothing, and two that tests fill.
async function startDemo() {
  const sites = [
    '{domain: demo.example}', '{domain: empty.example, retention_days: 90}', '{domain: busy.example}',
    '{domain: xn--mnchen-3ya.de, hosts: [xn--mnchen-3ya.de, blog.xn--mnchen-3ya.de]}',
  ];
  return startDev(FOOTFALL_DEV, await newFolder(`sites: [${sites.join(', ')}]\n`), '--demo');
}

// More pages than a table has rows, with names that hardly compress, viewed in a hundred browsers.
async function fillBusySite(url) {
  const view = async (n) => {
    const name = createHash('sha256').update(`${n}`).digest('base64url').slice(0, 30);
    const answer = await fetch(`${url}/track`, {
      method: 'POST',
      headers: { 'user-agent': `Mozilla/5.0 (X11; Linux x86_64; rv:${n % 100}.0) Gecko/20100101 Firefox/${n % 100}.0` },
      body: JSON.stringify({ u: `https://busy.example/blog/${name}`, r: `https://${n % 100}.example/${name}` }),
    });
    assert.deepEqual([answer.status, answer.headers.get('x-footfall-dropped')], [202, null]);
  };
  for (let from = 0; from < 1100; from += 50) {
    await Promise.all(Array.from({ length: 50 }, (_, n) => view(from + n)));
  }
}

// The number of a tile, in full if the tile shortens it.
const tile = async (page, name) => numbers(await page.locator(`[data-tile="${name}"] .value`).innerText()).at(-1);

// Clicks a link, or a part of it, and waits for the page it leads to.
async function follow(page, locator, part = locator) {
  const href = await locator.getAttribute('href');
  assert.ok(href?.startsWith('?'), `a link of the dashboard: ${href}`);
  await Promise.all([page.waitForURL((url) => url.search === href.replace(/#.*/, '')), part.click()]);
  await page.waitForLoadState('load');
}

test('the dashboard of a busy site', {
  skip: FOOTFALL_DEV ? false : 'FOOTFALL_DEV is not set',
}, async (t) => {
  const demo = await startDemo();
  t.after(() => demo.close());
  const browser = await launch();
  t.after(() => browser.close());
  const dashboard = `${demo.url}/dashboard`;
  const month = `${dashboard}?site=demo.example&period=28d`;
  const data = async (query) => (await fetch(`${month}&format=json${query}`)).json();

  for (const javaScriptEnabled of [true, false]) {
    const how = javaScriptEnabled ? 'with JavaScript' : 'without JavaScript';
    await t.test(`a row adds a filter, and a chip clears it, ${how}`, () =>
      open(browser, month, { javaScriptEnabled }, async (page) => {
        const whole = await tile(page, 'visitors');
        await follow(page, page.locator('tr[data-source="Google"] a.name'));
        const filtered = await tile(page, 'visitors');
        assert.equal(filtered, (await data('&f=is,source,Google')).totals.visitors);
        assert.ok(filtered > 0 && filtered < whole, `${filtered} of ${whole}`);
        assert.deepEqual(await page.locator('.chips bdi').allInnerTexts(), ['Google']);
        await follow(page, page.locator('tr[data-country="DE"] a.name'));
        assert.equal(await page.locator('.chips bdi').count(), 2);
        assert.equal(await tile(page, 'visits'), (await data('&f=is,source,Google&f=is,country,DE')).totals.visits);
        await follow(page, page.locator('.chips .cross').first());
        assert.deepEqual(await page.locator('.chips bdi').allInnerTexts(), ['Germany']);
        // Clicking the row again clears the filter.
        await follow(page, page.locator('tr[data-country="DE"] a.name'));
        assert.equal(await tile(page, 'visitors'), whole);
      })
    );

    await t.test(`periods, earlier and later ones, and a custom range, ${how}`, () =>
      open(browser, month, { javaScriptEnabled }, async (page) => {
        const bars = () => page.locator('[data-bar]').count();
        assert.equal(await bars(), 28);
        const choices = page.getByRole('navigation', { name: 'Period' }).getByRole('link');
        for (const [name, count] of [['Yesterday', 24], ['7 days', 7], ['91 days', 91]]) {
          await follow(page, choices.filter({ hasText: new RegExp(`^${name}$`) }));
          assert.equal(await bars(), count, name);
          assert.equal(await page.locator('.choices [aria-current]').innerText(), name);
        }
        await follow(page, choices.filter({ hasText: 'This year' }));
        assert.equal(await page.locator('.choices [aria-current]').innerText(), 'This year');
        await follow(page, choices.filter({ hasText: /^7 days$/ }));
        const days = await page.locator('.days h2').innerText();
        await follow(page, page.locator('a[rel="prev"]'));
        assert.equal(await bars(), 7);
        assert.notEqual(await page.locator('.days h2').innerText(), days);
        await follow(page, page.locator('a[rel="next"]'));
        assert.equal(await page.locator('.days h2').innerText(), days);
        // A bar links to its day.
        const bar = page.locator('a.bar').first();
        const [at, visitors] = [await bar.getAttribute('data-bar'), await bar.getAttribute('data-value')];
        await follow(page, bar, bar.locator('.hit'));
        assert.equal(await tile(page, 'visitors'), Number(visitors));
        assert.equal(new URL(page.url()).searchParams.get('from'), at);
        await page.getByText('Custom range', { exact: true }).first().click();
        const first = new Date(Date.parse(at) - 2 * 86_400_000).toISOString().slice(0, 10);
        await page.getByLabel('Start date').fill(first);
        await Promise.all([page.waitForURL(`**from=${first}**`), page.getByRole('button', { name: 'Apply', exact: true }).click()]);
        assert.equal(await bars(), 3);
      })
    );

    await t.test(`tabs, a single table and the link back, ${how}`, () =>
      open(browser, month, { javaScriptEnabled }, async (page) => {
        const pages = page.locator('#pages');
        await follow(page, pages.getByRole('link', { name: 'Entry', exact: true }));
        assert.ok(await page.locator('tr[data-entry-page="/"]').isVisible());
        const sources = page.locator('#sources');
        await follow(page, sources.getByRole('link', { name: 'Campaigns', exact: true }));
        assert.ok(await page.locator('tr[data-utm-source="newsletter"]').isVisible());
        assert.ok(await page.locator('tr[data-entry-page="/"]').isVisible(), 'the other card keeps its tab');
        await follow(page, pages.locator('.more a:not(.csv)'));
        const report = await data('');
        assert.equal(await page.locator('tr[data-entry-page]').count(), report.tables.entry_page.rows.length);
        await follow(page, page.locator('.back'));
        assert.ok(await page.locator('tr[data-utm-source="newsletter"]').isVisible(), 'the link back keeps the tabs');
      })
    );

    await t.test(`a form adds filters, and chips invert, join and split them, ${how}`, () =>
      open(browser, month, { javaScriptEnabled }, async (page) => {
        const add = async (key, value, more = async () => {}) => {
          await page.locator('.filter summary').click();
          await page.locator('[name=key]').selectOption(key);
          await page.locator('[name=value]').fill(value);
          await more();
          const before = page.url();
          await Promise.all([
            page.waitForURL((url) => url.href !== before && !url.searchParams.has('key')),
            page.getByRole('button', { name: 'Apply filter' }).click(),
          ]);
        };
        const shown = async () => (await page.locator('.chips').innerText()).replace(/[×\s]+/g, ' ').trim();
        const sameAs = async (query) => assert.equal(await tile(page, 'visits'), (await data(query)).totals.visits);
        await add('country', 'Germany');
        assert.equal(await shown(), 'Country is Germany Clear filter');
        await sameAs('&f=is,country,DE');
        await add('source', 'Google', () => page.locator('[name=op]').selectOption('is_not'));
        await sameAs('&f=is,country,DE&f=is_not,source,Google');
        await follow(page, page.locator('.joint'));
        assert.equal(await shown(), 'Country is Germany or Source is not Google Clear all filters');
        await sameAs('&f=any(is,country,DE)(is_not,source,Google)');
        await follow(page, page.locator('.flip').last());
        await follow(page, page.locator('.joint'));
        assert.equal(await shown(), 'Country is Germany and Source is Google Clear all filters');
        await follow(page, page.locator('.plain'));
        await add('goal', 'Download', () => page.getByLabel('Include all page views').check());
        assert.match(await page.title(), /a visit where Goal is Download – Footfall$/);
        await sameAs('&f=done(is,goal,Download)');
      })
    );

    await t.test(`rows exclude, goals convert, events have properties, ${how}`, () =>
      open(browser, month, { javaScriptEnabled }, async (page) => {
        const whole = await tile(page, 'visitors');
        const goal = page.locator('tr[data-goal="Newsletter signup"]');
        const [reached, , rate] = await goal.locator('td').allInnerTexts();
        assert.equal(rate, `${((numbers(reached)[0] / whole) * 100).toFixed(1)}%`);
        await follow(page, goal.locator('a.name'));
        assert.equal(await tile(page, 'unique_conversions'), numbers(reached)[0]);
        // The denominator is the visitors without the goal filter, so the rate stays the same.
        assert.equal((await goal.locator('td').allInnerTexts())[2], rate);
        const report = await data('&f=is,goal,Newsletter signup&show=props:placement');
        const post = page.locator('tr[data-prop="post"]');
        const { events } = report.rows.find((row) => row.value === 'post');
        assert.equal(numbers((await post.locator('td').allInnerTexts())[1])[0], events);
        await follow(page, page.locator('#props').getByRole('link', { name: 'variant' }));
        assert.ok(await page.locator('tr[data-prop="short"]').isVisible());
        await follow(page, page.locator('.plain'));
        const row = page.locator('tr[data-source="Google"]');
        await row.hover();
        await follow(page, row.locator('[data-not]'));
        assert.equal(await tile(page, 'visitors'), (await data('&f=is_not,source,Google')).totals.visitors);
      })
    );

    await t.test(`the chart shows any metric, with and without comparison, and a table is sorted, ${how}`, () =>
      open(browser, month, { javaScriptEnabled }, async (page) => {
        const report = await data('');
        await follow(page, page.locator('[data-tile="bounce_rate"] a'));
        const last = page.locator('[data-bar]').nth(5);
        assert.equal(Number(await last.getAttribute('data-value')), report.bars[5].bounce_rate);
        assert.ok(await page.locator('.line path').last().isVisible());
        await follow(page, page.getByRole('link', { name: 'Hide comparison' }));
        assert.equal(await page.locator('.line').count(), 0);
        assert.equal(await page.locator('.change').count(), 0);
        await follow(page, page.locator('[data-tile="time_on_page"] a'));
        await follow(page, page.locator('#pages .more a:not(.csv)'));
        const heads = page.locator('thead a');
        await follow(page, heads.filter({ hasText: 'Time' }));
        assert.equal(await page.locator('th[aria-sort="descending"]').innerText(), 'Time ↓');
        const pages = [...report.tables.page.rows].sort((one, other) => other.time_on_page - one.time_on_page);
        assert.equal(await page.locator('tbody tr').first().getAttribute('data-page'), pages[0].value);
        await follow(page, heads.filter({ hasText: 'Time' }));
        assert.equal(await page.locator('tbody tr').last().getAttribute('data-page'), pages[0].value);
      })
    );

    await t.test(`another site, ${how}`, () =>
      open(browser, month, { javaScriptEnabled }, async (page) => {
        await page.getByText('Sites', { exact: true }).click();
        await follow(page, page.getByRole('link', { name: 'empty.example' }));
        assert.ok(await page.locator('[data-empty]').isVisible());
        assert.equal(await page.locator('h1').innerText(), 'empty.example');
        assert.ok((await page.locator('pre').innerText()).includes('/js/footfall.js'));
      })
    );
  }

  await t.test('the dashboard can be used without a mouse', () =>
    open(browser, `${month}&f=is,source,Google`, {}, async (page) => {
      const focused = (selector) => page.evaluate((selector) => document.activeElement.matches(selector), selector);
      await page.keyboard.press('Tab');
      assert.ok(await focused('.skip'), 'the first stop skips to the numbers');
      for (let stops = 0; !(await focused('.chips .cross')); stops += 1) {
        assert.ok(stops < 30, 'the chip is among the first stops');
        await page.keyboard.press('Tab');
      }
      await Promise.all([page.waitForURL((url) => !url.searchParams.has('f')), page.keyboard.press('Enter')]);
      assert.equal(await page.locator('.chips').count(), 0);
    })
  );

  await t.test('keyboard shortcuts follow links, and can be turned off', () =>
    open(browser, month, {}, async (page) => {
      const press = async (key, name, value) => {
        await Promise.all([page.waitForURL((url) => url.searchParams.get(name) === value), page.keyboard.press(key)]);
        await page.waitForLoadState('load');
      };
      await press('w', 'period', '7d');
      await press('ArrowLeft', 'period', 'custom');
      await press('y', 'period', 'year');
      await press('4', 'period', '28d');
      await press('x', 'compare', 'none');
      await press('x', 'compare', null);
      await page.keyboard.press('f');
      const focused = () => page.evaluate(() => document.activeElement.name);
      assert.equal(await focused(), 'key', 'f leads into the form');
      // Typing in a field is not a shortcut.
      await page.locator('[name=value]').focus();
      await page.keyboard.type('two w');
      assert.equal(await page.locator('[name=value]').inputValue(), 'two w');
      await page.keyboard.press('Escape');
      assert.equal(await page.locator('.menu[open]').count(), 0);
      await page.keyboard.press('?');
      assert.ok(await page.locator('.keys dl').isVisible());
      await page.keyboard.press('Escape');
      await follow(page, page.locator('tr[data-source="Google"] a.name'));
      await press('Escape', 'f', null);
      await page.locator('.keys summary').click();
      await follow(page, page.getByRole('link', { name: 'Turn off' }));
      await page.keyboard.press('w');
      await page.keyboard.press('?');
      await pause(300);
      assert.equal(new URL(page.url()).searchParams.get('period'), '28d');
      assert.equal(await page.locator('[aria-keyshortcuts]').count(), 0);
    })
  );

  await t.test('the number of current visitors is refreshed each minute while the page is visible', () =>
    open(browser, `${dashboard}?site=busy.example&period=today`, {}, async (page) => {
      await page.clock.install();
      await page.reload();
      let asked = 0;
      page.on('request', (request) => (asked += request.url().includes('show=now')));
      await page.clock.fastForward(30_000);
      assert.equal(asked, 0);
      const agent = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';
      await fetch(`${demo.url}/track`, {
        method: 'POST',
        headers: { 'user-agent': agent },
        body: JSON.stringify({ u: 'https://busy.example/' }),
      });
      await page.clock.fastForward(40_000);
      await page.locator('.now .live').waitFor();
      assert.equal(await page.locator('.now b').innerText(), '1');
      assert.equal(asked, 1);
    })
  );

  await t.test('each card can be downloaded', () =>
    open(browser, month, {}, async (page) => {
      const links = page.locator('.csv');
      assert.ok((await links.count()) >= 7);
      for (const href of await links.evaluateAll((all) => all.map((link) => link.href))) {
        const answer = await fetch(href);
        const [head, first] = (await answer.text()).split('\r\n');
        assert.ok(answer.ok && head.includes(',') && first.includes(','), href);
      }
    })
  );

  // At both sizes.
  for (const [width, options] of Object.entries(SIZES)) {
    await t.test(`large numbers fit, ${width} wide`, () =>
      open(browser, `${dashboard}?period=all`, options, async (page) => {
        const { totals } = await (await fetch(`${dashboard}?period=all&format=json`)).json();
        assert.ok(totals.views >= 100_000, `the demo has large numbers: ${totals.views}`);
        const views = page.locator('[data-tile="views"] .value');
        assert.equal(await views.locator('[title]').innerText(), `${Math.round(totals.views / 1000)}k`);
        // The full number is available to a pointer and to a screen reader.
        const whole = totals.views.toLocaleString('en');
        assert.equal(await views.locator('[title]').getAttribute('title'), whole);
        assert.equal(await views.locator('.unseen').innerText(), whole);
        await assertNumbersFit(page);
        // The widest texts of tiles, axis labels and cells. Twelve digits become `999B`.
        await page.evaluate(() => {
          const put = (selector, texts) =>
            document.querySelectorAll(selector).forEach((each, n) => (each.textContent = texts[n % texts.length]));
          put('.value', ['99,999', '999B', '9.99M', '59m 59s', '100%', '23h 59m']);
          put('.axis', ['200B', '9,999']);
          put('.cards .rows td', ['99,999', '9.99M']);
        });
        await assertNumbersFit(page);
        await screenshot(page, `large-${width}`);
      })
    );

    await t.test(`numbers above bars do not overlap, ${width} wide`, () =>
      open(browser, `${dashboard}?period=7d`, options, async (page) => {
        await page.evaluate(() => document.querySelectorAll('.count').forEach((each) => (each.textContent = '99.9k')));
        const counts = await page.locator('.count').evaluateAll((all) => all.map((each) => each.getBoundingClientRect().toJSON()));
        assert.equal(counts.length, 7);
        counts.slice(1).forEach((count, n) => assert.ok(counts[n].right <= count.left, `${counts[n].right} and ${count.left}`));
      })
    );

    await t.test(`host names are shown in their own script, ${width} wide`, async () => {
      const site = `${dashboard}?site=xn--mnchen-3ya.de`;
      const agent = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';
      for (const [n, referrer] of ['https://xn--e1afmkfd.xn--p1ai/', 'https://xn--pple-43d.com/'].entries()) {
        const answer = await fetch(`${demo.url}/track`, {
          method: 'POST',
          headers: { 'user-agent': `${agent} ${n}` },
          body: JSON.stringify({ u: 'https://blog.xn--mnchen-3ya.de/a', r: referrer }),
        });
        assert.equal(answer.status, 202);
      }
      await open(browser, `${site}&period=today&tab=referrer`, options, async (page) => {
        assert.equal(await page.locator('h1').innerText(), 'münchen.de');
        assert.match(await page.title(), /^münchen\.de, /);
        const own = page.locator('tr[data-page="blog.xn--mnchen-3ya.de/a"]');
        assert.equal(await own.locator('.name').innerText(), 'blog.münchen.de/a');
        const link = own.getByRole('link', { name: 'Open' });
        assert.equal(await link.getAttribute('href'), 'https://blog.xn--mnchen-3ya.de/a');
        assert.equal(await page.locator('tr[data-referrer="xn--e1afmkfd.xn--p1ai"] .name').innerText(), 'пример.рф');
        // With a Cyrillic "а", this would look like another host.
        assert.equal(await page.locator('tr[data-referrer="xn--pple-43d.com"] .name').innerText(), 'xn--pple-43d.com');
        await assertFits(page);
        await follow(page, own.locator('a.name'));
        assert.deepEqual(await page.locator('.chips bdi').allInnerTexts(), ['blog.münchen.de/a']);
        assert.equal(new URL(page.url()).searchParams.get('f'), 'is,page,blog.xn--mnchen-3ya.de/a');
      });
    });

    await t.test(`a report of a goal has tiles of conversions, ${width} wide`, () =>
      open(browser, `${month}&f=is,goal,Newsletter signup`, options, async (page) => {
        const { totals, before } = await data('&f=is,goal,Newsletter signup');
        const all = (await data('')).totals;
        const tiles = page.locator('[data-tile]');
        assert.deepEqual(
          await tiles.evaluateAll((each) => each.map((it) => it.dataset.tile)),
          ['unique_conversions', 'total_conversions', 'conversion_rate']
        );
        assert.equal(await tile(page, 'unique_conversions'), totals.visitors);
        assert.equal(await tile(page, 'total_conversions'), totals.events);
        const value = (name) => page.locator(`[data-tile="${name}"] .value`).innerText();
        assert.equal(await value('conversion_rate'), `${((totals.visitors / all.visitors) * 100).toFixed(1)}%`);
        assert.ok(totals.visitors > 0 && before.visitors > 0);
        assert.equal(await page.locator('.change').count(), 3);
        await assertNumbersFit(page);
        await follow(page, page.locator('[data-tile="conversion_rate"] a'));
        const days = (await data('&f=is,goal,Newsletter signup&show=bars')).bars;
        const allDays = (await data('&show=bars')).bars;
        const shown = Number(await page.locator('[data-bar]').nth(3).getAttribute('data-value'));
        assert.ok(Math.abs(shown - (days[3].visitors / allDays[3].visitors) * 100) < 0.001, `${shown}`);
        // Whole visits have page views, so all tiles are shown.
        await page.goto(`${month}&f=done(is,goal,Newsletter signup)`);
        assert.ok((await tile(page, 'views')) > 0);
      })
    );
  }

  const states = {
    overview: [month, 200],
    goal: [`${month}&f=is,goal,Download&metric=visits&tab=channel`, 200],
    either: [`${month}&f=any(is,source,Google)(is,country,DE)&f=not(done(is,event,Download))&compare=none`, 200],
    rate: [`${dashboard}?period=91d&metric=bounce_rate`, 200],
    sorted: [`${month}&show=page&sort=time_on_page&keys=off`, 200],
    week: [`${dashboard}?period=7d`, 200],
    today: [`${dashboard}?period=today`, 200],
    year: [`${dashboard}?period=365d`, 200],
    filtered: [`${month}&f=is,source,Google&f=contains,page,/posts`, 200],
    nothing: [`${month}&f=is,page,/nowhere`, 200],
    empty: [`${dashboard}?site=empty.example`, 200],
    kept: [`${dashboard}?site=empty.example&period=year`, 200],
    table: [`${month}&show=page`, 200],
    error: [`${dashboard}?days=0`, 400],
  };
  for (const [name, [url, status]] of Object.entries(states)) {
    for (const colorScheme of ['light', 'dark']) {
      for (const width of [1280, 360]) {
        await t.test(`${name}, ${colorScheme}, ${width} wide: fits and is accessible`, () => {
          const phone = width < 500 ? { isMobile: true, hasTouch: true, deviceScaleFactor: 2 } : {};
          const options = { colorScheme, viewport: { width, height: 800 }, reducedMotion: 'reduce', ...phone };
          return open(browser, url, options, async (page) => {
            await assertFits(page);
            await assertAccessible(page, name);
            if (['overview', 'goal', 'sorted', 'empty'].includes(name)) {
              // Collapsed parts must be accessible, too.
              await page.evaluate(() => document.querySelectorAll('details:not(.menu)').forEach((each) => (each.open = true)));
              await page.evaluate(() => (document.querySelector('.filter').open = true));
              await assertFits(page);
              await assertAccessible(page, `${name}, unfolded`);
              await screenshot(page, `${name}-unfolded-${colorScheme}-${width}`);
              await page.evaluate(() => document.querySelectorAll('details').forEach((each) => (each.open = false)));
            }
            await screenshot(page, `${name}-${colorScheme}-${width}`);
          }, status);
        });
      }
    }
  }

  await t.test('a page with all that it loads is at most 60 KB', async () => {
    await fillBusySite(demo.url);
    const queries = [
      'period=28d', 'period=91d', 'period=365d&tab=referrer', 'period=365d&show=page',
      'site=busy.example', 'site=busy.example&show=page',
    ];
    for (const query of queries) {
      const context = await browser.newContext();
      const page = await context.newPage();
      const wire = await context.newCDPSession(page);
      await wire.send('Network.enable');
      let bytes = 0;
      wire.on('Network.loadingFinished', (event) => (bytes += event.encodedDataLength));
      await page.goto(`${dashboard}?${query}`, { waitUntil: 'networkidle' });
      t.diagnostic(`${query}: ${bytes} bytes`);
      const most = query === 'period=28d' ? 25 : 60;
      assert.ok(bytes > 2000 && bytes <= most * 1024, `${query}: ${bytes} bytes`);
      if (query.startsWith('site=busy.example&show')) assert.equal(await page.locator('tr[data-page]').count(), 1000);
      await context.close();
    }
  });

  await t.test('a report can be downloaded for a spreadsheet', async () => {
    const answer = await fetch(`${month}&format=csv`);
    assert.equal(answer.status, 200);
    assert.match(answer.headers.get('content-disposition'), /^attachment; filename="footfall-demo\.example-[\d-]+\.csv"$/);
    const lines = (await answer.text()).split('\r\n');
    const { totals } = await data('');
    assert.match(lines[0], /^section,name,visitors/);
    assert.ok(lines[1].startsWith(`totals,,${totals.visitors},${totals.visits},${totals.views},`), lines[1]);
    const wrong = await fetch(`${dashboard}?days=0&format=csv`);
    assert.deepEqual([wrong.status, wrong.headers.get('content-type')], [400, 'text/plain; charset=utf-8']);
  });
});

// ---- the day on which clocks go back

// The hours of a day in Berlin: 24, or 25 if one occurs twice.
const instants = (from, to) =>
  Array.from({ length: (Date.parse(to) - Date.parse(from)) / 3_600_000 }, (_, n) => {
    const at = new Date(Date.parse(from) + n * 3_600_000);
    const hour = at.toLocaleString('en-GB', { timeZone: 'Europe/Berlin', hour: '2-digit', hourCycle: 'h23' });
    return { at, hour: Number(hour) };
  });

test('the day clocks go back is compared hour by hour', {
  skip: FOOTFALL_DEV && FOOTFALL_DEPLOYER ? false : 'FOOTFALL_DEV or FOOTFALL_DEPLOYER is not set',
}, async (t) => {
  const folder = await newFolder('sites: [{domain: berlin.example, time_zone: Europe/Berlin}]\n');
  const before = instants('2025-10-24T22:00Z', '2025-10-25T22:00Z');
  const day = instants('2025-10-25T22:00Z', '2025-10-26T23:00Z');
  assert.deepEqual([before.length, day.length], [24, 25]);
  // The day before has as many visitors in each hour as the clock shows, plus one. The day itself has one per hour.
  const line = (at, n) => {
    const [weekday, date, month, year, time] = at.toUTCString().split(/,? /);
    assert.ok(weekday);
    return `203.0.113.${n} - - [${date}/${month}/${year}:${time} +0000] "GET / HTTP/1.1" 200 9 "-" "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"\n`;
  };
  const lines = [
    line(new Date('2025-10-23T12:00Z'), 1),
    ...before.flatMap(({ at, hour }) => Array.from({ length: hour + 1 }, (_, n) => line(at, n + 1))),
    ...day.map(({ at }) => line(at, 1)),
  ];
  await writeFile(join(folder, 'access.log'), lines.join(''));
  const importing = ['import', 'access.log', '--site', 'berlin.example', '--local', '--data', 'data'];
  execFileSync(FOOTFALL_DEPLOYER, importing, { cwd: folder, stdio: 'ignore' });
  const server = await startDev(FOOTFALL_DEV, folder);
  t.after(() => server.close());
  const browser = await launch();
  t.after(() => browser.close());
  const url = `${server.url}/dashboard?from=2025-10-26&to=2025-10-26`;
  for (const [width, options] of Object.entries(SIZES)) {
    await t.test(`${width} wide`, () =>
      open(browser, url, options, async (page) => {
        await page.getByText('Show as table').click();
        const rows = await page.locator('.bars tbody tr').evaluateAll((all) =>
          all.map((row) => [...row.children].slice(0, 3).map((cell) => cell.innerText))
        );
        const expected = day.map(({ hour }) => [`${String(hour).padStart(2, '0')}:00`, '1', `${hour + 1}`]);
        assert.deepEqual(rows.map(([name, ...cells]) => [name.slice(-5), ...cells]), expected);
        // The line has a point above each bar, which rises with the number of visitors.
        const path = await page.locator('.line path').last().getAttribute('d');
        const heights = [...path.matchAll(/[ML][\d.]+ ([\d.]+)/g)].map((point) => Number(point[1]));
        assert.equal(heights.length, 25);
        day.slice(1).forEach(({ hour }, n) => {
          const rises = heights[n + 1] < heights[n];
          assert.equal(rises, hour > day[n].hour, `the line at ${hour}:00`);
        });
        await assertFits(page);
        await screenshot(page, `clocks-${width}`);
      })
    );
  }
  await t.test('and in the CSV file', async () => {
    const [, ...lines] = (await (await fetch(`${url}&show=bars&format=csv`)).text()).trim().split('\r\n');
    const hours = lines.map((line) => line.split(',')).map((cells) => [cells[0], cells[10]].map((at) => at.slice(11, 13)));
    assert.deepEqual(hours, day.map(({ hour }) => [hour, hour].map((it) => String(it).padStart(2, '0'))));
  });
});
