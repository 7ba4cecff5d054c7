// Subscriptions over WebSocket, by ethers, by viem and by hand.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Contract, WebSocketProvider } from 'ethers';
import { createPublicClient, parseAbi, webSocket } from 'viem';
import WebSocket from 'ws';

import { headerHash } from './chain.mjs';
import { ACCOUNTS, COIN, STAKING, STAKING_ABI, ethersProvider, ethersWallet, sleep, startDev, startMining, until, viemChain, within } from './lib.mjs';

let node, provider;
before(async () => {
  node = await startDev();
  provider = ethersProvider(node);
});
after(async () => {
  provider.destroy();
  await node.stop();
});

/** A raw connection: ask(method, …params), and what was pushed. */
async function open(url = node.ws, options = {}) {
  const socket = new WebSocket(url, options);
  const peer = { socket, pushed: [], answers: new Map(), nextId: 1 };
  peer.closed = new Promise((done) => socket.on('close', (code, reason) => done({ code, reason: reason.toString() })));
  socket.on('message', (data) => {
    const message = JSON.parse(data);
    if (message.method === 'eth_subscription') peer.pushed.push(message);
    else peer.answers.set(Array.isArray(message) ? 'batch' : message.id, message);
  });
  peer.raw = async (payload, id) => {
    socket.send(typeof payload === 'string' ? payload : JSON.stringify(payload));
    return until('an answer', () => peer.answers.get(id));
  };
  peer.ask = async (method, ...params) => {
    const id = peer.nextId++;
    const answer = await peer.raw({ jsonrpc: '2.0', id, method, params }, id);
    if (answer.error) throw Object.assign(new Error(answer.error.message), { code: answer.error.code });
    return answer.result;
  };
  peer.of = (subscription) => peer.pushed.filter((m) => m.params.subscription === subscription).map((m) => m.params.result);
  await within(5000, new Promise((done, fail) => socket.once('open', done).once('error', fail)), 'a WebSocket');
  return peer;
}
const transfer = (i, extra = {}) => ethersWallet(provider, i).sendTransaction({ to: ACCOUNTS[9].address, value: 1n, ...extra });

