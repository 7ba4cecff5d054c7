// Starts the real binary and talks to it. Every wait has a bound, every node that was started is stopped by its own process id.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { HDNodeWallet, JsonRpcProvider, Mnemonic, Wallet } from 'ethers';
import { createPublicClient, createTestClient, createWalletClient, defineChain, http as viemHttp } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';

const here = dirname(fileURLToPath(import.meta.url));
export const ROOT = resolve(here, '../..');
export const POSW = resolve(process.env.POSW ?? join(ROOT, 'build/posw'));
export const COIN = 10n ** 18n;
export const GWEI = 10n ** 9n;
export const DEV_CHAIN_ID = 1337;

export const MNEMONIC = 'test test test test test test test test test test test junk';
const root = HDNodeWallet.fromMnemonic(Mnemonic.fromPhrase(MNEMONIC), "m/44'/60'/0'/0");
/** The ten funded accounts of `posw dev`; number 0 mines. */
export const ACCOUNTS = Array.from({ length: 10 }, (_, i) => {
  const { address, privateKey } = root.deriveChild(i);
  return { address, privateKey };
});

export const STAKING = '0x00000000000000000000000000000000706f7377';
export const STAKING_ABI = [
  'function stake(address miner) payable',
  'function unstake(address miner, uint256 amount)',
  'function withdraw()',
  'function setSigner(address signer)',
  'function stakeOf(address miner) view returns (uint256)',
  'function stakeOf(address owner, address miner) view returns (uint256)',
  'function activeStakeOf(address miner) view returns (uint256)',
  'function pendingOf(address miner) view returns (uint256)',
  'function exitsOf(address owner) view returns (uint256[] unlockBlocks, uint256[] amounts)',
  'function signerOf(address miner) view returns (address)',
  'function totalStake() view returns (uint256)',
  'function ticketPrice() view returns (uint256)',
  'function weightOf(address miner) view returns (uint256)',
  'event Staked(address indexed owner, address indexed miner, uint256 amount, uint256 activeFrom)',
  'event Unstaked(address indexed owner, address indexed miner, uint256 amount, uint256 unlockBlock)',
  'event Withdrawn(address indexed owner, uint256 amount)',
  'event SignerChanged(address indexed miner, address indexed signer)',
];

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
export const hex = (n) => '0x' + BigInt(n).toString(16);

