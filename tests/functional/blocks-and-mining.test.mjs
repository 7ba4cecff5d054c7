// Blocks: about one a second, in the shape that clients expect, and everything in them recomputed from doc/protocol.md.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { RLP } from '@ethereumjs/rlp';
import { HDNodeWallet } from 'ethers';

import { EMPTY_OMMERS, TWO_256, bytes, headerHash, isBoosted, keccak, littleEndian, powInput, sealHash, sealLevel, sealSigner, splitExtra, text } from './chain.mjs';
import { ACCOUNTS, COIN, STAKING, ethersProvider, run, sleep, startDev, startMining, temporaryFolder, until, viemClients } from './lib.mjs';

const EMPTY_ROOT = '0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421';
const QUANTITY = /^0x(0|[1-9a-f][0-9a-f]*)$/;

function checkShape(b, transactions) {
  const quantities = ['number', 'difficulty', 'gasLimit', 'gasUsed', 'timestamp', 'baseFeePerGas', 'size', 'totalDifficulty'];
  const fixed = { hash: 32, parentHash: 32, sha3Uncles: 32, miner: 20, stateRoot: 32, transactionsRoot: 32, receiptsRoot: 32, logsBloom: 256, mixHash: 32, nonce: 8 };
  for (const key of quantities) assert.match(b[key], QUANTITY, key);
  for (const [key, size] of Object.entries(fixed)) assert.match(b[key], new RegExp(`^0x[0-9a-f]{${2 * size}}$`), key);
  assert.match(b.extraData, /^0x([0-9a-f]{2})*$/);
  assert.deepEqual(b.uncles, []);
  assert.equal(b.sha3Uncles, EMPTY_OMMERS);
  assert.equal(b.transactions.length, transactions);
}

describe('a development chain with its clock', () => {
  let node;
  before(async () => (node = await startMining()));
  after(() => node.stop());

  test('is ready at once', () => {
    assert.ok(node.readyMs < 1000, `ready after ${node.readyMs} ms`);
    assert.equal(node.ready.chainId, 1337);
    assert.equal(node.ready.pid, node.child.pid);
    assert.match(node.ready.ws, /^ws:\/\/127\.0\.0\.1:\d+$/);
  });

  test('grows by about one block a second, in step with the clock', async () => {
    await until('the first block', async () => (await node.number()) >= 1, { timeoutMs: 4000 });
    const first = await node.number();
    await sleep(5000);
    const grown = (await node.number()) - first;
    assert.ok(grown >= 4 && grown <= 6, `${grown} blocks in 5 s`);
    const tip = await node.rpc('eth_getBlockByNumber', 'latest', false);
    assert.ok(Math.abs(Number(tip.timestamp) - Date.now() / 1000) < 2.5, 'the tip has the time of the clock');
  });

  test('stops within a second', async () => {
    const other = await startMining();
    const took = await other.stop();
    assert.ok(took < 1000, `${took} ms`);
  });
});

