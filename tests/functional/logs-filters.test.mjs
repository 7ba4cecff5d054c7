// eth_getLogs and the polled filters.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Contract, id, zeroPadValue } from 'ethers';
import { parseAbi, parseAbiItem } from 'viem';

import { ACCOUNTS, COIN, STAKING, STAKING_ABI, ethersProvider, ethersWallet, startDev, until, viemClients } from './lib.mjs';

const TOPIC = {
  Staked: id('Staked(address,address,uint256,uint256)'),
  Unstaked: id('Unstaked(address,address,uint256,uint256)'),
  SignerChanged: id('SignerChanged(address,address)'),
};
const padded = (i) => zeroPadValue(ACCOUNTS[i].address, 32).toLowerCase();

let node, provider, stakeHash;
const contract = (i) => new Contract(STAKING, STAKING_ABI, ethersWallet(provider, i));
/** block 2: Staked 1→2, Staked 3→2; block 4: Staked 1→1; block 6: Unstaked 1→2, SignerChanged 3; block 8: nothing */
before(async () => {
  node = await startDev();
  provider = ethersProvider(node);
  await node.mine();
  stakeHash = (await contract(1).stake(ACCOUNTS[2].address, { value: 10n * COIN })).hash;
  await contract(3).stake(ACCOUNTS[2].address, { value: 20n * COIN });
  await node.mine(2);
  await contract(1).stake(ACCOUNTS[1].address, { value: 30n * COIN });
  await node.mine(2);
  await contract(1).unstake(ACCOUNTS[2].address, 10n * COIN);
  await contract(3).setSigner(ACCOUNTS[4].address);
  await node.mine(3);
});
after(async () => {
  provider.destroy();
  await node.stop();
});

const logs = (filter) => node.rpc('eth_getLogs', filter);
const names = (list) => list.map((l) => Object.keys(TOPIC).find((name) => TOPIC[name] === l.topics[0]));
const ALL = { fromBlock: '0x0', toBlock: 'latest' };

