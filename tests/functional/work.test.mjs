// Mining from outside: posw_getWork, a search in JavaScript, a signature with the identity's key, posw_submitWork.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Contract, Wallet } from 'ethers';

import { bytes, headerHash, powInput, sealHash, sealSigner, search, signSeal, submission, text } from './chain.mjs';
import { ACCOUNTS, COIN, STAKING, STAKING_ABI, ethersProvider, ethersWallet, startDev, startNode, temporaryFolder, writeChainFile } from './lib.mjs';

const miner = ACCOUNTS[3];

describe('work', () => {
  let node;
  before(async () => (node = await startDev()));
  after(() => node.stop());

  test('has the input of H5 and the target of H7', async () => {
    await node.mine(2);
    const work = await node.rpc('posw_getWork', miner.address);
    assert.equal(Number(work.number), 3);
    assert.equal(work.algorithm, 'keccak256');
    assert.equal(work.difficulty, '0x800');
    assert.equal(work.weight, '0x1');
    assert.equal(work.input, text(powInput(bytes(work.sealHash), new Uint8Array(8))));
    assert.equal(BigInt(work.target), 2n ** 256n / 2048n, 'h < target is h * D < F * 2^256');
    const again = await node.rpc('posw_getWork', miner.address);
    assert.equal(again.sealHash, work.sealHash, 'the same work while nothing changes');
    const other = await node.rpc('posw_getWork', ACCOUNTS[4].address);
    assert.notEqual(other.sealHash, work.sealHash, 'the identity is inside what is hashed');
  });

  test('a found seal becomes a block of that identity', async () => {
    const before = await node.balance(miner.address);
    const work = await node.rpc('posw_getWork', miner.address);
    const found = search(work, 1n);
    assert.equal(await node.rpc('posw_submitWork', submission(miner.privateKey, work, found)), true);
    const b = await node.rpc('eth_getBlockByNumber', 'latest', false);
    assert.equal(Number(b.number), Number(work.number));
    assert.equal(b.miner, miner.address.toLowerCase());
    assert.equal(b.nonce, text(found.nonce));
    assert.equal(b.mixHash, text(found.mixHash));
    assert.equal(text(sealHash(b)), work.sealHash);
    assert.equal(headerHash(b), b.hash);
    assert.equal(sealSigner(b), miner.address);
    assert.equal(await node.balance(miner.address), before + 2n * COIN, 'the reward is theirs');
  });

  test('the work contains what waits in the pool', async () => {
    const provider = ethersProvider(node);
    const sent = await ethersWallet(provider, 5).sendTransaction({ to: ACCOUNTS[6].address, value: 1n });
    const work = await node.rpc('posw_getWork', ACCOUNTS[7].address);
    await node.rpc('posw_submitWork', submission(ACCOUNTS[7].privateKey, work, search(work, 1n)));
    const receipt = await provider.getTransactionReceipt(sent.hash);
    assert.equal(receipt.blockNumber, Number(work.number));
    provider.destroy();
  });

  test('what is wrong is refused with its rule', async () => {
    const work = await node.rpc('posw_getWork', miner.address);
    const good = search(work, 1n);
    const refused = (payload, code, message) => assert.rejects(node.rpc('posw_submitWork', payload), { code, message });

    const weak = { ...good };
    for (let i = 0n; ; i++) {
      weak.nonce = bytes(i.toString(16).padStart(16, '0'));
      weak.mixHash = (await import('./chain.mjs')).keccak(powInput(bytes(work.sealHash), weak.nonce));
      if (weak.mixHash[31] !== 0) break;
    }
    await refused(submission(miner.privateKey, work, weak), -32000, /not accepted: .*\(rule H7\)/);

    const lie = { nonce: weak.nonce, mixHash: new Uint8Array(32) };
    await refused(submission(miner.privateKey, work, lie), -32000, /\(rule H6\)|\(rule H7\)|\(rule H5\)/);
    await refused(submission(ACCOUNTS[4].privateKey, work, good), -32000, /\(rule H8\)/);
    await refused({ ...submission(miner.privateKey, work, good), sealHash: '0x' + '77'.repeat(32) }, -32000, /unknown or stale work/);
    await refused({ sealHash: work.sealHash, nonce: text(good.nonce), mixHash: text(good.mixHash) }, -32000, /\(rule H8\)/);
    await refused({ sealHash: work.sealHash }, -32602, /nonce/);
    await assert.rejects(node.rpc('posw_getWork', '0x12'), { code: -32602 });

    const number = await node.number();
    assert.equal(await node.rpc('posw_submitWork', submission(miner.privateKey, work, good)), true, 'the good one still counts');
    assert.equal(await node.number(), number + 1);
    await refused(submission(miner.privateKey, work, good), -32000, /unknown or stale work/);
  });

  test('work on an old tip makes no block on the chain', async () => {
    const work = await node.rpc('posw_getWork', miner.address);
    await node.mine();
    const number = await node.number();
    await node.rpc('posw_submitWork', submission(miner.privateKey, work, search(work, 1n))).catch(() => {});
    assert.equal(await node.number(), number);
  });

  test('posw_submitBlock takes an encoded block', async () => {
    const raw = await node.rpc('debug_getRawBlock', 'latest');
    const b = await node.rpc('eth_getBlockByNumber', 'latest', false);
    const answer = await node.rpc('posw_submitBlock', raw).catch((error) => error);
    assert.ok(answer === b.hash || /known/.test(answer.message), 'a block that is there already changes nothing');
    await assert.rejects(node.rpc('posw_submitBlock', '0xc0'), { code: -32000, message: /not accepted/ });
    assert.equal((await node.rpc('eth_getBlockByNumber', 'latest', false)).hash, b.hash);
  });
});