describe('blocks on demand', () => {
  let node;
  before(async () => (node = await startDev()));
  after(() => node.stop());

  test('nothing is mined unless it is asked for', async () => {
    await sleep(1300);
    assert.equal(await node.number(), 0);
    await node.rpc('evm_mine');
    assert.equal(await node.number(), 1);
    await node.rpc('evm_mine', { blocks: 5 });
    assert.equal(await node.number(), 6);
    await viemClients(node).tester.mine({ blocks: 2 }).catch((error) => assert.fail(error));
    assert.equal(await node.number(), 8);
  });

  test('evm_increaseTime moves the next block', async () => {
    const before = await node.rpc('eth_getBlockByNumber', 'latest', false);
    await node.rpc('evm_increaseTime', 3600);
    await node.mine();
    const later = await node.rpc('eth_getBlockByNumber', 'latest', false);
    const moved = Number(later.timestamp) - Number(before.timestamp);
    assert.ok(moved >= 3598 && moved <= 3610, `${moved} s`);
  });

  test('every block has the standard shape and follows its parent', async () => {
    await node.mineTo(20);
    const blocks = await Promise.all(Array.from({ length: 21 }, (_, i) => node.rpc('eth_getBlockByNumber', '0x' + i.toString(16), false)));
    let total = 0n;
    for (const [i, b] of blocks.entries()) {
      checkShape(b, 0);
      assert.equal(Number(b.number), i);
      assert.equal(b.transactionsRoot, EMPTY_ROOT);
      assert.equal(b.receiptsRoot, EMPTY_ROOT);
      total += BigInt(b.difficulty);
      assert.equal(BigInt(b.totalDifficulty), total);
      if (i === 0) continue;
      assert.equal(b.parentHash, blocks[i - 1].hash);
      assert.ok(Number(b.timestamp) > Number(blocks[i - 1].timestamp), 'T1');
      assert.equal(b.miner, ACCOUNTS[0].address.toLowerCase());
    }
    assert.equal(blocks[0].hash, node.ready.genesis);
  });

  test('hash, seal hash, proof of work and signature are what the protocol says', async () => {
    for (const tag of ['earliest', '0x1', '0x7', 'latest']) {
      const b = await node.rpc('eth_getBlockByNumber', tag, false);
      assert.equal(headerHash(b), b.hash, 'H1');
      if (tag === 'earliest') continue;
      const mix = keccak(powInput(sealHash(b), bytes(b.nonce)));
      assert.equal(text(mix), b.mixHash, 'H5, H6');
      const { weight } = await node.rpc('posw_getMiner', b.miner);
      assert.ok(sealLevel(mix, b.difficulty) < BigInt(weight), 'H7');
      assert.equal(littleEndian(mix) * BigInt(b.difficulty) >= TWO_256, isBoosted(b), 'H9');
      assert.equal(sealSigner(b), ACCOUNTS[0].address, 'H8');
      const extra = splitExtra(b);
      assert.deepEqual([extra.version, extra.size], [1, 98], 'H3');
      assert.equal(extra.stakeRoot, (await node.rpc('posw_getEpoch', b.number)).stakeRoot);
    }
  });

  test('genesis commits to name and parameters', async () => {
    const b = await node.rpc('eth_getBlockByNumber', '0x0', false);
    const extra = Buffer.from(bytes(b.extraData));
    assert.equal(extra.subarray(0, -33).toString(), 'posw dev', 'G2: the name');
    assert.equal(extra.at(-33), 0, 'G2: the end of the name');
    const p = await node.rpc('posw_chainParameters');
    assert.equal(p.genesisHash, b.hash);
    const zero = new Uint8Array();
    const number = (v) => (BigInt(v) === 0n ? zero : bytes(BigInt(v).toString(16).padStart(BigInt(v).toString(16).length + (BigInt(v).toString(16).length % 2), '0')));
    const canonical = [1, p.chainId, 0, p.blockTime, p.window, p.epoch, p.unbonding, p.maxReorg, 1, 0, 1, 0, 0, 0, 0,
      p.weight.boost, p.weight.slots, p.weight.price, p.weight.ramp, p.minimumStake, p.reward.initial, p.reward.halving, p.reward.tail].map(number);
    const tail = [bytes('00'.repeat(20)), ...[0, 0, 0, p.fees.minimum].map(number)];
    assert.equal(text(extra.subarray(-32)), text(keccak(RLP.encode([...canonical, ...tail]))), 'C1');
  });

  test('raw header and raw block are what the hash is of', async () => {
    const b = await node.rpc('eth_getBlockByNumber', '0x5', false);
    const header = bytes(await node.rpc('debug_getRawHeader', '0x5'));
    assert.equal(text(keccak(header)), b.hash);
    const block = bytes(await node.rpc('debug_getRawBlock', b.hash));
    assert.equal(block.length, Number(b.size));
    const [fields, transactions, ommers] = RLP.decode(block);
    assert.equal(text(keccak(RLP.encode(fields))), b.hash);
    assert.deepEqual([transactions, ommers], [[], []]);
  });

  test('tags', async () => {
    await node.mineTo(30);
    const numbers = {};
    for (const tag of ['earliest', 'finalized', 'safe', 'latest', 'pending']) numbers[tag] = Number((await node.rpc('eth_getBlockByNumber', tag, false)).number);
    const tip = await node.number();
    assert.equal(numbers.earliest, 0);
    assert.equal(numbers.latest, tip);
    assert.equal(numbers.pending, tip + 1);
    assert.equal(numbers.finalized, tip - 16, 'deeper than the deepest reorganisation');
    assert.ok(numbers.finalized <= numbers.safe && numbers.safe <= tip);
    const status = await node.rpc('posw_status');
    assert.equal(Number(status.tip.number), tip);
    assert.equal(Number(status.finalized), numbers.finalized);
  });

  test('by hash, by number, counts, and what is not there', async () => {
    const b = await node.rpc('eth_getBlockByNumber', '0x3', true);
    assert.deepEqual(await node.rpc('eth_getBlockByHash', b.hash, true), b);
    assert.equal(await node.rpc('eth_getBlockTransactionCountByNumber', '0x3'), '0x0');
    assert.equal(await node.rpc('eth_getBlockTransactionCountByHash', b.hash), '0x0');
    assert.equal(await node.rpc('eth_getUncleCountByBlockNumber', '0x3'), '0x0');
    assert.equal(await node.rpc('eth_getUncleCountByBlockHash', b.hash), '0x0');
    assert.equal(await node.rpc('eth_getUncleByBlockNumberAndIndex', '0x3', '0x0'), null);
    assert.equal(await node.rpc('eth_getBlockByNumber', '0xffffff', false), null);
    assert.equal(await node.rpc('eth_getBlockByHash', '0x' + '11'.repeat(32), false), null);
    assert.equal(await node.rpc('eth_getBlockTransactionCountByNumber', '0xffffff'), null);
  });

  test('ethers and viem read the same block', async () => {
    const raw = await node.rpc('eth_getBlockByNumber', 'latest', false);
    const provider = ethersProvider(node);
    const { reader } = viemClients(node);
    const a = await provider.getBlock('latest');
    const b = await reader.getBlock();
    assert.deepEqual([a.hash, b.hash], [raw.hash, raw.hash]);
    assert.deepEqual([a.number, Number(b.number)], [Number(raw.number), Number(raw.number)]);
    assert.deepEqual([a.stateRoot, b.stateRoot], [raw.stateRoot, raw.stateRoot]);
    assert.deepEqual([a.baseFeePerGas, b.baseFeePerGas], [BigInt(raw.baseFeePerGas), BigInt(raw.baseFeePerGas)]);
    assert.equal(await provider.getBlockNumber(), Number(raw.number));
    assert.equal((await provider.getNetwork()).chainId, 1337n);
    assert.equal(await reader.getChainId(), 1337);
    assert.equal(await provider.getBlock(999999), null);
    provider.destroy();
  });

  test('who this is', async () => {
    assert.match(await node.rpc('web3_clientVersion'), /^posw\/v\d+\.\d+\.\d+\//);
    assert.equal(await node.rpc('net_version'), '1337');
    assert.equal(await node.rpc('net_listening'), true);
    assert.equal(await node.rpc('net_peerCount'), '0x0');
    assert.equal(await node.rpc('eth_syncing'), false);
    assert.deepEqual(await node.rpc('eth_accounts'), []);
    assert.equal(await node.rpc('eth_coinbase'), ACCOUNTS[0].address.toLowerCase());
    assert.equal(await node.rpc('web3_sha3', '0x68656c6c6f20776f726c64'), '0x47173285a8d7341e5e972fc677286384f802f8ef42a5ec5f03bbfa254cb01fad');
  });

  test('accounts are funded, the miner is paid, the staking contract has code', async () => {
    const tip = BigInt(await node.number());
    assert.equal(await node.balance(ACCOUNTS[0].address), 10000n * COIN + tip * 2n * COIN);
    for (const { address } of ACCOUNTS.slice(1)) assert.equal(await node.balance(address), 10000n * COIN);
    assert.equal(await node.rpc('eth_getCode', STAKING, 'latest'), '0xfe706f7377');
    assert.equal(await node.rpc('eth_getCode', ACCOUNTS[1].address, 'latest'), '0x');
    assert.equal(await node.rpc('eth_getTransactionCount', STAKING, 'latest'), '0x1');
  });
});

describe('options', () => {
  test('accounts, mnemonic, chain id and block time', async () => {
    const phrase = 'legal winner thank year wave sausage worth useful legal winner thank yellow';
    const node = await startDev('--accounts', '3', '--mnemonic', phrase, '--chain-id', '777', '--block-time', '4');
    assert.equal(node.ready.chainId, 777);
    assert.equal(await node.rpc('eth_chainId'), '0x309');
    for (const [i, coins] of [[0, 10000n], [2, 10000n], [3, 0n]]) {
      const { address } = HDNodeWallet.fromPhrase(phrase, '', `m/44'/60'/0'/0/${i}`);
      assert.equal(await node.balance(address), coins * COIN, `account ${i}`);
    }
    assert.equal((await node.rpc('posw_chainParameters')).blockTime, '0x4');
    await node.stop();
  });

  test('the presets', async () => {
    for (const preset of ['pow', 'linear', 'sqrt', 'quadratic', 'diode', 'ticket', 'quarkchain']) {
      const node = await startDev('--weight', preset);
      const { weight } = await node.rpc('posw_chainParameters');
      assert.equal(weight.preset, preset);
      await node.mine(3);
      await node.stop();
    }
  });

  test('wrong ones are refused with a sentence', async () => {
    for (const [args, expected] of [
      [['dev', '--weight', 'cubic'], /--weight must be/],
      [['dev', '--port', '70000'], /port/],
      [['dev', '--nonsense'], /unknown option --nonsense/],
      [['dev', '--mnemonic', 'test test test'], /mnemonic/],
    ]) {
      const { code, stderr } = await run(args, { timeoutMs: 5000 });
      assert.notEqual(code, 0, args.join(' '));
      assert.match(stderr, expected);
    }
  });

  test('a port in use is named', async () => {
    const node = await startDev();
    const { code, stderr } = await run(['dev', '--port', String(node.ready.port)], { timeoutMs: 5000 });
    assert.notEqual(code, 0);
    assert.match(stderr, new RegExp(`port ${node.ready.port}`));
    await node.stop();
  });

  test('--datadir goes on where it ended', async () => {
    const datadir = temporaryFolder();
    let node = await startDev('--datadir', datadir);
    await node.mine(5);
    const tip = await node.rpc('eth_getBlockByNumber', 'latest', false);
    await node.stop();
    node = await startDev('--datadir', datadir);
    assert.equal(node.ready.height, 5);
    assert.deepEqual(await node.rpc('eth_getBlockByNumber', 'latest', false), tip);
    await node.mine();
    assert.equal((await node.rpc('eth_getBlockByNumber', 'latest', false)).parentHash, tip.hash);
    const second = await run(['dev', '--datadir', datadir, '--port', '0'], { timeoutMs: 5000 });
    assert.notEqual(second.code, 0, 'a second node on the same folder');
    assert.match(second.stderr, /another|use/);
    await node.stop();
  });
});
