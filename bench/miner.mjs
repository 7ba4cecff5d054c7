// One thread of `posw miner` on a node of its own, beside the library of the proof of work alone, in turns; of each the best turn counts. Goal: 98 %.
//
//     node bench/miner.mjs [--algorithms argon2id,randomx] [--seconds 5] [--rounds 4] [--build build]
import { join } from 'node:path';

import { BUILD, end, goal, lib, value } from './lib.mjs';

const { ACCOUNTS, keystore, run, start, startMiner, temporaryFolder, until, writeChainFile } = lib;
const algorithms = value('algorithms', 'argon2id,randomx').split(','), seconds = Number(value('seconds', 5)), rounds = Number(value('rounds', 4));
const { address } = ACCOUNTS[0];

/** Hashes a second of the library. */
async function bare(algorithm) {
  const { code, stdout, stderr } = await run([algorithm, String(seconds)], { command: join(BUILD, 'bench/bare-pow') });
  if (code !== 0) throw new Error(`bare-pow ${algorithm} ended with ${code}: ${stderr}`);
  return Number(stdout);
}

/** Of the miner, in its first report after the one that has the start in it. */
async function mine(url) {
  const miner = startMiner('--url', url, '--login', address, '--report', String(seconds));
  const reports = () => miner.events.filter(({ event, hashesPerSecond }) => event === 'report' && hashesPerSecond > 0);
  await until('two reports of the miner', () => reports().length >= 2, { timeoutMs: 3000 * seconds + 30000 });
  miner.child.kill('SIGINT');
  await miner.exited;
  return reports()[1].hashesPerSecond;
}

for (const algorithm of algorithms) {
  const folder = temporaryFolder();
  const chain = writeChainFile(folder, { pow: algorithm, difficulty: { rule: 'fixed', genesis: String(2 ** 60) } }); // nothing is found
  const node = await start(['node', '--chain', chain, '--datadir', join(folder, 'data'), '--no-network', '--port', '0', '--json-ready', '--log-level', 'warn',
    '--stratum', '127.0.0.1:0', '--stratum-keys', address, ...(await keystore(folder, [ACCOUNTS[0]]))], { timeoutMs: 60000 });
  let library = 0, miner = 0;
  for (let i = 0; i < rounds; i++) {
    library = Math.max(library, await bare(algorithm));
    miner = Math.max(miner, await mine(node.ready.stratum));
  }
  await node.stop();
  goal(`  ${algorithm.padEnd(8)}  posw miner ${miner.toFixed(1)} hashes/s, ${((100 * miner) / library).toFixed(1)} % of the library's ${library.toFixed(1)} (one thread, best of ${rounds})`,
    '98 % or more', miner >= 0.98 * library);
}
end();