/** Rejects with `what` after ms. */
export function within(ms, promise, what) {
  let timer;
  const late = new Promise((_, fail) => {
    timer = setTimeout(() => fail(new Error(`${what}: nothing after ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Asks again and again until the answer is truthy; returns it. */
export async function until(what, ask, { timeoutMs = 5000, everyMs = 20 } = {}) {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await sleep(everyMs);
  }
}

const running = new Set();
const nodesOf = new Map(); // a network that runs as one command -> process ids of its nodes
// Those first: a node that is stopped (SIGSTOP) does not hear that its network has gone.
const endNodes = (child) => (nodesOf.get(child) ?? []).forEach((pid) => {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {} // it has ended
});
process.on('exit', () => running.forEach((child) => {
  endNodes(child);
  child.kill('SIGKILL');
}));
// The runner ends a file that takes too long with a signal, after which there would be no 'exit'.
for (const [signal, number] of [['SIGTERM', 15], ['SIGINT', 2], ['SIGHUP', 1]]) process.once(signal, () => process.exit(128 + number));
const folders = new Set();
process.on('exit', () => folders.forEach((path) => rmSync(path, { recursive: true, force: true })));

/** A folder of this test, removed when the process ends. */
export function temporaryFolder() {
  const path = mkdtempSync(join(tmpdir(), 'posw-functional-'));
  folders.add(path);
  return path;
}

export class RpcError extends Error {
  constructor({ code, message, data }) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

export class Node {
  constructor(child) {
    this.child = child;
    this.stderr = '';
    this.stopping = false;
    this.agent = new http.Agent({ keepAlive: true, maxSockets: 4 });
    this.nextId = 1;
    running.add(child);
    // A node that a failed test left behind must not keep the test process alive; it is killed when that exits.
    child.unref();
    child.stderr.unref();
    child.stdout.unref();
    child.stderr.setEncoding('utf8');
    child.stderr.on('data', (text) => (this.stderr = (this.stderr + text).slice(-20000)));
    this.exited = new Promise((done) =>
      child.on('exit', (code, signal) => {
        running.delete(child);
        nodesOf.delete(child);
        this.exit = { code, signal };
        if (!this.stopping) console.error(`posw ended by itself (${code ?? signal}):\n${this.stderr}`);
        done(this.exit);
      }),
    );
  }

  get url() {
    return this.ready.rpc;
  }

  get ws() {
    return this.ready.ws;
  }

  /** SIGTERM, and a second to obey. */
  async stop() {
    this.agent.destroy();
    if (this.exit) throw new Error(`posw had ended before it was stopped: ${JSON.stringify(this.exit)}\n${this.stderr}`);
    this.stopping = true;
    const began = Date.now();
    this.child.kill('SIGTERM');
    const exit = await within(5000, this.exited, 'posw did not stop on SIGTERM');
    if (exit.code !== 0) throw new Error(`posw stopped with ${JSON.stringify(exit)}\n${this.stderr}`);
    return Date.now() - began;
  }

  /** kill -9 */
  async kill() {
    this.agent.destroy();
    this.stopping = true;
    endNodes(this.child);
    this.child.kill('SIGKILL');
    return within(5000, this.exited, 'posw did not die of SIGKILL');
  }

  /** Posts text; {status, headers, body}. */
  post(body, headers = {}) {
    return request(this.url, { method: 'POST', agent: this.agent, headers: { 'content-type': 'application/json', ...headers } }, body);
  }

  /** A whole JSON-RPC answer. */
  async ask(payload) {
    const { status, body } = await this.post(JSON.stringify(payload));
    if (status !== 200) throw new Error(`HTTP ${status}: ${body}`);
    return JSON.parse(body);
  }

  /** The result, or an RpcError. */
  async rpc(method, ...params) {
    const answer = await this.ask({ jsonrpc: '2.0', id: this.nextId++, method, params });
    if (answer.error) throw new RpcError(answer.error);
    return answer.result;
  }

  async number() {
    return Number(await this.rpc('eth_blockNumber'));
  }

  balance(address, block = 'latest') {
    return this.rpc('eth_getBalance', address, block).then(BigInt);
  }

  /** Development chains: n blocks now. */
  async mine(blocks = 1) {
    await this.rpc('evm_mine', { blocks });
  }

  /** Development chains: up to this number. */
  async mineTo(number) {
    const now = await this.number();
    if (now < number) await this.mine(number - now);
  }

  /** Development chains: mines the transaction that was sent, and gives its receipt. */
  async mined(hash) {
    await this.mine();
    const receipt = await this.rpc('eth_getTransactionReceipt', hash);
    if (!receipt) throw new Error(`${hash} was not mined`);
    return receipt;
  }
}

/** Starts posw with these arguments and waits for its JSON line; command: another that becomes posw. */
export async function start(args, { timeoutMs = 10000, env = {}, command = POSW } = {}) {
  const began = performance.now();
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  const node = new Node(child);
  let text = '';
  child.stdout.setEncoding('utf8');
  const line = new Promise((done, fail) => {
    child.on('error', fail);
    child.stdout.on('data', (part) => {
      text += part;
      if (text.includes('\n')) done(text.slice(0, text.indexOf('\n')));
    });
    node.exited.then((exit) => fail(new Error(`posw ${args.join(' ')} ended with ${JSON.stringify(exit)}\n${node.stderr}`)));
  });
  line.catch(() => {}); // it may also fail after the race below
  try {
    node.ready = JSON.parse(await within(timeoutMs, line, `posw ${args.join(' ')}`));
    if (node.ready.nodes) nodesOf.set(child, node.ready.nodes.map(({ pid }) => pid));
  } catch (error) {
    node.stopping = true;
    child.kill('SIGKILL');
    throw error;
  }
  node.readyMs = performance.now() - began;
  return node;
}

const SERVER = ['--port', '0', '--json-ready', '--log-level', 'warn'];

/** A development chain that mines only when told; args such as '--weight', 'linear'. */
export const startDev = (...args) => start(['dev', '--no-mining', ...SERVER, ...args]);
/** A development chain with a block each second. */
export const startMining = (...args) => start(['dev', ...SERVER, ...args]);
/** A node of a chain file. */
export const startNode = (chain, datadir, ...args) => start(['node', '--chain', chain, '--datadir', datadir, '--no-network', ...SERVER, ...args]);

/** Runs a posw command to its end: {code, signal, stdout, stderr}. */
export function run(args, { timeoutMs = 60000, command = POSW, env = {} } = {}) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  running.add(child);
  const out = { stdout: '', stderr: '', child };
  child.stdout.setEncoding('utf8').on('data', (text) => (out.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (out.stderr += text));
  const ended = new Promise((done, fail) => {
    child.on('error', fail);
    child.on('close', (code, signal) => {
      running.delete(child);
      done({ ...out, code, signal });
    });
  });
  return within(timeoutMs, ended, `${command} ${args.join(' ')}`).finally(() => child.kill('SIGKILL'));
}

/** Writes a chain file of a keccak chain with a fixed difficulty, made for tests; `changes` are merged over it. */
export function writeChainFile(folder, changes = {}) {
  const chain = {
    name: 'functional tests',
    ticker: 'TEST',
    chainId: 424242,
    pow: 'keccak256',
    // Blocks are mined as fast as they are found, so that their time runs ahead of the clock: by T2 up to 2 * blockTime.
    blockTime: 3600,
    window: 32,
    epoch: 16,
    unbonding: 32,
    maxReorg: 16,
    difficulty: { rule: 'fixed', genesis: '64' },
    weight: { preset: 'ticket' },
    timestamp: Math.floor(Date.now() / 1000) - 10,
    accounts: Object.fromEntries(ACCOUNTS.map(({ address }) => [address, '10000 coin'])),
    ...changes,
  };
  const path = join(folder, 'chain.json');
  writeFileSync(path, JSON.stringify(chain, null, 2));
  return path;
}

/** A keystore in this folder with the keys of these accounts; the options that name it. */
export async function keystore(folder, accounts) {
  const password = join(folder, 'password');
  writeFileSync(password, 'secret\n', { mode: 0o600 });
  for (const [i, { privateKey }] of accounts.entries()) {
    const file = join(folder, `key${i}`);
    writeFileSync(file, privateKey.slice(2), { mode: 0o600 });
    const done = await run(['wallet', 'import', '--light', '--keystore', join(folder, 'keystore'), '--password-file', password, '--key-file', file]);
    if (done.code !== 0) throw new Error(done.stderr);
  }
  return ['--keystore', join(folder, 'keystore'), '--password-file', password];
}

/** posw miner --json: its events as they come. */
export function startMiner(...args) {
  const child = spawn(POSW, ['miner', '--json', '--threads', '1', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const m = { child, events: [], stderr: '' };
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop();
    m.events.push(...lines.map((line) => JSON.parse(line)));
  });
  child.stderr.setEncoding('utf8').on('data', (text) => (m.stderr += text));
  m.exited = new Promise((done) => child.on('close', (code, signal) => done({ code, signal })));
  m.saw = (what, test, timeoutMs = 10000) => until(what, () => m.events.find(test), { timeoutMs });
  running.add(child);
  child.on('exit', () => running.delete(child));
  return m;
}

// ---- clients ----

export function ethersProvider(node) {
  const provider = new JsonRpcProvider(node.url, undefined, { cacheTimeout: -1, staticNetwork: true });
  provider.pollingInterval = 50;
  return provider;
}

export const ethersWallet = (provider, i) => new Wallet(ACCOUNTS[i].privateKey, provider);

export function viemChain(node) {
  return defineChain({
    id: node.ready.chainId,
    name: 'posw',
    nativeCurrency: { name: 'Coin', symbol: 'DEV', decimals: 18 },
    rpcUrls: { default: { http: [node.url], webSocket: [node.ws] } },
  });
}

export function viemClients(node, i = 1) {
  const common = { chain: viemChain(node), transport: viemHttp(node.url, { retryCount: 0 }), pollingInterval: 50, cacheTime: 0 };
  return {
    reader: createPublicClient(common),
    writer: createWalletClient({ ...common, account: privateKeyToAccount(ACCOUNTS[i].privateKey) }),
    tester: createTestClient({ ...common, mode: 'ganache' }),
  };
}

// ---- HTTP and sockets by hand ----

export function request(url, options = {}, body = '') {
  return within(
    options.timeoutMs ?? 10000,
    new Promise((done, fail) => {
      const req = http.request(url, options, (res) => {
        let text = '';
        res.setEncoding('utf8');
        res.on('data', (part) => (text += part));
        res.on('end', () => done({ status: res.statusCode, headers: res.headers, body: text, reused: req.reusedSocket }));
        res.on('error', fail);
      });
      req.on('error', fail);
      req.end(body);
    }),
    `${options.method ?? 'GET'} ${url}`,
  );
}

/** A TCP connection that remembers all it received. */
export function connect(node) {
  const socket = net.connect(node.ready.port, '127.0.0.1');
  const peer = { socket, text: '', closed: false };
  socket.setEncoding('latin1');
  socket.on('data', (part) => (peer.text += part));
  socket.on('close', () => (peer.closed = true));
  socket.on('error', (error) => (peer.error = error));
  peer.write = (text) => new Promise((done) => socket.write(text, done));
  peer.until = (what, test, timeoutMs = 5000) => until(what, () => test(peer.text), { timeoutMs });
  peer.end = () => socket.destroy();
  return new Promise((done, fail) => {
    socket.once('connect', () => done(peer));
    socket.once('error', fail);
  });
}
