// What a node feels like: start, memory, answers, stop. A development chain beside anvil (in PATH, or --anvil; npm has it as @foundry-rs/anvil), the same
// transactions in the same run; without anvil the goals are its figures of before. Then a chain with many accounts. Answers are timed by wrk.
//
//     node bench/node.mjs [--rounds 10] [--seconds 3] [--blocks 100,1000] [--accounts 1000000] [--anvil PATH] [--build build]
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';

import { end, goal, lib, median, network, value } from './lib.mjs';

const { ACCOUNTS, DEV_CHAIN_ID, GWEI, POSW, Node, ethersWallet, hex, run, sleep, startNode, temporaryFolder, within } = lib;
const rounds = Number(value('rounds', 10)), seconds = Number(value('seconds', 3)), accounts = Number(value('accounts', 1000000));
const blocks = value('blocks', '100,1000').split(',').map(Number);
const BEFORE = { version: '1.7.1', start: 45, memory: 19, p50: 56, p99: 105, many: 26464, blocks: { 100: 31, 1000: 282 } };
const folder = temporaryFolder();

/** The version of anvil at this path or name, null: there is none. */
function versionOf(anvil) {
  try {
    return execFileSync(anvil, ['--version'], { encoding: 'utf8' }).match(/[\d.]+/)[0];
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    throw error;
  }
}

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

