// A page of http://example.com in a real browser, with the snippet of a deployed Footfall: a reader with JavaScript, and
// one without. Each must be told that the view is stored. What was stored is for who starts this to see.
//
//   FOOTFALL_SNIPPET  the snippet, as it is printed
//   FOOTFALL_HOST     the host that it names
//   FOOTFALL_PORT     where that host really listens, on 127.0.0.1
//   CHROMIUM          the browser, /usr/bin/chromium if it is not set

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';

const { chromium } = createRequire(new URL('../../runtime/npm/package.json', import.meta.url))('playwright-core');
const { FOOTFALL_SNIPPET, FOOTFALL_HOST, FOOTFALL_PORT, CHROMIUM } = process.env;

const site = createServer((_, response) => {
  response.writeHead(200, { 'content-type': 'text/html;charset=utf-8' });
  response.end(`<!doctype html><html lang="en"><head><title>A page</title><link rel="icon" href="data:,">
    ${FOOTFALL_SNIPPET}</head><body><h1>A page</h1></body></html>`);
});
site.listen(0, '127.0.0.1');
await once(site, 'listening');

const hosts = `MAP example.com 127.0.0.1:${site.address().port}, MAP ${FOOTFALL_HOST} 127.0.0.1:${FOOTFALL_PORT}`;
const browser = await chromium.launch({
  executablePath: CHROMIUM ?? '/usr/bin/chromium',
  headless: true,
  args: [
    '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync',
    // What automates a browser is not counted.
    '--disable-blink-features=AutomationControlled',
    `--host-resolver-rules=${hosts}`,
  ],
});
try {
  const plain = await browser.newPage();
  const userAgent = (await plain.evaluate(() => navigator.userAgent)).replace('HeadlessChrome', 'Chrome');
  await plain.close();
  for (const [javaScriptEnabled, path, status] of [[true, '/track', 202], [false, '/pixel.gif', 200]]) {
    const context = await browser.newContext({ userAgent, javaScriptEnabled });
    const page = await context.newPage();
    const wrong = [];
    page.on('console', (message) => message.type() === 'error' && wrong.push(message.text()));
    page.on('pageerror', (error) => wrong.push(error.message));
    page.on('requestfailed', (request) => wrong.push(`${request.url()}: ${request.failure().errorText}`));
    const asked = [];
    page.on('request', (request) => asked.push(`${request.method()} ${new URL(request.url()).pathname}`));
    const stored = page.waitForResponse((answer) => new URL(answer.url()).pathname === path, { timeout: 30_000 });
    const [answer] = await Promise.all([stored, page.goto('http://example.com/read')]);
    assert.equal(answer.status(), status, path);
    assert.equal(answer.headers()['x-footfall-dropped'], undefined, path);
    // No preflight: the tracker sends what needs none.
    assert.ok(!asked.some((each) => each.startsWith('OPTIONS')), asked.join());
    assert.deepEqual(wrong, []);
    await context.close();
  }
} finally {
  await browser.close();
  site.close();
  site.closeAllConnections();
}
