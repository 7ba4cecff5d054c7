// Synchronisation of a fresh node beside `posw import` of the same blocks, durable alike, in the same run.
//
//     node bench/sync.mjs [--blocks 20000] [--transfers 5] [--rounds 2] [--build build] [--with stall,bodies]
//
// The fresh node has three peers on the loopback: a real node that has the chain, one that gives headers and never a block, and one whose
// blocks have false bodies. The import uses all processors; the synchronisation shares them with its three peers.
import { availableParallelism } from 'node:os';

import { end, goal, lib, network, value } from './lib.mjs';

const blocks = Number(value('blocks', 20000)), transfers = Number(value('transfers', 5)), rounds = Number(value('rounds', 2));
const others = value('with', 'stall,bodies').split(',').filter(Boolean);
const folder = lib.temporaryFolder();
await network.makeChain(folder, blocks, transfers);
let best = 0;
for (let i = 0; i < rounds; i++) {
  const r = await network.compareSync(folder, blocks, others);
  best = Math.max(best, r.ratio);
  console.log(`  ${blocks} blocks of ${transfers} transfers: import ${r.importRate.toFixed(0)} blocks/s (${r.importCpuMs.toFixed(0)} ms of processor time), sync from three peers ` +
    `${r.syncRate.toFixed(0)} blocks/s (${r.syncCpuMs.toFixed(0)} ms), ${(100 * r.ratio).toFixed(0)} %`);
}
goal(`  best of ${rounds}: ${(100 * best).toFixed(0)} % of the import rate, on ${availableParallelism()} processors`, '70 % or more', best >= 0.7);
end();
