// What the block explorer Otterscan asks for, page by page, through ethers as it does. The unit tests hold each answer against the standard
// methods; here it is the order of calls of an unmodified explorer, and the forms that its pages read.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { AbiCoder, Contract, getAddress } from 'ethers';

import { ACCOUNTS, COIN, STAKING, STAKING_ABI, ethersProvider, ethersWallet, startDev } from './lib.mjs';

const QUANTITY = /^0x(0|[1-9a-f][0-9a-f]*)$/;
let node, provider, sent, failed;

describe('Otterscan', () => {
  before(async () => {
    node = await startDev();
    provider = ethersProvider(node);
    const wallet = ethersWallet(provider, 1);
    const staking = new Contract(STAKING, STAKING_ABI, wallet);
    sent = [];
    for (let nonce = 0; nonce < 3; nonce++) sent.push((await wallet.sendTransaction({ to: ACCOUNTS[2].address, value: COIN, nonce, gasLimit: 21000 })).hash);
    sent.push((await staking.stake(ACCOUNTS[2].address, { value: COIN * 10n, nonce: 3, gasLimit: 200000 })).hash);
    failed = (await staking.withdraw({ nonce: 4, gasLimit: 200000 })).hash;
    sent.push(failed);
    await node.mine(1);
    await node.mine(30);
  });
  after(async () => {
    provider.destroy();
    await node.stop();
  });
  const ask = (method, ...params) => provider.send(method, params);

  test('connecting: the probes', async () => {
    const tip = await provider.getBlockNumber();
    assert.equal(tip, 31);
    assert.equal((await ask('erigon_getHeaderByNumber', tip)).number, '0x1f');
    assert.ok((await ask('ots_getApiLevel')) >= 8);
  });

  test('a block and its transactions', async () => {
    const { block, issuance, totalFees } = await ask('ots_getBlockDetails', 1);
    assert.equal(block.transactionCount, 5);
    assert.equal(block.logsBloom, null);
    for (const value of [issuance.blockReward, issuance.uncleReward, issuance.issuance, totalFees, block.totalDifficulty, block.size, block.gasUsed]) assert.match(value, QUANTITY);
    assert.deepEqual(await ask('ots_getBlockDetailsByHash', block.hash), { block, issuance, totalFees });
    const { fullblock, receipts } = await ask('ots_getBlockTransactions', 1, 0, 25);
    assert.deepEqual(fullblock.transactions.map(({ hash }) => hash), sent);
    assert.deepEqual(receipts.map(({ status }) => status), ['0x1', '0x1', '0x1', '0x1', '0x0']);
    // ethers reads the block in the form that the pages give it.
    assert.equal(BigInt(provider._wrapBlock({ ...fullblock, transactions: [] }, await provider.getNetwork()).number), 1n);
  });

  test('an address: code, both directions, nonces', async () => {
    const me = ACCOUNTS[1].address;
    assert.equal(await ask('ots_hasCode', me, 'latest'), false);
    assert.equal(await ask('ots_hasCode', STAKING, 'latest'), true);
    assert.equal(await ask('ots_getContractCreator', STAKING), null);
    const before = await ask('ots_searchTransactionsBefore', me, 0, 25);
    assert.deepEqual(before.txs.map(({ hash }) => hash), [...sent].reverse());
    assert.deepEqual([before.firstPage, before.lastPage, typeof before.receipts[0].timestamp], [true, true, 'number']);
    const after = await ask('ots_searchTransactionsAfter', ACCOUNTS[2].address, 0, 2);
    assert.deepEqual(after.txs.map(({ hash }) => hash), sent.slice(0, 3).reverse(), 'a page ends with its block');
    assert.deepEqual([after.firstPage, after.lastPage], [false, true]);
    assert.equal(await ask('ots_getTransactionBySenderAndNonce', me, 2), sent[2]);
    assert.equal(await ask('ots_getTransactionBySenderAndNonce', me, 5), null);
  });

  test('a transaction: error, internal operations, trace', async () => {
    assert.equal(await ask('ots_getTransactionError', sent[0]), '0x');
    const error = await ask('ots_getTransactionError', failed);
    assert.equal(error.slice(0, 10), '0x08c379a0');
    assert.match(AbiCoder.defaultAbiCoder().decode(['string'], '0x' + error.slice(10))[0], /no exits/);
    assert.deepEqual(await ask('ots_getInternalOperations', sent[3]), []);
    const [call] = await ask('ots_traceTransaction', sent[3]);
    assert.deepEqual([call.type, call.depth, getAddress(call.from), BigInt(call.value), call.output], ['CALL', 0, ACCOUNTS[1].address, COIN * 10n, '0x']);
  });
});
