// eth_getProof checked by an independent library against the block's stateRoot, and stake proofs recomputed from doc/protocol.md.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { verifyMerkleProof } from '@ethereumjs/mpt';
import { RLP } from '@ethereumjs/rlp';
import { Contract, Wallet } from 'ethers';

import { be, bytes, keccak, splitExtra, stakeRoot, stakeRootOfProof, stakeTree, text } from './chain.mjs';
import { ACCOUNTS, COIN, STAKING, STAKING_ABI, ethersProvider, ethersWallet, startDev, startNode, temporaryFolder, viemClients, writeChainFile } from './lib.mjs';

const EMPTY_ROOT = '0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421';
const EMPTY_CODE = '0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470';

/** The value that a proof proves for a key below a root; null: its absence. Throws if it proves nothing. */
async function proven(root, key, proof) {
  if (root === EMPTY_ROOT && proof.length === 0) return null;
  const value = await verifyMerkleProof(keccak(bytes(key)), proof.map(bytes), { root: bytes(root) });
  return value === null || value.length === 0 ? null : value;
}

const number = (data) => (data.length === 0 ? 0n : BigInt(text(data)));

/** Checks account and slots of an eth_getProof answer against a state root. */
async function check(answer, stateRoot) {
  const account = await proven(stateRoot, answer.address, answer.accountProof);
  if (account === null) {
    assert.deepEqual([answer.balance, answer.nonce, answer.codeHash, answer.storageHash], ['0x0', '0x0', EMPTY_CODE, EMPTY_ROOT]);
  } else {
    const [nonce, balance, storageRoot, codeHash] = RLP.decode(account);
    assert.equal(number(nonce), BigInt(answer.nonce));
    assert.equal(number(balance), BigInt(answer.balance));
    assert.equal(text(storageRoot), answer.storageHash);
    assert.equal(text(codeHash), answer.codeHash);
  }
  for (const { key, value, proof } of answer.storageProof) {
    const word = await proven(answer.storageHash, text(be(key, 32)), proof);
    assert.equal(word === null ? 0n : number(RLP.decode(word)), BigInt(value), `slot ${key}`);
  }
  return account !== null;
}

describe('eth_getProof', () => {
  let node, provider;
  const getProof = (address, keys = [], block = 'latest') => node.rpc('eth_getProof', address, keys, block);
  const root = async (block = 'latest') => (await node.rpc('eth_getBlockByNumber', block, false)).stateRoot;
  before(async () => {
    node = await startDev();
    provider = ethersProvider(node);
    await new Contract(STAKING, STAKING_ABI, ethersWallet(provider, 1)).stake(ACCOUNTS[2].address, { value: 1234n * COIN });
    const wallet = ethersWallet(provider, 3);
    let nonce = 0;
    for (let i = 0; i < 200; i++) await wallet.sendTransaction({ to: Wallet.createRandom().address, value: 1n, nonce: nonce++, gasLimit: 21000, maxFeePerGas: 10n ** 10n, maxPriorityFeePerGas: 1n });
    await node.mine();
  });
  after(async () => {
    provider.destroy();
    await node.stop();
  });

  test('accounts that are there', async () => {
    for (const address of [...ACCOUNTS.map((a) => a.address), STAKING]) {
      const answer = await getProof(address);
      assert.ok(await check(answer, await root()), address);
      assert.ok(answer.accountProof.length >= 2, 'a deep trie');
      assert.equal(BigInt(answer.balance), await node.balance(address));
    }
  });

  test('accounts that are not', async () => {
    for (let i = 0; i < 20; i++) {
      const { address } = Wallet.createRandom();
      assert.equal(await check(await getProof(address), await root()), false);
    }
  });

  test('the storage of the staking contract', async () => {
    const slot = (...words) => text(keccak(...words.map((w) => be(w, 32))));
    const stakeOfMiner = slot(ACCOUNTS[2].address, 16);
    const deposit = slot(ACCOUNTS[2].address, slot(ACCOUNTS[1].address, 20));
    const answer = await getProof(STAKING, ['0x0', '0x1', '0x2', '0x4', stakeOfMiner, deposit, '0x' + 'ab'.repeat(32)]);
    assert.ok(await check(answer, await root()));
    const values = answer.storageProof.map((p) => BigInt(p.value));
    assert.deepEqual(values.slice(0, 3), [1234n * COIN, 1n, 0n], 'S2');
    assert.deepEqual(values.slice(4), [1234n * COIN, 1234n * COIN, 0n], 'S2: m(miner, 16), m(miner, m(owner, 20))');
    for (const p of answer.storageProof) assert.equal(BigInt(await node.rpc('eth_getStorageAt', STAKING, p.key, 'latest')), BigInt(p.value));
  });

  test('of an earlier block', async () => {
    await node.mine(5);
    for (const n of ['0x0', '0x1', '0x3']) assert.ok(await check(await getProof(ACCOUNTS[0].address, [], n), await root(n)), n);
    const { hash, stateRoot } = await node.rpc('eth_getBlockByNumber', '0x2', false);
    assert.ok(await check(await getProof(STAKING, ['0x0'], { blockHash: hash }), stateRoot));
  });

  test('the check can fail', async () => {
    const answer = await getProof(ACCOUNTS[1].address);
    await assert.rejects(check(answer, EMPTY_ROOT.replace('56', '57')));
    await assert.rejects(check({ ...answer, balance: '0x1' }, await root()));
    const bent = [...answer.accountProof];
    bent[bent.length - 1] = bent.at(-1).replace(/.$/, (c) => (c === '0' ? '1' : '0'));
    await assert.rejects(check({ ...answer, accountProof: bent }, await root()));
  });

  test('viem reads it', async () => {
    const { reader } = viemClients(node);
    const proof = await reader.getProof({ address: STAKING, storageKeys: ['0x' + '00'.repeat(32)] });
    assert.equal(proof.storageProof[0].value, 1234n * COIN);
    assert.equal(proof.nonce, 1);
  });

  test('limits and errors', async () => {
    await assert.rejects(getProof('0x1234'), { code: -32602 });
    await assert.rejects(getProof(STAKING, ['0x' + '11'.repeat(33)]), { code: -32602 });
    await assert.rejects(getProof(STAKING, Array(1025).fill('0x0')), { code: -32602 });
    await assert.rejects(getProof(STAKING, [], '0xffffff'), { code: -32000 });
    assert.equal((await getProof(STAKING, Array(1024).fill('0x0'))).storageProof.length, 1024);
  });
});

