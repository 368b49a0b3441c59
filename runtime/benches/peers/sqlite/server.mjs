// A straightforward Node server that stores hits in SQLite: one row per hit, durable before the response. `cargo xtask
// bench throughput` compares `dev` with it.
//
// It does most of what `dev` does for a page view. It parses the body and the URL, and looks up the site. It detects bots
// with the same list as `dev`, and hashes the visitor with a salt. It finds the source, the campaign, and, by a few
// patterns, the browser and operating system. It has no per-visitor rate limit and no countries.
//
// usage: node server.mjs FILE [--group]
// With --group, all hits of one turn of the event loop share a transaction, like the group commit of `dev`.

import { createHmac, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

import { DatabaseSync } from '@photostructure/sqlite';
import { isbot } from 'isbot';

const [file, option] = process.argv.slice(2);
const isGrouped = option === '--group';

const database = new DatabaseSync(file);
database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
CREATE TABLE hits (site TEXT, at INTEGER, random BLOB, visitor TEXT, event TEXT, page TEXT, source TEXT, referrer TEXT,
  utm_source TEXT, utm_medium TEXT, utm_campaign TEXT, utm_term TEXT, utm_content TEXT, browser TEXT, system TEXT,
  width INTEGER, zone TEXT, filtered TEXT, PRIMARY KEY (site, at, random)) WITHOUT ROWID`);
const insert = database.prepare(`INSERT INTO hits VALUES (${Array(18).fill('?').join()})`);

const HOSTS = new Map([['example.com', 'example.com'], ['www.example.com', 'example.com']]);
const salt = randomBytes(16);

const sources = new Map();
for (const line of readFileSync(new URL('../../../lists/sources.txt', import.meta.url), 'utf8').split('\n')) {
  const [key, name] = line.split('\t');
  if (name) sources.set(key, name);
}

/// Returns the source listed for the longest suffix of a host, or the host itself if none is listed.
function sourceOf(host) {
  for (let rest = host; ; ) {
    const name = sources.get(rest);
    if (name) return name;
    const dot = rest.indexOf('.');
    if (dot < 0) return host;
    rest = rest.slice(dot + 1);
  }
}

const BROWSERS = [['Edge', /Edg\/(\d+)/], ['Firefox', /Firefox\/(\d+)/], ['Chrome', /Chrome\/(\d+)/], ['Safari', /Version\/(\d+)/]];
const SYSTEMS = [['Windows', /Windows NT/], ['Android', /Android/], ['iOS', /iPhone|iPad/], ['macOS', /Mac OS X/], ['Linux', /Linux/]];
const find = (known, agent) => known.find(([, pattern]) => pattern.test(agent))?.[0] ?? null;
const withoutWww = (host) => (host.startsWith('www.') ? host.slice(4) : host);

/// Returns the status for a hit, and its row if it is valid.
function processHit(request, body) {
  let hit, url, from;
  try {
    hit = JSON.parse(body);
    url = new URL(hit.u);
    from = hit.r ? new URL(hit.r) : null;
  } catch {
    return [400];
  }
  const site = HOSTS.get(url.hostname);
  if (!site) return [400];
  const agent = request.headers['user-agent'] ?? '';
  const address = request.headers['x-forwarded-for'] ?? request.socket.remoteAddress;
  const filtered = isbot(agent) ? 'bot' : null;
  const visitor = createHmac('sha256', salt).update(site).update('\0').update(address).update('\0').update(agent)
    .digest('hex').slice(0, 16);
  const utm = (name) => url.searchParams.get(name)?.slice(0, 100) ?? null;
  const named = utm('utm_source');
  const source = named ?? (from && !HOSTS.has(from.hostname) ? sourceOf(withoutWww(from.hostname)) : null);
  const referrer = from ? (withoutWww(from.hostname) + from.pathname).slice(0, 200) : null;
  return [202, [site, Date.now(), randomBytes(8), visitor, hit.n === 'pageview' ? null : hit.n, url.pathname.slice(0, 500),
    source, referrer, named, utm('utm_medium'), utm('utm_campaign'), utm('utm_term'), utm('utm_content'),
    find(BROWSERS, agent), find(SYSTEMS, agent), hit.w ?? null, hit.z ?? null, filtered]];
}

let waiting = [];

function flush() {
  const group = waiting;
  waiting = [];
  database.exec('BEGIN');
  for (const [row] of group) insert.run(...row);
  database.exec('COMMIT');
  for (const [, answer] of group) answer(202);
}

const server = createServer((request, response) => {
  const answer = (status) => response.writeHead(status, { 'content-type': 'text/plain', 'content-length': 2 }).end('ok');
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const [status, row] = processHit(request, Buffer.concat(chunks).toString());
    if (!row) return answer(status);
    if (isGrouped) {
      if (waiting.push([row, answer]) === 1) setImmediate(flush);
    } else {
      insert.run(...row);
      answer(status);
    }
  });
});
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}/`));
process.on('SIGTERM', () => process.exit(0));