describe('eth_getLogs', () => {
  test('everything, with every field', async () => {
    const all = await logs(ALL);
    assert.deepEqual(names(all).sort(), ['SignerChanged', 'Staked', 'Staked', 'Staked', 'Unstaked']);
    assert.deepEqual(all.map((l) => Number(l.blockNumber)), [2, 2, 4, 6, 6]);
    for (const l of all) {
      const receipt = await node.rpc('eth_getTransactionReceipt', l.transactionHash);
      assert.deepEqual(receipt.logs, [l], 'the same log as in the receipt');
      assert.equal(l.address, STAKING);
      assert.equal(l.removed, false);
      assert.equal(l.blockHash, receipt.blockHash);
      assert.equal(l.transactionIndex, receipt.transactionIndex);
    }
    assert.deepEqual(all.map((l) => Number(l.logIndex)), [0, 1, 0, 0, 1], 'counted through the block');
  });

  test('by address, one or several', async () => {
    assert.equal((await logs({ ...ALL, address: STAKING })).length, 5);
    assert.equal((await logs({ ...ALL, address: STAKING.toUpperCase().replace('0X', '0x') })).length, 5);
    assert.equal((await logs({ ...ALL, address: [ACCOUNTS[1].address, STAKING] })).length, 5);
    assert.equal((await logs({ ...ALL, address: ACCOUNTS[1].address })).length, 0);
    assert.equal((await logs({ ...ALL, address: [] })).length, 5);
  });

  test('by topics: places, wildcards, alternatives', async () => {
    const count = async (topics) => (await logs({ ...ALL, topics })).length;
    assert.equal(await count([TOPIC.Staked]), 3);
    assert.equal(await count([[TOPIC.Staked, TOPIC.Unstaked]]), 4);
    assert.equal(await count([null, padded(1)]), 3);
    assert.equal(await count([TOPIC.Staked, padded(1)]), 2);
    assert.equal(await count([TOPIC.Staked, null, padded(2)]), 2);
    assert.equal(await count([[], [padded(1), padded(3)]]), 5);
    assert.equal(await count([TOPIC.Staked, padded(3), padded(2)]), 1);
    assert.equal(await count([TOPIC.Staked, padded(2)]), 0);
    assert.equal(await count([null, null, null, null]), 0, 'no log here has four topics');
    assert.equal(await count([]), 5);
    assert.equal(await count([null]), 5);
  });

  test('by range and by block hash', async () => {
    assert.equal((await logs({ fromBlock: '0x3', toBlock: '0x5' })).length, 1);
    assert.equal((await logs({ fromBlock: '0x2', toBlock: '0x2' })).length, 2);
    assert.equal((await logs({ fromBlock: '0x4' })).length, 3, 'toBlock is latest');
    assert.equal((await logs({})).length, 0, 'both are latest');
    assert.equal((await logs({ fromBlock: 'earliest', toBlock: 'finalized' })).length, 0);
    const { hash } = await node.rpc('eth_getBlockByNumber', '0x6', false);
    assert.equal((await logs({ blockHash: hash })).length, 2);
    assert.equal((await logs({ blockHash: hash, topics: [TOPIC.Unstaked] })).length, 1);
    assert.equal((await logs({ blockHash: (await node.rpc('eth_getBlockByNumber', '0x3', false)).hash })).length, 0);
  });

  test('what cannot be answered', async () => {
    const { hash } = await node.rpc('eth_getBlockByNumber', '0x6', false);
    const refused = (filter, code, message) => assert.rejects(logs(filter), { code, message });
    await refused({ blockHash: hash, fromBlock: '0x0' }, -32602, /cannot specify both BlockHash and FromBlock\/ToBlock/);
    await refused({ blockHash: '0x' + '99'.repeat(32) }, -32000, /unknown block/);
    await refused({ fromBlock: '0x5', toBlock: '0x4' }, -32602, /invalid block range/);
    await refused({ fromBlock: '0x0', toBlock: '0xffff' }, -32602, /beyond current head block/);
    await refused({ fromBlock: 'pending' }, -32602, /pending logs are not supported/);
    await refused({ topics: ['0x12'] }, -32602, /topics/);
    await refused({ topics: [null, null, null, null, null] }, -32602, /exceed max topics/);
    await refused({ address: '0x12' }, -32602, /address/);
    await refused({ address: Array(1001).fill(STAKING) }, -32602, /exceed max addresses/);
  });

  test('blooms', async () => {
    const empty = '0x' + '00'.repeat(256);
    for (const [number, filled] of [['0x1', false], ['0x2', true], ['0x3', false], ['0x6', true]]) {
      const b = await node.rpc('eth_getBlockByNumber', number, false);
      assert.equal(b.logsBloom !== empty, filled, number);
      const receipts = await node.rpc('eth_getBlockReceipts', number);
      const union = receipts.reduce((sum, r) => sum | BigInt(r.logsBloom), 0n);
      assert.equal(BigInt(b.logsBloom), union);
    }
  });

  test('ethers and viem find the same', async () => {
    const c = new Contract(STAKING, STAKING_ABI, provider);
    const found = await c.queryFilter(c.filters.Staked(null, ACCOUNTS[2].address), 0);
    assert.deepEqual(found.map((e) => e.args.owner), [ACCOUNTS[1].address, ACCOUNTS[3].address]);
    const { reader } = viemClients(node);
    const viem = await reader.getLogs({
      event: parseAbiItem('event Staked(address indexed owner, address indexed miner, uint256 amount, uint256 activeFrom)'),
      args: { owner: [ACCOUNTS[1].address] },
      fromBlock: 'earliest',
    });
    assert.deepEqual(viem.map((l) => l.args.amount), [10n * COIN, 30n * COIN]);
    assert.equal((await reader.getContractEvents({ address: STAKING, abi: parseAbi(STAKING_ABI), fromBlock: 0n })).length, 5);
  });
});

