// The rule, shown in a running chain. Three identities of equal hash power search in turn, one hash each; whoever first finds a seal that its
// own weight allows takes the block. Weights are computed here from doc/protocol.md, never taken from the node: the node accepts what the
// rule allows, refuses what it does not, and blocks are won in the ratio that F says.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { keccak_256 } from '@noble/hashes/sha3.js';
import { Wallet, id } from 'ethers';

import { PRESETS, bytes, isBoosted, keccak, powInput, powerWeight, sealLevel, submission, text, ticketPrice, ticketWeight } from './chain.mjs';
import { COIN, startNode, temporaryFolder, writeChainFile } from './lib.mjs';

const identity = (name) => new Wallet(id(`posw functional tests: ${name}`));
const THREE = ['a', 'b', 'c'].map(identity);

/** How much better the winners are foretold by what won so far than by the rule. For each block, before it is known, the rule's chances are
 * bent by how often each has won against how often it should have; the product of bent / rule over the blocks is this. If the rule is right,
 * that product is a martingale of mean 1, so that the chance that it *ever* exceeds 1 / a is at most a (Ville): exact for any number of blocks,
 * also where each has other chances. If the rule is wrong, it grows exponentially. */
class Doubt {
  constructor() {
    this.expected = [0, 0, 0];
    this.observed = [0, 0, 0];
    this.log = 0; // natural logarithm of the product
    this.most = 0;
  }
  add(q, winner) {
    const bent = q.map((p, i) => (p * (this.observed[i] + 1)) / (this.expected[i] + 1));
    this.log += Math.log(bent[winner] / bent.reduce((a, b) => a + b) / q[winner]);
    this.most = Math.max(this.most, this.log);
    for (let i = 0; i < 3; i++) this.expected[i] += q[i];
    this.observed[winner]++;
  }
  get told() {
    return `won ${this.observed}, expected ${this.expected.map((e) => e.toFixed(1))}, doubt e^${this.log.toFixed(1)}, at most e^${this.most.toFixed(1)}`;
  }
}

/** A right rule is refused in one of 10^8 runs of a test; there are seven. */
const REFUSED = Math.log(1e8);

/** The chance of each to win a block when they take turns in this order with success p. */
function chances(p) {
  const win = [p[0], (1 - p[0]) * p[1], (1 - p[0]) * (1 - p[1]) * p[2]];
  const any = win[0] + win[1] + win[2];
  return win.map((w) => w / any);
}

class World {
  /** stakes in coins, for THREE */
  static async open(preset, stakes, difficulty, more = {}) {
    const w = new World();
    w.rule = { ...PRESETS[preset] };
    w.window = BigInt(more.window ?? w.rule.window ?? 32n);
    w.rule.window = w.window;
    w.stakes = stakes.map((s) => BigInt(s) * COIN);
    w.difficulty = BigInt(difficulty);
    const folder = temporaryFolder();
    const chain = writeChainFile(folder, {
      name: `weights ${preset}`,
      window: Number(w.window),
      unbonding: Number(w.window > 32n ? w.window : 32n),
      difficulty: { rule: 'fixed', genesis: String(difficulty) },
      weight: { preset },
      reward: { initial: '0 coin', halving: 0, tail: '0 coin' }, // the supply, and with it the ticket price, stands still
      accounts: { [identity('rest').address]: `${more.rest ?? 100000} coin` },
      stakes: THREE.flatMap(({ address }, i) => (stakes[i] > 0 ? [{ miner: address, owner: address, amount: `${stakes[i]} coin` }] : [])),
    });
    w.supply = BigInt(more.rest ?? 100000) * COIN + w.stakes.reduce((a, b) => a + b, 0n);
    w.node = await startNode(chain, folder + '/data');
    w.blocks = []; // {winner, boosted}
    w.nonce = BigInt(id(preset)) & 0xffffffffffffn; // the same start in every run
    return w;
  }

  /** W4, without the time unlock: these chains are far too fast for it. */
  used(i) {
    return BigInt(this.blocks.slice(-Number(this.window)).filter((b) => b.winner === i && b.boosted).length);
  }

  /** F of identity i for the next block. */
  weight(i) {
    if (this.rule.kind === 'power') return powerWeight(this.rule, this.stakes[i]);
    return ticketWeight(this.rule, this.stakes[i], this.supply, this.used(i));
  }

  async works() {
    const calls = THREE.map(({ address }, i) => ({ jsonrpc: '2.0', id: i, method: 'posw_getWork', params: [address] }));
    return (await this.node.ask(calls)).map((a) => a.result);
  }