describe('by hand', () => {
  test('newHeads: the header, nothing else', async () => {
    const peer = await open();
    const id = await peer.ask('eth_subscribe', 'newHeads');
    assert.match(id, /^0x[1-9a-f][0-9a-f]*$/);
    await node.mine(3);
    await until('three heads', () => peer.of(id).length === 3);
    assert.deepEqual(Object.keys(peer.pushed[0]), ['jsonrpc', 'method', 'params']);
    for (const head of peer.of(id)) {
      const block = await node.rpc('eth_getBlockByHash', head.hash, false);
      assert.equal(headerHash(head), head.hash);
      assert.equal(head.transactions, undefined);
      for (const [key, value] of Object.entries(head)) assert.deepEqual(value, block[key], key);
    }
    peer.socket.close();
  });

  test('logs: each as it is mined, filtered', async () => {
    const peer = await open();
    const all = await peer.ask('eth_subscribe', 'logs', {});
    const mine = await peer.ask('eth_subscribe', 'logs', { address: STAKING, topics: [null, '0x' + ACCOUNTS[2].address.slice(2).toLowerCase().padStart(64, '0')] });
    const none = await peer.ask('eth_subscribe', 'logs', { address: ACCOUNTS[1].address });
    const staking = (i) => new Contract(STAKING, STAKING_ABI, ethersWallet(provider, i));
    await staking(1).stake(ACCOUNTS[1].address, { value: COIN });
    await staking(2).stake(ACCOUNTS[1].address, { value: COIN });
    await node.mine();
    await until('the logs', () => peer.of(all).length === 2);
    assert.deepEqual(peer.of(all), await node.rpc('eth_getLogs', { fromBlock: 'latest' }));
    assert.equal(peer.of(mine).length, 1);
    assert.equal(peer.of(none).length, 0);
    peer.socket.close();
  });

  test('newPendingTransactions: hashes, or whole when asked', async () => {
    const peer = await open();
    const hashes = await peer.ask('eth_subscribe', 'newPendingTransactions');
    const whole = await peer.ask('eth_subscribe', 'newPendingTransactions', true);
    const sent = await transfer(3);
    await until('both', () => peer.of(hashes).length && peer.of(whole).length);
    assert.deepEqual(peer.of(hashes), [sent.hash]);
    assert.equal(peer.of(whole)[0].hash, sent.hash);
    assert.equal(peer.of(whole)[0].blockHash, null);
    await node.mine();
    peer.socket.close();
  });

  test('unsubscribe ends it; of one’s own only', async () => {
    const [a, b] = [await open(), await open()];
    const id = await a.ask('eth_subscribe', 'newHeads');
    await assert.rejects(b.ask('eth_unsubscribe', id), { code: -32000, message: 'subscription not found' });
    await node.mine();
    await until('a head', () => a.of(id).length === 1);
    assert.equal(b.pushed.length, 0);
    assert.equal(await a.ask('eth_unsubscribe', id), true);
    await assert.rejects(a.ask('eth_unsubscribe', id), { message: 'subscription not found' });
    await node.mine();
    await sleep(100);
    assert.equal(a.of(id).length, 1);
    a.socket.close();
    b.socket.close();
  });

  test('a closed connection leaves nothing behind', async () => {
    const count = async () => Number((await node.rpc('posw_status')).counters.subscriptions);
    const before = await until('the earlier ones are gone', async () => ((await count()) === 0 ? [0] : undefined));
    const peer = await open();
    for (let i = 0; i < 5; i++) await peer.ask('eth_subscribe', 'newHeads');
    assert.equal(await count(), before[0] + 5);
    peer.socket.terminate();
    await until('they are dropped', async () => (await count()) === 0);
  });

  test('wrong ones are refused', async () => {
    const peer = await open();
    await assert.rejects(peer.ask('eth_subscribe', 'nonsense'), { code: -32601, message: /no "nonsense" subscription in eth namespace/ });
    await assert.rejects(peer.ask('eth_subscribe'), { code: -32602 });
    await assert.rejects(peer.ask('eth_subscribe', 'logs', { topics: ['0x1'] }), { code: -32602 });
    await assert.rejects(node.rpc('eth_subscribe', 'newHeads'), { code: -32001, message: 'notifications not supported' }, 'not over HTTP');
    for (let i = 0; i < 128; i++) await peer.ask('eth_subscribe', 'newHeads');
    await assert.rejects(peer.ask('eth_subscribe', 'newHeads'), { code: -32000, message: /too many subscriptions/ });
    peer.socket.close();
  });

  test('requests, batches, notifications and rubbish over the same connection', async () => {
    const peer = await open();
    assert.equal(await peer.ask('eth_chainId'), '0x539');
    await assert.rejects(peer.ask('eth_nothing'), { code: -32601 });
    const batch = await peer.raw([{ jsonrpc: '2.0', id: 'a', method: 'eth_chainId' }, { jsonrpc: '2.0', id: 'b', method: 'net_version' }], 'batch');
    assert.deepEqual(batch.map((x) => [x.id, x.result]), [['a', '0x539'], ['b', '1337']]);
    const bad = await peer.raw('{not json', null);
    assert.equal(bad.error.code, -32700);
    peer.socket.send(JSON.stringify({ jsonrpc: '2.0', method: 'eth_chainId' }));
    const before = peer.answers.size;
    assert.equal(await peer.ask('net_version'), '1337');
    assert.equal(peer.answers.size, before + 1, 'a notification is not answered');
    peer.socket.close();
    assert.equal((await peer.closed).code, 1005);
  });

  test('the answer comes before what it sets off', async () => {
    const peer = await open();
    const order = [];
    peer.socket.on('message', (data) => order.push(JSON.parse(data).method ?? 'answer'));
    await peer.ask('eth_subscribe', 'newHeads');
    await peer.ask('evm_mine');
    await until('the head', () => order.length === 3);
    assert.deepEqual(order, ['answer', 'answer', 'eth_subscription']);
    peer.socket.close();
  });

  test('ping is answered, fragments are joined, too much is refused', async () => {
    const peer = await open();
    const pong = new Promise((done) => peer.socket.once('pong', (data) => done(data.toString())));
    peer.socket.ping('are you there');
    assert.equal(await within(2000, pong, 'a pong'), 'are you there');

    const text = JSON.stringify({ jsonrpc: '2.0', id: 'joined', method: 'eth_chainId', params: [] });
    peer.socket.send(text.slice(0, 10), { fin: false });
    peer.socket.send(text.slice(10), { fin: true });
    assert.equal((await until('the joined answer', () => peer.answers.get('joined'))).result, '0x539');

    const large = await peer.raw(JSON.stringify({ jsonrpc: '2.0', id: 'large', method: 'web3_sha3', params: ['0x' + '00'.repeat(1 << 20)] }), 'large');
    assert.match(large.result, /^0x[0-9a-f]{64}$/, 'a megabyte is fine');
    peer.socket.send('x'.repeat(6 << 20));
    const { code } = await within(5000, peer.closed, 'the end of a connection that sent 6 MiB');
    assert.ok([1009, 1006].includes(code), String(code));
    assert.equal(await node.rpc('net_version'), '1337');
  });

  test('a page of another origin or a foreign Host is turned away', async () => {
    const strict = await startDev('--cors', 'http://allowed.example');
    const status = (options) =>
      new Promise((done, fail) => {
        const socket = new WebSocket(strict.ws, options);
        socket.on('unexpected-response', (_, res) => done(res.statusCode));
        socket.on('open', () => (socket.close(), done(101)));
        socket.on('error', fail);
      });
    assert.equal(await status({ origin: 'http://evil.example' }), 403);
    assert.equal(await status({ origin: 'http://allowed.example' }), 101);
    assert.equal(await status({}), 101);
    assert.equal(await status({ headers: { host: 'evil.example' } }), 403);
    await strict.stop();
  });

  test('a stop closes the connections', async () => {
    const other = await startMining();
    const peer = await open(other.ws);
    await peer.ask('eth_subscribe', 'newHeads');
    const took = await other.stop();
    assert.ok(took < 1000, `${took} ms`);
    await within(2000, peer.closed, 'the end of the connection');
  });
});

