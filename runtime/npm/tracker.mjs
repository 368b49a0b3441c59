// Writes the tracker that pages load, in two variants, from its readable source, assets/footfall.js.
//
//   node tracker.mjs           write them
//   node tracker.mjs --check   write nothing; exit 1 unless the committed files are what the source gives and keep their promises

import { readFile, writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { parse } from 'acorn'; // comes with terser, which parses with it
import { minify } from 'terser';

const ASSETS = new URL('../assets/', import.meta.url);
const SOURCE = 'footfall.js';

// Under one kilobyte on the wire: it is on every page of every site. Who measures engagement pays for what measures it.
const VARIANTS = [
  { file: 'footfall.min.js', engagement: false, mostBytes: 1023 },
  { file: 'footfall.engagement.min.js', engagement: true, mostBytes: 1350 },
];
// Words for places where a browser keeps things. The tracker keeps nothing but a visitor's "no", so it has no use for any
// others than that place.
const STORAGE = /cookie|sessionStorage|indexedDB|localStorage(?!\.footfall\b)/i;
// The newest syntax that browsers of 2017 read.
const SYNTAX = 2017;

async function minified(engagement) {
  const source = await readFile(new URL(SOURCE, ASSETS), 'utf8');
  const { code } = await minify(source, {
    ecma: SYNTAX,
    toplevel: true,
    compress: { passes: 3, unsafe_arrows: true, global_defs: { ENGAGEMENT: engagement } },
    format: { comments: false },
  });
  return `${code}\n`;
}

function gzipped(text) {
  return gzipSync(text, { level: 9 }).length;
}

// What is wrong with a minified tracker, as sentences.
function faults(text, mostBytes) {
  const found = [];
  if (gzipped(text) > mostBytes) found.push(`it is ${gzipped(text)} bytes gzipped, more than ${mostBytes}`);
  const word = text.match(STORAGE);
  if (word) found.push(`it mentions ${word[0]}, and the tracker keeps nothing there`);
  try {
    parse(text, { ecmaVersion: SYNTAX });
  } catch (error) {
    found.push(`it is not ES${SYNTAX}: ${error.message}`);
  }
  return found;
}

const check = process.argv.includes('--check');
for (const { file, engagement, mostBytes } of VARIANTS) {
  const text = await minified(engagement);
  if (!check) await writeFile(new URL(file, ASSETS), text);

  const committed = await readFile(new URL(file, ASSETS), 'utf8').catch(() => '');
  const found = faults(committed, mostBytes);
  if (committed !== text) found.unshift(`it is not what assets/${SOURCE} gives: run \`node tracker.mjs\``);

  for (const fault of found) console.error(`${file}: ${fault}`);
  if (found.length > 0) process.exitCode = 1;
  else console.error(`${file}: ${gzipped(text)} bytes gzipped, of ${mostBytes} allowed`);
}
