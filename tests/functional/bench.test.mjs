// tools/bench: every benchmark still runs, and what failed or missed its goal is told. Nothing is timed here.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';

import { POSW, ROOT, run, temporaryFolder } from './lib.mjs';

const bench = (...args) => run(args, { command: join(ROOT, 'tools/bench'), timeoutMs: 140000 });

/** A build folder whose benchmarks are these scripts. */
function build(scripts) {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'bench'));
  for (const [name, script] of Object.entries(scripts)) {
    const path = join(folder, 'bench', `bench-${name}`);
    writeFileSync(path, `#!/bin/sh\n${script}\n`);
    chmodSync(path, 0o755);
  }
  return folder;
}

describe('tools/bench', () => {
  test('runs every benchmark in its smallest form', async () => {
    const names = (await bench('--list')).stdout.trim().split('\n');
    assert.ok(names.length >= 12, names.join(' '));
    const { code, stdout, stderr } = await bench(dirname(POSW), '--quick');
    assert.equal(code, 0, stdout + stderr);
    for (const name of names) assert.ok(stdout.includes(`\n== ${name}\n`), name);
    assert.match(stdout, /argon2id +posw miner [\d.]+ hashes/); // a busy machine may find too few to be judged
    const goals = stdout.slice(stdout.indexOf('\n== goals'));
    for (const name of ['core', 'hop', 'import', 'lab', 'node', 'rpc', 'sync']) assert.match(goals, new RegExp(`^${name} .* goal `, 'm'));
  });

  test('tells what missed its goal, and what has failed, which hides no other', async () => {
    const folder = build({
      core: 'echo "  fast: 3 ms   goal 4 ms or less   met"',
      lab: 'echo "slow: 5 ms   goal 4 ms or less   MISSED"; exit 1',
      sim: 'exit 1', // without a goal that was missed
      trie: 'kill -9 $$',
    });
    const good = await bench(folder, 'core');
    assert.equal(good.code, 0);
    assert.match(good.stdout, /\n== goals\ncore    fast: 3 ms {3}goal 4 ms or less {3}met\n\n1 met, 0 missed\n$/);
    const missed = await bench(folder, 'lab', 'core');
    assert.equal(missed.code, 1);
    assert.match(missed.stdout, /\n1 met, 1 missed\n$/);
    const failed = await bench(folder, 'sim', 'trie', 'lab', 'core');
    assert.equal(failed.code, 2);
    assert.match(failed.stdout, /\n1 met, 1 missed\n$/);
    assert.match(failed.stderr, /failed, with exit codes: sim\(1\) trie\(137\)\n$/);
  });

  test('names the benchmarks when it does not know one', async () => {
    for (const words of [['nothing'], ['core', 'lib'], ['.*']]) {
      const { code, stderr } = await bench(dirname(POSW), ...words);
      assert.equal(code, 2);
      assert.match(stderr, /^bench: there is no benchmark (nothing|lib|\.\*)\nusage: .* core import lab /);
    }
    assert.equal((await bench('/nonexistent')).code, 2);
  });
});
