// Tests of the Stats API with published Plausible clients, against `dev`. `plausible` (npm) and plausible-mcp (PyPI) use
// version 1 of the API, plausible-cli (crates.io) uses version 2. Each gets only the URL, a token and the site.
//
//   FOOTFALL_DEV            the program `dev`
//   FOOTFALL_DEPLOYER       the deployer's program, which creates tokens
//   FOOTFALL_STATS_PYTHON   a Python with the packages of stats-requirements.txt
//   FOOTFALL_PLAUSIBLE_CLI  the program installed by plausible-cli
//
//   node --test stats.test.mjs
//
// The tests avoid features with bugs in the clients themselves. plausible-cli 2.0.0 writes filters as [dimension, operator,
// value], dates as {start, end}, and limits outside `pagination`. Plausible rejects all three, and so must Footfall.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import Plausible from 'plausible';
import { newFolder, startDev } from './dev.mjs';

const { FOOTFALL_DEPLOYER, FOOTFALL_DEV, FOOTFALL_STATS_PYTHON, FOOTFALL_PLAUSIBLE_CLI } = process.env;
const SITE = 'stats.example';
const run = promisify(execFile);
let dev;
let token;
let dates; // yesterday and today, as a version 1 range; both, because a test may run past midnight

const firefox = (version) => `Mozilla/5.0 (X11; Linux x86_64; rv:${version}.0) Gecko/20100101 Firefox/${version}.0`;

before(async () => {
  for (const name of ['FOOTFALL_DEPLOYER', 'FOOTFALL_DEV', 'FOOTFALL_STATS_PYTHON', 'FOOTFALL_PLAUSIBLE_CLI']) {
    assert.ok(process.env[name], `${name} is not set; \`cargo xtask test stats\` sets it`);
  }
  const folder = await newFolder(`sites: [{domain: ${SITE}}, {domain: other.example}]\n`);
  // Creating a token needs existing data that no other process has open, so start `dev` once and stop it.
  await (await startDev(FOOTFALL_DEV, folder)).stop();
  const create = ['token', 'create', '--site', SITE, '--local', '--data', 'data'];
  token = (await run(FOOTFALL_DEPLOYER, create, { cwd: folder })).stdout.trim();
  dev = await startDev(FOOTFALL_DEV, folder, '--closed');
  const day = (ago) => new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10);
  dates = `${day(1)},${day(0)}`;
  // One visitor views two pages and signs up. Another comes from a newsletter and views one page.
  for (const [version, body] of [
    [140, { u: `https://${SITE}/` }],
    [140, { u: `https://${SITE}/pricing` }],
    [140, { n: 'signup', u: `https://${SITE}/pricing`, p: { plan: 'pro' } }],
    [141, { u: `https://${SITE}/pricing?utm_source=newsletter` }],
  ]) {
    const headers = { 'user-agent': firefox(version), 'content-type': 'text/plain' };
    const answer = await fetch(`${dev.url}/track`, { method: 'POST', headers, body: JSON.stringify(body) });
    assert.equal(answer.status, 202);
    assert.equal(answer.headers.get('x-footfall-dropped'), null);
  }
});

after(() => dev?.close());

test('plausible (npm) reads reports with version 1', async () => {
  const client = new Plausible(token, SITE, dev.url);
  assert.equal(await client.getRealtime(), 2);
  const total = async (metric, filters) => (await client.getAggregate('custom', metric, null, filters, dates)).value;
  assert.equal(await total('visitors'), 2);
  assert.equal(await total('pageviews'), 3);
  assert.equal(await total('bounce_rate'), 50);
  assert.equal(await total('pageviews', 'event:page==/'), 1);
  assert.equal(await total('visitors', 'visit:source!=Direct / None;event:page==/pricing'), 1);
  const compared = await client.getAggregate('custom', 'visitors', true, null, dates);
  assert.deepEqual([compared.value, 'change' in compared], [2, true]);
  const series = await client.getTimeseries('custom', 'pageviews', null, 'date', dates);
  assert.deepEqual(series.map(({ date }) => date), dates.split(','));
  assert.equal(series.reduce((sum, { pageviews }) => sum + pageviews, 0), 3);
  const pages = (limit, page) => client.getBreakdown('custom', 'visitors', 'event:page', null, limit, page, dates);
  assert.deepEqual(await pages(10), [{ page: '/pricing', visitors: 2 }, { page: '/', visitors: 1 }]);
  assert.deepEqual(await pages(1, 2), [{ page: '/', visitors: 1 }]);
  const sources = await client.getBreakdown('custom', 'visitors', 'visit:source', null, null, null, dates);
  assert.deepEqual(sources.map(({ source }) => source).sort(), ['Direct / None', 'newsletter']);

  // The client throws if the response is an object with an `error`.
  await assert.rejects(client.getBreakdown('custom', 'visitors', 'visit:nothing', null, null, null, dates), /visit:nothing/);
  await assert.rejects(new Plausible('wrong', SITE, dev.url).getAggregate('day', 'visitors'), /./);
  // A token grants access to one site.
  await assert.rejects(new Plausible(token, 'other.example', dev.url).getAggregate('day', 'visitors'), /./);
});

