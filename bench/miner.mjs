// One thread of `posw miner` on a node of its own, beside one of the library of the proof of work alone, at the same time, so that what else the machine
// does takes from both. The median of the rounds counts. Goal: 98 %, of which nothing is said when a round has fewer than 200 hashes: one more or less
// of them is too much then.
//
//     node bench/miner.mjs [--algorithms argon2id,randomx] [--seconds 5, randomx 20] [--rounds 5] [--build build]
import { join } from 'node:path';

import { BUILD, end, goal, lib, median, value } from './lib.mjs';

const { ACCOUNTS, keystore, run, start, startMiner, temporaryFolder, until, writeChainFile } = lib;
const algorithms = value('algorithms', 'argon2id,randomx').split(','), rounds = Number(value('rounds', 5));
const { address } = ACCOUNTS[0];

const secondsOf = (algorithm) => Number(value('seconds', algorithm === 'randomx' ? 20 : 5));

/** Hashes a second of the library. */
async function bare(algorithm, seconds) {
  const { code, stdout, stderr } = await run([algorithm, String(seconds)], { command: join(BUILD, 'bench/bare-pow') });
  if (code !== 0) throw new Error(`bare-pow ${algorithm} ended with ${code}: ${stderr}`);
  return Number(stdout);
}

/** Hashes a second of both. The first report has the start of the miner in it. */
async function both(algorithm, seconds, url) {
  const miner = startMiner('--url', url, '--login', address, '--report', String(seconds));
  const reports = () => miner.events.filter(({ event, hashesPerSecond }) => event === 'report' && hashesPerSecond > 0);
  await until('a report of the miner', () => reports().length >= 1, { timeoutMs: 2000 * seconds + 30000 });
  const alone = await bare(algorithm, seconds);
  await until('another report', () => reports().length >= 2, { timeoutMs: 2000 * seconds + 10000 });
  miner.child.kill('SIGINT');
  await miner.exited;
  return { alone, miner: reports()[1].hashesPerSecond };
}

for (const algorithm of algorithms) {
  const folder = temporaryFolder();
  const chain = writeChainFile(folder, { pow: algorithm, difficulty: { rule: 'fixed', genesis: String(2 ** 60) } }); // nothing is found
  const node = await start(['node', '--chain', chain, '--datadir', join(folder, 'data'), '--no-network', '--port', '0', '--json-ready', '--log-level', 'warn',
    '--stratum', '127.0.0.1:0', '--stratum-keys', address, ...(await keystore(folder, [ACCOUNTS[0]]))], { timeoutMs: 60000 });
  const rates = [], seconds = secondsOf(algorithm);
  for (let i = 0; i < rounds; i++) rates.push(await both(algorithm, seconds, node.ready.stratum));
  await node.stop();
  const ratio = median(rates.map(({ alone, miner }) => miner / alone));
  const rate = (of) => median(rates.map(of)).toFixed(1);
  const line = `  ${algorithm.padEnd(8)}  posw miner ${rate((r) => r.miner)} hashes/s, the library alone ${rate((r) => r.alone)}: ${(100 * ratio).toFixed(1)} % (one thread each, median of ${rounds})`;
  if (Math.min(...rates.map(({ alone, miner }) => Math.min(alone, miner) * seconds)) < 200) console.log(`${line}   too few hashes to judge`);
  else goal(line, '98 % or more', ratio >= 0.98);
}
end();
