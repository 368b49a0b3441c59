// Minifies the tracker, assets/footfall.js, into the two variants that pages load.
//
//   node tracker.mjs           write both files
//   node tracker.mjs --check   write nothing; exit 1 if a committed file is out of date or breaks a limit below

import { readFile, writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { parse } from 'acorn';
import { minify } from 'terser';

const ASSETS = new URL('../assets/', import.meta.url);
const SOURCE = 'footfall.js';

// Less than 1 KB gzipped, because every page of every site loads it. The larger one is for sites that measure engagement.
const VARIANTS = [
  { file: 'footfall.min.js', engagement: false, maxBytes: 1023 },
  { file: 'footfall.engagement.min.js', engagement: true, maxBytes: 1350 },
];
// Names of browser storage. The tracker stores only a visitor's opt-out, in localStorage.footfall, so it must not mention
// any other.
const STORAGE = /cookie|sessionStorage|indexedDB|localStorage(?!\.footfall\b)/i;
// The newest ECMAScript edition that the tracker may use.
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

// Returns an error message for each limit that a minified tracker breaks.
function findErrors(text, maxBytes) {
  const errors = [];
  if (gzipped(text) > maxBytes) errors.push(`${gzipped(text)} bytes gzipped: the maximum is ${maxBytes}`);
  const word = text.match(STORAGE);
  if (word) errors.push(`mentions ${word[0]}, but the tracker must store nothing there`);
  try {
    parse(text, { ecmaVersion: SYNTAX });
  } catch (error) {
    errors.push(`not valid ES${SYNTAX}: ${error.message}`);
  }
  return errors;
}

const check = process.argv.includes('--check');
for (const { file, engagement, maxBytes } of VARIANTS) {
  const text = await minified(engagement);
  if (!check) await writeFile(new URL(file, ASSETS), text);

  const committed = await readFile(new URL(file, ASSETS), 'utf8').catch(() => '');
  const errors = findErrors(committed, maxBytes);
  if (committed !== text) errors.unshift(`does not match assets/${SOURCE}: run \`node tracker.mjs\``);

  for (const error of errors) console.error(`${file}: ${error}`);
  if (errors.length > 0) process.exitCode = 1;
  else console.error(`${file}: ${gzipped(text)} bytes gzipped, at most ${maxBytes} allowed`);
}
