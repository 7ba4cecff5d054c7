// A newcomer's path with real processes and the commands that people type: a founder makes a chain and starts its first node; somebody else starts a second one from the
// founder's folder, gets coins from the faucet, pays, stakes, sees boosted blocks as an explorer does, takes the stake back and has the coins again.
//
// The chain has short lengths, by options that anyone has: stake counts from the second next epoch on and is locked for two epochs at least (E1, P4), so epochs of 8 blocks show in
// seconds what takes weeks elsewhere. Blocks come as fast as they are found, since the block time of an hour lets their time run ahead (T2) and a long half-life keeps the difficulty
// where it is: a keccak256 chain on which one thread needs a fraction of a second. The newcomer's stake is 8 tickets of a window of 16, so boosted blocks stand beside others.
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { Browser } from './browser.mjs';
import { isBoosted, sealSigner } from './chain.mjs';
import { COIN, hex, run, start, STAKING, temporaryFolder, until } from './lib.mjs';
import { agreeOn } from './network.mjs';

const folder = temporaryFolder(), path = (...names) => join(folder, ...names);
const founder = { keystore: path('founder') }, newcomer = { keystore: path('newcomer') };
const WAIT_MS = 30000;

async function posw(...args) {
  const done = await run(args);
  assert.equal(done.code, 0, `posw ${args.join(' ')}\n${done.stderr}`);
  return done.stdout;
}
const as = (who) => ['--keystore', who.keystore, '--password-file', path('password')];
const newKey = async (who) => { who.address = JSON.parse(await posw('wallet', 'new', '--light', '--no-mnemonic', '--json', ...as(who))).address; };
const freePort = () => new Promise((done) => {
  const server = net.createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    server.close(() => done(port));
  });
});
const startNode = (name, ...args) => start(['node', '--chain', path('gold', 'chain.json'), '--datadir', path(name), '--listen', '127.0.0.1', '--private-network', '--no-port-mapping',
  '--port', '0', '--json-ready', '--log-level', 'warn', ...args]);

let first, second, faucet;
/** A command of the newcomer, through the newcomer's own node. */
const mine = (...args) => posw(...args, '--rpc', second.url, '--json', ...as(newcomer), '--timeout', '60').then(JSON.parse);
const balance = (who) => second.balance(who.address);
const atBlock = (number) => until(`block ${number}`, async () => (await second.number()) >= number, { timeoutMs: WAIT_MS, everyMs: 100 });

/** The second node's own page of a block, in a browser, names these. */
async function explorerShows(number, ...words) {
  const browser = await Browser.start();
  try {
    const seen = await browser.open(`${second.url}/#/block/${number}`);
    const missing = () => browser.evaluate('document.querySelector("main").innerHTML.toLowerCase()').then((html) => words.filter((w) => !html.includes(w.toLowerCase())));
    await until(`the page of block ${number} names ${words.join(' and ')}`, async () => (await missing()).length === 0, { timeoutMs: WAIT_MS, everyMs: 100 });
    assert.deepEqual(seen.errors, []);
  } finally {
    await browser.stop();
  }
}

before(async () => {
  writeFileSync(path('password'), 'x\n');
  await newKey(founder);
  await newKey(newcomer);
});
after(async () => {
  for (const process of [faucet, second, first]) await process?.stop();
});

test('a founder makes a chain and two nodes form it', async () => {
  const port = await freePort();
  await posw('chain', 'new', '--name', 'Gold', '--ticker', 'GOLD', '--chain-id', '5150515', '--supply', '1000000 coin', '--accounts', `${founder.address}=100%`, '--pow', 'keccak256',
    '--block-time', '3600', '--half-life', '100000', '--difficulty', '15000', '--window', '16', '--epoch', '8', '--max-reorg', '8', '--unbonding', '16', '--bundle', path('gold'),
    '--boot-hosts', `127.0.0.1:${port}`);
  mkdirSync(path('one'));
  copyFileSync(path('gold', 'keys', 'boot-1.key'), path('one', 'node.key'));
  first = await startNode('one', '--p2p-port', String(port), '--mine', founder.address, '--mine-alone', ...as(founder));
  second = await startNode('two', '--p2p-port', '0', '--bootnodes', readFileSync(path('gold', 'boot-nodes.txt'), 'utf8').trim());
  await until('the same blocks', async () => {
    const number = await second.number();
    return number > 1 && agreeOn([first.url, second.url], number);
  }, { timeoutMs: WAIT_MS, everyMs: 100 });
});

test('the faucet gives, and what it gave can be sent on', async () => {
  faucet = await start(['faucet', '--from', founder.address, '--amount', '150000 coin', '--per-day', '300000 coin', '--rpc', first.url, '--listen', '0', '--datadir', path('faucet'),
    '--json-ready', '--log-level', 'warn', ...as(founder)]);
  const asked = await fetch(faucet.ready.url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ address: newcomer.address }) });
  assert.equal((await asked.json()).status, 'sent');
  await until('the coins', async () => (await balance(newcomer)) === 150000n * COIN, { timeoutMs: WAIT_MS, everyMs: 100 });
  const to = '0x00000000000000000000000000000000C0FFEE00';
  await mine('send', '--from', newcomer.address, '--to', to, '--amount', '1 coin', '--wait');
  assert.equal(await second.balance(to), COIN);
});

test('a stake makes blocks boosted, as an explorer sees them', async () => {
  const staked = await mine('stake', 'add', '--from', newcomer.address, '--miner', founder.address, '--amount', '130000 coin', '--wait');
  const active = Number(staked.activeFrom);
  await atBlock(active + 16);
  const blocks = await Promise.all(Array.from({ length: active + 16 }, (_, i) => second.rpc('eth_getBlockByNumber', hex(i + 1), true)));
  const boosted = blocks.filter(isBoosted).map((b) => Number(b.number));
  assert.deepEqual(boosted.filter((number) => number < active), []);
  assert.ok(boosted.length >= 1 && boosted.length <= 16, `${boosted}`);
  for (const b of blocks) assert.equal(sealSigner(b), founder.address);
  const stake = blocks.flatMap((b) => b.transactions).find((t) => t.to?.toLowerCase() === STAKING);
  assert.deepEqual([stake.from, BigInt(stake.value)], [newcomer.address.toLowerCase(), 130000n * COIN]);
  const status = await second.rpc('posw_status');
  assert.equal(status.chain, 'Gold');
  await explorerShows(Number(stake.blockNumber), 'stake', newcomer.address);
  await explorerShows(boosted[0], 'boosted', founder.address);
});

test('unstaked and withdrawn, the coins are back', async () => {
  const removed = await mine('stake', 'remove', '--from', newcomer.address, '--miner', founder.address, '--amount', '130000 coin', '--wait');
  const early = await run(['stake', 'withdraw', '--from', newcomer.address, '--rpc', second.url, '--wait', ...as(newcomer)]);
  if ((await second.number()) < Number(removed.unlockBlock)) assert.equal(early.code, 1, early.stdout); // a busy machine may come too late to be early
  await atBlock(Number(removed.unlockBlock));
  if (early.code !== 0) await mine('stake', 'withdraw', '--from', newcomer.address, '--wait');
  const left = await balance(newcomer);
  assert.ok(left < 149999n * COIN && left > 149998n * COIN, `${left}`); // but for fees
  assert.equal((await second.rpc('posw_networkStatus')).problem, '');
});
