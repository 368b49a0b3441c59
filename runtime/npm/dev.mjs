// Starts a `dev` of a test's own, over a folder that is thrown away.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

// `program` is the binary, `settings` the text of footfall.yaml. Resolves once it listens.
export async function startDev(program, settings, ...more) {
  const folder = await mkdtemp(join(tmpdir(), 'footfall-dev-'));
  await writeFile(join(folder, 'footfall.yaml'), settings);
  const server = spawn(program, ['--port', '0', '--data', 'data', ...more], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let url;
  for await (const line of createInterface({ input: server.stdout })) {
    url = line.match(/Dashboard\s+(http:\S+)\/dashboard/)?.[1];
    if (url) break;
  }
  assert.ok(url, 'the server says where it listens');
  server.stdout.resume();
  return {
    url,
    async close() {
      server.kill();
      if (server.exitCode === null && server.signalCode === null) await once(server, 'exit');
      await rm(folder, { recursive: true, force: true });
    },
  };
}
