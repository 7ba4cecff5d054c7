// The wallet's keys in the ecosystem's hands, and the other way round.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { HDNodeWallet, Mnemonic, Wallet, encryptKeystoreJsonSync } from 'ethers';
import { mnemonicToAccount } from 'viem/accounts';

import { run, temporaryFolder } from './lib.mjs';

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
});
