// The miners' door with real sockets: a small miner of the test's own, what strangers send, the limits, and `posw miner`.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import tls from 'node:tls';

import { Contract } from 'ethers';

import { keccak, littleEndian } from './chain.mjs';
import { ACCOUNTS, COIN, STAKING, STAKING_ABI, ethersProvider, ethersWallet, run, start, startDev, startMiner, temporaryFolder, until, within, writeChainFile } from './lib.mjs';

const [rich, poor] = [ACCOUNTS[1].address, ACCOUNTS[2].address];

/** A connection that speaks lines of JSON and keeps the latest job; secure: inside TLS with the node's certificate. */
class Miner {
  static async open(node, secure = false) {
    const m = new Miner();
    const { hostname, port } = new URL(node.ready.stratum);
    m.socket = (secure ? tls : net).connect({ port: Number(port), host: hostname, rejectUnauthorized: false });
    m.lines = [];
    m.waiting = new Map();
    m.id = 0;
    m.closed = false;
    let rest = '';
    m.socket.setEncoding('utf8').on('data', (text) => {
      const all = (rest + text).split('\n');
      rest = all.pop();
      all.filter(Boolean).forEach((line) => m.hear(JSON.parse(line)));
    });
    m.socket.on('error', () => {}).on('close', () => (m.closed = true));
    await within(5000, once(m.socket, secure ? 'secureConnect' : 'connect'), 'the miners’ door');
    return m;
  }

  hear(message) {
    this.lines.push(message);
    if (message.method === 'job') this.job = message.params;
    if (message.result?.job) ({ id: this.session, job: this.job } = message.result);
    this.waiting.get(message.id)?.(message);
  }

  ask(method, params = {}) {
    const id = ++this.id;
    const answer = new Promise((done) => this.waiting.set(id, done));
    this.socket.write(JSON.stringify({ id, jsonrpc: '2.0', method, params }) + '\n');
    return within(5000, answer, method);
  }

  async login(address) {
    const answer = await this.ask('login', { login: address + '.test', pass: 'x', agent: 'test', algo: ['rx/0', 'posw/keccak256'] });
    assert.equal(answer.error, null, JSON.stringify(answer.error));
    assert.equal(answer.result.status, 'OK');
    return this;
  }

  get target() {
    return Buffer.from(this.job.target, 'hex').readBigUInt64LE();
  }

  /** As a stock miner does it: 4 bytes of nonce at offset 39, the last 8 bytes of the hash against the target. */
  search(job = this.job) {
    const blob = Buffer.from(job.blob, 'hex');
    const target = Buffer.from(job.target, 'hex').readBigUInt64LE();
    for (let nonce = 0; ; nonce++) {
      blob.writeUInt32LE(nonce, 39);
      const hash = Buffer.from(keccak(blob));
      if (hash.readBigUInt64LE(24) < target) return { id: this.session, job_id: job.job_id, nonce: blob.subarray(39, 43).toString('hex'), result: hash.toString('hex') };
    }
  }

  end() {
    this.socket.destroy();
  }
}

const closes = (m) => until('the node closes', () => m.closed);