  /** One block; returns who won. */
  async mine(doubt) {
    const works = await this.works();
    const weights = THREE.map((_, i) => this.weight(i));
    works.forEach((work, i) => assert.equal(BigInt(work.weight), weights[i], `F of ${i} for block ${Number(work.number)}`));
    const inputs = works.map((w) => bytes(w.input));
    const views = inputs.map((input) => new DataView(input.buffer));
    for (;;) {
      this.nonce++;
      for (let i = 0; i < 3; i++) {
        views[i].setBigUint64(39, this.nonce);
        const mixHash = keccak_256(inputs[i]);
        const level = sealLevel(mixHash, this.difficulty);
        if (level >= weights[i]) continue;
        await this.node.rpc('posw_submitWork', submission(THREE[i].privateKey, works[i], { nonce: inputs[i].slice(39), mixHash }));
        this.blocks.push({ winner: i, boosted: level >= 1n });
        doubt?.add(chances(weights.map((f) => Number(f > this.difficulty ? this.difficulty : f) / Number(this.difficulty))), i);
        return i;
      }
    }
  }

  /** Mines, and asks whether the rule foretells the winners. */
  async judge(blocks) {
    const doubt = new Doubt();
    for (let n = 0; n < blocks; n++) await this.mine(doubt);
    assert.ok(doubt.most < REFUSED, doubt.told);
    return { told: doubt.told };
  }

  /** What the chain says afterwards, from its headers alone, against what was counted here. */
  async checkHeaders() {
    const tip = await this.node.number();
    assert.equal(tip, this.blocks.length);
    const calls = Array.from({ length: tip }, (_, i) => ({ jsonrpc: '2.0', id: i, method: 'eth_getBlockByNumber', params: ['0x' + (i + 1).toString(16), false] }));
    const headers = (await this.node.ask(calls)).map((a) => a.result);
    headers.forEach((h, i) => {
      assert.equal(h.miner, THREE[this.blocks[i].winner].address.toLowerCase());
      assert.equal(isBoosted(h), this.blocks[i].boosted, 'H9');
    });
    return headers;
  }
}

/** The other side of the rule: a seal that another identity's weight would allow, but not one's own. */
async function checkRefusal(world, weak, limit) {
  const [work] = [(await world.works())[weak]];
  const seal = bytes(work.sealHash);
  for (let n = 1n; ; n++) {
    const nonce = bytes(n.toString(16).padStart(16, '0'));
    const mixHash = keccak(powInput(seal, nonce));
    const level = sealLevel(mixHash, world.difficulty);
    if (level < world.weight(weak) || level >= limit) continue;
    await assert.rejects(world.node.rpc('posw_submitWork', submission(THREE[weak].privateKey, work, { nonce, mixHash })), { code: -32000, message: /\(rule H7\)/ });
    return;
  }
}

const BLOCKS = 300;

describe('weight of the stake alone', () => {
  // preset, stakes, F, difficulty
  const cases = [
    ['pow', [0, 1000, 50000], [1n, 1n, 1n], 64],
    ['linear', [1000, 2000, 5000], [1n, 2n, 5n], 256],
    ['sqrt', [1000, 4999, 16000], [1n, 2n, 4n], 256],
    ['quadratic', [1000, 2000, 4000], [1n, 4n, 16n], 512],
    ['diode', [0, 1999, 3000], [1n, 1n, 9n], 512],
  ];
  for (const [preset, stakes, weights, difficulty] of cases)
    test(`${preset}: ${stakes.join(', ')} coins win ${weights.join(' : ')}`, async (t) => {
      const world = await World.open(preset, stakes, difficulty);
      assert.deepEqual(THREE.map((_, i) => world.weight(i)), weights);
      const { told } = await world.judge(BLOCKS);
      t.diagnostic(`${preset}: ${told}`);
      await world.checkHeaders();
      if (weights[2] > weights[0]) await checkRefusal(world, 0, weights[2]);
      await world.node.stop();
    });

  test('the vectors of the founding project: from 1 to 2,500', async () => {
    const folder = temporaryFolder();
    const coins = [0, 999, 1000, 1999, 2000, 49999, 50000, 99999];
    const expected = [1, 1, 1, 1, 4, 2401, 2500, 2500];
    const miners = coins.map((_, i) => identity(`vector ${i}`).address);
    const stakes = coins.flatMap((c, i) => (c > 0 ? [{ miner: miners[i], owner: miners[i], amount: `${c} coin` }] : []));
    const node = await startNode(writeChainFile(folder, { weight: { preset: 'diode' }, stakes }), folder + '/data');
    for (const [i, miner] of miners.entries()) {
      assert.equal(Number((await node.rpc('posw_getMiner', miner)).weight), expected[i], `${coins[i]} coins`);
      assert.equal(powerWeight(PRESETS.diode, BigInt(coins[i]) * COIN), BigInt(expected[i]));
    }
    await node.stop();
  });
});