describe('a named signer', () => {
  test('signs instead of the miner from the epoch on', async () => {
    const node = await startDev();
    const provider = ethersProvider(node);
    const signer = Wallet.createRandom();
    const staking = new Contract(STAKING, STAKING_ABI, new Wallet(miner.privateKey, provider));
    await staking.stake(miner.address, { value: 100n * COIN });
    await staking.setSigner(signer.address);
    await node.mineTo(31);
    const m = await node.rpc('posw_getMiner', miner.address);
    assert.equal(m.signer, signer.address.toLowerCase());
    const work = await node.rpc('posw_getWork', miner.address);
    const found = search(work, 1n);
    await assert.rejects(node.rpc('posw_submitWork', submission(miner.privateKey, work, found)), { message: /\(rule H8\)/ });
    await node.rpc('posw_submitWork', submission(signer.privateKey, work, found));
    const b = await node.rpc('eth_getBlockByNumber', 'latest', false);
    assert.equal(b.miner, miner.address.toLowerCase());
    assert.equal(sealSigner(b), signer.address);
    provider.destroy();
    await node.stop();
  });
});

describe('a node without a key', () => {
  test('serves work all the same', async () => {
    const folder = temporaryFolder();
    const node = await startNode(writeChainFile(folder), folder + '/data');
    const work = await node.rpc('posw_getWork', miner.address);
    const found = search(work, 1n);
    await assert.rejects(node.rpc('posw_submitWork', { sealHash: work.sealHash, nonce: text(found.nonce), mixHash: text(found.mixHash) }), {
      code: -32000,
      message: /no key to sign/,
    });
    const signature = signSeal(miner.privateKey, bytes(work.sealHash), found.nonce, found.mixHash);
    await node.rpc('posw_submitWork', { sealHash: work.sealHash, nonce: text(found.nonce), mixHash: text(found.mixHash), signature });
    assert.equal(await node.number(), 1);
    await assert.rejects(node.rpc('evm_mine'), { code: -32601 }, 'a real chain has no evm_mine');
    await node.stop();
  });
});