describe('filters', () => {
  test('blocks', async () => {
    const filter = await node.rpc('eth_newBlockFilter');
    assert.deepEqual(await node.rpc('eth_getFilterChanges', filter), []);
    await node.mine(3);
    const tip = await node.number();
    const hashes = [];
    for (let n = tip - 2; n <= tip; n++) hashes.push((await node.rpc('eth_getBlockByNumber', '0x' + n.toString(16), false)).hash);
    assert.deepEqual(await node.rpc('eth_getFilterChanges', filter), hashes);
    assert.deepEqual(await node.rpc('eth_getFilterChanges', filter), []);
    assert.equal(await node.rpc('eth_uninstallFilter', filter), true);
    assert.equal(await node.rpc('eth_uninstallFilter', filter), false);
    await assert.rejects(node.rpc('eth_getFilterChanges', filter), { code: -32000, message: 'filter not found' });
  });

  test('logs', async () => {
    const filter = await node.rpc('eth_newFilter', { address: STAKING, topics: [TOPIC.Staked] });
    await contract(5).stake(ACCOUNTS[5].address, { value: COIN });
    await contract(6).setSigner(ACCOUNTS[5].address);
    assert.deepEqual(await node.rpc('eth_getFilterChanges', filter), [], 'not mined yet');
    await node.mine();
    const changes = await node.rpc('eth_getFilterChanges', filter);
    assert.deepEqual(names(changes), ['Staked']);
    assert.deepEqual(await node.rpc('eth_getFilterChanges', filter), []);
    const ranged = await node.rpc('eth_newFilter', { ...ALL, topics: [TOPIC.Unstaked] });
    assert.equal((await node.rpc('eth_getFilterLogs', ranged)).length, 1);
    assert.deepEqual(await node.rpc('eth_getFilterChanges', ranged), []);
  });

  test('pending transactions', async () => {
    const filter = await node.rpc('eth_newPendingTransactionFilter');
    const a = await ethersWallet(provider, 7).sendTransaction({ to: ACCOUNTS[1].address, value: 1n });
    const b = await ethersWallet(provider, 8).sendTransaction({ to: ACCOUNTS[1].address, value: 1n });
    assert.deepEqual(await node.rpc('eth_getFilterChanges', filter), [a.hash, b.hash]);
    await node.mine();
    assert.deepEqual(await node.rpc('eth_getFilterChanges', filter), []);
    await assert.rejects(node.rpc('eth_getFilterLogs', filter), { code: -32000, message: 'filter not found' });
  });

  test('unknown ones and wrong ones', async () => {
    await assert.rejects(node.rpc('eth_getFilterChanges', '0xdead'), { code: -32000, message: 'filter not found' });
    await assert.rejects(node.rpc('eth_getFilterLogs', '0xdead'), { code: -32000, message: 'filter not found' });
    await assert.rejects(node.rpc('eth_newFilter', { topics: ['x'] }), { code: -32602 });
    await assert.rejects(node.rpc('eth_newFilter'), { code: -32602 });
  });

  test('a filter that is not asked for five minutes is gone', async () => {
    const filter = await node.rpc('eth_newBlockFilter');
    const other = await node.rpc('eth_newBlockFilter');
    assert.notEqual(filter, other);
    await node.rpc('evm_increaseTime', 1000);
    await node.mine();
    assert.equal((await node.rpc('eth_getFilterChanges', filter)).length, 1, 'a jump of the chain’s time does not count');
  });

  test('a thousand, then no more', async () => {
    const calls = Array.from({ length: 1000 }, (_, i) => ({ jsonrpc: '2.0', id: i, method: 'eth_newBlockFilter', params: [] }));
    const answers = [...(await node.ask(calls)), ...(await node.ask(calls.slice(0, 10)))];
    const made = answers.filter((a) => a.result).map((a) => a.result);
    const failed = answers.filter((a) => a.error);
    assert.ok(failed.length > 0 && failed.every((a) => a.error.code === -32000 && /too many filters/.test(a.error.message)));
    await node.ask(made.map((filter, i) => ({ jsonrpc: '2.0', id: i, method: 'eth_uninstallFilter', params: [filter] })));
    await node.rpc('eth_newBlockFilter');
  });

  test('ethers events over HTTP and viem filters', async () => {
    const c = new Contract(STAKING, STAKING_ABI, provider);
    const seen = [];
    await c.on('Staked', (owner, miner, amount) => seen.push(amount));
    const { reader } = viemClients(node);
    const heard = [];
    const stop = reader.watchContractEvent({ address: STAKING, abi: parseAbi(STAKING_ABI), eventName: 'Staked', onLogs: (l) => heard.push(...l.map((x) => x.args.amount)) });
    const blocks = [];
    const stopBlocks = reader.watchBlockNumber({ onBlockNumber: (n) => blocks.push(n), poll: true });
    await until('viem polls', () => blocks.length > 0);
    await new Promise((done) => setTimeout(done, 300));
    await contract(9).stake(ACCOUNTS[9].address, { value: 7n * COIN });
    await node.mine();
    await until('ethers sees the event', () => seen.length > 0);
    await until('viem sees the event', () => heard.length > 0);
    assert.deepEqual([seen, heard], [[7n * COIN], [7n * COIN]]);
    await c.removeAllListeners();
    stop();
    stopBlocks();
    assert.ok((await provider.getTransactionReceipt(stakeHash)).logs.length === 1);
  });
});
