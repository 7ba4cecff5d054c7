// Nothing that a test has started outlives it, however it ends.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { ROOT, until, within } from './lib.mjs';

const runs = (pid) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

/** Runs the test that hangs until it has said its process ids, then `end`s it; the ids. */
async function hang(ms, end) {
  const child = spawn(process.execPath, [join(ROOT, 'tests/functional/fixtures/hangs.mjs')], { stdio: ['ignore', 'pipe', 'ignore'], env: { ...process.env, HANG_MS: String(ms), NODE_TEST_CONTEXT: '' } });
  const ended = new Promise((done) => child.on('close', done));
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part) => (text += part));
  try {
    const [, list] = await until('process ids', () => text.match(/pids ([\d ]+)\n/), { timeoutMs: 30000 });
    const pids = list.split(' ').map(Number);
    assert.ok(pids.length === 3 && pids.every(runs));
    end(child);
    await within(30000, ended, 'the end of the test');
    return pids;
  } finally {
    child.kill('SIGKILL');
  }
}

describe('a network that a test has started', () => {
  test('ends with a test that runs out of time', async () => {
    const pids = await hang(4000, () => {});
    await until('all ended', () => !pids.some(runs), { timeoutMs: 5000 });
  });

  for (const signal of ['SIGTERM', 'SIGINT'])
    test(`ends with a test that is ended by ${signal}`, async () => {
      const pids = await hang(600000, (child) => child.kill(signal));
      await until('all ended', () => !pids.some(runs), { timeoutMs: 5000 });
    });
});
