// What the tests of networks share: nodes on loopback, a line that fails, peers that stall and lie, long chains.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import { dirname, join } from 'node:path';

import { Wallet } from 'ethers';

import { ACCOUNTS, GWEI, Node, POSW, request, run, start, until, within } from './lib.mjs';

const PORTS = ['--port', '0', '--p2p-port', '0', '--json-ready', '--log-level', 'warn'];
export const localnet = (count, ...args) => start(['localnet', String(count), ...(args.includes('--block-time') ? [] : ['--block-time', '1']), ...PORTS, ...args], { timeoutMs: 30000 });
export const startPeer = (chain, datadir, ...args) => start(['node', '--chain', chain, '--datadir', datadir, '--listen', '127.0.0.1', '--private-network', ...PORTS, ...args]);

/** One JSON-RPC call to a node that is known by its URL. */
export async function call(url, method, ...params) {
  const { body } = await request(url, { method: 'POST', headers: { 'content-type': 'application/json' } }, JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }));
  const answer = JSON.parse(body);
  if (answer.error) throw new Error(`${method}: ${answer.error.message}`);
  return answer.result;
}

export const heightOf = async (url) => Number(await call(url, 'eth_blockNumber'));
export const hashAt = async (url, number) => (await call(url, 'eth_getBlockByNumber', '0x' + number.toString(16), false))?.hash;

/** A transfer from the development account i; its hash. */
export async function send(url, i, to, value, chainId = 1337) {
  const nonce = Number(await call(url, 'eth_getTransactionCount', ACCOUNTS[i].address, 'pending'));
  const tx = { type: 2, chainId, nonce, to, value, gasLimit: 21000, maxFeePerGas: 10n * GWEI, maxPriorityFeePerGas: GWEI };
  return call(url, 'eth_sendRawTransaction', await new Wallet(ACCOUNTS[i].privateKey).signTransaction(tx));
}

/** All have this block, and it is the same one everywhere. */
export async function agreeOn(urls, number) {
  const hashes = await Promise.all(urls.map((url) => hashAt(url, number)));
  return hashes.every((hash) => hash && hash === hashes[0]);
}

export const agreeSoon = (what, urls, timeoutMs = 30000) =>
  until(what, async () => {
    const low = Math.min(...(await Promise.all(urls.map(heightOf))));
    return low > 1 && (await agreeOn(urls, low)) && low;
  }, { timeoutMs, everyMs: 200 });

/** A TCP line that can be delayed, cut and throttled. */
export class Line {
  constructor(port, host = '127.0.0.1') {
    this.target = port;
    this.host = host;
    this.delayMs = 0;
    this.bytesPerS = Infinity;
    this.sockets = new Set();
    this.open = true;
    this.server = net.createServer((socket) => this.join(socket));
  }

  async listen(host = '127.0.0.1') {
    await new Promise((done) => this.server.listen(0, host, done));
    this.port = this.server.address().port;
    return this;
  }