describe('stake proofs', () => {
  test('of a table of many, recomputed leaf by leaf', async () => {
    const folder = temporaryFolder();
    const stakes = Array.from({ length: 23 }, (_, i) => ({ miner: Wallet.createRandom().address, owner: ACCOUNTS[0].address, amount: `${(i + 1) * 10} coin` }));
    const node = await startNode(writeChainFile(folder, { stakes }), folder + '/data');
    const entries = stakes.map((s) => ({ miner: s.miner, signer: s.miner, stake: BigInt(s.amount.split(' ')[0]) * COIN }));
    const tree = stakeTree(entries);
    const epoch = await node.rpc('posw_getEpoch');
    const supply = 100000n * COIN + tree.total;
    assert.equal(BigInt(epoch.supply), supply, 'S9 at genesis');
    assert.equal(epoch.treeRoot, text(tree.root), 'E3');
    assert.equal(BigInt(epoch.totalStake), tree.total);
    assert.equal(epoch.stakeRoot, stakeRoot(0, supply, tree.total, tree.root), 'E4');
    for (const { miner, stake } of entries) {
      const proof = await node.rpc('posw_getStakeProof', miner);
      assert.equal(BigInt(proof.stake), stake);
      const { root, sum } = stakeRootOfProof(proof);
      assert.equal(root, epoch.stakeRoot, 'E5');
      assert.equal(sum, BigInt(proof.total), 'E5');
      assert.ok(proof.siblings.length <= 16);
      assert.notEqual(stakeRootOfProof({ ...proof, stake: '0x' + (stake + 1n).toString(16) }).root, epoch.stakeRoot, 'the check can fail');
    }
    await assert.rejects(node.rpc('posw_getStakeProof', ACCOUNTS[5].address), { code: -32000, message: /no stake in the table in force/ });
    await node.stop();
  });

  test('follow the epochs, and are what headers carry', async () => {
    const node = await startDev();
    const provider = ethersProvider(node);
    const empty = await node.rpc('posw_getEpoch');
    assert.equal(empty.stakeRoot, stakeRoot(0, BigInt(empty.supply), 0n, new Uint8Array(32)), 'E3: an empty table');
    const signer = Wallet.createRandom().address;
    const contract = (i) => new Contract(STAKING, STAKING_ABI, ethersWallet(provider, i));
    await contract(1).stake(ACCOUNTS[1].address, { value: 10n * COIN });
    await contract(2).stake(ACCOUNTS[3].address, { value: 20n * COIN });
    await node.mine();
    await contract(3).setSigner(signer);
    await contract(4).stake(ACCOUNTS[1].address, { value: 5n * COIN });
    await node.mineTo(31);
    const table = [
      { miner: ACCOUNTS[1].address, signer: ACCOUNTS[1].address, stake: 15n * COIN },
      { miner: ACCOUNTS[3].address, signer, stake: 20n * COIN },
    ];
    const tree = stakeTree(table);
    const epoch = await node.rpc('posw_getEpoch');
    assert.deepEqual([Number(epoch.epoch), Number(epoch.firstBlock), Number(epoch.snapshotBlock)], [2, 32, 15], 'E1');
    const supply = BigInt(await node.rpc('eth_getStorageAt', STAKING, '0x4', '0xf'));
    assert.equal(BigInt(epoch.supply), supply, 'the supply of the snapshot');
    assert.equal(epoch.stakeRoot, stakeRoot(2, supply, 35n * COIN, tree.root));
    await node.mineTo(50);
    for (const n of [1, 15, 16, 31, 32, 47, 48, 50]) {
      const b = await node.rpc('eth_getBlockByNumber', '0x' + n.toString(16), false);
      const at = await node.rpc('posw_getEpoch', b.number);
      assert.equal(Number(at.epoch), Math.floor(n / 16));
      assert.equal(splitExtra(b).stakeRoot, at.stakeRoot, `header ${n}`);
    }
    for (const { miner, stake, signer: key } of table) {
      const proof = await node.rpc('posw_getStakeProof', miner, '0x20');
      assert.deepEqual([BigInt(proof.stake), proof.signer], [stake, key.toLowerCase()]);
      const b = await node.rpc('eth_getBlockByNumber', '0x20', false);
      assert.equal(stakeRootOfProof(proof).root, splitExtra(b).stakeRoot);
    }
    await assert.rejects(node.rpc('posw_getStakeProof', ACCOUNTS[1].address, '0x1f'), { code: -32000, message: /no stake/ });
    await assert.rejects(node.rpc('posw_getEpoch', '0xffff'), { code: -32000, message: /not known yet/ });
    provider.destroy();
    await node.stop();
  });
});
