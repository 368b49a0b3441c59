// Writes the tracker that pages load, assets/footfall.min.js, from its readable source, assets/footfall.js.
//
//   node tracker.mjs           write it
//   node tracker.mjs --check   write nothing; exit 1 unless the committed file is what the source gives and keeps its promises

import { readFile, writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { parse } from 'acorn'; // comes with terser, which parses with it
import { minify } from 'terser';

const SOURCE = new URL('../assets/footfall.js', import.meta.url);
const MINIFIED = new URL('../assets/footfall.min.js', import.meta.url);

// Under one kilobyte on the wire: it is on every page of every site.
const MOST_BYTES = 1023;
// Words for places where a browser keeps things. The tracker keeps nothing, so it has no use for any of them.
const STORAGE = /cookie|localStorage|sessionStorage|indexedDB/i;
// The newest syntax that browsers of 2017 read.
const SYNTAX = 2017;
// The comment that a reader of the minified file sees first.
const OPENING = '// Footfall: counts views, keeps nothing in your browser. Source: footfall.js\n';

async function minified() {
  const source = await readFile(SOURCE, 'utf8');
  const { code } = await minify(source, {
    ecma: SYNTAX,
    toplevel: true,
    compress: { passes: 3, unsafe_arrows: true },
    format: { comments: false },
  });
  return `${OPENING}${code}\n`;
}

function gzipped(text) {
  return gzipSync(text, { level: 9 }).length;
}

// What is wrong with a minified tracker, as sentences.
function faults(text) {
  const found = [];
  if (gzipped(text) > MOST_BYTES) found.push(`it is ${gzipped(text)} bytes gzipped, more than ${MOST_BYTES}`);
  const word = text.match(STORAGE);
  if (word) found.push(`it mentions ${word[0]}, and the tracker keeps nothing in a browser`);
  try {
    parse(text, { ecmaVersion: SYNTAX });
  } catch (error) {
    found.push(`it is not ES${SYNTAX}: ${error.message}`);
  }
  return found;
}

const check = process.argv.includes('--check');
const text = await minified();
if (!check) await writeFile(MINIFIED, text);

const committed = await readFile(MINIFIED, 'utf8').catch(() => '');
const found = faults(committed);
if (committed !== text) found.unshift('it is not what assets/footfall.js gives: run `node tracker.mjs`');

for (const fault of found) console.error(`footfall.min.js: ${fault}`);
if (found.length > 0) process.exit(1);
console.error(`footfall.min.js: ${gzipped(text)} bytes gzipped, of ${MOST_BYTES} allowed`);
