// Several real nodes on loopback: one chain, transactions everywhere, faults of the line between them.
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { Wallet } from 'ethers';

import { ACCOUNTS, GWEI, request, sleep, start, temporaryFolder, until, writeChainFile } from './lib.mjs';

const PORTS = ['--port', '0', '--p2p-port', '0', '--json-ready', '--log-level', 'warn'];
const localnet = (count, ...args) => start(['localnet', String(count), '--block-time', '1', ...PORTS, ...args], { timeoutMs: 30000 });
const startPeer = (chain, datadir, ...args) => start(['node', '--chain', chain, '--datadir', datadir, '--listen', '127.0.0.1', '--private-network', ...PORTS, ...args]);

/** One JSON-RPC call to a node that is known by its URL. */
async function call(url, method, ...params) {
  const { body } = await request(url, { method: 'POST', headers: { 'content-type': 'application/json' } }, JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }));
  const answer = JSON.parse(body);
  if (answer.error) throw new Error(`${method}: ${answer.error.message}`);
  return answer.result;
}

const heightOf = async (url) => Number(await call(url, 'eth_blockNumber'));
const hashAt = async (url, number) => (await call(url, 'eth_getBlockByNumber', '0x' + number.toString(16), false))?.hash;

/** A transfer from the development account i; its hash. */
async function send(url, i, to, value) {
  const nonce = Number(await call(url, 'eth_getTransactionCount', ACCOUNTS[i].address, 'pending'));
  const tx = { type: 2, chainId: 1337, nonce, to, value, gasLimit: 21000, maxFeePerGas: 10n * GWEI, maxPriorityFeePerGas: GWEI };
  return call(url, 'eth_sendRawTransaction', await new Wallet(ACCOUNTS[i].privateKey).signTransaction(tx));
}

/** All have this block, and it is the same one everywhere. */
async function agreeOn(urls, number) {
  const hashes = await Promise.all(urls.map((url) => hashAt(url, number)));
  return hashes.every((hash) => hash && hash === hashes[0]);
}

const agreeSoon = (what, urls, timeoutMs = 30000) =>
  until(what, async () => {
    const low = Math.min(...(await Promise.all(urls.map(heightOf))));
    return low > 1 && (await agreeOn(urls, low)) && low;
  }, { timeoutMs, everyMs: 200 });

/** A TCP line that can be delayed, cut and throttled. */
class Line {
  constructor(port) {
    this.target = port;
    this.delayMs = 0;
    this.bytesPerS = Infinity;
    this.sockets = new Set();
    this.open = true;
    this.server = net.createServer((socket) => this.join(socket));
  }

  async listen() {
    await new Promise((done) => this.server.listen(0, '127.0.0.1', done));
    this.port = this.server.address().port;
    return this;
  }

  join(socket) {
    if (!this.open) return socket.destroy();
    const other = net.connect(this.target, '127.0.0.1');
    for (const [from, to] of [[socket, other], [other, socket]]) {
      this.sockets.add(from);
      from.on('error', () => {});
      from.on('close', () => { this.sockets.delete(from); to.destroy(); });
      let free = 0;
      from.on('data', (data) => {
        const now = Date.now();
        free = Math.max(free, now) + (data.length / this.bytesPerS) * 1000;
        setTimeout(() => to.write(data), free - now + this.delayMs);
      });
    }
  }

  cut() {
    this.open = false;
    this.sockets.forEach((socket) => socket.destroy());
  }

  mend() {
    this.open = true;
  }

  async close() {
    this.cut();
    await new Promise((done) => this.server.close(done));
  }
}