test('plausible-mcp (PyPI) reads reports with version 1', async () => {
  const program = `
import json
from plausible_mcp import server
site, dates = ${JSON.stringify(SITE)}, ${JSON.stringify(dates)}
print(json.dumps([json.loads(answer) for answer in (
    server.get_realtime_visitors(site),
    server.get_aggregate_stats(site, dates, ["visitors", "pageviews", "visits", "events"]),
    server.get_breakdown(site, "page", dates),
    server.get_timeseries(site, dates),
)]))
print(server.get_aggregate_stats(site, dates, token="wrong"))`;
  const home = await mkdtemp(join(tmpdir(), 'footfall-mcp-'));
  const { stdout } = await run(FOOTFALL_STATS_PYTHON, ['-c', program], {
    env: {
      ...process.env,
      HOME: home,
      PLAUSIBLE_BASE_URL: dev.url,
      PLAUSIBLE_API_KEY: token,
      // Disables its telemetry.
      DO_NOT_TRACK: '1',
    },
  }).finally(() => rm(home, { recursive: true, force: true }));
  const [answers, rejection] = stdout.split('\n');
  const [realtime, total, pages, series] = JSON.parse(answers);
  assert.equal(realtime.realtime_visitors, 2);
  assert.deepEqual(total.totals, { visitors: 2, pageviews: 3, visits: 2, events: 4 });
  assert.deepEqual(pages.results, [{ page: '/pricing', visitors: 2 }, { page: '/', visitors: 1 }]);
  assert.equal(series.timeseries.reduce((sum, { visitors }) => sum + visitors, 0), 2);
  assert.match(rejection, /Authentication failed/);
});

test('plausible-cli (crates.io) reads reports with version 2', async (t) => {
  const home = await mkdtemp(join(tmpdir(), 'footfall-cli-'));
  t.after(() => rm(home, { recursive: true, force: true }));
  const cli = async (...rest) => {
    const { stdout } = await run(FOOTFALL_PLAUSIBLE_CLI, ['--base-url', dev.url, '--output', 'json', ...rest], {
      env: { ...process.env, HOME: home, XDG_CONFIG_HOME: home, PLAUSIBLE_CLI_DISABLE_KEYRING: '1', PLAUSIBLE_API_KEY: token },
    });
    return stdout;
  };
  const stats = async (...rest) => JSON.parse(await cli('stats', ...rest, '--site', SITE)).results;
  await cli('accounts', 'add', '--alias', 'own');
  // The period `all` gives the same numbers if the test runs past midnight.
  assert.deepEqual(await stats('aggregate', '--period', 'all', '-m', 'visitors', '-m', 'pageviews', '-m', 'events'), {
    visitors: 2, pageviews: 3, events: 4,
  });
  assert.deepEqual(
    await stats('breakdown', '--period', 'all', '--property', 'event:page', '-m', 'visitors', '-m', 'pageviews', '--sort', 'visitors:desc'),
    [{ value: '/pricing', visitors: 2, pageviews: 2 }, { value: '/', visitors: 1, pageviews: 1 }]
  );
  assert.deepEqual(
    await stats('breakdown', '--period', 'all', '--property', 'event:props:plan', '-m', 'events'),
    [{ value: '(none)', events: 3 }, { value: 'pro', events: 1 }]
  );
  const days = await stats('timeseries', '--period', 'day', '--interval', 'hour', '-m', 'pageviews');
  assert.equal(days.length, 24);
  // Queries that Plausible rejects are rejected, and the error names the invalid field.
  await assert.rejects(cli('stats', 'realtime', '--site', SITE), /400 Bad Request.*date_range/s);
  await assert.rejects(cli('stats', 'aggregate', '--site', SITE, '--filters', 'event:page==/'), /400 Bad Request.*filters/s);
});
