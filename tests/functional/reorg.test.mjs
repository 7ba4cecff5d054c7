// Two nodes of one chain mine apart; then one hears of the other's heavier branch.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Contract, Wallet } from 'ethers';
import WebSocket from 'ws';

import { isBoosted, mineWith, tell } from './chain.mjs';
import { ACCOUNTS, COIN, STAKING, STAKING_ABI, ethersProvider, ethersWallet, hex, startNode, temporaryFolder, until, within, writeChainFile } from './lib.mjs';

const [minerA, minerB] = [ACCOUNTS[5], ACCOUNTS[6]];
const staking = (provider, i) => new Contract(STAKING, STAKING_ABI, ethersWallet(provider, i));

const tip = (node) => node.rpc('eth_getBlockByNumber', 'latest', false);

describe('a reorganisation', () => {
  let a, b, pa, pb, socket;
  const pushed = [];
  before(async () => {
    const folder = temporaryFolder();
    const chain = writeChainFile(folder);
    [a, b] = [await startNode(chain, folder + '/a'), await startNode(chain, folder + '/b')];
    [pa, pb] = [ethersProvider(a), ethersProvider(b)];
    await mineWith(a, minerA.privateKey, 2);
    await tell(a, b, 1, 2);
    socket = new WebSocket(a.ws);
    socket.on('message', (data) => pushed.push(JSON.parse(data)));
    await within(5000, new Promise((done) => socket.once('open', done)), 'a WebSocket');
    for (const [id, params] of [[1, ['newHeads']], [2, ['logs', { address: STAKING }]]]) socket.send(JSON.stringify({ jsonrpc: '2.0', id, method: 'eth_subscribe', params }));
    await until('both subscriptions', () => pushed.length === 2);
  });
  after(async () => {
    socket.terminate();
    pa.destroy();
    pb.destroy();
    await a.stop();
    await b.stop();
  });
  const notes = (id) => pushed.filter((m) => m.params?.subscription === pushed[id - 1].result).map((m) => m.params.result);

  let lost, both, spent, filters, oldBlocks;
  test('blocks that were handed over are the same on both', async () => {
    assert.deepEqual(await tip(a), await tip(b));
    assert.equal(await b.number(), 2);
  });

  test('each goes its own way', async () => {
    filters = { blocks: await a.rpc('eth_newBlockFilter'), logs: await a.rpc('eth_newFilter', { address: STAKING }) };
    lost = (await staking(pa, 1).stake(ACCOUNTS[2].address, { value: 10n * COIN })).hash;
    both = await ethersWallet(pa, 3).sendTransaction({ to: ACCOUNTS[9].address, value: 7n });
    spent = (await ethersWallet(pa, 7).sendTransaction({ to: ACCOUNTS[9].address, value: 5n })).hash;
    await mineWith(a, minerA.privateKey, 3);
    await pb.broadcastTransaction(await a.rpc('eth_getRawTransactionByHash', both.hash));
    await ethersWallet(pb, 7).sendTransaction({ to: ACCOUNTS[8].address, value: 5n });
    await mineWith(b, minerB.privateKey);
    await staking(pb, 4).stake(ACCOUNTS[4].address, { value: 20n * COIN });
    await mineWith(b, minerB.privateKey, 4);
    assert.equal((await a.rpc('eth_getTransactionReceipt', lost)).status, '0x1');
    oldBlocks = [];
    for (let n = 3; n <= 5; n++) oldBlocks.push(await a.rpc('eth_getBlockByNumber', hex(n), false));
    assert.equal((await a.rpc('eth_getFilterChanges', filters.blocks)).length, 3);
    assert.equal((await a.rpc('eth_getFilterChanges', filters.logs)).length, 1);
    pushed.length = 2;
  });

  test('equal weight changes nothing: the first seen stays', async () => {
    const before = await tip(a);
    await tell(b, a, 3, 5);
    assert.deepEqual(await tip(a), before, 'F2');
    const side = await b.rpc('eth_getBlockByNumber', '0x3', false);
    assert.equal((await a.rpc('eth_getBlockByHash', side.hash, false)).hash, side.hash, 'a side block is known by its hash');
    await assert.rejects(a.rpc('eth_getBalance', ACCOUNTS[9].address, { blockHash: side.hash, requireCanonical: true }), { code: -32000, message: /not currently canonical/ });
  });

  test('greater weight wins', async () => {
    await tell(b, a, 6, 7);
    assert.deepEqual(await tip(a), await tip(b));
    for (let n = 1; n <= 7; n++) assert.deepEqual(await a.rpc('eth_getBlockByNumber', hex(n), true), await b.rpc('eth_getBlockByNumber', hex(n), true));
    for (const { address } of ACCOUNTS) assert.equal(await a.balance(address), await b.balance(address));
    assert.equal(await a.rpc('eth_getStorageAt', STAKING, '0x0', 'latest'), await b.rpc('eth_getStorageAt', STAKING, '0x0', 'latest'));
    assert.equal((await a.rpc('eth_getBlockByHash', oldBlocks[0].hash, false)).hash, oldBlocks[0].hash, 'the old block is still known by its hash');
    assert.ok((await a.rpc('eth_getBlockReceipts', oldBlocks[0].hash)).length > 0, 'with the receipts that it had');
    for (const method of ['eth_getBlockReceipts', 'debug_getRawReceipts', 'debug_getRawBlock', 'posw_getBlockTransactions'])
      await assert.rejects(a.rpc(method, { blockHash: oldBlocks[0].hash, requireCanonical: true }), { code: -32000, message: 'hash is not currently canonical' }, method);
  });

  test('what was only in the old branch waits again, unless the new one spends it otherwise; what is in both is mined', async () => {
    assert.equal(await a.rpc('eth_getTransactionReceipt', lost), null);
    assert.equal((await a.rpc('eth_getTransactionByHash', lost)).blockHash, null);
    for (const method of ['eth_getTransactionByHash', 'eth_getTransactionReceipt']) assert.equal(await a.rpc(method, spent), null, 'spent otherwise there: it never comes');
    assert.deepEqual(await a.rpc('txpool_status'), { pending: '0x1', queued: '0x0' });
    const receipt = await a.rpc('eth_getTransactionReceipt', both.hash);
    assert.equal(receipt.blockHash, (await b.rpc('eth_getTransactionReceipt', both.hash)).blockHash);
  });

  test('subscribers hear the old logs taken back, then the new heads and logs', async () => {
    await until('five heads', () => notes(1).length === 5);
    assert.deepEqual(notes(1).map((h) => Number(h.number)), [3, 4, 5, 6, 7]);
    assert.equal(notes(1).at(-1).hash, (await tip(b)).hash);
    assert.deepEqual(notes(2).map((l) => [l.removed, l.transactionHash === lost]), [[true, true], [false, false]]);
    assert.equal(notes(2)[0].blockHash, oldBlocks.find((x) => x.transactions.includes(lost)).hash);
  });

  test('so do filters', async () => {
    const hashes = await a.rpc('eth_getFilterChanges', filters.blocks);
    assert.equal(hashes.length, 5);
    assert.equal(hashes.at(-1), (await tip(b)).hash);
    assert.deepEqual((await a.rpc('eth_getFilterChanges', filters.logs)).map((l) => l.removed), [true, false]);
    assert.equal((await a.rpc('eth_getLogs', { fromBlock: '0x0', address: STAKING })).length, 1);
    const { hash } = oldBlocks.find((x) => x.transactions.includes(lost));
    assert.deepEqual((await a.rpc('eth_getLogs', { blockHash: hash })).map((l) => [l.removed, l.transactionHash]), [[true, lost]]);
  });

  test('the waiting one is mined on the new branch', async () => {
    await mineWith(a, minerA.privateKey);
    assert.equal((await a.rpc('eth_getTransactionReceipt', lost)).status, '0x1');
    await tell(a, b, 8, 8);
    assert.deepEqual(await tip(a), await tip(b));
  });

  test('a block that breaks a rule is refused with its number', async () => {
    await mineWith(a, minerA.privateKey);
    const raw = await a.rpc('debug_getRawBlock', 'latest');
    const { stateRoot, timestamp } = await tip(a);
    await assert.rejects(b.rpc('posw_submitBlock', raw.replace(stateRoot.slice(2), stateRoot.slice(2).replace(/^../, '00'))), { code: -32000, message: /not accepted: .*\(rule \w+\)/ });
    await assert.rejects(b.rpc('posw_submitBlock', raw.replace(timestamp.slice(2), (BigInt(timestamp) + 1n).toString(16))), { code: -32000, message: /\(rule \w+\)/ });
    await assert.rejects(b.rpc('posw_submitBlock', raw.slice(0, -2)), { code: -32000 });
    await tell(a, b, 9, 9);
    assert.deepEqual(await tip(a), await tip(b));
  });

  test('a block without its parent cannot be judged', async () => {
    await mineWith(a, minerA.privateKey, 2);
    await assert.rejects(tell(a, b, 11, 11), { code: -32000 });
    await tell(a, b, 10, 11);
    assert.deepEqual(await tip(a), await tip(b));
  });

  test('deeper than the limit is refused, and the chain goes on', async () => {
    const fork = await a.number();
    await mineWith(a, minerA.privateKey, 17);
    await mineWith(b, minerB.privateKey, 19);
    const before = await tip(a);
    const refused = await tell(b, a, fork + 1, fork + 19).catch((error) => error);
    assert.deepEqual(await tip(a), before, 'F3');
    if (refused instanceof Error) assert.match(refused.message, /\(rule F3\)/);
    await mineWith(a, minerA.privateKey);
    assert.equal(await a.number(), fork + 18);
  });

  test('at the limit it is followed', async () => {
    const folder = temporaryFolder();
    const chain = writeChainFile(folder);
    const [c, d] = [await startNode(chain, folder + '/c'), await startNode(chain, folder + '/d')];
    await mineWith(c, minerA.privateKey, 16);
    await mineWith(d, minerB.privateKey, 17);
    await tell(d, c, 1, 17);
    assert.deepEqual(await tip(c), await tip(d));
    await c.stop();
    const again = await startNode(chain, folder + '/c');
    assert.deepEqual(await tip(again), await tip(d), 'also after a restart');
    await again.stop();
    await d.stop();
  });
});

test('boosted blocks are judged by the stake table that each node has itself', async () => {
  const folder = temporaryFolder();
  const rich = Wallet.createRandom();
  const chain = writeChainFile(folder, { difficulty: { rule: 'fixed', genesis: '4096' }, stakes: [{ miner: rich.address, owner: rich.address, amount: '50000 coin' }] });
  const [a, b] = [await startNode(chain, folder + '/a'), await startNode(chain, folder + '/b')];
  await mineWith(a, rich.privateKey, 20);
  assert.ok(isBoosted(await tip(a)));
  await tell(a, b, 1, 20);
  assert.deepEqual(await tip(b), await tip(a));
  assert.equal((await b.rpc('posw_getMiner', rich.address)).used, (await a.rpc('posw_getMiner', rich.address)).used);
  await a.stop();
  await b.stop();
});