/** Tries until somebody listens there and answers. */
async function firstAnswer(port) {
  const body = '{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber","params":[]}';
  for (;;) {
    const answered = await new Promise((done) => {
      const socket = net.connect(port, '127.0.0.1').on('error', () => done(false)).on('data', () => { socket.destroy(); done(true); });
      socket.write(`POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    });
    if (answered) return;
    await sleep(1);
  }
}

/** Starts a development chain that has no --json-ready; startMs: until the first answer. */
async function startPlain(command, args) {
  const port = await freePort();
  const began = performance.now();
  const node = new Node(spawn(command, [...args, '--port', String(port)], { stdio: ['ignore', 'pipe', 'pipe'] }));
  node.child.stdout.resume();
  await within(20000, firstAnswer(port), `${command}: the first answer`);
  node.startMs = performance.now() - began;
  node.ready = { rpc: `http://127.0.0.1:${port}`, port };
  return node;
}

const memoryMb = (node) => Number(readFileSync(`/proc/${node.child.pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)[1]) / 1000;

/** wrk with one request again and again: {p50, p99} in microseconds, and the rate; {}: there was no answer in time. */
async function ask(node, connections, method, ...params) {
  const script = join(folder, 'request.lua');
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
  writeFileSync(script, `wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\nwrk.body = '${body}'\n`);
  const { code, stdout, stderr } = await run(['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '20s', '--latency', '-s', script, node.url], { command: 'wrk' });
  if (code !== 0 || /Socket errors|Non-2xx/.test(stdout)) throw new Error(`wrk: ${stdout}${stderr}`);
  const rate = Number(stdout.match(/Requests\/sec:\s+([\d.]+)/)[1]);
  if (rate === 0) return {};
  const units = { us: 1, ms: 1000, s: 1e6 };
  const quantile = (percent) => {
    const [, number, unit] = stdout.match(new RegExp(`\\s${percent}%\\s+([\\d.]+)(us|ms|s)`));
    return Number(number) * units[unit];
  };
  return { p50: quantile(50), p99: quantile(99), rate };
}

/** A block with so many transfers, ten senders; `first`: their nonce. */
async function mineBlock(node, count, first) {
  const wallets = ACCOUNTS.map((_, i) => ethersWallet(null, i));
  const calls = [];
  for (let i = 0; i < count; i++) {
    const tx = { type: 2, chainId: DEV_CHAIN_ID, nonce: first + Math.floor(i / 10), to: hex((1n << 159n) + BigInt(i)), value: 1n, gasLimit: 21000, maxFeePerGas: 100n * GWEI, maxPriorityFeePerGas: GWEI };
    calls.push({ jsonrpc: '2.0', id: i, method: 'eth_sendRawTransaction', params: [await wallets[i % 10].signTransaction(tx)] });
  }
  for (let i = 0; i < count; i += 100) {
    const refused = (await node.ask(calls.slice(i, i + 100))).find(({ error }) => error);
    if (refused) throw new Error(refused.error.message);
  }
  await node.rpc('evm_mine');
  const mined = (await node.rpc('eth_getBlockByNumber', 'latest', false)).transactions.length;
  if (mined !== count) throw new Error(`${mined} of ${count} transactions are in the block`);
}

/** All that is asked of a development chain. */
async function measure(command, args) {
  const starts = [], answers = {};
  for (let i = 1; i < rounds; i++) {
    const node = await startPlain(command, args);
    starts.push(node.startMs);
    await node.stop();
  }
  const node = await startPlain(command, args);
  starts.push(node.startMs);
  await sleep(1000);
  const memory = memoryMb(node);
  const { p50, p99 } = await ask(node, 1, 'eth_blockNumber');
  const { rate } = await ask(node, 64, 'eth_blockNumber');
  let nonce = 0;
  for (const count of blocks) {
    await mineBlock(node, count, nonce);
    nonce += Math.ceil(count / 10);
    const { p50: blockUs } = await ask(node, 1, 'eth_getBlockByNumber', 'latest', true);
    answers[count] = blockUs && blockUs / 1000;
  }
  await node.stop();
  return { start: median(starts), memory, p50, p99, many: rate, blocks: answers };
}

async function developmentChain() {
  const anvil = value('anvil', 'anvil');
  const version = versionOf(anvil);
  const own = await measure(POSW, ['dev', '--no-mining', '--log-level', 'warn']);
  const other = version ? await measure(anvil, ['--no-mining', '--silent', '--order', 'fifo', '--chain-id', String(DEV_CHAIN_ID)]) : BEFORE;
  const name = version ? `anvil ${version}` : `anvil ${BEFORE.version}, measured before`;
  const line = (what, figure, digits, unit, rival) => `  ${what.padEnd(54)} ${figure.toFixed(digits).padStart(7)} ${unit}${rival === undefined ? '' : ` (${name}: ${rival.toFixed(digits)})`}`;
  const least = (what, unit, digits, figure, rival) => goal(line(what, figure, digits, unit, rival), `${rival.toFixed(digits)} ${unit} or less`, figure <= rival);
  least(`development chain, start to first answer, median of ${rounds}`, 'ms', 1, own.start, other.start);
  least('development chain, resident memory', 'MB', 1, own.memory, other.memory);
  least('eth_blockNumber, one connection, p50', 'us', 0, own.p50, other.p50);
  least('eth_blockNumber, one connection, p99', 'us', 0, own.p99, other.p99);
  goal(line('eth_blockNumber, 64 connections', own.many, 0, '/s', other.many), `${other.many.toFixed(0)} /s or more`, own.many >= other.many);
  for (const count of blocks) {
    const most = Math.max(1, (8 * count) / 1000);
    goal(line(`block with ${count} full transactions, p50`, own.blocks[count], 2, 'ms', other.blocks[count]), `${most} ms or less`, own.blocks[count] <= most);
  }
}

/** A node that has a chain with so many accounts. */
async function warmStart() {
  const chain = join(folder, 'chain.json'), datadir = join(folder, 'data'), each = Math.min(accounts, 1000);
  const count = Math.ceil(accounts / each) * each;
  console.log(`  making a chain with ${count} accounts ...`);
  await network.makeChain(folder, count / each, each, 'fresh');
  const imported = await run(['import', '--chain', chain, '--datadir', datadir, '--commit-blocks', '100', '--log-level', 'error', join(folder, 'blocks')], { timeoutMs: 600000 });
  if (imported.code !== 0) throw new Error(imported.stderr);
  const starts = [], memories = [], stops = [];
  for (let i = 0; i < Math.min(rounds, 5); i++) {
    const node = await startNode(chain, datadir);
    starts.push(node.readyMs);
    await sleep(1000);
    memories.push(memoryMb(node));
    stops.push(await node.stop());
  }
  const start = Math.max(...starts), memory = Math.max(...memories), stop = Math.max(...stops);
  goal(`  ${count} accounts: start until ready, the slowest of ${starts.length} ${start.toFixed(0).padStart(7)} ms`, '300 ms or less', start <= 300);
  goal(`  ${count} accounts: resident memory, idle ${memory.toFixed(1).padStart(7)} MB`, '60 MB or less', memory <= 60);
  goal(`  ${count} accounts: stop on SIGTERM, the slowest ${stop.toFixed(0).padStart(7)} ms`, '1000 ms or less', stop <= 1000);
}

await developmentChain();
await warmStart();
end();
