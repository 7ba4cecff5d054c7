// The real xmrig against a node: two logins with different stake, the target of each, and every share a block.
//
//     POSW_XMRIG=/path/to/xmrig tests/functional/run build xmrig.test.mjs
//
// POSW_XMRIG_SHARES: of each chain, both logins together (20); 100 and more take minutes: set POSW_LONG=1, too. The binary is not part of the project; without it the test is skipped.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { ACCOUNTS, keystore, run, start, temporaryFolder, until, within, writeChainFile } from './lib.mjs';

const XMRIG = process.env.POSW_XMRIG;
const SHARES = Number(process.env.POSW_XMRIG_SHARES ?? 20);
const skip = XMRIG ? false : 'POSW_XMRIG does not name an xmrig binary';
if (skip) console.error(`xmrig.test.mjs: skipped: ${skip}`);
else if (!existsSync(XMRIG)) throw new Error(`POSW_XMRIG: there is no ${XMRIG}`);

const [rich, poor] = ACCOUNTS.slice(1, 3);
const stake = ({ address }, amount) => ({ miner: address, owner: address, amount });

/** xmrig for one login; what it says is in its log. fingerprint: of the certificate, with TLS. */
function startXmrig(folder, url, algorithm, address, fingerprint) {
  const log = join(folder, `${address}.log`);
  const child = spawn(XMRIG, [
    '-a', algorithm, '-o', url, '-u', `${address}.test`, '-p', 'x', '-t', '1', '--no-color', '--log-file', log, '--donate-level', '0',
    '--randomx-mode', 'light', '--randomx-wrmsr=-1', '--randomx-no-rdmsr', '--retry-pause', '1',
    ...(fingerprint ? ['--tls', `--tls-fingerprint=${fingerprint}`] : []),
  ], { cwd: folder, stdio: 'ignore' });
  process.on('exit', () => child.kill('SIGKILL'));
  const text = () => (existsSync(log) ? readFileSync(log, 'utf8') : '');
  const numbers = (pattern) => [...text().matchAll(pattern)].map((m) => Number(m[1]));
  return {
    child,
    text,
    accepted: () => numbers(/ accepted \((\d+)\//g).length,
    rejected: () => [...text().matchAll(/ rejected \(\d+\/\d+\).*?"(.*?)"/g)].map((m) => m[1]),
    difficulties: () => numbers(/ new job from .* diff (\d+) algo/g),
    stop: async () => {
      const exited = new Promise((done) => child.once('exit', done));
      child.kill('SIGTERM');
      await within(20000, exited, 'xmrig ends');
    },
  };
}

/** chain: what differs from writeChainFile; weights: of the two logins. tls: the second one comes with TLS. */
async function mines(t, { algorithm, chain, weights, shares, tls = false }) {
  const folder = temporaryFolder();
  const keys = await keystore(folder, [rich, poor]);
  const file = writeChainFile(folder, { window: 4096, unbonding: 4096, ...chain });
  // a node of randomx fills 256 MiB before it says anything
  const network = tls ? ['--listen', 'none', '--mine-alone', '--stratum-tls'] : ['--no-network']; // the certificate is of the network's key
  const node = await start(['node', '--chain', file, '--datadir', join(folder, 'data'), ...network, '--port', '0', '--json-ready', '--log-level', 'warn',
    '--stratum', '127.0.0.1:0', '--stratum-keys', `${rich.address},${poor.address}`, ...keys], { timeoutMs: 60000 });
  const difficulty = Number(chain.difficulty.genesis);
  const rigs = [null, tls ? node.ready.stratumFingerprint : null].map((fingerprint, i) =>
    startXmrig(folder, node.ready.stratum, algorithm, [rich, poor][i].address, fingerprint));
  const sum = () => rigs[0].accepted() + rigs[1].accepted();
  try {
    await until('shares', () => sum() >= shares && rigs.every((r) => r.accepted() > 0), { timeoutMs: 40000 + 30000 * shares, everyMs: 200 });
  } catch (error) {
    throw new Error(`${error.message}\n${rigs.map((r) => r.text().slice(-2000)).join('\n')}`);
  } finally {
    await Promise.all(rigs.map((r) => r.stop())); // else the runner would wait for them
  }
  if (tls) assert.match(rigs[1].text(), /TLSv1\.3/);
  for (const [i, rig] of rigs.entries()) {
    const shown = new Set(rig.difficulties());
    assert.deepEqual([...shown], [difficulty / weights[i]], 'the difficulty that xmrig shows is the chain’s over the weight');
    // too late, or more than the door checks at a time: at this tiny difficulty a quick machine finds several in the moment of one check
    const invalid = rig.rejected().filter((why) => why !== 'Block expired' && why !== 'Too many shares at once');
    assert.deepEqual(invalid, [], 'no share was wrong');
  }
  const height = await node.number();
  assert.ok(height >= sum(), 'every accepted share is a block');
  const found = [0, 0];
  for (let n = 1; n <= height; n++) {
    const { miner } = await node.rpc('eth_getBlockByNumber', '0x' + n.toString(16), false);
    found[[rich, poor].findIndex(({ address }) => address.toLowerCase() === miner)]++;
  }
  for (const [i, rig] of rigs.entries()) assert.ok(found[i] >= rig.accepted() && found[i] <= rig.accepted() + 1, 'blocks of this login');
  const stale = rigs.map((r) => r.rejected().length);
  t.diagnostic(`${algorithm}, weights ${weights.join(' and ')}: accepted ${rigs.map((r) => r.accepted()).join(' and ')}, too late ${stale.join(' and ')}, wrong 0; ${height} blocks`);
  await node.stop();
}

describe('xmrig', { skip, timeout: 36000000 }, () => {
  test('argon2/chukwa, with tickets and without', (t) =>
    mines(t, {
      algorithm: 'argon2/chukwa',
      chain: {
        pow: 'argon2id',
        difficulty: { rule: 'fixed', genesis: '2400' },
        weight: { preset: 'ticket', boost: '4', price: '1 coin' },
        stakes: [stake(rich, '5000 coin')],
      },
      weights: [4, 1],
      shares: SHARES,
    }));

  test('argon2/chukwa, one of them with TLS', (t) =>
    mines(t, {
      algorithm: 'argon2/chukwa',
      chain: {
        pow: 'argon2id',
        difficulty: { rule: 'fixed', genesis: '2400' },
        weight: { preset: 'linear' },
        stakes: [stake(rich, '2000 coin'), stake(poor, '2000 coin')],
      },
      weights: [2, 2],
      shares: SHARES,
      tls: true,
    }));

  test('argon2/chukwa, a weight that is linear in the stake', (t) =>
    mines(t, {
      algorithm: 'argon2/chukwa',
      chain: {
        pow: 'argon2id',
        difficulty: { rule: 'fixed', genesis: '6000' },
        weight: { preset: 'linear' },
        stakes: [stake(rich, '6000 coin'), stake(poor, '2000 coin')],
      },
      weights: [6, 2],
      shares: SHARES,
    }));

  test('rx/0', async (t) => {
    const folder = temporaryFolder();
    const probe = await run(['node', '--chain', writeChainFile(folder, { pow: 'randomx' }), '--datadir', join(folder, 'probe'), '--no-network', '--host', 'none', '--port', '0']);
    if (/has no randomx/.test(probe.stderr)) return t.skip('this build of posw has no randomx');
    return mines(t, {
      algorithm: 'rx/0',
      chain: {
        pow: 'randomx',
        difficulty: { rule: 'fixed', genesis: '120' },
        weight: { preset: 'ticket', boost: '4', price: '1 coin' },
        stakes: [stake(rich, '5000 coin')],
      },
      weights: [4, 1],
      shares: Math.ceil(SHARES / 4),
    });
  });
});
