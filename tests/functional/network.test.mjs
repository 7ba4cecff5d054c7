// Several real nodes on loopback: one chain, transactions everywhere, faults of the line between them.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import dgram from 'node:dgram';
import { copyFileSync, mkdirSync, rmSync, rmdirSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { ACCOUNTS, POSW, sleep, start, temporaryFolder, until, within, writeChainFile } from './lib.mjs';
import { Line, agreeOn, agreeSoon, call, compareSync, hashAt, heightOf, localnet, makeChain, measureHop, send, startPeer } from './network.mjs';

describe('four nodes with miners', () => {
  let network, urls;
  before(async () => {
    network = await localnet(4);
    urls = network.ready.nodes.map((node) => node.rpc);
  });
  after(() => network?.stop());

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

const partition = process.env.POSW_LONG ? 50 : 15; // blocks

describe('a line that fails', () => {
  let east, west, line, urls;

  // Both halves of a network keep to one timetable (the difficulty sees to that), so that their chains would weigh the same: one half sleeps
  // for some blocks, so many that it does not make up for them before it has seen the other's.
  async function letWestSleep(blocks) {
    const signal = (name) => west.ready.nodes.forEach((node) => process.kill(node.pid, name));
    const behind = await heightOf(urls[2]);
    signal('SIGSTOP');
    try {
      await until(`${blocks} blocks more in the east`, async () => (await heightOf(urls[0])) >= behind + blocks, { timeoutMs: 60000, everyMs: 50 });
    } finally {
      signal('SIGCONT');
    }
  }

  const folder = temporaryFolder();
  before(async () => {
    east = await localnet(2, '--block-time', '2', '--datadir', join(folder, 'east'));
    mkdirSync(join(folder, 'west'));
    copyFileSync(join(folder, 'east/chain.json'), join(folder, 'west/chain.json'));
    west = await localnet(2, '--block-time', '2', '--datadir', join(folder, 'west'));
    line = await new Line(west.ready.nodes[0].p2pPort).listen();
    urls = [...east.ready.nodes, ...west.ready.nodes].map((node) => node.rpc);
    assert.equal(await call(urls[0], 'admin_addPeer', `127.0.0.1:${line.port}`), true);
  });
  after(async () => {
    await line?.close();
    for (const network of [east, west]) if (network && !network.exit) await network.stop();
  });

  test('joins two pairs into one chain, also when it is slow', async () => {
    await agreeSoon('one chain over the line', urls);
    line.delayMs = 150;
    line.bytesPerS = 50000;
    const height = await heightOf(urls[0]);
    await until('five more blocks', async () => (await heightOf(urls[0])) > height + 5, { timeoutMs: 60000 });
    await agreeSoon('one chain over a slow line', urls, 60000);
    line.delayMs = 0;
    line.bytesPerS = Infinity;
  });

  test(`when cut for ${partition} blocks leaves two chains, when mended one within three block times, and the loser's transactions wait again`, async () => {
    const blocks = partition, blockMs = 2000;
    line.cut();
    const fork = Math.min(...(await Promise.all(urls.map(heightOf))));
    const sent = [];
    for (const [i, url] of [urls[0], urls[2]].entries()) {
      sent.push(await send(url, 7 + i, ACCOUNTS[9].address, BigInt(i + 1)));
      await until('its block', async () => (await call(url, 'eth_getTransactionReceipt', sent[i])) !== null, { timeoutMs: 60000 });
    }
    await until('so many blocks on both sides', async () => Math.min(await heightOf(urls[0]), await heightOf(urls[2])) >= fork + blocks, { timeoutMs: 4 * blocks * blockMs, everyMs: 200 });
    assert.notEqual(await hashAt(urls[0], fork + 5), await hashAt(urls[2], fork + 5));
    const won = await hashAt(urls[0], fork + 5);
    await letWestSleep(6);
    line.mend();
    const address = `127.0.0.1:${line.port}`; // not to wait for the next try, which comes after half a minute
    assert.equal(await call(urls[0], 'admin_removePeer', address), true);
    assert.equal(await call(urls[0], 'admin_addPeer', address), true);
    await until('connected over the line', async () => Number(await call(urls[0], 'net_peerCount')) === 2, { timeoutMs: 10000 });
    const healed = performance.now();
    await until('one chain again', () => agreeOn(urls, fork + blocks), { timeoutMs: 60000, everyMs: 50 });
    const healMs = performance.now() - healed;
    console.log(`# two chains of ${blocks} blocks were one again ${healMs.toFixed(0)} ms after the line`);
    assert.ok(healMs < 3 * blockMs, `${healMs} ms`);

    // What the loser had mined is in a pool again, or in a block of the one chain already; in the end both are.
    assert.equal(await hashAt(urls[2], fork + 5), won);
    assert.ok(await call(urls[2], 'eth_getTransactionByHash', sent[1]), 'the transaction of the lost chain is gone');
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

describe('a long chain', () => {
  const folder = temporaryFolder();
  const blocks = 2000;

  test('comes to a fresh node from three peers, of which one stalls and one lies about bodies', async () => {
    await makeChain(folder, blocks, 2);
    const r = await compareSync(folder, blocks, ['stall', 'bodies'], { timeoutMs: 120000 });
    assert.ok(r.violations > 0, 'the liar was not noticed');
    console.log(`# ${blocks} blocks: import ${r.importRate.toFixed(0)}/s, sync ${r.syncRate.toFixed(0)}/s`);
  });

  test('and where one says nothing and one lies about headers', async () => {
    const r = await compareSync(folder, blocks, ['silent', 'headers'], { timeoutMs: 120000, liarsFirst: true });
    assert.ok(r.violations > 0, 'the liar was not noticed');
  });
});

describe('a new block', () => {
  test('is passed on with its transactions out of the pool', async () => {
    const r = await measureHop(temporaryFolder(), 10, 20);
    assert.equal(r.blocks, 10);
    console.log(`# a hop of 20 transactions: ${(r.p50 / 1000).toFixed(1)} ms at the median`);
  });
});

// ---- network namespaces: each node has an address of its own, and a name server ----

const isRoot = process.getuid() === 0;
const skipSpaces = isRoot ? false : 'needs root, for network namespaces';

/** Runs ip(8), or another command. */
function ip(args, { command = 'ip', mayFail = false } = {}) {
  return new Promise((done, fail) => {
    const child = spawn(command, args.split(' '), { stdio: ['ignore', 'ignore', 'pipe'] });
    let text = '';
    child.stderr.setEncoding('utf8').on('data', (part) => (text += part));
    child.on('error', fail);
    child.on('close', (code) => (code === 0 || mayFail ? done(code) : fail(new Error(`${command} ${args}: ${text}`))));
  });
}

/** A bridge with namespaces on it. The i-th has the address 10.213.<net>.<i + 2>; this process is .1. */
class Spaces {
  constructor() {
    this.id = process.pid % 100000;
    this.net = 1 + (process.pid % 250);
    this.bridge = `pwb${this.id}`;
    this.names = [];
  }

  address = (i) => `10.213.${this.net}.${i + 2}`;

  async open(count, resolver) {
    await ip(`link add ${this.bridge} type bridge`);
    await ip(`addr add 10.213.${this.net}.1/24 dev ${this.bridge}`);
    await ip(`link set ${this.bridge} up`);
    for (let i = 0; i < count; i++) {
      const name = `pw${this.id}n${i}`;
      await ip(`netns add ${name}`);
      this.names.push(name);
      await ip(`link add pwv${this.id}${i} type veth peer name eth0 netns ${name}`);
      await ip(`link set pwv${this.id}${i} master ${this.bridge} up`);
      await ip(`-n ${name} addr add ${this.address(i)}/24 dev eth0`);
      await ip(`-n ${name} link set lo up`);
      await ip(`-n ${name} link set eth0 up`);
      if (resolver === undefined) continue;
      mkdirSync(`/etc/netns/${name}`, { recursive: true });
      writeFileSync(`/etc/netns/${name}/resolv.conf`, `nameserver ${this.address(resolver)}\noptions timeout:1 attempts:2\n`);
    }
  }

  /** Cuts this namespace off, or joins it again. */
  cut = (i) => ip(`link set pwv${this.id}${i} down`);
  mend = (i) => ip(`link set pwv${this.id}${i} up`);

  startNode(i, chain, datadir, ...args) {
    const command = ['node', '--chain', chain, '--datadir', datadir, '--listen', '0.0.0.0', '--host', this.address(i), '--rpc-public', '--rpc-admin', '--rpc-hosts', '*', '--port', '8545',
      '--private-network', '--no-port-mapping', '--json-ready', '--log-level', 'warn', '--external', this.address(i), ...args];
    return start(['netns', 'exec', this.names[i], POSW, ...command], { command: 'ip', timeoutMs: 30000 });
  }

  async close() {
    for (const [i, name] of this.names.entries()) {
      await ip(`link del pwv${this.id}${i}`, { mayFail: true });
      await ip(`netns del ${name}`, { mayFail: true });
      rmSync(`/etc/netns/${name}`, { recursive: true, force: true });
    }
    try {
      rmdirSync('/etc/netns'); // only if it is empty
    } catch {}
    await ip(`link del ${this.bridge}`, { mayFail: true });
  }
}

/** A question to a name server, by hand; {code, addresses}. */
function askDns(server, name, type) {
  const labels = name.split('.').map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]));
  const packet = Buffer.concat([Buffer.from('123401000001000000000000', 'hex'), ...labels, Buffer.from([0, 0, type, 0, 1])]);
  const socket = dgram.createSocket('udp4');
  const answer = new Promise((done, fail) => {
    socket.on('error', fail);
    socket.on('message', (m) => {
      const addresses = [];
      let at = packet.length;
      for (let i = m.readUInt16BE(6); i > 0; i--) {
        const size = m.readUInt16BE(at + 10);
        assert.equal(m.readUInt32BE(at + 6), 60);
        addresses.push([...m.subarray(at + 12, at + 12 + size)].join('.'));
        at += 12 + size;
      }
      done({ code: m.readUInt16BE(2) & 15, authoritative: (m.readUInt16BE(2) & 0x400) !== 0, addresses });
    });
    socket.send(packet, 53, server);
  });
  return within(3000, answer, `a DNS answer from ${server}`).finally(() => socket.close());
}

describe('nodes with addresses of their own', { skip: skipSpaces }, () => {
  const spaces = new Spaces(), folder = temporaryFolder(), zone = 'seed.posw.test';
  let chain, seeder, first;
  before(async () => {
    chain = writeChainFile(folder);
    await spaces.open(4, 0);
    seeder = await spaces.startNode(0, chain, join(folder, 'seeder'), '--seeder', '--dns-zone', zone, '--dns-listen', `${spaces.address(0)}:53`);
    first = await spaces.startNode(1, chain, join(folder, 'first'), '--addnode', `${spaces.address(0)}:30301`);
  });
  after(async () => {
    for (const node of [seeder, first]) if (node && !node.exit) await node.stop();
    await spaces.close();
  });

  test('a seeder answers for its zone with nodes that it has reached itself', async () => {
    const answer = await until('an address', async () => {
      const got = await askDns(spaces.address(0), zone, 1);
      return got.addresses.length > 0 && got;
    }, { timeoutMs: 60000, everyMs: 500 });
    assert.deepEqual(answer, { code: 0, authoritative: true, addresses: [spaces.address(1)] });
    assert.deepEqual(await askDns(spaces.address(0), zone, 28), { code: 0, authoritative: true, addresses: [] });
    assert.equal((await askDns(spaces.address(0), `www.${zone}`, 1)).code, 3);
    assert.equal((await askDns(spaces.address(0), 'posw.example', 1)).code, 5);
  });

  test('a fresh node finds the others by the name alone', async () => {
    const fresh = await spaces.startNode(2, chain, join(folder, 'fresh'), '--dns-seeds', zone);
    await until('connected', async () => (await call(fresh.url, 'admin_peers')).some((peer) => peer.network.remoteAddress === `${spaces.address(1)}:30301`), { timeoutMs: 60000, everyMs: 200 });
    await fresh.stop();
  });

  test('a cable that is pulled out and put back joins them again', async () => {
    const other = await spaces.startNode(3, chain, join(folder, 'other'), '--addnode', `${spaces.address(1)}:30301`);
    const linked = async () => (await call(first.url, 'admin_peers')).some((peer) => peer.network.remoteAddress.startsWith(`${spaces.address(3)}:`));
    await until('connected', linked, { timeoutMs: 20000, everyMs: 200 });
    await spaces.cut(3);
    const hash = await send(first.url, 5, ACCOUNTS[6].address, 1n, 424242);
    await sleep(1500);
    await spaces.mend(3);
    await until('what was sent meanwhile', async () => (await call(other.url, 'eth_getTransactionByHash', hash)) !== null, { timeoutMs: 60000, everyMs: 200 });
    await other.stop();
  });
});

describe('what an operator reads', () => {
  const folder = temporaryFolder();
  const problemOf = async (node) => (await node.rpc('posw_networkStatus')).problem;

  test('without peers: which address to give', async () => {
    const node = await startPeer(writeChainFile(folder), join(folder, 'alone'));
    assert.match(await until('the message', () => problemOf(node), { timeoutMs: 30000, everyMs: 200 }), /^no peers: .*(--addnode|posw:\/\/)/);
    await node.stop();
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
