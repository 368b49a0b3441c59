// Starts a `dev` for a test, on a temporary folder.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

// Makes a folder with `settings` as its footfall.yaml, and without data.
export async function newFolder(settings) {
  const folder = await mkdtemp(join(tmpdir(), 'footfall-dev-'));
  await writeFile(join(folder, 'footfall.yaml'), settings);
  await mkdir(join(folder, 'data'));
  return folder;
}

// Starts the binary `program` in a folder made by newFolder. Resolves once it listens.
export async function startDev(program, folder, ...more) {
  const server = spawn(program, ['--port', '0', '--data', 'data', ...more], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let url;
  for await (const line of createInterface({ input: server.stdout })) {
    const dashboard = line.match(/Dashboard\s+(http:\S+)/)?.[1];
    url = dashboard && new URL(dashboard).origin;
    if (url) break;
  }
  assert.ok(url, 'the server says where it listens');
  server.stdout.resume();
  const stop = async () => {
    server.kill();
    if (server.exitCode === null && server.signalCode === null) await once(server, 'exit');
  };
  const close = async () => {
    await stop();
    await rm(folder, { recursive: true, force: true });
  };
  return { url, stop, close };
}
