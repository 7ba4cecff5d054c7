// How long a node takes to pass a new block on over the loopback, with its transactions in the pool: from the COMPACT that it is sent to the one
// that it sends. The proof of work is keccak256, of a microsecond; another algorithm adds its own time. Goal: 10 ms, p95.
//
//     node bench/hop.mjs [--blocks 200] [--rounds 2] [--build build]
import { end, goal, lib, network, value } from './lib.mjs';

const blocks = Number(value('blocks', 200)), rounds = Number(value('rounds', 2));
for (const transfers of [0, 100, 1000]) {
  let best;
  for (let i = 0; i < rounds; i++) {
    const r = await network.measureHop(lib.temporaryFolder(), blocks, transfers);
    if (!best || r.p95 < best.p95) best = r;
  }
  const ms = (us) => (us / 1000).toFixed(2);
  goal(`  blocks of ${String(transfers).padStart(4)} transactions: ${ms(best.p50)} ms p50, ${ms(best.p95)} ms p95, ${ms(best.p99)} ms p99 (${best.blocks} blocks, best of ${rounds})`,
    '10 ms or less, p95', best.p95 <= 10000);
}
end();
