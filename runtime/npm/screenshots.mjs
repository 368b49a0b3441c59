// Takes the README's screenshots: the dashboard of demo traffic, light and dark.
//
//   FOOTFALL_DEV  the program `dev`
//   CHROMIUM      the browser, /usr/bin/chromium if it is not set
//
//   node screenshots.mjs FOLDER     writes dashboard-light.png and dashboard-dark.png into it
//
// The traffic is made from a fixed seed and today's date. On the same day, only the current hour differs between runs.

import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { newFolder, startDev } from './dev.mjs';
import { encodePng } from './png.mjs';

const { CHROMIUM, FOOTFALL_DEV } = process.env;
const MAX_BYTES = 150 * 1024;
const VIEWPORT = { width: 1180, height: 986 };

const [folder] = process.argv.slice(2);
assert.ok(FOOTFALL_DEV && folder, 'usage: FOOTFALL_DEV=… node screenshots.mjs FOLDER');

// Returns the pixels of a picture, as the browser decodes it: width, height, and four bytes each.
async function pixels(page, png) {
  return page.evaluate(async (source) => {
    const image = Object.assign(new Image(), { src: source });
    await image.decode();
    const canvas = new OffscreenCanvas(image.width, image.height);
    const pen = canvas.getContext('2d');
    pen.drawImage(image, 0, 0);
    const { width, height, data } = pen.getImageData(0, 0, image.width, image.height);
    return { width, height, data: Array.from(data) };
  }, `data:image/png;base64,${png.toString('base64')}`);
}

const server = await startDev(FOOTFALL_DEV, await newFolder('sites: [{domain: blog.example}]\n'), '--demo');
const browser = await chromium.launch({
  executablePath: CHROMIUM ?? '/usr/bin/chromium',
  headless: true,
  args: ['--no-sandbox', '--disable-gpu', '--hide-scrollbars', '--font-render-hinting=none'],
});
try {
  await mkdir(folder, { recursive: true });
  const canvas = await browser.newPage();
  // One page for both, so that they show the same moment.
  const page = await browser.newPage({ viewport: VIEWPORT, reducedMotion: 'reduce' });
  await page.goto(`${server.url}/dashboard?period=28d`, { waitUntil: 'networkidle' });
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    const picture = await pixels(canvas, await page.screenshot());
    const png = encodePng({ ...picture, data: Uint8Array.from(picture.data) });
    const file = join(folder, `dashboard-${colorScheme}.png`);
    assert.ok(png.length < MAX_BYTES, `${file} has ${png.length} bytes, more than ${MAX_BYTES}`);
    await writeFile(file, png);
    console.log(`${file}: ${png.length} bytes`);
  }
} finally {
  await browser.close();
  await server.close();
}
