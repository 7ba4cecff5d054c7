// Kills posw with SIGKILL at random moments while it mines, takes transactions and imports, starts it again, and checks that
//  - it is ready within a second, by itself,
//  - every block that was acknowledged is still there, and what is there is one chain,
//  - its state is the one that the tip's header names,
//  - every transaction that was accepted is mined or waits again.
//
//      node kill9.mjs [--rounds 100] [--seed N]
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { verifyMerkleProof } from '@ethereumjs/mpt';
import { RLP } from '@ethereumjs/rlp';
import { Wallet } from 'ethers';

import { bytes, keccak, text } from './chain.mjs';
import { ACCOUNTS, GWEI, POSW, hex, run, sleep, startDev, startMining, startNode, temporaryFolder } from './lib.mjs';

const READY_MS = 1000;

/** A small generator, so that a run can be repeated as far as the machine allows. */
function generator(seed) {
  let state = BigInt(seed) | 1n;
  return (most) => {
    state = BigInt.asUintN(64, state * 6364136223846793005n + 1442695040888963407n);
    return Number((state >> 33n) % BigInt(Math.max(1, Math.floor(most))));
  };
}

const number = (data) => (data.length === 0 ? 0n : BigInt(text(data)));

/** The account of the miner, proven against the state root of the tip. */
async function checkState(node, address) {
  const block = await node.rpc('eth_getBlockByNumber', 'latest', false);
  const proof = await node.rpc('eth_getProof', address, [], block.number);
  const account = await verifyMerkleProof(keccak(bytes(address)), proof.accountProof.map(bytes), { root: bytes(block.stateRoot) });
  assert.ok(account, 'the account is in the state of the tip');
  const balance = BigInt(await node.rpc('eth_getBalance', address, block.number)); // of that block: the next one may come meanwhile
  assert.equal(number(RLP.decode(account)[1]), balance, 'the balance is that of the state of the tip');
}

async function hashes(node, from, to) {
  const calls = [];
  for (let n = from; n <= to; n++) calls.push({ jsonrpc: '2.0', id: n, method: 'eth_getBlockByNumber', params: [hex(n), false] });
  const blocks = [];
  for (let i = 0; i < calls.length; i += 500) blocks.push(...(await node.ask(calls.slice(i, i + 500))).map((a) => a.result));
  return blocks;
}

// ---- while mining ----

/** Works on the node until it dies; fills in what it acknowledged. */
async function work(node, known, next) {
  const wallet = new Wallet(ACCOUNTS[1].privateKey);
  let nonce = Number(await node.rpc('eth_getTransactionCount', wallet.address, 'pending'));
  for (;;) {
    if (next(3) > 0) {
      const raw = await wallet.signTransaction({ type: 2, chainId: 1337, nonce, to: ACCOUNTS[2].address, value: 1n, gasLimit: 21000, maxFeePerGas: 100n * GWEI, maxPriorityFeePerGas: GWEI });
      known.txs.add(await node.rpc('eth_sendRawTransaction', raw));
      nonce++;
    } else {
      await node.rpc('evm_mine');
      const block = await node.rpc('eth_getBlockByNumber', 'latest', false);
      known.blocks.set(Number(block.number), block.hash);
    }
  }
}

async function checkKnown(node, known) {
  const tip = await node.number();
  const last = Math.max(0, ...known.blocks.keys());
  assert.ok(tip >= last, `block ${last} was acknowledged, the tip is now ${tip}`);
  const from = Math.max(0, known.checked - 2);
  const blocks = await hashes(node, from, tip);
  blocks.forEach((b, i) => {
    const n = from + i;
    if (i > 0) assert.equal(b.parentHash, blocks[i - 1].hash, `block ${n} follows its parent`);
    if (known.blocks.has(n)) assert.equal(b.hash, known.blocks.get(n), `block ${n} is the one that was acknowledged`);
    known.blocks.set(n, b.hash);
  });
  known.checked = tip;
  for (const hash of known.txs) {
    const tx = await node.rpc('eth_getTransactionByHash', hash);
    assert.ok(tx, `transaction ${hash} was accepted and is gone`);
    if (tx.blockNumber !== null) known.txs.delete(hash);
  }
}

export async function killWhileMining(rounds, { seed = 1, log = () => {} } = {}) {
  const next = generator(seed);
  const datadir = join(temporaryFolder(), 'chain');
  const known = { blocks: new Map(), txs: new Set(), checked: 0 };
  let slowest = 0;
  for (let round = 1; round <= rounds; round++) {
    const node = await startMining('--datadir', datadir);
    slowest = Math.max(slowest, node.readyMs);
    assert.ok(node.readyMs < READY_MS, `ready after ${node.readyMs.toFixed(0)} ms in round ${round}`);
    await checkKnown(node, known);
    await checkState(node, ACCOUNTS[0].address);
    const busy = work(node, known, next).catch((error) => error);
    await sleep(10 + next(300));
    await node.kill();
    const error = await busy;
    if (!['ECONNRESET', 'ECONNREFUSED', 'EPIPE'].includes(error.code) && !/socket hang up|nothing after/.test(error.message)) throw error;
    log(`round ${round}: killed while mining at block ${Math.max(...known.blocks.keys())}`);
  }
  const node = await startDev('--datadir', datadir);
  await checkKnown(node, known);
  const tip = await node.number();
  await node.stop();
  const verified = await run(['db', 'verify', '--chain', join(datadir, 'chain.json'), '--datadir', datadir]);
  assert.equal(verified.code, 0, verified.stderr);
  return { rounds, blocks: tip, slowestReadyMs: Math.round(slowest) };
}

