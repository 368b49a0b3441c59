// Tests of `dev` with the published Plausible trackers, bundled as in an app, and with Footfall's own, in a real browser.
// A proxy records every hit on its way to `dev`, and the report must match the recorded hits exactly.
//
//   FOOTFALL_DEV   the program `dev`
//   CHROMIUM       the browser [default: /usr/bin/chromium]
//
//   node --test clients.test.mjs
//
// Each test has a site of its own, and lists the hits that its client must send, so a client that sends nothing fails.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import { newFolder, startDev } from './dev.mjs';

const STATS = 'http://stats.example';
const TIMEOUT = 15_000; // milliseconds, for one thing to happen

// ---- `dev`, a recording proxy in proxy of it, a server of pages, and a browser

const apps = {}; // by host: the script on its pages
const readers = {}; // by site: the requests from its pages, and the responses
let dev;
let proxy;
let pages;
let browser;

async function listen(handler) {
  const server = createServer(handler);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

before(async () => {
  assert.ok(process.env.FOOTFALL_DEV, 'FOOTFALL_DEV is not set; `cargo xtask test clients` sets it');
  const settings = `sites:
  - {domain: official.example, engagement: true}
  - {domain: official-hash.example}
  - {domain: official-manual.example, engagement: true}
  - {domain: first.example}
  - {domain: first-hash.example}
  - {domain: fork.example}
  - {domain: client.example}
  - {domain: own.example, engagement: true}
`;
  dev = await startDev(process.env.FOOTFALL_DEV, await newFolder(settings));
  // Playwright does not report requests that a page sends while it unloads, so this proxy records them.
  proxy = await listen(async (request, response) => {
    const forward = (body, onResponse) => {
      const { method, headers } = request;
      const asked = httpRequest(`${dev.url}${request.url}`, { method, headers }, (answer) => {
        onResponse?.(answer);
        response.writeHead(answer.statusCode, answer.headers);
        answer.pipe(response);
      });
      asked.end(body);
    };
    if (request.method === 'GET') return forward();
    let body = '';
    for await (const chunk of request) body += chunk;
    const reader = readers[new URL(request.headers.origin).host];
    // Rejects any other request, above all preflights, which would be billed as well.
    if (`${request.method} ${request.url}` !== `POST ${reader.path}`) reader.errors.push(`${request.method} ${request.url}`);
    else reader.sent.push(JSON.parse(body));
    forward(body, (answer) => {
      reader.answers += 1;
      if (answer.statusCode !== 202) reader.errors.push(`${answer.statusCode} for ${body}`);
      const reason = answer.headers['x-footfall-dropped'];
      if (reason) reader.dropped.push(reason);
    });
  });
  pages = await listen((request, response) => {
    const { pathname } = new URL(request.url, 'http://page');
    if (pathname.endsWith('.pdf')) {
      return response.writeHead(200, { 'content-disposition': 'attachment' }).end('%PDF');
    }
    response.writeHead(200, { 'content-type': 'text/html;charset=utf-8' });
    response.end(`<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A page</title>
      <link rel="icon" href="data:,"><script type="module">${apps[request.headers.host] ?? ''}</script></head>
      <body style="margin: 0; height: 3000px"><a id="out" href="http://elsewhere.example/there">Out</a>
      <a id="file" href="/report.pdf">Report</a><a id="inside" href="/inside">Inside</a>
      <button class="plausible-event-name=Buy+now plausible-event-plan=pro">Buy</button>
      <form action="/sent"><input name="q"><input type="submit"></form></body></html>`);
  });
  const hosts = [[new URL(STATS).host, proxy], ['*.example', pages]].map(
    ([host, server]) => `MAP ${host} 127.0.0.1:${server.address().port}`
  );
  const launch = (...more) =>
    chromium.launch({
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      headless: true,
      args: [
        '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
        '--disable-background-networking', '--disable-component-update', '--disable-sync',
        ...more,
      ],
    });
  const headless = await launch();
  const userAgent = await (await headless.newPage()).evaluate(() => navigator.userAgent);
  await headless.close();
  // Neither these clients nor Footfall count automated browsers, so hide that this is one. The User-Agent is set for the
  // whole browser, because one that Playwright sets for a page does not apply to requests sent while the page unloads.
  browser = await launch(
    '--disable-blink-features=AutomationControlled',
    `--user-agent=${userAgent.replace('HeadlessChrome', 'Chrome')}`,
    `--host-resolver-rules=${hosts.join()}`
  );
});

after(async () => {
  await browser?.close();
  for (const server of [proxy, pages]) {
    server?.close();
    server?.closeAllConnections();
  }
  await dev?.close();
});

// ---- a reader of a site whose pages run `app`

async function open(t, site, app, path = '/', endpoint = '/api/event') {
  const bundled = await build({
    stdin: { contents: app, resolveDir: import.meta.dirname },
    bundle: true,
    format: 'esm',
    write: false,
    logLevel: 'error',
  });
  apps[site] = bundled.outputFiles[0].text;
  const context = await browser.newContext({ viewport: { width: 1111, height: 700 } });
  t.after(() => context.close());

  const sent = []; // the bodies, in order of arrival
  const dropped = []; // the reasons in the responses
  const errors = [];
  readers[site] = { path: endpoint, sent, dropped, errors, answers: 0 };
  context.on('weberror', (error) => errors.push(String(error.error())));
  const page = await context.newPage();
  page.setDefaultTimeout(TIMEOUT);
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  await page.goto(`http://${site}${path}`, { waitUntil: 'load' });

  // Waits until `count` hits were answered: until a view is stored, its engagement could overtake it.
  const until = async (count) => {
    const deadline = Date.now() + TIMEOUT;
    while (readers[site].answers < count) {
      assert.ok(Date.now() < deadline, `timed out waiting for ${count} hits: ${JSON.stringify(sent, null, 1)}`);
      await pause(20);
    }
  };
  return { page, sent, dropped, errors, until };
}

// Returns the page of a hit: its path, plus the fragment if the client uses hash routing.
function pageOf({ u, h }) {
  const { pathname, hash } = new URL(u);
  return h ? pathname + hash : pathname;
}

// Hits in short form, sorted, because hits sent at the same time may arrive in any order.
const brief = (sent) => sent.map((hit) => `${hit.n} ${pageOf(hit)}`).sort();

// Counts `hits` by the result of `value`.
function countBy(hits, value) {
  const counts = {};
  for (const hit of hits) counts[value(hit)] = (counts[value(hit)] ?? 0) + 1;
  return counts;
}

// Returns the average time on page and scroll depth, rounded as in the report. In these tests, a view has at most one
// engagement.
function averageEngagement(engagements) {
  const average = (numbers) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
  if (engagements.length === 0) return [null, null];
  return [Math.round(average(engagements.map(({ e }) => e)) / 100) / 10, Math.round(average(engagements.map(({ sd }) => sd)) * 10) / 10];
}

// Waits until the report of a site shows exactly the hits that were sent. An engagement is not a hit: it adds time on page
// and scroll depth to a view, if the site measures engagement.
async function assertCounted(site, sent, measured = sent) {
  const hits = sent.filter(({ n }) => n !== 'engagement');
  const engagements = measured.filter(({ n }) => n === 'engagement');
  const views = hits.filter(({ n }) => n === 'pageview');
  const events = hits.filter(({ n }) => n !== 'pageview');
  const expected = {
    views: views.length,
    events: events.length,
    visitors: 1,
    visits: 1,
    byPage: countBy(views, pageOf),
    engagement: averageEngagement(engagements),
    engagementByPage: Object.fromEntries(
      Object.keys(countBy(views, pageOf)).map((page) => [page, averageEngagement(engagements.filter((each) => pageOf(each) === page))])
    ),
    byName: countBy(events, ({ n }) => n),
    filtered: [],
    unreadable: 0,
  };
  const deadline = Date.now() + TIMEOUT;
  for (;;) {
    // Two days, because the test may run past midnight UTC. Its visitor then counts as two.
    const answer = await fetch(`${dev.url}/dashboard?site=${site}&days=2&format=json`);
    assert.equal(answer.status, 200);
    const { totals, tables, filtered, unreadable } = await answer.json();
    const rows = (dimension, number) =>
      Object.fromEntries((tables[dimension]?.rows ?? []).filter((row) => row[number] > 0).map((row) => [row.value, row[number]]));
    const { visitors, visits } = totals;
    const found = {
      views: totals.views,
      events: totals.events,
      visitors,
      visits,
      byPage: rows('page', 'views'),
      engagement: [totals.time_on_page, totals.scroll_depth],
      engagementByPage: Object.fromEntries(
        (tables.page?.rows ?? []).filter((row) => row.views > 0).map((row) => [row.value, [row.time_on_page, row.scroll_depth]])
      ),
      byName: rows('event', 'events'),
      filtered,
      unreadable,
    };
    try {
      assert.deepEqual(found, expected);
      assert.equal(readers[site].answers, sent.length);
      return;
    } catch (difference) {
      if (Date.now() > deadline) throw difference;
    }
    await pause(50);
  }
}

// ---- @plausible-analytics/tracker

test('@plausible-analytics/tracker: views, navigation, events, links, downloads, forms, engagement', async (t) => {
  const site = 'official.example';
  const { page, sent, dropped, errors, until } = await open(t, site, `
    import { init, track } from '@plausible-analytics/tracker';
    window.track = track;
    init({
      domain: '${site}', endpoint: '${STATS}/api/event',
      outboundLinks: true, fileDownloads: true, formSubmissions: true, customProperties: { theme: 'dark' },
    });`, '/?utm_source=newsletter');
  await until(1);
  assert.deepEqual(sent[0], {
    n: 'pageview', v: 36, u: `http://${site}/?utm_source=newsletter`, d: site, r: null, p: { theme: 'dark' },
  });
  // Navigation ends the previous view with an engagement.
  await page.evaluate(() => history.pushState(null, '', '/two'));
  await until(3);
  // Moves the page's clock forward by half a minute.
  await page.evaluate(() => { const { now } = Date; Date.now = () => now() + 30_000; });
  const status = await page.evaluate(() => new Promise((resolve) => track('signup', { props: { plan: 'pro' }, callback: resolve })));
  assert.deepEqual(status, { status: 202 });
  await page.evaluate(() => track('Purchase', { revenue: { amount: 9.5, currency: 'EUR' }, interactive: false }));
  await page.click('button');
  await until(6);
  await page.goBack();
  await until(8);
  await page.click('#file');
  await until(9);
  await page.click('input[type=submit]');
  await page.waitForURL('**/sent?q=');
  await until(12);
  await page.click('#out');
  await page.waitForURL('http://elsewhere.example/there');
  await until(14);
  assert.deepEqual(brief(sent), [
    'Buy now /two', 'File Download /', 'Form: Submission /', 'Outbound Link: Click /sent', 'Purchase /two',
    'engagement /', 'engagement /', 'engagement /sent', 'engagement /two',
    'pageview /', 'pageview /', 'pageview /sent', 'pageview /two', 'signup /two',
  ]);
  for (const { u, sd, e } of sent.filter(({ n }) => n === 'engagement')) {
    assert.ok(sd === 23 && Number.isInteger(e) && e >= (u.endsWith('/two') ? 30_000 : 0), `${u} ${sd} ${e}`);
  }
  await assertCounted(site, sent);
  assert.deepEqual([dropped, errors], [[], []]);
});

test('@plausible-analytics/tracker with hash routing, on a site that does not measure engagement', async (t) => {
  const site = 'official-hash.example';
  const { page, sent, dropped, errors, until } = await open(t, site, `
    import { init } from '@plausible-analytics/tracker';
    init({ domain: '${site}', endpoint: '${STATS}/api/event', hashBasedRouting: true });`, '/#/a');
  await until(1);
  await page.evaluate(() => (location.hash = '/b'));
  await until(3);
  await page.goBack();
  await until(5);
  assert.deepEqual(brief(sent), ['engagement /#/a', 'engagement /#/b', 'pageview /#/a', 'pageview /#/a', 'pageview /#/b']);
  await assertCounted(site, sent, []);
  // The client always sends engagement, and this site drops it.
  assert.deepEqual([dropped, errors], [['engagement', 'engagement'], []]);
});

test('@plausible-analytics/tracker with manual views and custom URLs', async (t) => {
  const site = 'official-manual.example';
  const { page, sent, dropped, errors, until } = await open(t, site, `
    import { init, track } from '@plausible-analytics/tracker';
    init({
      domain: '${site}', endpoint: '${STATS}/api/event', autoCapturePageviews: false,
      transformRequest: (body) => (body.n === 'secret' ? null : body),
    });
    track('pageview', { url: 'http://${site}/article/_ID_' });
    track('secret', {});
    track('404', { props: { path: location.pathname } });`, '/article/42');
  await until(2);
  await page.goto('http://elsewhere.example/');
  await until(3);
  assert.deepEqual(brief(sent), ['404 /article/42', 'engagement /article/_ID_', 'pageview /article/_ID_']);
  await assertCounted(site, sent);
  assert.deepEqual([dropped, errors], [[], []]);
});

// ---- plausible-tracker, the predecessor of that package

test('plausible-tracker: views, navigation, events and links', async (t) => {
  const site = 'first.example';
  const { page, sent, dropped, errors, until } = await open(t, site, `
    import Plausible from 'plausible-tracker';
    const { enableAutoPageviews, enableAutoOutboundTracking, trackEvent, trackPageview } = Plausible({ apiHost: '${STATS}' });
    enableAutoPageviews();
    enableAutoOutboundTracking();
    Object.assign(window, { trackEvent, trackPageview });`);
  await until(1);
  assert.deepEqual(sent[0], { n: 'pageview', u: `http://${site}/`, d: site, r: null, w: 1111, h: 0 });
  await page.evaluate(() => history.pushState(null, '', '/two'));
  await page.evaluate(() => trackPageview({ url: location.origin + '/three' }));
  await page.evaluate(() => new Promise((callback) => trackEvent('signup', { props: { plan: 'pro', seats: 3 }, callback })));
  await page.goBack();
  await until(5);
  // The client sends the event and follows the link 150 milliseconds later.
  await page.click('#out');
  await page.waitForURL('http://elsewhere.example/there');
  assert.deepEqual(brief(sent), [
    'Outbound Link: Click /', 'pageview /', 'pageview /', 'pageview /three', 'pageview /two', 'signup /two',
  ]);
  assert.equal(sent.find(({ n }) => n === 'signup').p, '{"plan":"pro","seats":3}');
  await assertCounted(site, sent);
  assert.deepEqual([dropped, errors], [[], []]);
});

test('plausible-tracker with hashMode: a new fragment counts as two views, because the client sends two', async (t) => {
  const site = 'first-hash.example';
  const { page, sent, dropped, errors, until } = await open(t, site, `
    import Plausible from 'plausible-tracker';
    Plausible({ apiHost: '${STATS}', domain: '${site}', hashMode: true }).enableAutoPageviews();`, '/#/a');
  await until(1);
  await page.evaluate(() => history.pushState(null, '', '#/b'));
  await until(2);
  await page.evaluate(() => (location.hash = '/c'));
  await until(4);
  assert.deepEqual(brief(sent), ['pageview /#/a', 'pageview /#/b', 'pageview /#/c', 'pageview /#/c']);
  await assertCounted(site, sent);
  assert.deepEqual([dropped, errors], [[], []]);
});

// ---- other clients of the same API

test('@barbapapazes/plausible-tracker: views, navigation, events, links and downloads', async (t) => {
  const site = 'fork.example';
  const { page, sent, dropped, errors, until } = await open(t, site, `
    import { createPlausibleTracker } from '@barbapapazes/plausible-tracker';
    import {
      defaultFileTypes, useAutoFileDownloadsTracking, useAutoOutboundTracking, useAutoPageviews,
    } from '@barbapapazes/plausible-tracker/extensions';
    const plausible = createPlausibleTracker({ apiHost: '${STATS}' });
    useAutoPageviews(plausible).install();
    useAutoOutboundTracking(plausible).install();
    useAutoFileDownloadsTracking(plausible, { fileTypes: defaultFileTypes }).install();
    window.plausible = plausible;`);
  await until(1);
  await page.evaluate(() => history.pushState(null, '', '/two'));
  await page.evaluate(() => plausible.trackEvent('signup', { props: { plan: 'pro' }, revenue: { currency: 'EUR', amount: 9 } }));
  await until(3);
  await page.click('#file');
  await until(4);
  await page.click('#out');
  await page.waitForURL('http://elsewhere.example/there');
  assert.deepEqual(brief(sent), [
    'File Download /two', 'Outbound Link: Click /two', 'pageview /', 'pageview /two', 'signup /two',
  ]);
  await assertCounted(site, sent);
  assert.deepEqual([dropped, errors], [[], []]);
});

test('plausible-client: views, navigation and events', async (t) => {
  const site = 'client.example';
  const { page, sent, dropped, errors, until } = await open(t, site, `
    import { Plausible, enableAutoPageviews } from 'plausible-client';
    const plausible = new Plausible({ apiHost: '${STATS}', domain: '${site}' });
    enableAutoPageviews(plausible);
    window.plausible = plausible;`);
  await until(1);
  await page.evaluate(() => history.pushState(null, '', '/two'));
  // The client reads the response. It throws if CORS denies that or if the status is an error.
  await page.evaluate(() => plausible.trackEvent('signup', { props: { plan: 'pro' } }));
  await until(3);
  assert.deepEqual(brief(sent), ['pageview /', 'pageview /two', 'signup /two']);
  await assertCounted(site, sent);
  assert.deepEqual([dropped, errors], [[], []]);
});

// ---- Footfall's own tracker, as `dev` serves it

test('footfall.js with data-hash and data-engagement', async (t) => {
  const site = 'own.example';
  const { page, sent, dropped, errors, until } = await open(t, site, `
    const script = document.createElement('script');
    script.src = '${STATS}/js/footfall.js';
    script.setAttribute('data-hash', '');
    script.setAttribute('data-engagement', '');
    document.head.append(script);`, '/?utm_source=newsletter#/a', '/track');
  await until(1);
  await page.evaluate(() => footfall('signup', { plan: 'pro' }));
  await page.evaluate(() => { const now = performance.now.bind(performance); performance.now = () => now() + 30_000; });
  await page.evaluate(() => (location.hash = '/b'));
  await until(4);
  await page.goto('http://elsewhere.example/');
  await until(5);
  assert.deepEqual(brief(sent), ['engagement /#/a', 'engagement /#/b', 'pageview /#/a', 'pageview /#/b', 'signup /#/a']);
  await assertCounted(site, sent);
  assert.deepEqual([dropped, errors], [[], []]);
});
