// Opens a page on http://example.com with the snippet of a deployed Footfall in a real browser, with and without
// JavaScript. Both views must be answered as stored. The test that starts this script checks what was stored.
//
//   FOOTFALL_SNIPPET  the snippet, as the deployer prints it
//   FOOTFALL_HOST     the host in the snippet
//   FOOTFALL_PORT     the port on 127.0.0.1 that stands in for that host
//   CHROMIUM          the browser [default: /usr/bin/chromium]

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
    // Footfall does not count automated browsers, so hide that this is one.
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
    const errors = [];
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
    page.on('pageerror', (error) => errors.push(error.message));
    page.on('requestfailed', (request) => errors.push(`${request.url()}: ${request.failure().errorText}`));
    const requests = [];
    page.on('request', (request) => requests.push(`${request.method()} ${new URL(request.url()).pathname}`));
    const stored = page.waitForResponse((response) => new URL(response.url()).pathname === path, { timeout: 30_000 });
    const [response] = await Promise.all([stored, page.goto('http://example.com/read')]);
    assert.equal(response.status(), status, path);
    assert.equal(response.headers()['x-footfall-dropped'], undefined, path);
    // The tracker's requests need no preflight.
    assert.ok(!requests.some((each) => each.startsWith('OPTIONS')), requests.join());
    assert.deepEqual(errors, []);
    await context.close();
  }
} finally {
  await browser.close();
  site.close();
  site.closeAllConnections();
}