// ---- while importing ----

/** A chain to import: {chain, blocks (file), hashes}. */
async function makeChain(folder, count) {
  const datadir = join(folder, 'source');
  // Blocks are made faster than the clock goes; by T2 their time may run ahead of it by twice the block time.
  const node = await startDev('--datadir', datadir, '--block-time', '3600');
  const wallet = new Wallet(ACCOUNTS[1].privateKey);
  for (let nonce = 0, mined = 0; mined < count; ) {
    const calls = [];
    for (let i = 0; i < 20; i++, nonce++) {
      const raw = await wallet.signTransaction({ type: 2, chainId: 1337, nonce, to: hex((1n << 159n) + BigInt(nonce)), value: 1n, gasLimit: 21000, maxFeePerGas: 100n * GWEI, maxPriorityFeePerGas: GWEI });
      calls.push({ jsonrpc: '2.0', id: calls.length, method: 'eth_sendRawTransaction', params: [raw] });
    }
    calls.push({ jsonrpc: '2.0', id: 99, method: 'evm_mine', params: [{ blocks: 20 }] });
    for (const answer of await node.ask(calls)) assert.ok(!answer.error, JSON.stringify(answer));
    mined += 20;
  }
  const tip = await node.number();
  const reference = (await hashes(node, 0, tip)).map((b) => b.hash);
  await node.stop();
  const chain = join(datadir, 'chain.json');
  const file = join(folder, 'blocks.rlp');
  const exported = await run(['export', '--chain', chain, '--datadir', datadir, file]);
  assert.equal(exported.code, 0, exported.stderr);
  return { chain, file, reference };
}

/** Imports for at most ms; true: it came to its end. */
async function importFor(source, datadir, ms, commitBlocks) {
  const args = ['import', '--chain', source.chain, '--datadir', datadir, '--commit-blocks', String(commitBlocks), source.file];
  const child = spawn(POSW, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (t) => (stderr += t));
  const timer = setTimeout(() => child.kill('SIGKILL'), ms);
  const { code, signal } = await new Promise((done) => child.on('close', (c, s) => done({ code: c, signal: s })));
  clearTimeout(timer);
  assert.ok(code === 0 || signal === 'SIGKILL', `import ended with ${code ?? signal}: ${stderr}`);
  return code === 0;
}

async function checkImported(source, datadir, least) {
  const node = await startNode(source.chain, datadir);
  assert.ok(node.readyMs < READY_MS, `ready after ${node.readyMs.toFixed(0)} ms`);
  const tip = await node.number();
  assert.ok(tip >= least, `the tip was ${least} and is now ${tip}`);
  (await hashes(node, Math.max(0, tip - 50), tip)).forEach((b) => assert.equal(b.hash, source.reference[Number(b.number)]));
  await checkState(node, ACCOUNTS[0].address);
  const { readyMs } = node;
  await node.stop();
  return { tip, readyMs };
}

export async function killWhileImporting(rounds, { seed = 2, blocks = 2000, log = () => {} } = {}) {
  const next = generator(seed);
  const folder = temporaryFolder();
  const source = await makeChain(folder, blocks);
  const datadir = join(folder, 'target');
  const began = performance.now();
  assert.ok(await importFor(source, datadir, 60000, 100));
  const whole = performance.now() - began;
  await checkImported(source, datadir, source.reference.length - 1);
  rmSync(datadir, { recursive: true });
  let least = 0, slowest = 0, completed = 0;
  for (let round = 1; round <= rounds; round++) {
    const ended = await importFor(source, datadir, 5 + next(whole * 0.5), [1, 10, 100, 1000][next(4)]);
    if (!ended && !existsSync(datadir)) {
      log(`round ${round}: killed before there was a folder`);
      continue;
    }
    const { tip, readyMs } = await checkImported(source, datadir, least);
    slowest = Math.max(slowest, readyMs);
    least = tip;
    log(`round ${round}: killed while importing at block ${tip}`);
    if (tip < source.reference.length - 1) continue;
    completed++;
    rmSync(datadir, { recursive: true });
    least = 0;
  }
  assert.ok(await importFor(source, datadir, 60000, 100), 'the rest goes in');
  const { tip } = await checkImported(source, datadir, least);
  assert.equal(tip, source.reference.length - 1);
  const verified = await run(['db', 'verify', '--chain', source.chain, '--datadir', datadir]);
  assert.equal(verified.code, 0, verified.stderr);
  return { rounds, completed, slowestReadyMs: Math.round(slowest) };
}

// ---- as a command ----

function argument(name, fallback) {
  const i = process.argv.indexOf(`--${name}`);
  return i < 0 ? fallback : Number(process.argv[i + 1]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const rounds = argument('rounds', 100);
  const seed = argument('seed', Date.now() % 1000000);
  console.log(`${rounds} rounds, seed ${seed}`);
  const log = process.argv.includes('--verbose') ? console.log : () => {};
  const mining = await killWhileMining(Math.ceil(rounds / 2), { seed, log });
  console.log(`killed ${mining.rounds} times while mining ${mining.blocks} blocks: nothing lost, ready again within ${mining.slowestReadyMs} ms`);
  const importing = await killWhileImporting(Math.floor(rounds / 2), { seed: seed + 1, log });
  console.log(`killed ${importing.rounds} times while importing: nothing lost, ready again within ${importing.slowestReadyMs} ms`);
  process.exit(0);
}