describe('weight that is used up', () => {
  /** In any W consecutive blocks each has at most as many boosted ones as it has tickets. */
  function checkWindows(headers, window, tickets) {
    let fullest = [0, 0, 0];
    const count = [0, 0, 0];
    const who = (h) => THREE.findIndex((w) => w.address.toLowerCase() === h.miner);
    headers.forEach((h, n) => {
      if (isBoosted(h)) count[who(h)]++;
      const gone = headers[n - window];
      if (gone && isBoosted(gone)) count[who(gone)]--;
      count.forEach((c, i) => {
        assert.ok(c <= tickets[i], `identity ${i} has ${c} boosted blocks among the ${window} up to ${n + 1}, but ${tickets[i]} tickets`);
        fullest[i] = Math.max(fullest[i], c);
      });
    });
    return fullest;
  }

  for (const [preset, stakes, difficulty, blocks, more] of [
    // supply 128,000 coins, 4 slots, W 32: 1,000 coins a ticket
    ['ticket', [0, 3500, 8000], 1024, 400, { rest: 116500 }],
    ['quarkchain', [0, 5999, 24000], 64, 700, {}],
  ])
    test(`${preset}: ${stakes.join(', ')} coins`, async (t) => {
      const world = await World.open(preset, stakes, difficulty, more);
      const tickets = world.stakes.map((s) => Number(s / ticketPrice(world.rule, world.supply)));
      t.diagnostic(`${preset}: tickets ${tickets}`);
      assert.deepEqual(tickets, preset === 'ticket' ? [0, 3, 8] : [0, 5, 24]);
      for (const [i, { address }] of THREE.entries()) {
        const m = await world.node.rpc('posw_getMiner', address);
        assert.deepEqual([Number(m.tickets), Number(m.free)], [tickets[i], tickets[i]]);
      }
      const { told } = await world.judge(blocks);
      t.diagnostic(`${preset}: ${told}`);
      const headers = await world.checkHeaders();
      const fullest = checkWindows(headers, Number(world.window), tickets);
      assert.deepEqual(fullest, tickets, 'and each has used all of them');
      for (const [i, { address }] of THREE.entries()) {
        const m = await world.node.rpc('posw_getMiner', address);
        assert.equal(BigInt(m.used), world.used(i));
        assert.equal(BigInt(m.weight), world.weight(i));
      }
      const unboosted = headers.filter((h) => !isBoosted(h)).length;
      assert.ok(unboosted > headers.length / 4, 'without tickets it is plain proof of work');
      await checkRefusal(world, 0, world.rule.boost);
      await world.node.stop();
    });

  test('splitting a stake into two identities changes nothing', async () => {
    const whole = await World.open('ticket', [0, 6000, 0], 1024, { rest: 122000 });
    const split = await World.open('ticket', [0, 3000, 3000], 1024, { rest: 122000 });
    const boosted = async (w) => {
      for (let n = 0; n < 96; n++) await w.mine();
      const headers = await w.checkHeaders();
      checkWindows(headers, 32, w === whole ? [0, 6, 0] : [0, 3, 3]);
      return headers.filter(isBoosted).length;
    };
    const [a, b] = [await boosted(whole), await boosted(split)];
    assert.ok(Math.abs(a - b) <= 3, `${a} and ${b} boosted blocks in 96`);
    await whole.node.stop();
    await split.node.stop();
  });
});

/** A generator with a seed (xorshift32), so that what follows is the same in every run. */
function dice(seed) {
  let x = seed;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) / 2 ** 32;
  };
}

test('the judge: a right rule passes, wrong ones are found out', (t) => {
  const RUNS = 400;
  const shares = (weights) => weights.map((w) => w / weights.reduce((a, b) => a + b));
  /** Runs of 300 blocks won by `truth` that are refused when judged by `claim`. */
  const refused = (truth, claim, seed) => {
    const random = dice(seed);
    let n = 0;
    for (let run = 0; run < RUNS; run++) {
      const doubt = new Doubt();
      for (let i = 0; i < BLOCKS; i++) {
        const x = random();
        doubt.add(shares(claim), x < shares(truth)[0] ? 0 : x < shares(truth)[0] + shares(truth)[1] ? 1 : 2);
      }
      n += doubt.most >= REFUSED;
    }
    return n;
  };
  for (const rule of [[1, 1, 1], [1, 2, 5], [1, 2, 4], [1, 4, 16], [1, 1, 9]]) {
    assert.equal(refused(rule, rule, 1), 0);
    const wrong = { squared: rule.map((w) => w * w), flat: [1, 1, 1], 'of the first two exchanged': [rule[1], rule[0], rule[2]], 'of the last two': [rule[0], rule[2], rule[1]] };
    for (const [name, truth] of Object.entries(wrong)) {
      const distance = Math.max(...shares(truth).map((p, i) => Math.abs(p - shares(rule)[i])));
      const found = refused(truth, rule, 2) / RUNS;
      if (distance > 0) t.diagnostic(`${rule.join(':')}, in truth ${truth.join(':')} (${name}): found out in ${(100 * found).toFixed(1)} % of the runs`);
      if (distance > 0.2) assert.ok(found > 0.95, `${rule} against ${truth}: ${found}`);
    }
  }
});

test('the odd bytes: a level is what the definition says', () => {
  const max = new Uint8Array(32).fill(255);
  assert.equal(sealLevel(max, 64n), 63n);
  assert.equal(sealLevel(new Uint8Array(32), 64n), 0n);
  const low = new Uint8Array(32);
  low[31] = 4; // little-endian: 4 / 256 of the range
  assert.equal(sealLevel(low, 64n), 1n);
  low[31] = 3;
  assert.equal(sealLevel(low, 64n), 0n);
  assert.equal(text(low).length, 66);
});