describe('miners', () => {
  let node, provider;
  before(async () => {
    node = await startDev('--stratum', '127.0.0.1:0');
    provider = ethersProvider(node);
    const staking = new Contract(STAKING, STAKING_ABI, ethersWallet(provider, 1));
    const sent = await staking.stake(rich, { value: 5000n * COIN });
    await node.mined(sent.hash);
    await node.mineTo(47);
  });
  after(() => {
    provider.destroy();
    return node.stop();
  });

  test('each login has the target of its weight', async () => {
    const [a, b] = [await (await Miner.open(node)).login(rich), await (await Miner.open(node)).login(poor)];
    for (const [m, address] of [[a, rich], [b, poor]]) {
      const { target, weight, number } = await node.rpc('posw_getMiner', address);
      assert.equal(m.target, BigInt(target) >> 192n);
      assert.equal(m.job.height, Number(number));
      assert.equal(m.job.posw.weight, weight);
      assert.equal(m.job.algo, 'posw/keccak256');
    }
    assert.equal(a.target, 1024n * b.target);
    a.end();
    b.end();
  });

  test('every share is a block of its login', async () => {
    const miners = [await (await Miner.open(node)).login(rich), await (await Miner.open(node)).login(poor), await (await Miner.open(node)).login(poor)];
    assert.notEqual(miners[1].job.blob, miners[2].job.blob, 'two machines of one address search different nonces');
    for (let i = 0; i < 9; i++) {
      const m = miners[i % 3];
      const { height } = m.job;
      const share = m.search();
      const answer = await m.ask('submit', share);
      assert.equal(answer.error, null, JSON.stringify(answer.error));
      const b = await node.rpc('eth_getBlockByNumber', 'latest', false);
      assert.equal(Number(b.number), height);
      assert.equal(b.miner, (i % 3 === 0 ? rich : poor).toLowerCase());
      assert.equal(b.mixHash, '0x' + share.result);
      assert.ok(littleEndian(Buffer.from(share.result, 'hex')) > 0n);
      for (const other of miners) await until('everybody has new work', () => other.job.height === height + 1);
    }
    // what the pool holds is in a block soon: a new tip brings new work at once
    const sent = await ethersWallet(provider, 5).sendTransaction({ to: ACCOUNTS[6].address, value: 1n });
    await node.mine();
    assert.ok(await provider.getTransactionReceipt(sent.hash));
    miners.forEach((m) => m.end());
  });

  test('wrong shares get the texts that miners know', async () => {
    const m = await (await Miner.open(node)).login(poor);
    const good = m.search();
    const refused = async (change) => (await m.ask('submit', { ...good, ...change })).error.message;
    assert.equal(await refused({ result: 'ff'.repeat(32) }), 'Low difficulty share');
    assert.equal(await refused({ job_id: 'ffffff' }), 'Invalid job id');
    assert.equal(await refused({ nonce: '00' }), 'Malformed nonce');
    const old = m.job;
    await node.mine(4); // work of so long ago is forgotten
    await until('new work', () => m.job.height === old.height + 4);
    const late = m.search(old);
    assert.equal((await m.ask('submit', { ...late, id: m.session })).error.message, 'Block expired');
    assert.equal((await m.ask('keepalived')).result.status, 'OK');
    assert.equal((await m.ask('getjob')).result.height, m.job.height);
    assert.equal((await m.ask('mining.subscribe')).error.message, 'Invalid method');
    m.end();
  });

  test('who cannot be served is told why', async () => {
    for (const [login, algo, text] of [
      ['0x' + '11'.repeat(20), undefined, /has not got its signer's key; stake and name 0x[0-9a-f]{40} the signer/],
      ['42walletofanothercoin', undefined, /The login is your address/],
      [poor, ['cn/r', 'rx/0'], /mined with posw\/keccak256, which is not among/],
    ]) {
      const m = await Miner.open(node);
      assert.match((await m.ask('login', { login, pass: 'x', algo })).error.message, text);
      await closes(m);
    }
    const m = await Miner.open(node);
    assert.equal((await m.ask('submit', { id: '1', job_id: '1', nonce: '00000000', result: '00'.repeat(32) })).error.message, 'Unauthenticated');
    await closes(m);
  });

  test('what strangers send closes their connection only', async () => {
    const stays = await (await Miner.open(node)).login(poor);
    for (const text of ['GET / HTTP/1.1\r\nHost: x\r\n\r\n', '[]\n', '{"method":\n', 'x'.repeat(5000), '\0\x01\x02\n', '['.repeat(4000) + '\n', '{"id":1}\n']) {
      const m = await Miner.open(node);
      m.socket.write(text);
      await closes(m);
      assert.match(m.lines[0].error.message, /Malformed request|The line is too long/);
    }
    const silent = await Miner.open(node);
    silent.socket.end(); // a half-closed one is of no use
    await closes(silent);
    assert.equal((await stays.ask('keepalived')).result.status, 'OK');
    stays.end();
  });

  test('one address has so many connections and requests', async () => {
    const all = [];
    for (let i = 0; i < 64; i++) all.push(await Miner.open(node));
    const more = await Miner.open(node);
    await closes(more);
    assert.equal(more.lines[0].error.message, 'Too many connections');
    const quick = await all[0].login(poor);
    quick.socket.write('{"id":1000,"method":"keepalived"}\n'.repeat(1000));
    await closes(quick);
    const answers = quick.lines.filter(({ result }) => result?.status === 'OK').length;
    assert.ok(answers >= 59 && answers < 100, `${answers} answers`);
    assert.ok(quick.lines.length < 350, `${quick.lines.length} lines`);
    all.forEach((m) => m.end());
  });
});

test('a door that cannot be opened is told in a sentence', async () => {
  const taken = net.createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const chain = writeChainFile(temporaryFolder());
  for (const [args, code, text] of [
    [['dev', '--port', '0', '--stratum', 'nowhere'], 2, /'nowhere' is not a place to listen; write 3333/],
    [['dev', '--port', '0', '--stratum', '127.0.0.1:70000'], 2, /not a place to listen/],
    [['dev', '--port', '0', '--stratum', 'localhost:0'], 1, /'localhost' is not a numeric IP address/],
    [['dev', '--port', '0', '--stratum', `${taken.address().port}`], 1, /in use by another program; .* with --stratum/],
    [['dev', '--port', '0', '--stratum', '0', '--stratum-addresses', '0'], 2, /--stratum-addresses must be a whole number from 1/],
    [['node', '--chain', chain, '--datadir', temporaryFolder(), '--no-network', '--port', '0', '--stratum', '0'], 2, /--stratum needs a key that signs/],
    [['node', '--chain', chain, '--datadir', temporaryFolder(), '--no-network', '--port', '0', '--stratum-keys', poor], 2, /--stratum-keys needs --stratum/],
  ]) {
    const r = await run(args);
    assert.equal(r.code, code, r.stderr);
    assert.match(r.stderr, text);
    assert.equal(r.stderr.trim().split('\n').length, 1, r.stderr);
  }
  taken.close();
});

describe('false results', () => {
  test('three, and the address is banned', async () => {
    const node = await startDev('--stratum', '127.0.0.1:0');
    const m = await (await Miner.open(node)).login(poor);
    const other = await (await Miner.open(node)).login(rich);
    for (let i = 0; i < 3; i++) {
      const { error } = await m.ask('submit', { id: m.session, job_id: m.job.job_id, nonce: `0000000${i}`, result: '00'.repeat(32) });
      assert.match(error.message, /^Invalid share/);
    }
    await closes(m);
    await closes(other);
    const again = await Miner.open(node);
    assert.match((await again.ask('login', { login: poor }).catch(() => again.lines.at(-1))).error.message, /banned/);
    assert.equal(await node.number(), 0);
    await node.stop();
  });
});

describe('posw miner', () => {
  test('mines, says what stake would change, and ends by itself', async () => {
    const node = await startDev('--stratum', '127.0.0.1:0');
    const done = await run(['miner', '--url', node.ready.stratum, '--login', poor + '.desk', '--threads', '1', '--shares', '3', '--report', '1']);
    assert.equal(done.code, 0, done.stderr);
    assert.match(done.stdout, /logged in/);
    assert.match(done.stdout, /accepted 3, rejected 0/);
    assert.match(done.stdout, /stake {4}0 coin, 0 tickets, 0 of them used up: a hash counts once\n +with 781.25 coin more, one free ticket: a hash counts 1024 times until/);
    assert.match(done.stdout, /speed .*H\/s/);
    const b = await node.rpc('eth_getBlockByNumber', '0x3', false);
    assert.equal(b.miner, poor.toLowerCase());
    assert.ok((await node.number()) <= 4, 'a share that was on its way may have been one more block');
    await node.stop();
  });

  test('comes back when its node does', async () => {
    let node = await startDev('--stratum', '127.0.0.1:0');
    const { stratum } = node.ready;
    const m = startMiner('--url', stratum, '--login', rich, '--throttle', '50', '--report', '1');
    await m.saw('a block', ({ event }) => event === 'accepted');
    await node.stop();
    const lost = await m.saw('the end of the node', ({ event }) => event === 'lost');
    assert.ok(lost.retryMs >= 1000 && lost.retryMs <= 1300, `${lost.retryMs}`);
    const { length } = m.events;
    node = await startDev('--stratum', new URL(stratum).host);
    await m.saw('a block of the new node', ({ event }) => event === 'accepted' && m.events.slice(length).some((e) => e.event === 'welcome'));
    await m.saw('its speed', ({ event, hashesPerSecond }) => event === 'report' && hashesPerSecond > 0);
    m.child.kill('SIGINT');
    assert.deepEqual(await within(5000, m.exited, 'Ctrl-C'), { code: 0, signal: null });
    assert.equal(m.events.at(-1).event, 'report');
    assert.equal(m.events.at(-1).rejected, 0);
    await node.stop();
  });

  test('tries again after longer and longer rests while the node takes no miners', async () => {
    const door = net.createServer((socket) => {
      socket.on('error', () => {}).once('data', () => socket.end('{"id":1,"error":{"code":-1,"message":"This node is behind the chain"}}\n'));
    }).listen(0, '127.0.0.1');
    await once(door, 'listening');
    const m = startMiner('--url', `127.0.0.1:${door.address().port}`, '--login', poor);
    const rests = () => m.events.filter(({ event }) => event === 'lost');
    await until('three tries', () => rests().length === 3, { timeoutMs: 15000 });
    rests().forEach(({ text, retryMs }, i) => {
      assert.equal(text, 'the node takes no login now: This node is behind the chain');
      assert.ok(retryMs >= 1000 * 2 ** i && retryMs < 1250 * 2 ** i, `${retryMs}`);
    });
    m.child.kill('SIGINT');
    assert.equal((await within(5000, m.exited, 'Ctrl-C')).code, 0);
    door.close();
  });

  test('tells what of the stake is still to come', async () => {
    const node = await startDev('--stratum', '127.0.0.1:0');
    const provider = ethersProvider(node);
    const staking = new Contract(STAKING, STAKING_ABI, ethersWallet(provider, 2));
    await node.mined((await staking.stake(poor, { value: 2000n * COIN })).hash); // block 1: counts from block 32 on
    await node.mineTo(40);
    await node.mined((await staking.unstake(poor, 500n * COIN)).hash); // block 41: counts less from block 64 on
    const mine = (...args) => run(['miner', '--url', node.ready.stratum, '--login', poor, '--threads', '1', '--shares', '1', ...args]);
    const { code, stdout, stderr } = await mine();
    assert.equal(code, 0, stderr);
    assert.match(stdout, /stake {4}2000 coin/);
    assert.match(stdout, /^ +500 coin fewer count from block 64 on, in about \d/m);
    assert.match(stdout, /^ +500 coin are on their way out, the last of them free in block 73, in about \d/m);
    await node.mined((await staking.stake(poor, { value: 800n * COIN })).hash);
    const number = await node.number();
    assert.ok(number < 48, 'this test is about one epoch');
    assert.match((await mine()).stdout, /^ +300 coin more count from block 64 on/m);
    await node.mineTo(73);
    const job = JSON.parse((await mine('--json')).stdout.split('\n').find((line) => /"job"/.test(line)));
    assert.equal(BigInt(job.stake), 2300n * COIN);
    assert.equal(BigInt(job.unlocked), 500n * COIN);
    assert.equal(job.nextFrom ?? job.laterFrom ?? job.exitBlock, undefined);
    provider.destroy();
    await node.stop();
  });

  test('uses TLS where the node offers it', async () => {
    const folder = temporaryFolder();
    const [password, key, keystore, data] = ['password', 'key', 'keystore', 'data'].map((name) => join(folder, name));
    writeFileSync(password, 'secret\n', { mode: 0o600 });
    writeFileSync(key, ACCOUNTS[2].privateKey.slice(2), { mode: 0o600 });
    const keys = ['--keystore', keystore, '--password-file', password];
    assert.equal((await run(['wallet', 'import', '--light', ...keys, '--key-file', key])).code, 0);
    const args = ['node', '--chain', writeChainFile(folder), '--datadir', data, '--listen', '127.0.0.1', '--p2p-port', '0', '--mine-alone', '--port', '0', '--json-ready',
      '--log-level', 'warn', '--stratum', '127.0.0.1:0', '--stratum-keys', poor, ...keys];
    let node = await start([...args, '--stratum-tls']);
    const { stratumFingerprint: fingerprint } = node.ready;
    const m = await Miner.open(node, true);
    assert.equal(m.socket.getProtocol(), 'TLSv1.3');
    assert.equal(m.socket.getPeerCertificate().fingerprint256.replaceAll(':', '').toLowerCase(), fingerprint);
    await m.login(poor);
    const plain = await (await Miner.open(node)).login(poor); // beside it, as ever
    for (const who of [m, plain]) {
      const { height } = who.job;
      assert.equal((await who.ask('submit', who.search())).result.status, 'OK');
      for (const other of [m, plain]) await until('everybody has new work', () => other.job.height === height + 1);
    }
    m.socket.write('GET / HTTP/1.1\r\n\r\n');
    await closes(m);
    assert.match(m.lines.at(-1).error.message, /Malformed request/, 'the last word arrives inside TLS, too');
    const broken = net.connect(Number(new URL(node.ready.stratum).port), '127.0.0.1', () => broken.write(Buffer.from('1603010004deadbeef', 'hex')));
    await within(5000, once(broken.on('error', () => {}).resume(), 'close'), 'what is no TLS after all is closed');

    const url = node.ready.stratum.replace('tcp', 'ssl');
    const mine = (pin) => run(['miner', '--url', url, '--fingerprint', pin, '--login', poor, '--threads', '1', '--shares', '2']);
    const done = await mine(fingerprint.toUpperCase());
    assert.equal(done.code, 0, done.stderr);
    assert.match(done.stdout, /connected to 127\.0\.0\.1\nlogged in\n[^]*accepted 2, rejected 0/);
    const refused = await mine('00'.repeat(32));
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /^posw: no TLS with 127\.0\.0\.1, port \d+ \(another fingerprint\): it wants a node with --stratum-tls, and the fingerprint that this prints$/m);
    for (const bad of [['--url', url], ['--url', url, '--fingerprint', 'ab'], ['--url', node.ready.stratum, '--fingerprint', fingerprint]])
      assert.equal((await run(['miner', '--login', poor, ...bad])).code, 2, bad.join(' '));
    plain.end();
    await node.stop();

    node = await start([...args, '--stratum-tls']);
    assert.equal(node.ready.stratumFingerprint, fingerprint, 'it is the same in the next run');
    await node.stop();
    node = await start([...args, '--stratum-tls', '--no-network']);
    assert.equal(node.ready.stratumFingerprint, fingerprint, 'and without a network');
    await node.stop();
    node = await start(args); // without: TLS is no line of JSON
    const late = startMiner('--url', node.ready.stratum.replace('tcp', 'ssl'), '--fingerprint', fingerprint, '--login', poor);
    await late.saw('that there is no TLS', ({ event, text }) => event === 'lost' && /no TLS with .* it wants a node with --stratum-tls/.test(text));
    late.child.kill('SIGTERM');
    await late.exited;
    await node.stop();
  });

  test('uses TLS with a development chain and a network on one machine', async () => {
    const mine = (ready) => run(['miner', '--url', ready.stratum.replace('tcp', 'ssl'), '--fingerprint', ready.stratumFingerprint, '--login', poor, '--threads', '1', '--shares', '1']);
    const data = join(temporaryFolder(), 'data');
    const fingerprints = [];
    for (const where of [['--datadir', data], ['--datadir', data], [], []]) {
      const node = await startDev('--stratum', '127.0.0.1:0', '--stratum-tls', ...where);
      const done = await mine(node.ready);
      assert.equal(done.code, 0, done.stderr);
      fingerprints.push(node.ready.stratumFingerprint);
      await node.stop();
    }
    assert.equal(fingerprints[0], fingerprints[1]);
    assert.equal(new Set(fingerprints).size, 3, 'kept in the data directory, else a new one');
    const without = await run(['dev', '--port', '0', '--stratum-tls']);
    assert.deepEqual([without.code, without.stdout], [2, '']);
    assert.match(without.stderr, /--stratum-tls needs --stratum/);

    const both = await start(['localnet', '2', '--port', '0', '--p2p-port', '0', '--no-mining', '--stratum', '0', '--stratum-tls', '--json-ready', '--log-level', 'warn']);
    const [one, two] = both.ready.nodes;
    assert.notEqual(one.stratumFingerprint, two.stratumFingerprint);
    for (const ready of [one, two]) assert.equal((await mine(ready)).code, 0);
    await both.stop();
  });

  test('says what it cannot do', async () => {
    const node = await startDev('--stratum', '127.0.0.1:0');
    // what another try cannot mend ends it
    for (const [url, login, text] of [
      [node.ready.stratum, '0x' + '11'.repeat(20), /^posw: the node refuses the login: Cannot mine for 0x1{40}: .* name 0x[0-9a-f]{40} the signer \(posw stake signer\)$/],
      [new URL(node.url).host, poor, /^posw: what answers at 127\.0\.0\.1, port \d+, does not speak .*; it is the port of the node's --stratum that is needed$/],
    ]) {
      const m = startMiner('--url', url, '--login', login);
      assert.deepEqual(await within(10000, m.exited, 'the end of a miner that is refused'), { code: 1, signal: null });
      assert.match(m.stderr.trim(), text);
      assert.ok(!m.events.some(({ event }) => event === 'lost'));
    }
    await node.stop();
    for (const [args, text] of [
      [['--login', poor], /--url .* and --login .* are needed/],
      [['--url', 'http://x', '--login', poor], /--url must be like/],
      [['--url', 'x:1', '--login', 'me'], /--login 'me' is not an address/],
      [['--url', 'x:1', '--login', poor, '--throttle', '91'], /--throttle must be a whole number from 0 to 90/],
    ]) {
      const r = await run(['miner', ...args]);
      assert.equal(r.code, 2);
      assert.match(r.stderr, text);
      assert.equal(r.stderr.trim().split('\n').length, 1);
    }
  });
});