  join(socket) {
    if (!this.open) return socket.destroy();
    const other = net.connect(this.target, this.host);
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

// ---- long chains, and peers that do not do right ----

const program = (name) => join(dirname(POSW), 'tests/network', name);

/** folder/chain.json and folder/blocks; args 'fresh': each transfer makes a new account. */
export async function makeChain(folder, blocks, transfers, ...args) {
  const made = await run([join(folder, 'chain.json'), join(folder, 'blocks'), String(blocks), String(transfers), ...args], { command: program('posw-make-chain'), timeoutMs: 600000 });
  assert.equal(made.code, 0, made.stderr);
}

/** A peer of tests/network/liar.c. */
export async function startLiar(folder, mode) {
  const child = spawn(program('posw-liar'), [join(folder, 'chain.json'), join(folder, 'blocks'), mode], { stdio: ['ignore', 'pipe', 'pipe'] });
  const liar = new Node(child);
  let text = '';
  child.stdout.setEncoding('utf8');
  liar.ready = JSON.parse(await within(60000, new Promise((done, fail) => {
    child.stdout.on('data', (part) => {
      text += part;
      if (text.includes('\n')) done(text.split('\n')[0]);
    });
    liar.exited.then(() => fail(new Error(liar.stderr)));
  }), `posw-liar ${mode}`));
  return liar;
}

/** Milliseconds of processor time that a process has used, user and system. */
function cpuMs(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

const DURABLE_BLOCKS = 512; // one commit for so many, as a node does that has much to go

/** {ms, cpuMs}: the shell's `times` knows what its children used. */
async function importOnce(folder, datadir) {
  const quoted = [POSW, 'import', '--chain', join(folder, 'chain.json'), '--datadir', datadir, '--commit-blocks', String(DURABLE_BLOCKS), '--log-level', 'error', join(folder, 'blocks')]
    .map((word) => `'${word}'`).join(' ');
  const began = performance.now();
  const imported = await run(['-c', `${quoted} >/dev/null && times`], { command: 'bash', timeoutMs: 600000 });
  const ms = performance.now() - began;
  assert.equal(imported.code, 0, imported.stderr);
  const parts = imported.stdout.trim().split('\n')[1].match(/(\d+)m([\d.]+)s/g);
  const cpu = parts.map((part) => part.match(/(\d+)m([\d.]+)s/)).reduce((sum, [, minutes, seconds]) => sum + Number(minutes) * 60000 + Number(seconds) * 1000, 0);
  return { ms, cpuMs: cpu };
}

/** Imports the blocks, then has a fresh node fetch them from a real node and from `others`, which stall or lie; rates in blocks a second. */
export async function compareSync(folder, blocks, others, { timeoutMs = 600000, liarsFirst = false } = {}) {
  const source = join(folder, 'source'), fresh = join(folder, 'fresh'), chain = join(folder, 'chain.json');
  rmSync(source, { recursive: true, force: true });
  rmSync(fresh, { recursive: true, force: true });
  const imported = await importOnce(folder, source);
  const honest = await startPeer(chain, source);
  const liars = await Promise.all(others.map((mode) => startLiar(folder, mode)));
  const tip = await hashAt(honest.url, blocks);
  assert.ok(tip);
  // liarsFirst: the honest one joins when a lie was noticed; else it may have given all before a liar is asked.
  const peers = (liarsFirst ? liars : [...liars, honest]).map((peer) => peer.ready.node).join(',');
  const began = performance.now();
  const node = await startPeer(chain, fresh, '--connect', peers);
  if (liarsFirst) {
    await until('a lie', async () => Number((await call(node.url, 'posw_networkStatus')).violations) > 0, { timeoutMs, everyMs: 50 });
    await call(node.url, 'admin_addPeer', honest.ready.node);
  }
  await until('the tip', async () => (await heightOf(node.url)) === blocks, { timeoutMs, everyMs: 50 });
  const syncMs = performance.now() - began;
  const syncCpuMs = cpuMs(node.child.pid);
  assert.equal(await hashAt(node.url, blocks), tip);
  const status = await call(node.url, 'posw_networkStatus');
  await node.stop();
  await honest.stop();
  for (const liar of liars) await liar.kill();
  const importRate = (blocks / imported.ms) * 1000, syncRate = (blocks / syncMs) * 1000;
  return { importRate, syncRate, syncCpuMs, importCpuMs: imported.cpuMs, ratio: syncRate / importRate, violations: Number(status.violations), stderr: node.stderr };
}

/** Time that a fresh node takes to pass a block of so many transactions on, all of them in its pool: {blocks, p50, p95, p99, max}, microseconds. */
export async function measureHop(folder, blocks, transfers, ...args) {
  await makeChain(folder, blocks, transfers);
  rmSync(join(folder, 'hop'), { recursive: true, force: true });
  const node = await startPeer(join(folder, 'chain.json'), join(folder, 'hop'), ...args);
  const hop = await run([join(folder, 'chain.json'), join(folder, 'blocks'), String(node.ready.p2pPort)], { command: program('posw-hop'), timeoutMs: 600000 });
  assert.equal(hop.code, 0, hop.stderr + node.stderr);
  assert.equal(await heightOf(node.url), blocks);
  await node.stop();
  return JSON.parse(hop.stdout);
}