describe('four nodes with miners', () => {
  let network, urls;
  before(async () => {
    network = await localnet(4);
    urls = network.ready.nodes.map((node) => node.rpc);
  });
  after(() => network.stop());

  test('reach one chain', async () => {
    const height = await agreeSoon('one chain', urls);
    await until('ten blocks', async () => (await heightOf(urls[3])) > 10, { timeoutMs: 60000 });
    assert.ok(await agreeOn(urls, height));
    for (const url of urls) assert.equal(Number(await call(url, 'net_peerCount')), 3);
  });

  test('each node mines, and everybody takes the blocks', async () => {
    const miners = new Set();
    const height = await agreeSoon('one chain', urls);
    for (let n = 1; n <= height; n++) miners.add((await call(urls[0], 'eth_getBlockByNumber', '0x' + n.toString(16), false)).miner);
    assert.ok(miners.size >= 2, `only ${miners.size} of four miners have found one of ${height} blocks`);
  });

  test('a transaction given to one is mined and seen by all', async () => {
    const hash = await send(urls[0], 5, ACCOUNTS[6].address, 12345n);
    await until('its announcement', async () => (await call(urls[2], 'eth_getTransactionByHash', hash)) !== null, { timeoutMs: 10000 });
    const block = await until('its block', async () => (await call(urls[0], 'eth_getTransactionReceipt', hash))?.blockHash, { timeoutMs: 30000 });
    await until('its block everywhere', async () => (await call(urls[3], 'eth_getTransactionReceipt', hash))?.blockHash === block, { timeoutMs: 20000 });
  });

  test('operators see their peers', async () => {
    const info = await call(urls[0], 'admin_nodeInfo');
    assert.match(info.enode, /^posw:\/\/[0-9a-f]{64}@127\.0\.0\.1:\d+$/);
    const peers = await call(urls[1], 'admin_peers');
    assert.equal(peers.length, 3);
    assert.ok(peers.some((peer) => peer.id === info.id && peer.kind === 'named'));
    const status = await call(urls[2], 'posw_networkStatus');
    assert.equal(status.problem, '');
    assert.equal(Number(status.violations), 0);
  });

  test('new blocks travel as compact blocks', async () => {
    const status = await Promise.all(urls.map((url) => call(url, 'posw_networkStatus')));
    assert.ok(status.reduce((sum, s) => sum + Number(s.compactRebuilt), 0) > 5);
  });
});

describe('a line that fails', () => {
  let east, west, line, urls;
  const folder = temporaryFolder();
  before(async () => {
    east = await localnet(2, '--datadir', join(folder, 'east'));
    mkdirSync(join(folder, 'west'));
    copyFileSync(join(folder, 'east/chain.json'), join(folder, 'west/chain.json'));
    west = await localnet(2, '--datadir', join(folder, 'west'));
    line = await new Line(west.ready.nodes[0].p2pPort).listen();
    urls = [...east.ready.nodes, ...west.ready.nodes].map((node) => node.rpc);
    assert.equal(await call(urls[0], 'admin_addPeer', `127.0.0.1:${line.port}`), true);
  });
  after(async () => {
    await line.close();
    await east.stop();
    await west.stop();
  });

  test('joins two pairs into one chain, also when it is slow', async () => {
    await agreeSoon('one chain over the line', urls);
    line.delayMs = 150;
    line.bytesPerS = 50000;
    const height = await heightOf(urls[0]);
    await until('five more blocks', async () => (await heightOf(urls[0])) > height + 5, { timeoutMs: 60000 });
    await agreeSoon('one chain over a slow line', urls);
    line.delayMs = 0;
    line.bytesPerS = Infinity;
  });

  test('when cut leaves two chains, when mended one, and the loser\'s transactions wait again', async () => {
    line.cut();
    const fork = Math.min(...(await Promise.all(urls.map(heightOf))));
    const sent = [];
    for (const [i, url] of [urls[0], urls[2]].entries()) {
      sent.push(await send(url, 7 + i, ACCOUNTS[9].address, BigInt(i + 1)));
      await until('its block', async () => (await call(url, 'eth_getTransactionReceipt', sent[i])) !== null, { timeoutMs: 60000 });
    }
    await until('eight blocks on both sides', async () => Math.min(await heightOf(urls[0]), await heightOf(urls[2])) > fork + 8, { timeoutMs: 90000 });
    assert.notEqual(await hashAt(urls[0], fork + 5), await hashAt(urls[2], fork + 5));
    line.mend();
    await until('one chain again', () => agreeOn(urls, fork + 5), { timeoutMs: 60000, everyMs: 200 });
    for (const hash of sent)
      await until('both transactions on the one chain', async () => (await call(urls[1], 'eth_getTransactionReceipt', hash)) !== null, { timeoutMs: 60000, everyMs: 200 });
  });

  test('a fresh node catches up from the others, and again after kill -9', async () => {
    const node = join(folder, 'east/chain.json');
    const peers = [east.ready.nodes[1].node, west.ready.nodes[1].node].join(',');
    let late = await startPeer(node, join(folder, 'late'), '--addnode', peers);
    await agreeSoon('the late node on the chain', [urls[0], late.url]);
    await late.kill();
    await sleep(2000);
    late = await startPeer(node, join(folder, 'late'), '--addnode', peers);
    const height = await heightOf(urls[0]);
    await until('the killed node on the chain', async () => (await heightOf(late.url)) >= height, { timeoutMs: 30000 });
    await agreeSoon('all on one chain', [...urls, late.url]);
    await late.stop();
  });
});