describe('ethers', () => {
  test('blocks, logs and pending transactions', async () => {
    const ws = new WebSocketProvider(node.ws, undefined, { cacheTimeout: -1 });
    const seen = { blocks: [], pending: [], logs: [], events: [] };
    await ws.on('block', (n) => seen.blocks.push(n));
    await ws.on('pending', (hash) => seen.pending.push(hash));
    await ws.on({ address: STAKING }, (log) => seen.logs.push(log));
    const contract = new Contract(STAKING, STAKING_ABI, ws);
    await contract.on('Staked', (owner, miner, amount) => seen.events.push(amount));
    assert.equal(await ws.getBlockNumber(), await node.number());
    await sleep(200);
    const sent = await new Contract(STAKING, STAKING_ABI, ethersWallet(provider, 4)).stake(ACCOUNTS[4].address, { value: 3n * COIN });
    await until('the pending transaction', () => seen.pending.length > 0);
    await node.mine();
    await until('the rest', () => seen.blocks.length && seen.logs.length && seen.events.length);
    assert.deepEqual(seen.pending, [sent.hash]);
    assert.equal(seen.blocks.at(-1), await node.number());
    assert.equal(seen.logs[0].transactionHash, sent.hash);
    assert.deepEqual(seen.events, [3n * COIN]);
    const wallet = ethersWallet(ws, 5);
    const own = await wallet.sendTransaction({ to: ACCOUNTS[6].address, value: 1n });
    setTimeout(() => node.mine(), 50);
    assert.equal((await own.wait()).status, 1, 'wait() by subscription');
    await ws.destroy();
  });
});

describe('viem', () => {
  test('blocks, events and pending transactions', async () => {
    const transport = webSocket(node.ws, { reconnect: false });
    const client = createPublicClient({ chain: viemChain(node), transport });
    const seen = { blocks: [], pending: [], events: [], full: [] };
    const stops = [
      client.watchBlockNumber({ onBlockNumber: (n) => seen.blocks.push(n) }),
      client.watchBlocks({ onBlock: (b) => seen.full.push(b) }),
      client.watchPendingTransactions({ onTransactions: (hashes) => seen.pending.push(...hashes) }),
      client.watchContractEvent({ address: STAKING, abi: parseAbi(STAKING_ABI), eventName: 'Staked', onLogs: (logs) => seen.events.push(...logs.map((l) => l.args.amount)) }),
    ];
    await until('four subscriptions', async () => Number((await node.rpc('posw_status')).counters.subscriptions) === 4);
    const sent = await new Contract(STAKING, STAKING_ABI, ethersWallet(provider, 7)).stake(ACCOUNTS[7].address, { value: 9n * COIN });
    await node.mine();
    await until('all', () => seen.blocks.length && seen.full.length && seen.pending.length && seen.events.length);
    assert.deepEqual(seen.pending, [sent.hash]);
    assert.deepEqual(seen.events, [9n * COIN]);
    assert.equal(Number(seen.blocks.at(-1)), await node.number());
    stops.forEach((stop) => stop());
    await until('none', async () => Number((await node.rpc('posw_status')).counters.subscriptions) === 0);
    (await transport({ chain: viemChain(node) }).value?.getRpcClient())?.close();
  });
});
