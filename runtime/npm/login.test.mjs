// Signing in, in a real browser: what only a browser can verify about the session cookie, frames and forms. What the
// handler answers is tested in tests/access.
//
//   FOOTFALL_DEV          the program `dev`
//   FOOTFALL_DEPLOYER     the deployer's program, which makes share links
//   FOOTFALL_SCREENSHOTS  a folder for login-*.png; none are taken without it
//   CHROMIUM              the browser, /usr/bin/chromium if it is not set
//
//   node --test login.test.mjs

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import axe from 'axe-core';
import { chromium } from 'playwright-core';

const { CHROMIUM, FOOTFALL_DEV, FOOTFALL_DEPLOYER, FOOTFALL_SCREENSHOTS } = process.env;
const SETTINGS = 'sites: [{domain: mine.example}, {domain: other.example}, {domain: open.example, public: true}]\n';

// A page that embeds a shared dashboard and a badge.
async function embedding() {
  let body = '';
  const server = createServer((_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end(body));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `http://localhost:${server.address().port}`,
    shows: (html) => { body = html; },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

// Starts `dev` with sign-in, and returns the link that it prints.
async function start(folder) {
  const server = spawn(FOOTFALL_DEV, ['--port', '0', '--data', 'data', '--closed'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let link;
  for await (const line of createInterface({ input: server.stdout })) {
    link = line.match(/Dashboard\s+(http:\S+)/)?.[1];
    if (link) break;
  }
  assert.ok(link, 'the server prints a link');
  server.stdout.resume();
  return {
    link,
    url: new URL(link).origin,
    async close() {
      server.kill('SIGINT');
      if (server.exitCode === null && server.signalCode === null) await once(server, 'exit');
    },
  };
}

async function looksRight(page, name) {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html)}`), [], name);
  if (FOOTFALL_SCREENSHOTS) {
    await mkdir(FOOTFALL_SCREENSHOTS, { recursive: true });
    await page.screenshot({ path: join(FOOTFALL_SCREENSHOTS, `login-${name}.png`) });
  }
}

test('signing in', { skip: FOOTFALL_DEV && FOOTFALL_DEPLOYER ? false : 'FOOTFALL_DEV or FOOTFALL_DEPLOYER is not set' }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'footfall-login-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'footfall.yaml'), SETTINGS);
  await mkdir(join(folder, 'data'));
  const [friend, stranger] = [await embedding(), await embedding()];
  t.after(() => [friend, stranger].forEach((site) => site.close()));
  // Run before the server starts, which locks the data.
  const owner = (command, input = '') => execFileSync(FOOTFALL_DEPLOYER, [...command, '--local', '--data', 'data'], {
    cwd: folder,
    encoding: 'utf8',
    input,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  await writeFile(join(folder, 'access.log'), '203.0.113.9 - - [20/Nov/2026:13:55:36 +0000] "GET / HTTP/1.1" 200 1');
  owner(['import', 'access.log', '--site', 'mine.example']);
  const shared = owner(['share', 'create', '--site', 'mine.example', '--embed', friend.origin]);
  const password = 'correct horse battery';
  owner(['password'], `${password}\n`);
  const server = await start(folder);
  t.after(() => server.close());
  const dashboard = `${server.url}/dashboard`;
  const share = `${dashboard}${new URL(shared.trim()).search}`;
  const browser = await chromium.launch({
    executablePath: CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    args: ['--no-sandbox', '--disable-gpu', '--host-resolver-rules=MAP localhost 127.0.0.1'],
  });
  t.after(() => browser.close());
  // Policies and cookies work without JavaScript, as do the pages.
  const context = await browser.newContext();
  const page = await context.newPage();
  const heading = () => page.locator('main h2').first().innerText();

  await t.test('a stranger is told how to sign in', async () => {
    assert.equal((await page.goto(`${dashboard}?site=mine.example`)).status(), 401);
    assert.equal(await page.locator('code').innerText(), 'cargo xtask open');
    await looksRight(page, 'closed');
  });

  await t.test('a sign-in link works once, and a button signs out', async () => {
    await page.goto(server.link);
    await looksRight(page, 'sign-in');
    assert.deepEqual(await context.cookies(), []);
    await page.getByRole('button', { name: 'Sign in' }).click();
    assert.equal(page.url(), dashboard);
    assert.equal(await page.locator('h1').innerText(), 'mine.example');
    const [{ name, httpOnly, secure, sameSite, path }] = await context.cookies();
    assert.deepEqual([name, httpOnly, secure, sameSite, path], ['__Host-footfall', true, true, 'Lax', '/']);
    assert.equal(await page.evaluate(() => document.cookie), '', 'no script sees it');
    assert.equal((await page.goto(`${dashboard}?site=other.example`)).status(), 200);

    const other = await (await browser.newContext()).newPage();
    await other.goto(server.link);
    await other.getByRole('button', { name: 'Sign in' }).click();
    assert.equal(await other.locator('h2').innerText(), 'This sign-in link has expired or was already used');
    await looksRight(other, 'used');
    await other.context().close();

    await page.getByRole('button', { name: 'Sign out' }).click();
    assert.deepEqual(await context.cookies(), []);
    assert.equal((await page.goto(`${dashboard}?site=other.example`)).status(), 401);
    assert.equal(await heading(), 'This dashboard is private');
  });

  await t.test('a password signs in to the requested site, by keyboard', async () => {
    await page.goto(`${dashboard}?site=other.example`);
    const field = page.getByLabel('Password', { exact: true });
    assert.deepEqual(await field.evaluate(({ type, autocomplete }) => [type, autocomplete]), ['password', 'current-password']);
    const types = async (text) => {
      for (let tabs = 0; !await field.evaluate((it) => it === document.activeElement); tabs += 1) {
        assert.ok(tabs < 5, 'the field is reached by Tab');
        await page.keyboard.press('Tab');
      }
      await page.keyboard.type(text);
      const answered = page.waitForNavigation();
      await page.keyboard.press('Enter');
      await answered;
    };
    await types('incorrect horse battery');
    assert.equal(await heading(), 'Wrong password');
    assert.equal(await field.inputValue(), '');
    await looksRight(page, 'wrong-password');
    await types(password);
    assert.equal(page.url(), `${dashboard}?site=other.example`);
    assert.equal(await page.locator('h1').innerText(), 'other.example');
    const [{ name, httpOnly, secure }] = await context.cookies();
    assert.deepEqual([name, httpOnly, secure], ['__Host-footfall', true, true]);
    await page.getByRole('button', { name: 'Sign out' }).click();
    for (let tries = 2; tries < 5; tries += 1) {
      await page.goto(`${server.url}/login`);
      await types('incorrect horse battery');
    }
    await types(password);
    assert.equal(await heading(), 'Too many attempts');
    await looksRight(page, 'limited');
    assert.deepEqual(await context.cookies(), []);
    // Nothing is cut off on a narrow screen.
    await page.setViewportSize({ width: 320, height: 600 });
    await page.goto(`${server.url}/login`);
    await looksRight(page, 'password-narrow');
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 320));
    await page.setViewportSize({ width: 1280, height: 720 });
  });

  await t.test('a shared dashboard stays shared on every page', async () => {
    assert.equal((await page.goto(share)).status(), 200);
    await page.getByRole('link', { name: '28 days' }).click();
    assert.ok(page.url().startsWith(`${share}&`), page.url());
    assert.equal(await page.locator('h1').innerText(), 'mine.example');
    assert.equal(await page.getByText('other.example').count(), 0);
    assert.equal(await page.getByRole('button', { name: 'Sign out' }).count(), 0);
  });

  await t.test('only a page of an allowed origin can embed it', async () => {
    const badge = `${server.url}/badge.svg?site=open.example&page=/`;
    for (const site of [friend, stranger]) {
      site.shows(`<!doctype html><title>x</title><iframe src="${share}"></iframe><img src="${badge}" alt="">`);
    }
    await page.goto(friend.origin);
    assert.equal(await page.frameLocator('iframe').locator('h1').innerText(), 'mine.example');
    // A badge may be embedded anywhere.
    assert.equal(await page.locator('img').evaluate((image) => image.naturalHeight), 20);
    const refused = page.waitForEvent('console', (message) => /frame-ancestors/.test(message.text()));
    await page.goto(stranger.origin);
    await refused;
    assert.equal(await page.locator('img').evaluate((image) => image.naturalHeight), 20);
  });
});