describe('nodes that do not belong together', () => {
  test('two fresh nodes that know one address form a network without further steps; of another chain one says why', async () => {
    const one = temporaryFolder(), two = temporaryFolder();
    const chain = writeChainFile(one), other = writeChainFile(two, { chainId: 424243 });
    const a = await startPeer(chain, join(one, 'a'));
    const b = await startPeer(chain, join(one, 'b'), '--addnode', a.ready.node);
    await until('connected', async () => Number(await b.rpc('net_peerCount')) === 1 && Number(await a.rpc('net_peerCount')) === 1);
    const c = await startPeer(other, join(two, 'c'), '--addnode', a.ready.node);
    await until('the reason', () => c.stderr.includes('wrong chain'), { timeoutMs: 10000 });
    assert.match(c.stderr, /chain id 424242.*both need the same chain file/s);
    assert.equal(Number(await c.rpc('net_peerCount')), 0);
    assert.match((await c.rpc('posw_networkStatus')).problem, /^no peers: /);

    // a ban closes the connection and keeps it closed
    assert.equal(await a.rpc('admin_ban', '127.0.0.1', 60), true);
    await until('closed', async () => Number(await a.rpc('net_peerCount')) === 0);
    assert.deepEqual((await a.rpc('admin_bans')).map((ban) => ban.subnet), ['127.0.0.1']);
    await sleep(1500);
    assert.equal(Number(await a.rpc('net_peerCount')), 0);
    assert.equal(await a.rpc('admin_unban', '127.0.0.1'), true);
    await until('connected again', async () => Number(await a.rpc('net_peerCount')) === 1, { timeoutMs: 15000 });
    for (const node of [a, b, c]) await node.stop();
  });

  test('a node key that is given must be shown', async () => {
    const folder = temporaryFolder();
    const chain = writeChainFile(folder);
    const a = await startPeer(chain, join(folder, 'a'));
    const wrong = a.ready.node.replace(/\/\/../, '//00');
    const b = await startPeer(chain, join(folder, 'b'), '--addnode', wrong);
    await sleep(1500);
    assert.equal(Number(await b.rpc('net_peerCount')), 0);
    assert.equal(await b.rpc('admin_removePeer', wrong), true);
    assert.equal(await b.rpc('admin_addPeer', a.ready.node), true);
    await until('connected', async () => Number(await b.rpc('net_peerCount')) === 1);
    await b.stop();
    await a.stop();
  });

  test('whoever speaks something else is closed', async () => {
    const folder = temporaryFolder();
    const a = await startPeer(writeChainFile(folder), join(folder, 'a'));
    for (const garbage of ['GET / HTTP/1.1\r\n\r\n', '\x16\x03\x01\xff\xff' + 'x'.repeat(70000), '']) {
      const closed = await new Promise((done) => {
        const socket = net.connect(a.ready.p2pPort, '127.0.0.1', () => socket.end(garbage));
        socket.on('error', () => {});
        socket.on('close', () => done(true));
        socket.resume();
      });
      assert.ok(closed);
    }
    assert.equal(Number(await a.rpc('net_peerCount')), 0);
    await a.stop();
  });
});
