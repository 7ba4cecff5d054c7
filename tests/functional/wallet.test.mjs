// The wallet's keys in the ecosystem's hands, and the other way round.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { HDNodeWallet, Mnemonic, Transaction, Wallet, encryptKeystoreJsonSync, verifyMessage } from 'ethers';
import { mnemonicToAccount } from 'viem/accounts';

import { mineWith, tell } from './chain.mjs';
import { ACCOUNTS, run, startNode, temporaryFolder, until, writeChainFile } from './lib.mjs';

const folder = temporaryFolder();
const PASSWORD = 'open sesame';
const file = (name, text) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const keys = ['--keystore', join(folder, 'keys'), '--password-file', file('password', `${PASSWORD}\n`), '--light', '--json'];
const posw = async (...args) => {
  const { code, stdout, stderr } = await run(args);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
};

const noLight = keys.filter((k) => k !== '--light');
const imported = async (i) => posw('wallet', 'import', '--key-file', file(`key${i}`, ACCOUNTS[i].privateKey), ...keys);

describe('wallet', () => {
  test('a new mnemonic gives the same accounts in ethers and viem', async () => {
    const made = await posw('wallet', 'new', '--words', '24', '--count', '5', ...keys);
    const phrase = Mnemonic.fromPhrase(made.mnemonic); // checks the words and the checksum
    assert.equal(made.keys.length, 5);
    made.keys.forEach(({ address, derivation }, i) => {
      assert.equal(HDNodeWallet.fromMnemonic(phrase, derivation).address, address);
      assert.equal(mnemonicToAccount(made.mnemonic, { addressIndex: i }).address, address);
    });
  });

  test('hardware wallets: paths and passphrase', async () => {
    const words = Mnemonic.fromEntropy('0x000102030405060708090a0b0c0d0e0f', 'a passphrase');
    const args = ['--mnemonic-file', file('words', words.phrase), '--passphrase-file', file('passphrase', 'a passphrase\n'), ...keys];
    for (const path of ["m/44'/60'/0'/0/0", "m/44'/60'/3'/0/0", "m/44'/60'/0'/5", "m/44'/1'/0'/0/0"]) {
      const { address } = await posw('wallet', 'import', '--path', path, ...args);
      assert.equal(address, HDNodeWallet.fromMnemonic(words, path).address, path);
    }
  });

  test('ethers opens our key file, and we open that of ethers', async () => {
    const made = await posw('wallet', 'new', ...keys);
    const opened = Wallet.fromEncryptedJsonSync(readFileSync(made.path, 'utf8'), PASSWORD);
    assert.equal(opened.address, made.address);
    assert.equal(opened.privateKey, HDNodeWallet.fromMnemonic(Mnemonic.fromPhrase(made.mnemonic)).privateKey);

    const theirs = Wallet.createRandom();
    const text = encryptKeystoreJsonSync({ address: theirs.address, privateKey: theirs.privateKey }, PASSWORD, { scrypt: { N: 4096 } });
    const taken = await posw('wallet', 'import', file('theirs.json', text), ...keys);
    assert.equal(taken.address, theirs.address);
    const { stdout } = await run(['wallet', 'export', theirs.address, '--private-key', ...keys.slice(0, 4)]);
    assert.equal(stdout.trim(), theirs.privateKey);
  });

  test('messages: ethers verifies ours, and we verify those of ethers', async () => {
    await imported(1);
    const { signature } = await posw('wallet', 'sign-message', ACCOUNTS[1].address, 'it is me', ...noLight);
    assert.equal(verifyMessage('it is me', signature), ACCOUNTS[1].address);
    const theirs = await new Wallet(ACCOUNTS[2].privateKey).signMessage('and me');
    assert.deepEqual(await posw('wallet', 'verify', ACCOUNTS[2].address, 'and me', theirs, '--json'), { valid: true });
    const other = await run(['wallet', 'verify', ACCOUNTS[1].address, 'and me', theirs, '--json']);
    assert.deepEqual([other.code, JSON.parse(other.stdout)], [1, { valid: false }]);
  });
});

/** Between a client and a node: what the client has been told last of a transaction's receipt is in `block`. */
async function watch(node) {
  const seen = { block: undefined };
  const server = http.createServer(async (req, res) => {
    let body = '';
    for await (const part of req) body += part;
    const answer = await node.post(body);
    if (body.includes('eth_getTransactionReceipt')) seen.block = JSON.parse(answer.body).result?.blockNumber ?? null;
    res.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body);
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  server.unref();
  return { url: `http://127.0.0.1:${server.address().port}`, seen, close: () => server.close() };
}

describe('waiting through a reorganisation', () => {
  let a, b;
  before(async () => {
    const chain = writeChainFile(folder);
    [a, b] = [await startNode(chain, `${folder}/a`), await startNode(chain, `${folder}/b`)];
    await imported(3);
  });
  after(() => Promise.all([a.stop(), b.stop()]));

  test('it is told, and the waiting goes on', async () => {
    const risk = ['--wait-risk', '0.01', '--attacker', '0.1'];
    const lab = await posw('lab', 'confirmations', '--q', '0.1', '--risk', '0.01', '--json');
    const [first, second] = [await watch(a), await watch(a)];
    const both = (what, test) => until(what, () => test(first.seen.block) && test(second.seen.block), { timeoutMs: 20000 });
    const sent = run(['send', '--from', ACCOUNTS[3].address, '--to', ACCOUNTS[9].address, '--amount', '7 wei', ...risk, '--rpc', first.url, ...noLight]);
    const hash = await until('the transaction', async () => Object.values((await a.rpc('txpool_content')).pending)[0]?.['0']?.hash, { timeoutMs: 20000 });
    const waiting = run(['tx', 'wait', hash, ...risk, '--rpc', second.url]);
    await mineWith(a, ACCOUNTS[5].privateKey, 1);
    await both('a block', (block) => block === '0x1');
    await mineWith(b, ACCOUNTS[6].privateKey, 2);
    await tell(b, a, 1, 2);
    await both('the reorganisation', (block) => block === null);
    await mineWith(a, ACCOUNTS[5].privateKey, lab.confirmations);
    const [{ code, stdout, stderr }, other] = [await sent, await waiting];
    first.close();
    second.close();
    assert.equal(code, 0, stderr);
    const report = JSON.parse(stdout);
    assert.deepEqual([report.hash, report.block, report.reorganisations, report.succeeded, report.final], [hash, 3, 1, true, false]);
    assert.equal(report.confirmationsWanted, lab.confirmations);
    assert.ok(report.confirmations >= report.confirmationsWanted);
    assert.match(stderr, /a reorganisation replaced block 1/);
    assert.equal(other.code, 0, other.stderr);
    assert.match(other.stdout, /confirmed {4}by \d+ blocks/);
    assert.match(other.stderr, /waiting for \d+ confirmations, so that an attacker with 10 % of the hash/);
  });

  test('a file that was signed offline is what ethers reads', async () => {
    const path = join(folder, 'payment.json');
    await posw('send', '--from', ACCOUNTS[3].address, '--to', ACCOUNTS[9].address, '--amount', '3 gwei', '--offline', path, '--rpc', a.url, '--json');
    const signed = await posw('tx', 'sign', path, ...noLight);
    const tx = Transaction.from(signed.file.signed);
    assert.deepEqual([tx.from, tx.to, tx.value, tx.chainId, tx.nonce, tx.hash], [ACCOUNTS[3].address, ACCOUNTS[9].address, 3n * 10n ** 9n, 424242n, 1, signed.hash]);
  });
});
